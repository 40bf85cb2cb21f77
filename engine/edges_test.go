package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What the journal alone may say, and what is no text, is not recorded.
func TestRecordsThatAreRefused(t *testing.T) {
	for says, r := range map[string]Record{
		"append an outcome":  {Kind: KindLate, Of: 1, Outcome: Done},
		"JSON that is not U": {Kind: KindNote, Data: []byte("\"\xff\"")},
	} {
		if _, err := r.Canonical(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// An outcome of what is not open changes nothing, as one that comes a second time; nor does a move of what nobody knows.
func TestWhatIsNotOpenHasNoOutcome(t *testing.T) {
	f := folded(t, Record{Kind: KindOutcome, Of: 7, Outcome: Done, Program: "wiki", Account: "ann", Entitlement: "x", Op: OpGrant})
	f.move("wiki", "nobody", "ann")
	if m := f.Memory(time.Time{}); len(m.Open) > 0 || len(m.Programs) > 0 {
		t.Errorf("%+v", m)
	}
}

// Whoever stops reading a plan's records, or the charges, gets no more of them.
func TestReadersMayStop(t *testing.T) {
	p := &Plan{observed: []Record{{Kind: KindNote}}}
	for range 2 {
		p.Changes = append(p.Changes, Change{State: NeedsApproval, waits: true, Item: "i"}, Change{State: Ready, Program: "wiki", Account: "ann", Entitlement: "wiki/x", Op: OpGrant})
	}
	stops(t, "records", p.Records("r1", "test"), 5) // the run, the note, one record of both items, two intents
	stops(t, "items", p.newItems(), 2)
	stops(t, "lists of one", chunks(p.newItems(), 1, func(_, _ *Fact) bool { return false }), 2)
	p.Changes = slices.Repeat(p.Changes[:1], 2*notePart+1)
	stops(t, "records of items", p.itemRecords(), 3)
	var c Charges
	for range 3 {
		c.Add(Charge{Person: "ann"})
	}
	stops(t, "charges", c.All(), 3)
}

// stops reads one, two, … of all; an iterator that goes on after that panics.
func stops[T any](t *testing.T, what string, all iter.Seq[T], of int) {
	t.Helper()
	for most := 1; most <= of+1; most++ {
		n := 0
		for range all {
			if n++; n == most {
				break
			}
		}
		if n != min(most, of) {
			t.Errorf("%s: %d of %d were read, not %d", what, n, of, most)
		}
	}
}

// What can't be written as JSON is a mistake of the program, not an empty text.
func TestPlainDataOnly(t *testing.T) {
	defer func() {
		if p := recover(); p == nil {
			t.Error("it was written")
		}
	}()
	mustJSON(math.Inf(1))
}

// What a partner did not tell is unknown, and what it told stays: of the person, and of each job.
func TestHiddenIsUnknownWhereItIsMissing(t *testing.T) {
	p := Person{Changed: "v", Attributes: Attributes{{Name: "mail", Values: []string{"a@x"}}},
		Jobs: []Job{{Attributes: Attributes{{Name: "title", Values: []string{"smith"}}}}, {}}}
	first := p.Jobs
	for _, what := range []string{"person.mail", "person.phone", "job.title"} {
		p.hide(what)
	}
	if p.Attributes.Get("mail").Unknown || !p.Attributes.Get("phone").Unknown || p.Changed != "" {
		t.Errorf("attributes %+v, changed %q", p.Attributes, p.Changed)
	}
	if p.Jobs[0].Attributes.Get("title").Unknown || !p.Jobs[1].Attributes.Get("title").Unknown || first[1].Attributes.Get("title").Unknown {
		t.Errorf("jobs %+v, those of the source %+v", p.Jobs, first)
	}
}

// Versions of which none is the one that is looked for all bear on it.
func TestVersionsAfterOneThatIsNotKnown(t *testing.T) {
	versions := []PolicyChange{{Hash: "a"}, {Hash: "b"}, {Hash: "a"}, {Hash: "c"}}
	for hash, n := range map[string]int{"a": 1, "b": 2, "c": 0, "none": 4, "": 4} {
		if got := afterVersion(versions, hash); len(got) != n {
			t.Errorf("%q: %+v", hash, got)
		}
	}
}

// Whoever has no name is shown by the key.
func TestOpenEndsNameEverybody(t *testing.T) {
	p := &Plan{Changes: []Change{{Cause: CauseMarked, Person: "k1", Name: "Ann"}, {Cause: CauseCut, Person: "k2"}, {Cause: CauseRule, Person: "k3"}}}
	ends := OpenEnds(p)
	if len(ends) != 2 || !strings.HasPrefix(ends[0], "Ann (k1)") || !strings.HasPrefix(ends[1], "k2 (k2)") {
		t.Errorf("%q", ends)
	}
}

// A change whose account has no number counts by its names; so does the charge of an account that is nobody's.
func TestUnitsWithoutANumber(t *testing.T) {
	b := &builder{index: map[string]int32{"ann": 0}}
	u := b.units(holdings)
	for _, account := range []string{"new", "new", "newer"} {
		u.change(nil, &Change{Program: "wiki", Account: account, Entitlement: "wiki/x", account: none})
	}
	if u.len() != 2 {
		t.Errorf("%d holdings", u.len())
	}
	u = b.units(people)
	for _, c := range []Charge{{Account: "a", ChargeKind: ChargeKind{Program: "wiki"}}, {Account: "b", ChargeKind: ChargeKind{Program: "wiki"}}, {Person: "ann", Account: "c"}, {Person: "left"}, {Person: "left", Account: "d"}} {
		u.charge(&c)
	}
	if u.len() != 4 {
		t.Errorf("%d people", u.len())
	}
}

// A run whose content was blanked, in whole or in part, says nothing; one that can't be read is an error.
func TestABlankedRunSaysNothing(t *testing.T) {
	ran := []Fact{{FactKey: FactKey{Kind: FactRun}}}
	for data, fails := range map[string]bool{"": false, "{": false, `{"Proofs":3}`: true} {
		_, whole, err := ranOf(Record{Kind: KindRun, Set: ran, Data: []byte(data)})
		if (err != nil) != fails || whole && !fails {
			t.Errorf("%q: %v %v", data, whole, err)
		}
	}
}

// Nobody knows whether somebody who is in no plan loses anything, so nothing of it is repeated.
func TestOfWhomThePlanDoesNotKnowNothingIsTaken(t *testing.T) {
	p := &programPlan{b: &builder{index: map[string]int32{}}}
	if p.stillTaken(Intent{Change: Change{Op: OpSuspend, Person: "k-gone"}}) {
		t.Error("it is still taken")
	}
}

// After a restore what nobody began is withdrawn and what may be repeated is not, but for cuts.
func TestWhatARestoreLeavesOpen(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	leaver := Change{Op: OpSuspend, Cause: CauseMarked}
	m := &Memory{Open: []Intent{{Seq: 1, Change: Change{Op: OpGrant}}, {Seq: 2, Change: leaver, Class: ChargeLeaver, Claimed: at}, {Seq: 3, Change: leaver, Class: ChargeLeaver, Claimed: at, Halted: true},
		{Seq: 4, Change: Change{Op: OpGrant}, Claimed: at}, {Seq: 5, Change: Change{Op: OpSuspend, Cause: CauseCut}, Claimed: at}}}
	got := ""
	for _, r := range m.Unmade("restored") {
		got += fmt.Sprintln(r.Of, r.Outcome)
	}
	if got != "1 withdrawn\n2 halted\n" {
		t.Error(got)
	}
}

// A wait ends with its time, or with whoever waits.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, began := &Engine{}, time.Now()
		if err := e.wait(t.Context(), time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Of nothing the usual is nothing.
func TestPercentileOfNothing(t *testing.T) {
	if n := percentile(nil, 95); n != 0 {
		t.Error(n)
	}
}

// Whoever stops reading facts gets no more of them.
func TestFactsMayBeReadInPart(t *testing.T) {
	f := NewFold()
	for n := range 3 {
		f.set(Fact{FactKey: FactKey{Kind: FactCut, Person: fmt.Sprint(n)}})
	}
	n := 0
	for range f.Facts() {
		n++
		break
	}
	if n != 1 {
		t.Error(n)
	}
}

// An item that can't be read waits: nobody has decided it.
func TestAnItemThatCannotBeReadWaits(t *testing.T) {
	i := itemOf(&Fact{FactKey: FactKey{Kind: FactItem, Key: "i"}, Data: []byte(`{"state":"approved","change":7}`)})
	if i.ID != "i" || i.State != Waiting || !strings.Contains(i.Reason, "can't be read") {
		t.Errorf("%+v", i)
	}
}

// An account that is nobody's is not adopted for anybody.
func TestNobodysAccountIsNotAdopted(t *testing.T) {
	b := &builder{plan: &Plan{}, subjects: []subject{{key: "ann", standing: leaver}}}
	p := &programPlan{b: b, program: &Program{Name: "wiki"}, owner: map[uint32]int32{1: 0}}
	p.adopt(0, 0)
	p.adopt(0, 1)
	if len(b.plan.Changes) > 0 {
		t.Errorf("%+v", b.plan.Changes)
	}
}

// A hold stops the deletions of one person, as far as they can be stopped, and each once.
func TestWhatALegalHoldStops(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	zoe := Change{Op: OpDelete, Person: "zoe", Cause: CauseMarked}
	m := &Memory{Open: []Intent{{Seq: 1, Change: zoe, Class: ChargeLeaver}, {Seq: 2, Change: zoe, Class: ChargeLeaver, Claimed: at},
		{Seq: 3, Change: zoe, Class: ChargeLeaver, Claimed: at, Halted: true}, {Seq: 4, Change: zoe, Claimed: at},
		{Seq: 5, Change: Change{Op: OpDelete, Person: "yan"}}, {Seq: 6, Change: Change{Op: OpSuspend, Person: "zoe"}}}}
	got := ""
	for _, r := range stopDeletes(m, "lawyer", "zoe") {
		got += fmt.Sprintln(r.Of, r.Outcome, r.Actor)
	}
	if got != "1 withdrawn lawyer\n2 halted lawyer\n" {
		t.Error(got)
	}
}

// What is about one account is committed together: a worker that carries out a first part may make a proposed account, and what came
// later for the proposal would be lost.
func TestAnAccountIsNotCommittedInParts(t *testing.T) {
	records := make([]Record, 0, 12)
	for _, account := range []string{"", "", "ann", "ann", "ann", "ben", "cleo", "cleo", "", ""} {
		records = append(records, Record{Program: "wiki", Account: account})
	}
	records = append(records, Record{Program: "crm", Account: "dora"}, Record{Program: "wiki", Account: "dora"})
	var sizes []int
	for part := range chunks(slices.Values(records), 3, sameAccount) {
		sizes = append(sizes, len(part))
	}
	if want := []int{5, 3, 3, 1}; !slices.Equal(sizes, want) {
		t.Errorf("parts of %d records, want %d", sizes, want)
	}
}
