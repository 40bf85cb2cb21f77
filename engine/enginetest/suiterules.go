package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (s *suite) numbers() {
	start := s.clock.Now()
	records := []engine.Record{note("a"), note("b")}
	s.must(records...)
	s.clock.Add(-time.Hour)
	later := []engine.Record{note("c")}
	s.must(later...)
	s.same("numbers", []int64{records[0].Seq, records[1].Seq, later[0].Seq}, []int64{1, 2, 3})
	s.same("time goes on from the last record, never backwards", later[0].Time, start.Add(time.Microsecond))
	if records[0].Hash == "" || records[0].Hash == records[1].Hash {
		s.Errorf("hashes %q and %q", records[0].Hash, records[1].Hash)
	}
	s.same("records read back", s.records(engine.Query{}), append(records, later...))
	if err := s.Append(context.Background(), engine.Free, nil); err != nil {
		s.Errorf("nothing to append: %v", err)
	}
}

func (s *suite) guard() {
	ctx := context.Background()
	old, err := s.Lead(ctx)
	if err != nil || old != 1 {
		s.Fatalf("first leader has epoch %d, %v", old, err)
	}
	if err := s.Append(ctx, engine.Guard{Epoch: old, Control: 0}, []engine.Record{note("leader")}); err != nil {
		s.Fatal(err)
	}
	if _, err := s.Lead(ctx); err != nil {
		s.Fatal(err)
	}
	s.refused(engine.ErrDeposed, engine.Guard{Epoch: old, Control: -1}, note("deposed"))
	control := s.must(engine.Record{Kind: engine.KindCut, Person: "x"})
	s.refused(engine.ErrStale, engine.Guard{Control: control - 1}, note("planned before the cut"))
	s.must(note("no control record"))
	s.refused(engine.ErrStale, engine.Guard{Control: -1, Until: s.clock.Now().Add(-time.Second)}, note("an approval has expired"))
	if err := s.Append(ctx, engine.Guard{Epoch: 2, Control: control}, []engine.Record{note("planned after it")}); err != nil {
		s.Error(err)
	}
	m := s.memory()
	s.same("head", []int64{m.Epoch, m.Control, m.Seq}, []int64{2, control, 4})
}

func (s *suite) openIntents() {
	one := s.must(intent(engine.OpGrant, "a", "r", ""))
	s.refused(engine.ErrStale, engine.Free, note("not written either"), intent(engine.OpCreate, "a", "r", ""))
	s.refused(engine.ErrStale, engine.Free, intent(engine.OpRevoke, "b", "r", ""), intent(engine.OpDelete, "b", "r", ""))
	s.must(intent(engine.OpRevoke, "a", "r", ""), intent(engine.OpGrant, "a", "r2", ""), intent(engine.OpGrant, "A", "r", ""))
	again := s.must(outcome(one, "a", "r", engine.Withdrawn), intent(engine.OpGrant, "a", "r", ""))
	s.same("open", seqs(s.memory().Open), []int64{2, 3, 4, again})
}

func (s *suite) withdrawn() {
	one, two := s.must(intent(engine.OpGrant, "a", "r", "")), s.must(intent(engine.OpGrant, "b", "r", ""))
	s.same("claimed", seqs(s.claim(1)), []int64{one})
	s.refused(engine.ErrStale, engine.Free, outcome(two, "b", "r", engine.Withdrawn), outcome(one, "a", "r", engine.Withdrawn))
	s.must(outcome(two, "b", "r", engine.Withdrawn))
	s.refused(engine.ErrStale, engine.Free, outcome(two, "b", "r", engine.Withdrawn))
	s.same("open", seqs(s.memory().Open), []int64{one})
	s.same("nothing left to claim", seqs(s.claim(9)), []int64{})
}

