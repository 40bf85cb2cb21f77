package engine

import (
	"slices"
	"time"
)

// Tenure is an interval through which a holding existed with the same management and rules. Intervals of one holding
// do not overlap; those that begin and end at the same time are kept too, so that they depend on the records alone.
type Tenure struct {
	Held3
	Managed bool
	Rules   []string
	From    time.Time
	Until   time.Time // zero: still
	Record  int64     // the record that began it
	Ended   int64     // the record that ended it, 0: still
}

// Tenures turns what a Fold goes through into intervals. Not safe for concurrent use.
type Tenures struct {
	Open   map[Held3]Tenure
	Closed []Tenure // in the order of Ended
}

// NewTenures starts from nothing; a store may put the open intervals it has into Open.
func NewTenures() *Tenures { return &Tenures{Open: map[Held3]Tenure{}} }

// Follow takes in what the record that was just applied to the fold did.
func (t *Tenures) Follow(f *Fold, r Record) {
	for _, key := range f.touched.Holdings {
		h, is := f.Holding(key)
		old, was := t.Open[key]
		is = is && h.Seen
		if was && is && old.Managed == h.Managed && slices.Equal(old.Rules, h.Rules) {
			continue
		}
		if was {
			old.Until, old.Ended = r.Time, r.Seq
			t.Closed = append(t.Closed, old)
			delete(t.Open, key)
		}
		if is {
			t.Open[key] = Tenure{Held3: key, Managed: h.Managed, Rules: h.Rules, From: r.Time, Record: r.Seq}
		}
	}
}
