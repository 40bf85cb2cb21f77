package audit

import (
	"encoding/json"
	"flag"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

var editsFile = flag.String("edits", "", "file that keeps how many edits of which kind were found, for docs/safety.md")

// edit is one way to change a log. now gives what stands at i (0 is the first) instead of the record there.
type edit struct {
	renumber bool // whoever did it gave new numbers to what comes after
	now      func(e *edited, i int) []Record
}

// edited is a log with one edit at a place, or of two places.
type edited struct {
	edit
	log       *testLog
	at, other int
	random    *rand.Rand
}

func (e *edited) records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		number := int64(0)
		for i := range e.log.records {
			one := e.log.records[i : i+1]
			if i == e.at || i == e.other {
				one = e.now(e, i)
			}
			for _, r := range one {
				if number++; e.renumber {
					r.Seq = number
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// here makes an edit of the first place alone.
func here(now func(e *edited, one Record) []Record) func(e *edited, i int) []Record {
	return func(e *edited, i int) []Record {
		one := clone(e.log.records[i])
		if i != e.at {
			return []Record{one}
		}
		return now(e, one)
	}
}

func (e *edited) flip(part []byte) { part[e.random.IntN(len(part))] ^= 1 << e.random.IntN(8) }

func swapped(e *edited, i int) []Record { return []Record{e.log.records[e.at+e.other-i]} }

func edits() map[string]edit {
	flipped := func(e *edited, one Record) []Record { e.flip(one.Public); return []Record{one} }
	forged := func(e *edited, one Record) []Record { return []Record{rehash(flipped(e, one)[0])} }
	gone := here(func(*edited, Record) []Record { return nil })
	twice := here(func(_ *edited, one Record) []Record { return []Record{one, one} })
	return map[string]edit{
		"a bit of a record":                            {now: here(flipped)},
		"a bit of a record, and its hash made to fit":  {now: here(forged)},
		"a bit of a hash":                              {now: here(func(e *edited, one Record) []Record { e.flip(one.Leaf[:]); return []Record{one} })},
		"a record left out":                            {now: gone},
		"a record left out, the rest numbered anew":    {now: gone, renumber: true},
		"a record twice":                               {now: twice},
		"a record twice, the rest numbered anew":       {now: twice, renumber: true},
		"two records that changed places":              {now: swapped},
		"two records that changed places, and numbers": {now: swapped, renumber: true},
		"a forged record put in":                       {now: here(func(e *edited, one Record) []Record { return append(forged(e, clone(one)), one) }), renumber: true},
	}
}

// Random edits of a long log are all found, also where whoever made them computed the hashes of the record anew: with the stored
// tree and a checkpoint at the end, as `audit verify` has them. ROLECALL_SOAK=1 is 100,000 edits of a log of 100,000 records.
func TestRandomEditsAreFound(t *testing.T) {
	size, times := 3000, 60
	if !testing.Short() {
		size, times = 100_000, 80
	}
	if os.Getenv("ROLECALL_SOAK") != "" {
		times = 100_000
	}
	l := newTestLog(size)
	against := Against{Heads: []Head{l.heads[size]}, Stored: &l.tree, Nodes: l.nodes}
	if got, err := Verify(sequence(l.records), against); err != nil || got.Fault != nil {
		t.Fatal(err, got.Fault)
	}
	hows, found := slices.Sorted(maps.Keys(edits())), map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for lane := range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			against := against
			against.Nodes = &memory{hashes: l.nodes.hashes} // it counts what is read of it
			for n := lane; n < times; n += runtime.GOMAXPROCS(0) {
				r := rand.New(rand.NewPCG(1, uint64(n)))
				e := &edited{log: l, at: r.IntN(size), random: r, edit: edits()[hows[n%len(hows)]]}
				e.other = (e.at + 1 + r.IntN(size-1)) % size
				got, err := Verify(e.records(), against)
				mu.Lock()
				if err != nil || got.Fault == nil {
					t.Errorf("edit %d, %s, at %d and %d of %d: not found, %v", n, hows[n%len(hows)], e.at, e.other, size, err)
				}
				found[hows[n%len(hows)]]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	keepEdits(t, size, found)
}

func keepEdits(t *testing.T, size int, found map[string]int) {
	t.Helper()
	if *editsFile == "" || t.Failed() {
		return
	}
	data, err := json.MarshalIndent(map[string]any{"records": size, "found": found}, "", "\t")
	if err == nil {
		err = os.WriteFile(*editsFile, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