func (s *suite) halted() {
	one := s.must(intent(engine.OpRevoke, "a", "r", engine.ChargeLeaver))
	s.same("claimed", seqs(s.claim(9)), []int64{one})
	s.must(outcome(one, "a", "r", engine.Uncertain))
	s.must(outcome(one, "a", "r", engine.Halted))
	s.clock.Add(time.Hour)
	s.same("not handed out again", seqs(s.claim(9)), []int64{})
	s.same("still open", []any{seqs(s.memory().Open), s.memory().Open[0].Halted}, []any{[]int64{one}, true})
	s.must(outcome(one, "a", "r", engine.Done))
	s.same("closed by reading back", seqs(s.memory().Open), []int64{})
}

func (s *suite) late() {
	one := s.must(intent(engine.OpGrant, "a", "r", ""))
	s.must(outcome(one, "a", "r", engine.Failed))
	two := s.must(intent(engine.OpGrant, "a", "r", ""))
	fact := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactSuspended, Program: "wiki", Account: "a"}, Since: s.clock.Now(), Text: "rolecall"}
	late := outcome(one, "a", "r", engine.Done) // of the first, long closed
	late.Set, late.Clear = []engine.Fact{fact}, []engine.FactKey{{Kind: engine.FactFailing, Program: "wiki", Account: "a", Entitlement: "r"}}
	failing := engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: late.Clear[0], Since: s.clock.Now(), Count: 1}}}
	s.must(failing)
	records := []engine.Record{late}
	s.must(records...)
	s.same("its kind", records[0].Kind, engine.KindLate)
	s.same("it is no second outcome", len(s.records(engine.Query{Kind: engine.KindOutcome})), 1)
	s.same("it is kept whole", s.records(engine.Query{Kind: engine.KindLate}), records)
	m := s.memory()
	_, suspended := m.Fact(fact.FactKey)
	_, fails := m.Fact(late.Clear[0])
	s.same("neither its facts nor what it clears count", []bool{suspended, fails}, []bool{false, true})
	s.same("the second stays open", seqs(m.Open), []int64{two})
	s.same("and nothing was seen", m.Program("wiki").Rows[0].Seen, false)
	s.must(outcome(two, "a", "r", engine.Uncertain))
	s.same("unknown stays open", s.memory().Open[0].Unknown, true)
	s.refused(nil, engine.Free, outcome(99, "a", "r", engine.Done))
	s.refused(nil, engine.Free, outcome(two, "a", "other", engine.Done))
}

func (s *suite) claims() {
	s.must(intent(engine.OpRevoke, "b", "r", engine.ChargeLeaver), intent(engine.OpGrant, "a", "r", ""), intent(engine.OpGrant, "b", "q", ""), intent(engine.OpGrant, "c", "r", ""))
	got := s.claim(1) // the oldest intent's account, whole
	s.same("first", seqs(got), []int64{1, 3})
	s.same("lease", []any{got[0].Claimed, got[0].Lease, got[0].Attempts}, []any{s.clock.Now(), s.clock.Now().Add(time.Minute), 1})
	s.must(intent(engine.OpGrant, "b", "new", ""))
	s.same("b has a lease", seqs(s.claim(9)), []int64{2, 4})
	s.clock.Add(time.Minute)
	got = s.claim(9) // the leaver's revoke may be repeated, the grant only read back
	s.same("after the lease", seqs(got), []int64{1, 5})
	s.same("attempts", got[0].Attempts, 2)
	m := s.memory()
	s.same("memory knows", []any{m.Open[0].Attempts, m.Open[0].Claimed, m.Open[1].Attempts}, []any{2, s.clock.Now(), 1})
}

