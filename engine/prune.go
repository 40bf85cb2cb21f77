package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Pruning is the Data of a KindSnapshot record. The records up to one may be empty then, and the journal goes on from a snapshot of
// what they come to. Fields are only ever added.
type Pruning struct {
	Before time.Time  `json:"before"`           // of the records from before this time
	UpTo   int64      `json:"upTo"`             // the last of them
	Lines  int64      `json:"lines"`            // of the snapshot
	Root   string     `json:"root"`             // of the tree over the lines
	Kept   [][2]int64 `json:"kept,omitempty"`   // stretches of records among them that stay whole, both ends included
	Signed string     `json:"signed,omitempty"` // the checkpoint of the journal before the record, in which the journal's key says all of the record
}

// Keeps says whether a record stays whole, or is none of those that were pruned.
func (p *Pruning) Keeps(seq int64) bool {
	if seq > p.UpTo {
		return true
	}
	_, kept := slices.BinarySearchFunc(p.Kept, seq, func(s [2]int64, seq int64) int {
		switch {
		case s[1] < seq:
			return -1
		case s[0] > seq:
			return 1
		}
		return 0
	})
	return kept
}

// Pruned is a pruning with who did it. It is the error of whoever asks for what is not there any more: nobody may take
// that for "there was nothing".
type Pruned struct {
	Pruning
	By, Reason string
	Time       time.Time
	Record     int64  // that says so
	Statement  string // what the key must have said of it
}

// ErrPruned is wrapped where an answer would need records that were pruned.
var ErrPruned = errors.New("pruned")

// PrunedOf is the last pruning of a journal, nil if there was none, or it can't be pruned.
func PrunedOf(ctx context.Context, log any) (*Pruned, error) {
	if l, can := log.(interface {
		Pruned(ctx context.Context) (*Pruned, error)
	}); can {
		return l.Pruned(ctx)
	}
	return nil, nil
}

func (p *Pruned) Error() string {
	return "what was before " + p.Before.UTC().Format(time.RFC3339) + " is not known: " + p.String()
}

// Unwrap gives ErrPruned.
func (p *Pruned) Unwrap() error { return ErrPruned }

// String says what was pruned, by whom, when and why.
func (p *Pruned) String() string {
	return fmt.Sprintf("the records before %s (up to number %d) were pruned by %s on %s because %s (record %d)", p.Before.UTC().Format(time.RFC3339), p.UpTo, quote(p.By), p.Time.UTC().Format(time.RFC3339), quote(p.Reason), p.Record)
}

// ErrNotPruned says why nothing was pruned.
var ErrNotPruned = errors.New("nothing was pruned")

const (
	// LeastKept is how long records are kept at the least, whatever is asked for: reports and notices look back by weeks and months.
	LeastKept = 90 * 24 * time.Hour
	// LongestWindow is the longest that the window of a limit may be: one that is made longer later finds what it counts.
	LongestWindow = LeastKept
	// LongestSilence is how long a journal may go without a record: beyond it nobody can tell a silence from a clock that is ahead.
	LongestSilence = 31 * 24 * time.Hour
)

// LooksBack is how far back anything looks that a plan depends on: the windows of limits, graces, and how long is waited before an
// account is deleted.
func (e *Engine) LooksBack() time.Duration {
	s := &e.Settings
	longest := max(LeastKept, s.Window(), s.LeaverGrace, s.Apart)
	for _, p := range e.Programs {
		longest = max(longest, p.Wait, p.Grace)
	}
	return longest
}

// Prunable says, as ErrNotPruned, why records from before a time must stay: they are too new, acting is stopped, an export has not had
// them, or something that began before that time is not over.
func (e *Engine) Prunable(m *Memory, before time.Time, upTo int64) error {
	now := e.Now()
	if m.Time.After(now.Add(LongestLease)) {
		return fmt.Errorf("%w: the newest record is of %s, which is later than this machine's clock: one of the clocks is wrong, so nobody knows what is old", ErrNotPruned, m.Time.UTC().Format(time.RFC3339))
	}
	if now.Sub(m.Time) > LongestSilence {
		return fmt.Errorf("%w: this machine's clock says %s, and the newest record is of %s: if the clock is right, let a run be made first, so that the journal has it", ErrNotPruned, now.UTC().Format(time.RFC3339), m.Time.UTC().Format(time.RFC3339))
	}
	if m.Time.Before(now) {
		now = m.Time // the journal's own time is what counts
	}
	if least := e.LooksBack(); before.After(now.Add(-least)) {
		return fmt.Errorf("%w: limits, graces, waiting times and reports look back %s, so only what is from before %s may go", ErrNotPruned, plural(int((least+24*time.Hour-1)/(24*time.Hour)), "day", "days"), now.Add(-least).UTC().Format(time.DateOnly))
	}
	for _, kind := range []string{FactRestored, FactDoubt} {
		for range m.Facts(kind) {
			return fmt.Errorf("%w: the journal came from a backup, and what it lacks was not accepted or settled yet; see rolecall audit accept", ErrNotPruned)
		}
	}
	for i := range m.Open {
		if c := &m.Open[i]; c.Seq <= upTo {
			return fmt.Errorf("%w: a change of %s in %s is open (record %d); wait until it is made", ErrNotPruned, quote(c.Change.Account), c.Change.Program, c.Seq)
		}
	}
	return m.unfinished(before)
}

// unfinished names what began before a time and is not over.
func (m *Memory) unfinished(before time.Time) error {
	for _, k := range []struct{ kind, what string }{
		{FactItem, "an approval waits"}, {FactReview, "a review of access is under way"}, {FactTask, "a task is open"}, {FactSeat, "somebody waits for a seat"},
		{FactWaiting, "an account waits for something"}, {FactLeaving, "the access of somebody who left could not be taken"},
	} {
		for _, f := range m.Facts(k.kind) {
			if f.Since.Before(before) {
				return fmt.Errorf("%w: %s since %s (%s); end it, or choose a time before that", ErrNotPruned, k.what, f.Since.UTC().Format(time.DateOnly), quote(cmp.Or(f.Key, f.Person, f.Program)))
			}
		}
	}
	return nil
}
