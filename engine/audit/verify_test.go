package audit

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testLog is a log with everything a store keeps. Every fifth record is blanked.
type testLog struct {
	records []Record
	tree    Frontier
	nodes   *memory
	heads   []Head // at every size
}

func newTestLog(n int) *testLog {
	l := &testLog{nodes: &memory{}}
	l.heads = append(l.heads, l.tree.Head())
	for i := 1; i <= n; i++ {
		r := testRecord(i)
		l.records = append(l.records, r)
		l.tree = l.nodes.grow(l.tree, r.Leaf)
		l.heads = append(l.heads, l.tree.Head())
	}
	return l
}

func testRecord(i int) Record {
	r := Record{Seq: int64(i), Public: fmt.Appendf(nil, `{"op":"grant","account":%d}`, i), Salt: bytes.Repeat([]byte{byte(i), 7}, SaltSize/2), Personal: fmt.Appendf(nil, "person %d", i)}
	c := Commitment([SaltSize]byte(r.Salt), r.Personal)
	r.Leaf = LeafBlanked(r.Public, c)
	if i%3 == 0 {
		r.Commitment = c[:]
	}
	if i%5 == 0 {
		r.Commitment, r.Salt, r.Personal = c[:], nil, nil
	}
	return r
}

func clone(r Record) Record {
	r.Public, r.Salt, r.Personal, r.Commitment = bytes.Clone(r.Public), bytes.Clone(r.Salt), bytes.Clone(r.Personal), bytes.Clone(r.Commitment)
	return r
}

// rehash gives a record the hashes that fit its content, as a forger would.
func rehash(r Record) Record {
	var c Hash
	if len(r.Salt) == 0 {
		c = Hash(r.Commitment)
	} else {
		c = Commitment([SaltSize]byte(r.Salt), r.Personal)
		r.Commitment = nil
	}
	r.Leaf = LeafBlanked(r.Public, c)
	return r
}

func sequence(records []Record) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// against is everything: the last head as checkpoint, head row and nodes.
func (l *testLog) against() Against {
	return Against{Heads: []Head{l.tree.Head()}, Stored: &l.tree, Nodes: l.nodes}
}

func verify(t testing.TB, records []Record, a Against) Report {
	t.Helper()
	report, err := Verify(sequence(records), a)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// wantFault checks place and sentence.
func wantFault(t testing.TB, r Report, first, last int64, part string) {
	t.Helper()
	if r.Fault == nil || r.Fault.First != first || r.Fault.Last != last || !strings.Contains(r.Fault.String(), part) {
		t.Fatalf("fault is %v; want records %d to %d, %q", r.Fault, first, last, part)
	}
}

func TestVerifyAcceptsWhatIsRight(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 513, 3000} {
		l := newTestLog(n)
		got := verify(t, l.records, l.against())
		if got.Fault != nil || got.Records != int64(n) || got.Blanked != int64(n/5) || got.Covered != int64(n) || got.Tree.String() != l.tree.String() {
			t.Errorf("%d records: %+v", n, got)
		}
	}
}

// Every single-bit change of a log of 200 records, with the checkpoint's help
// and without, is found at its record.
func TestEveryBitFlipIsFound(t *testing.T) {
	l := newTestLog(200)
	flips := 0
	for i, good := range l.records {
		for _, part := range []func(*Record) []byte{
			func(r *Record) []byte { return r.Public },
			func(r *Record) []byte { return r.Salt },
			func(r *Record) []byte { return r.Personal },
			func(r *Record) []byte { return r.Commitment },
			func(r *Record) []byte { return r.Leaf[:] },
		} {
			for bit := range 8 * len(part(&good)) {
				bad := clone(good)
				part(&bad)[bit/8] ^= 1 << (bit % 8)
				if _, wrong := bad.check(); wrong == "" {
					t.Fatalf("record %d: flip of bit %d is not found", i+1, bit)
				}
				flips++
				if bit%64 == i%64 { // the whole way for some of them: the check is the same
					records := slices.Clone(l.records)
					records[i] = bad
					wantFault(t, verify(t, records, Against{}), good.Seq, good.Seq, "changed")
				}
			}
		}
		for bit := range 63 { // of the seq; the sign bit too would be record -2^63+i
			bad := slices.Clone(l.records)
			bad[i].Seq ^= 1 << bit
			if verify(t, bad, Against{}).Fault == nil {
				t.Fatalf("record %d: flip of bit %d of its number is not found", i+1, bit)
			}
			flips++
		}
	}
	t.Log(flips, "flips")
}

