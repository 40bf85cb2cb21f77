package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Says is the record in words: its own reasons, or, where it has none, what its data and facts come to. Lists that are shown
// or exported say the same.
func (r *Record) Says() []string {
	if len(r.Why) > 0 {
		return r.Why
	}
	switch r.Kind {
	case KindRun:
		return r.saysRun()
	case KindOutcome, KindLate:
		return []string{fmt.Sprintf("of the intent in record %d", r.Of)}
	case KindSeen:
		return r.saysSeen()
	case KindNote, KindEnd:
		return saysFacts(r.Set, r.Clear)
	}
	return []string{}
}

// saysRun tells what was read and decided; nothing of a run that was blanked.
func (r *Record) saysRun() []string {
	var run struct {
		Proofs  []Proof
		Summary map[string]int
	}
	if json.Unmarshal(r.Data, &run) != nil {
		return []string{}
	}
	var read, decided []string
	for i := range run.Proofs {
		p := &run.Proofs[i]
		text := fmt.Sprintf("%s (%d)", p.Source, p.Count)
		if !p.Complete() {
			text = fmt.Sprintf("%s (%d, not complete: %s)", p.Source, p.Count, p.Reasons[0].Code)
		}
		read = append(read, text)
	}
	for _, op := range Ops() {
		if n := run.Summary[string(op)]; n > 0 {
			decided = append(decided, fmt.Sprintf("%d to %s", n, op))
		}
	}
	for _, state := range []string{"approval", "blocked", "scheduled"} {
		if n := run.Summary[state]; n > 0 {
			decided = append(decided, map[string]string{"approval": "%d wait for approval", "blocked": "%d blocked", "scheduled": "%d scheduled"}[state])
			decided[len(decided)-1] = fmt.Sprintf(decided[len(decided)-1], n)
		}
	}
	return []string{"read " + strings.Join(read, ", "), cmp.Or(strings.Join(decided, ", "), "nothing to do")}
}

// saysSeen counts what a read showed anew.
func (r *Record) saysSeen() []string {
	var seen Seen
	if json.Unmarshal(r.Data, &seen) != nil {
		return []string{}
	}
	if seen.Baseline {
		return []string{fmt.Sprintf("the first complete read showed %d", len(seen.Appeared))}
	}
	var parts []string
	for _, one := range []struct {
		n    int
		what string
	}{{len(seen.Appeared), "appeared"}, {len(seen.Disappeared), "were taken away by somebody else"}, {len(seen.Vanished), "went with an account that Rolecall suspended or deleted"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	return []string{strings.Join(parts, ", ")}
}

// saysFacts counts facts by their kind.
func saysFacts(set []Fact, cleared []FactKey) []string {
	begun, ended := map[string]int{}, map[string]int{}
	for i := range set {
		begun[set[i].Kind]++
	}
	for i := range cleared {
		ended[cleared[i].Kind]++
	}
	var out []string
	for _, one := range []struct {
		verb string
		n    map[string]int
	}{{"remembers", begun}, {"forgets", ended}} {
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(one.n)) {
			parts = append(parts, fmt.Sprintf("%d %s", one.n[kind], kind))
		}
		if len(parts) > 0 {
			out = append(out, one.verb+" "+strings.Join(parts, ", "))
		}
	}
	return out
}
