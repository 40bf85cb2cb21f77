package enginetest

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// cutsAlone: in a program that is set aside only cuts are handed out, and it holds up no program that comes after it.
func (s *suite) cutsAlone() {
	cut := intent(engine.OpSuspend, "c", "", "")
	cut.Cause = engine.CauseCut
	s.must(intent(engine.OpGrant, "a", "r", ""), intent(engine.OpRevoke, "b", "r", engine.ChargeLeaver), cut, intent(engine.OpGrant, "c", "r", ""))
	claim := func(r engine.ClaimRequest) []int64 {
		s.Helper()
		r.Now, r.Max, r.Lease = s.clock.Now(), 9, time.Minute
		got, err := s.Claim(context.Background(), r)
		if err != nil {
			s.Fatal(err)
		}
		return seqs(got)
	}
	s.same("cuts alone", claim(engine.ClaimRequest{Program: "wiki", Cuts: true}), []int64{3})
	s.same("once", claim(engine.ClaimRequest{Program: "wiki", Cuts: true}), []int64{})
	s.clock.Add(time.Hour)
	s.same("and again, as cuts are", claim(engine.ClaimRequest{Program: "wiki", Cuts: true}), []int64{3})
	s.clock.Add(time.Hour)
	left := intent(engine.OpRevoke, "d", "r", engine.ChargeLeaver)
	left.Person = "dee"
	given := intent(engine.OpGrant, "e", "r", "")
	given.Person = "dee"
	five := s.must(left, given)
	s.must(engine.Record{Kind: engine.KindCut, Person: "dee", Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "dee"}, Text: "why"}}})
	s.same("who had left, and was cut off since", claim(engine.ClaimRequest{Program: "wiki", Cuts: true}), []int64{3, five - 1})
	hr := intent(engine.OpGrant, "a", "r", "")
	hr.Program = "hr"
	six := s.must(hr)
	s.same("it comes first", claim(engine.ClaimRequest{Program: "hr", After: []string{"wiki"}}), []int64{})
	s.must(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactAside, Program: "wiki"}, Text: "why"}}})
	s.same("what is set aside holds nothing up", claim(engine.ClaimRequest{Program: "hr", After: []string{"wiki"}}), []int64{six})
}

// givenBack: what was claimed and not begun is as if it had not been claimed; of what was tried before the lease alone ends.
func (s *suite) givenBack() {
	s.must(intent(engine.OpGrant, "a", "r", ""), intent(engine.OpRevoke, "b", "r", engine.ChargeLeaver))
	back := func(intents []engine.Intent) {
		s.Helper()
		if err := s.Store.(engine.Releaser).Release(context.Background(), s.clock.Now(), intents); err != nil {
			s.Fatal(err)
		}
	}
	state := func(n int) []any { i := s.memory().Open[n]; return []any{i.Attempts, i.Claimed, i.Lease} }
	got := s.claim(9)
	back(got)
	s.same("unclaimed", append(state(0), state(1)...), []any{0, time.Time{}, time.Time{}, 0, time.Time{}, time.Time{}})
	got = s.claim(9)
	before := got[0]
	before.Claimed = before.Claimed.Add(-time.Second)
	back([]engine.Intent{before})
	s.same("a claim that was lost with the journal's end gives nothing of a later one back", state(0)[0], 1)
	s.same("handed out as before", []any{seqs(got), got[0].Attempts}, []any{[]int64{1, 2}, 1})
	s.clock.Add(2 * time.Minute)
	again := s.claim(9)
	s.same("the leaver's is tried again", seqs(again), []int64{2})
	back(got[1:])
	s.same("an earlier claim gives nothing back", state(1), []any{2, s.clock.Now(), s.clock.Now().Add(time.Minute)})
	back(again)
	s.same("it was tried: the lease ends", state(1), []any{2, s.clock.Now(), s.clock.Now()})
	s.must(outcome(1, "a", "r", engine.Uncertain))
	was := state(0)
	back(got[:1])
	s.same("nobody knows what became of it, so it is not given back", state(0), was)
	s.decidedMeanwhile(back, state)
}

// decidedMeanwhile: whoever decided since the claim left it to the worker, and may not want it any more.
func (s *suite) decidedMeanwhile(back func([]engine.Intent), state func(int) []any) {
	for n, decision := range []engine.Record{{Kind: engine.KindRun, Run: "another"}, {Kind: engine.KindCut, Person: "cid", Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "cid"}, Text: "why"}}}} {
		s.must(intent(engine.OpGrant, fmt.Sprintf("c%d", n), "r", ""))
		got := s.claim(9)
		s.must(decision)
		back(got[len(got)-1:])
		s.same("claimed still, by nobody any more", state(2+n), []any{1, s.clock.Now(), s.clock.Now()})
	}
}