// An outcome says of which claim it is: who comes back late ends nothing that somebody else does meanwhile.
func (s *suite) claimNames() {
	of := func(intent int64, claim int, word engine.Outcome) engine.Record {
		r := outcome(intent, "a", "r", word)
		r.Claim = claim
		return r
	}
	kind := func(r engine.Record) engine.Kind {
		records := []engine.Record{r}
		s.must(records...)
		return records[0].Kind
	}
	one := s.must(intent(engine.OpRevoke, "a", "r", engine.ChargeLeaver))
	s.claim(9)
	s.clock.Add(time.Minute)
	again := s.claim(9)
	for _, word := range []engine.Outcome{engine.Uncertain, engine.Failed, engine.Refused, engine.Already, engine.Done} {
		s.same("of the first claim: "+string(word), kind(of(one, 1, word)), engine.KindLate)
	}
	open := s.memory().Open
	s.same("the second one goes on", []any{seqs(open), open[0].Lease, open[0].Unknown}, []any{[]int64{one}, again[0].Lease, false})
	s.same("it is kept", s.records(engine.Query{Kind: engine.KindLate})[0].Claim, 1)
	s.refused(engine.ErrStale, engine.Free, of(one, 1, engine.Failed), intent(engine.OpRevoke, "a", "r", ""))
	guard := engine.Guard{Control: s.memory().Control}
	s.refused(engine.ErrStale, guard, note("not written either"), of(one, 1, engine.Done))
	s.same("halted, whoever has it", kind(of(one, 0, engine.Halted)), engine.KindOutcome)
	s.same("the plan that knows of the second", s.Append(context.Background(), guard, []engine.Record{of(one, 2, engine.Done)}), error(nil))
	s.same("closed", seqs(s.memory().Open), []int64{})
	two := s.must(intent(engine.OpRevoke, "a", "r", ""))
	s.same("of a claim that the journal has lost", kind(of(two, 1, engine.Done)), engine.KindOutcome)
	three := s.must(intent(engine.OpRevoke, "a", "r", ""))
	s.claim(9)
	s.same("of no claim, as before claims were named", kind(of(three, 0, engine.Failed)), engine.KindOutcome)
	s.same("none is open", seqs(s.memory().Open), []int64{})
}

// Who comes back has a former account, and one that is about to be made, perhaps under the same name.
func (s *suite) onePerson() {
	of := func(person string, r engine.Record) engine.Record { r.Person = person; return r }
	proposed, former := s.must(of("ann", intent(engine.OpCreate, "new:ann", engine.Exists, ""))), s.must(of("ann", intent(engine.OpGrant, "ann", "r", "")))
	s.same("one claim has both", seqs(s.claim(9)), []int64{former, proposed})
	cut, admin := s.must(of("ann", intent(engine.OpRevoke, "ann", "", engine.ChargeLeaver))), s.must(of("ann", intent(engine.OpRevoke, "ann2", "", engine.ChargeLeaver)))
	crm := of("ann", intent(engine.OpRevoke, "ann", "", engine.ChargeLeaver))
	crm.Program = "crm"
	elsewhere, bob, nobody := s.must(crm), s.must(of("bob", intent(engine.OpGrant, "bob", "r", ""))), s.must(of("", intent(engine.OpGrant, "x", "r", "")))
	s.same("none of hers while one is being made", seqs(s.claim(9)), []int64{bob, nobody})
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "crm", Max: 9, Now: s.clock.Now(), Lease: time.Minute})
	s.same("another program has nothing to do with it", []any{seqs(got), err}, []any{[]int64{elsewhere}, error(nil)})
	s.must(outcome(former, "ann", "r", engine.Uncertain))
	s.same("the proposed one still is", seqs(s.claim(9)), []int64{})
	s.must(outcome(proposed, "ann", engine.Exists, engine.Done))
	s.same("it is made", seqs(s.claim(1)), []int64{cut})
	s.same("two that are there are worked on at once", seqs(s.claim(9)), []int64{admin})
	again := s.must(of("ann", intent(engine.OpCreate, "new:anna", engine.Exists, "")))
	s.same("nor is one made while another is worked on", seqs(s.claim(9)), []int64{})
	s.must(of("", intent(engine.OpCreate, "new:x", engine.Exists, "")))
	s.same("nobody is no person", len(s.claim(9)), 1)
	s.clock.Add(time.Minute)
	s.same("until the leases end", seqs(s.claim(9)), []int64{cut, admin, again})
}