// A forger who changes a record and all its hashes is found by the checkpoint.
func TestForgedRecordIsFoundByCheckpoint(t *testing.T) {
	l := newTestLog(600)
	for _, i := range []int{0, 99, 100, 255, 256, 299, 599} {
		records := slices.Clone(l.records)
		records[i] = clone(records[i])
		records[i].Public[2] ^= 1
		records[i] = rehash(records[i])
		if verify(t, records, Against{}).Fault != nil {
			t.Fatal("the forgery of the test is not good enough")
		}
		seq := int64(i) + 1
		got := verify(t, records, Against{Heads: []Head{l.heads[600], l.heads[100], l.heads[300]}})
		switch {
		case seq <= 100:
			wantFault(t, got, 1, 100, "root of the checkpoint at size 100")
		case seq <= 300:
			wantFault(t, got, 101, 300, "root of the checkpoint at size 300")
		default:
			wantFault(t, got, 301, 600, "root of the checkpoint at size 600")
		}
		got = verify(t, records, Against{Stored: &l.tree})
		wantFault(t, got, 1, 600, "do not give the tree in the head row")
		if seq <= 256 {
			wantFault(t, verify(t, records, Against{Stored: &l.tree, Nodes: l.nodes}), 1, 256, "either was changed")
			wantFault(t, verify(t, records, l.against()), 1, 256, "root of the checkpoint")
		}
	}
}

// Cut at every record: without anything to compare it cannot be seen.
func TestCutIsFoundAtEveryRecord(t *testing.T) {
	l := newTestLog(200)
	for n := range 200 {
		cut := l.records[:n]
		missing := int64(n) + 1
		wantFault(t, verify(t, cut, Against{Heads: []Head{l.heads[200]}}), missing, 200, "cut off, or restored from an older backup")
		wantFault(t, verify(t, cut, Against{Stored: &l.tree}), missing, 200, "head row counts 200")
		old, err := FrontierAt(int64(n), l.nodes)
		if err != nil {
			t.Fatal(err)
		}
		// A whole older copy of the store agrees with itself.
		wantFault(t, verify(t, cut, Against{Heads: []Head{l.heads[200]}, Stored: &old, Nodes: l.nodes}), missing, 200, "older backup")
		if verify(t, cut, Against{Stored: &old}).Fault != nil {
			t.Fatal("an older copy does not agree with itself")
		}
		wantFault(t, verify(t, l.records, Against{Stored: &old}), missing, 200, "beyond the")
	}
}

func TestRemovedMovedAndInserted(t *testing.T) {
	l := newTestLog(200)
	for i := range 198 {
		seq := int64(i) + 1
		removed := slices.Delete(slices.Clone(l.records), i, i+1)
		wantFault(t, verify(t, removed, Against{}), seq, seq, "missing")
		swapped := slices.Clone(l.records)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		wantFault(t, verify(t, swapped, Against{}), seq, seq, "missing")
		twice := slices.Insert(slices.Clone(l.records), i, l.records[i])
		wantFault(t, verify(t, twice, Against{}), seq, seq, "found again")

		// The same with numbers that fit: only the root can tell.
		for name, forged := range map[string][]Record{"removed": removed, "swapped": swapped, "inserted": twice} {
			forged = renumber(forged)
			got := verify(t, forged, Against{Heads: []Head{l.heads[199]}})
			if got.Fault == nil {
				t.Fatalf("%s at %d and renumbered: not found", name, seq)
			}
			wantFault(t, got, 1, 199, "put in or taken out")
		}
	}
}

