package policies

import (
	"slices"
	"testing"
)

// Every combination of three entitlements' ranks and holdings, for each way to keep: the answer is checked against what
// becomes of all the ways in which the undecided could turn out.
func TestConflictsExhaustively(t *testing.T) {
	ranks := []rank{nothing, observed, undecided, enforced, denied}
	for _, keep := range []string{keepFirst, keepExisting, keepRecord} {
		for n := range 5 * 5 * 5 * 8 {
			before := []rank{ranks[n%5], ranks[n/5%5], ranks[n/25%5]}
			held := n / 125
			checkConflict(t, keep, before, func(e int32) bool { return held>>e&1 == 1 })
		}
	}
}

func runConflict(keep string, before []rank, has func(int32) bool) []saying {
	p := &Policy{}
	c := &compiledConflict{def: &conflict{keep: keep}, never: []int32{0, 1, 2}}
	s := &scratch{said: make([]saying, 3), touched: make([]uint64, 1)}
	for e, r := range before {
		s.said[e].rank = r
	}
	p.sayConflict(s, c, has)
	return s.said
}

func checkConflict(t *testing.T, keep string, before []rank, has func(int32) bool) {
	t.Helper()
	after := runConflict(keep, before, has)
	fail := func(why string, e int) {
		t.Fatalf("%s %v held %v %v %v → %v: %s (%d)", keep, before, has(0), has(1), has(2), after, why, e)
	}
	gives, recorded := 0, 0
	for e := range before {
		switch {
		case before[e] == denied && after[e].rank != denied, before[e] <= observed && after[e].rank != before[e]:
			fail("what nothing gives, or what is denied, must stay so", e)
		case before[e] == undecided && after[e].rank != undecided:
			fail("what could not be seen must not be decided by a conflict", e)
		case after[e].record && !has(int32(e)):
			fail("what is not held can't be a violation", e)
		case after[e].record:
			recorded++
		case after[e].rank == enforced:
			gives++
		}
	}
	if gives > 1 || recorded > 0 && gives > 0 {
		fail("more than one is given", gives)
	}
	if recorded == 1 || recorded > 0 && keep != keepRecord {
		fail("a violation is of several, and recorded only on demand", recorded)
	}
	if recorded == 0 {
		checkCompletions(t, keep, before, after, has)
	}
}

// checkCompletions turns each undecided entitlement both ways: what is decided must come out so in all of them.
func checkCompletions(t *testing.T, keep string, before []rank, after []saying, has func(int32) bool) {
	t.Helper()
	for turn := range 8 {
		full := slices.Clone(before)
		for e := range full {
			if full[e] == undecided {
				full[e] = []rank{nothing, enforced}[turn>>e&1]
			}
		}
		for e, s := range runConflict(keep, full, has) {
			if after[e].rank != undecided && before[e] != undecided && after[e].rank != s.rank && (keep == keepFirst || after[e].rank == enforced) {
				t.Fatalf("%s %v → %v, but if it is %v, it comes out %v (%d)", keep, before, after, full, s, e)
			}
		}
	}
}

// With existing and record, what is held wins over what is listed first.
func TestExistingWins(t *testing.T) {
	all := []rank{enforced, enforced, enforced}
	for _, keep := range []string{keepExisting, keepRecord} {
		got := runConflict(keep, all, func(e int32) bool { return e == 2 })
		if got[0].rank != denied || got[1].rank != denied || got[2].rank != enforced {
			t.Errorf("%s: %v", keep, got)
		}
	}
	got := runConflict(keepFirst, all, func(e int32) bool { return e == 2 })
	if got[0].rank != enforced || got[2].rank != denied {
		t.Errorf("first: %v", got)
	}
	// What is held but given by nothing gives way to what stays, so that nobody loses both.
	got = runConflict(keepExisting, []rank{nothing, enforced, nothing}, func(e int32) bool { return e < 2 })
	if got[1].rank != enforced {
		t.Errorf("held and given: %v", got)
	}
	got = runConflict(keepExisting, []rank{nothing, enforced, nothing}, func(e int32) bool { return e == 0 })
	if got[1].rank != denied {
		t.Errorf("nothing is added while another is held: %v", got)
	}
	// One of the first two takes the place, whichever it is: the third is denied, not undecided.
	got = runConflict(keepFirst, []rank{undecided, enforced, enforced}, nil)
	if got[1].rank != undecided || got[2].rank != denied {
		t.Errorf("after an undecided one: %v", got)
	}
	got = runConflict(keepRecord, all, func(e int32) bool { return e > 0 })
	if got[0].rank != denied || !got[1].record || !got[2].record || got[1].rank != enforced {
		t.Errorf("record: %v", got)
	}
}