func (s *suite) clockAhead() {
	s.must(intent(engine.OpRevoke, "a", "r", engine.ChargeLeaver))
	s.clock.Add(240 * time.Hour)
	s.same("claimed far ahead", seqs(s.claim(9)), []int64{1})
	s.clock.Add(-240 * time.Hour)
	s.must(intent(engine.OpGrant, "a", "q", ""))
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 9, Now: s.clock.Now(), Lease: time.Minute, Since: s.clock.Now()})
	s.same("its lease holds nothing up", []any{seqs(got), err}, []any{[]int64{1, 2}, error(nil)})
	s.clock.Add(240 * time.Hour)
	s.must(intent(engine.OpGrant, "b", "r", "")) // the journal's time is ahead from here on
	s.clock.Add(-240 * time.Hour)
	s.must(outcome(2, "a", "q", engine.Uncertain))
	for _, i := range s.memory().Open {
		if ends := s.clock.Now().Add(time.Minute); i.Seq == 2 && i.Lease.After(ends) {
			s.Errorf("an answer was lost, and its lease ends %s, not by %s", i.Lease, ends)
		}
	}
}

// A lease that a clock which is behind takes would be over for everybody else while calls are made under it.
func (s *suite) clockBehind() {
	s.must(intent(engine.OpGrant, "a", "r", ""))
	now := s.clock.Now()
	s.clock.Add(-15 * time.Minute)
	got := s.claim(9)
	s.clock.Add(15 * time.Minute)
	s.same("it counts from the journal's time", []any{len(got), got[0].Lease}, []any{1, now.Add(time.Minute)})
	s.must(intent(engine.OpGrant, "a", "q", ""))
	s.same("and holds for others", len(s.claim(9)), 0)
}

func (s *suite) leaversFirst() {
	s.must(intent(engine.OpGrant, "a", "r", ""), intent(engine.OpGrant, "b", "r", ""), intent(engine.OpRevoke, "c", "r", engine.ChargeLeaver))
	s.same("a leaver goes before what is older", seqs(s.claim(1)), []int64{3})
	began := s.clock.Now()
	s.must(outcome(3, "c", "r", engine.Uncertain))
	s.clock.Add(time.Second)
	again, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 1, Now: s.clock.Now(), Lease: time.Minute, Since: began})
	s.same("the same work does not repeat it", []any{seqs(again), err}, []any{[]int64{1}, error(nil)})
	s.same("the next one does", seqs(s.claim(1)), []int64{3})
}

// A journal keeps views of its own: what vanished with an account must leave them as well, whoever else names it or not.
func (s *suite) vanished() {
	seen := func(in engine.Seen) engine.Record {
		data, err := json.Marshal(in)
		s.same("JSON", err, error(nil))
		return engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: data}
	}
	pair := [][2]string{{"a", "r"}}
	s.must(seen(engine.Seen{Baseline: true, Appeared: pair}))
	s.must(seen(engine.Seen{Vanished: pair}))
	m := s.memory()
	s.same("nothing is there", len(m.Program("wiki").Rows), 0)
	s.refused(nil, engine.Free, seen(engine.Seen{Vanished: [][2]string{{"NUL\x00", "r"}}}))
}

func (s *suite) pause() {
	pause := func(program string) engine.Record {
		return engine.Record{Kind: engine.KindPause, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactPause, Program: program}, Text: "why"}}}
	}
	resume := func(program string) engine.Record {
		return engine.Record{Kind: engine.KindResume, Clear: []engine.FactKey{{Kind: engine.FactPause, Program: program}}}
	}
	s.must(intent(engine.OpGrant, "a", "r", ""), pause("crm"), pause("wiki"))
	s.same("paused", seqs(s.claim(9)), []int64{})
	s.must(resume("wiki"), pause(""))
	s.same("all paused", seqs(s.claim(9)), []int64{})
	s.must(resume(""))
	s.same("only another one paused", seqs(s.claim(9)), []int64{1})
}