func renumber(records []Record) []Record {
	records = slices.Clone(records)
	for i := range records {
		records[i].Seq = int64(i) + 1
	}
	return records
}

func TestBadNodeAndBadHeadRow(t *testing.T) {
	l := newTestLog(600)
	l.nodes.add(8, 1, Hash{1})
	wantFault(t, verify(t, l.records, l.against()), 257, 512, "the records are right")
	wantFault(t, verify(t, l.records, Against{Stored: &l.tree, Nodes: l.nodes}), 257, 512, "either was changed")
	wantFault(t, verify(t, l.records[:550], l.against()), 257, 512, "either was changed") // the first one counts
	bad := l.tree.clone()
	bad.roots[1][5] ^= 1
	wantFault(t, verify(t, l.records, Against{Heads: []Head{l.heads[600]}, Stored: &bad}), 1, 600, "the head row was changed")
	wantFault(t, verify(t, l.records, Against{Heads: []Head{l.heads[500]}, Stored: &bad}), 501, 600, "do not give the tree in the head row")
}

// A good checkpoint inside the differing node narrows the place further.
func TestNodeAndCheckpointsNarrowTogether(t *testing.T) {
	l := newTestLog(600)
	records := slices.Clone(l.records)
	records[400] = clone(records[400])
	records[400].Public[2] ^= 1
	records[400] = rehash(records[400])
	a := l.against()
	a.Heads = append(a.Heads, l.heads[300])
	wantFault(t, verify(t, records, a), 301, 512, "found by the stored tree nodes")
}

// More records than the head row counts: there are no nodes to compare beyond it.
func TestNodesEndWithTheHeadRow(t *testing.T) {
	l := newTestLog(600)
	old, err := FrontierAt(200, l.nodes)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, verify(t, l.records, Against{Stored: &old, Nodes: &memory{}}), 201, 600, "beyond the 200")
}

// A differing node is still told when the records cannot be read to the end.
func TestBadNodeBeforeReadError(t *testing.T) {
	l := newTestLog(600)
	l.nodes.add(8, 0, Hash{1})
	broken := func(yield func(Record, error) bool) {
		for _, r := range l.records[:300] {
			if !yield(r, nil) {
				return
			}
		}
		yield(Record{}, errors.New("connection lost"))
	}
	got, err := Verify(broken, l.against())
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, got, 1, 256, "either was changed")
}

func TestVerifyFromFrontier(t *testing.T) {
	l := newTestLog(700)
	from, err := FrontierAt(300, l.nodes)
	if err != nil {
		t.Fatal(err)
	}
	a := l.against()
	a.From = from
	got := verify(t, l.records[300:], a)
	if got.Fault != nil || got.Records != 400 || got.Covered != 700 {
		t.Fatalf("%+v", got)
	}
	wantFault(t, verify(t, l.records[301:], a), 301, 301, "missing")
	wantFault(t, verify(t, l.records, a), 1, 1, "found again")
}

func TestContradictingInputIsAnError(t *testing.T) {
	l := newTestLog(20)
	from, _ := FrontierAt(10, l.nodes)
	for name, a := range map[string]Against{
		"two roots":          {Heads: []Head{l.heads[15], {15, Hash{1}}}},
		"older than start":   {From: from, Heads: []Head{l.heads[9]}},
		"start differs":      {From: from, Heads: []Head{{10, Hash{1}}}},
		"nodes without head": {Nodes: l.nodes},
	} {
		if _, err := Verify(sequence(l.records), a); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What cannot be read is an error, never a fault and never a clean report;
// but a fault that was read before it is the answer.
func TestUnreadableIsNoFault(t *testing.T) {
	l := newTestLog(3000)
	down := errors.New("connection lost")
	broken := func(bad int) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			for i, r := range l.records[:2000] {
				if i+1 == bad {
					r.Public = nil
				}
				if !yield(r, nil) {
					return
				}
			}
			yield(Record{}, down)
		}
	}
	got, err := Verify(broken(0), l.against())
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "after 2000") || got.Fault != nil || got.Records != 2000 {
		t.Errorf("%v, %+v", err, got)
	}
	got, err = Verify(broken(1999), l.against())
	if err != nil {
		t.Error(err)
	}
	wantFault(t, got, 1999, 1999, "changed")
	a := l.against()
	a.Nodes = RunsFunc(func(int, int64, int64) ([]Hash, error) { return nil, down })
	if got, err = Verify(sequence(l.records), a); !errors.Is(err, down) || got.Fault != nil {
		t.Errorf("unreadable nodes: %v, %+v", err, got)
	}
	a.Nodes = RunsFunc(func(int, int64, int64) ([]Hash, error) { return nil, nil })
	if got, err = Verify(sequence(l.records), a); err == nil || got.Fault != nil {
		t.Errorf("missing nodes: %v, %+v", err, got)
	}
}