func (s *suite) comesFirst() {
	hr := func(r engine.Record) engine.Record { r.Program = "hr"; return r }
	first := s.must(hr(intent(engine.OpGrant, "a", "r", "")))
	s.must(intent(engine.OpGrant, "a", "r", ""), intent(engine.OpRevoke, "b", "r", engine.ChargeLeaver))
	claim := func(program string) []int64 {
		s.Helper()
		got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: program, Max: 9, Now: s.clock.Now(), Lease: time.Minute, After: []string{"crm", "hr"}})
		if err != nil {
			s.Fatal(err)
		}
		return seqs(got)
	}
	s.same("unclaimed work comes first, but for what may be repeated", claim("wiki"), []int64{3})
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "hr", Max: 9, Now: s.clock.Now(), Lease: 15 * time.Minute})
	s.same("it is claimed", []any{seqs(got), err}, []any{[]int64{first}, nil})
	s.same("leased work comes first", claim("wiki"), []int64{})
	s.must(hr(outcome(first, "a", "r", engine.Uncertain)))
	s.same("what nobody can tell of holds nothing up", claim("wiki"), []int64{2})
	s.must(hr(intent(engine.OpGrant, "c", "r", "")), intent(engine.OpGrant, "d", "r", ""),
		engine.Record{Kind: engine.KindPause, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactPause, Program: "hr"}, Text: "why"}}})
	s.same("what is paused holds nothing up", claim("wiki"), []int64{6})
}

func (s *suite) refuses() {
	broken := note("x")
	broken.Data = json.RawMessage(`{"a":`)
	for _, r := range []engine.Record{
		{Kind: "nonsense"}, {}, broken, note("NUL\x00"), note("not UTF-8 \xff"), {Kind: engine.KindIntent, Program: "p"},
		{Kind: engine.KindOutcome, Of: 1}, {Kind: engine.KindSeen, Program: "p", Data: json.RawMessage(`{"appeared":[["a\u0000","b"]]}`)},
	} {
		s.refused(nil, engine.Free, note("good"), r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Append(ctx, engine.Free, []engine.Record{note("x")}); err == nil {
		s.Error("appended under an ended context")
	}
	s.same("nothing was written", s.memory().Seq, int64(0))
}

func (s *suite) writers() {
	const writers, appends = 4, 25
	var wg sync.WaitGroup
	wins := make([]int, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range appends {
				batch := []engine.Record{note(fmt.Sprint(w, " ", i)), intent(engine.OpGrant, fmt.Sprint("account", i), "r", "")}
				if s.Append(context.Background(), engine.Free, batch) == nil {
					wins[w]++
					if batch[1].Seq != batch[0].Seq+1 {
						s.Errorf("records of one append have numbers %d and %d", batch[0].Seq, batch[1].Seq)
					}
				}
			}
		})
	}
	wg.Wait()
	s.same("one writer wins each account", wins[0]+wins[1]+wins[2]+wins[3], appends)
	m := s.memory()
	s.same("records", []int{int(m.Seq), len(m.Open)}, []int{2 * appends, appends})
	refold(s, m)
}

// refold reads all records back and compares what they fold to with what the journal says.
func refold(s *suite, m *engine.Memory) {
	f := engine.NewFold()
	for _, r := range s.records(engine.Query{}) {
		if err := f.Apply(r); err != nil {
			s.Fatal(err)
		}
	}
	want := f.Memory(time.Time{})
	want.Epoch = m.Epoch
	s.same("the fold of the records", withoutClaims(Show(m)), withoutClaims(Show(want)))
}

func (s *suite) records(q engine.Query) []engine.Record {
	s.Helper()
	var out []engine.Record
	err := s.Records(context.Background(), q, func(r engine.Record) error { out = append(out, r); return nil })
	if err != nil {
		s.Fatal(err)
	}
	return out
}