// Once a fault is found no more is read than is hashed already, and what is hashed in batches that were used before is right.
func TestManyRecordsAreReadInBatches(t *testing.T) {
	l := newTestLog(4*maxWindow*batchSize + 3)
	if got := verify(t, l.records, l.against()); got.Fault != nil || got.Records != int64(len(l.records)) {
		t.Errorf("%+v", got)
	}
	l.records[1].Public = nil
	read := 0
	got, err := Verify(func(yield func(Record, error) bool) {
		for r, err := range sequence(l.records) {
			if read++; !yield(r, err) {
				return
			}
		}
	}, l.against())
	if wantFault(t, got, 2, 2, "changed"); err != nil || read > 2*maxWindow*batchSize {
		t.Errorf("%d records were read, %v", read, err)
	}
}

func TestRecordParts(t *testing.T) {
	whole := testRecord(1)
	for part, spoil := range map[string]func(*Record){
		"no salt":           func(r *Record) { r.Salt = nil },
		"commitment":        func(r *Record) { r.Salt, r.Personal = nil, nil },
		"instead of 32":     func(r *Record) { r.Salt = r.Salt[1:] },
		"stored commitment": func(r *Record) { r.Commitment = []byte("short") },
		"stored hash":       func(r *Record) { r.Personal = nil },
	} {
		bad := clone(whole)
		spoil(&bad)
		_, wrong := bad.check()
		if !strings.Contains(wrong, part) {
			t.Errorf("%s: got %q", part, wrong)
		}
		if _, err := bad.LeafOf(); part != "stored hash" && (err == nil || err.Error() != wrong) {
			t.Errorf("%s: a leaf in spite of it, %v", part, err)
		}
	}
}

// Any number of random edits with forged hashes: the range that is named holds
// the first difference, whatever the checkpoints.
func TestRandomForgeries(t *testing.T) {
	l := newTestLog(1500)
	rapid.Check(t, func(t *rapid.T) {
		forged := slices.Clone(l.records)
		first := int64(len(forged)) + 1
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			i := rapid.IntRange(0, len(forged)-1).Draw(t, "at")
			forged[i] = clone(forged[i])
			forged[i].Public = append(forged[i].Public, '!')
			forged[i] = rehash(forged[i])
			first = min(first, int64(i)+1)
		}
		a := Against{Heads: []Head{l.heads[1500]}}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 1500), 0, 4).Draw(t, "checkpoints") {
			a.Heads = append(a.Heads, l.heads[n])
		}
		if rapid.Bool().Draw(t, "nodes") {
			a.Stored, a.Nodes = &l.tree, l.nodes
		}
		got, err := Verify(sequence(forged), a)
		again, _ := Verify(sequence(forged), a)
		if err != nil || fmt.Sprint(got.Fault) != fmt.Sprint(again.Fault) {
			t.Fatalf("%v: %v, then %v", err, got.Fault, again.Fault)
		}
		if first > 1500 {
			if got.Fault != nil {
				t.Fatalf("false alarm: %v", got.Fault)
			}
		} else if got.Fault == nil || first < got.Fault.First || first > got.Fault.Last || got.Covered >= first {
			t.Fatalf("first forgery at %d, covered %d, fault %v", first, got.Covered, got.Fault)
		}
	})
}
