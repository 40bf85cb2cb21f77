package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func TestProgramFaults(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		fault Fault
		want  engine.Outcome
		has   bool
	}{
		{NoFault, engine.Done, true}, {FailBefore, engine.Failed, false}, {LoseBefore, engine.Uncertain, false},
		{LoseAfter, engine.Uncertain, true}, {Lie, engine.Done, false}, {Refuse, engine.Refused, false}, {Unreachable, engine.Failed, false},
	} {
		p := NewProgram("p", nil)
		p.AddAccount("ann", engine.AccountInfo{}, engine.Exists, engine.Active)
		p.Before = func(c ProgramCall) Fault { return tc.fault }
		outcome, err := p.Grant(ctx, "ann", "x")
		if outcome != tc.want || p.Has("ann", "x") != tc.has || (err == nil) != (outcome == engine.Done) {
			t.Errorf("fault %d: %s, %v, has %v", tc.fault, outcome, err, p.Has("ann", "x"))
		}
	}
}

func TestProgramLists(t *testing.T) {
	ctx, now := context.Background(), time.Unix(0, 0)
	p := NewProgram("p", func() time.Time { return now })
	p.Describes.Lag = time.Minute
	p.AddAccount("ann", engine.AccountInfo{}, engine.Exists, engine.Active, "x")
	fault := NoFault
	p.Before = func(ProgramCall) Fault { return fault }
	read := func() (int, engine.Proof, error) {
		n := 0
		proof, err := p.Holdings(ctx, func(engine.Holding) error { n++; return nil })
		return n, proof, err
	}
	if n, _, _ := read(); n != 0 {
		t.Errorf("the list shows %d holdings before its lag is over", n)
	}
	now = now.Add(time.Minute)
	if n, proof, err := read(); n != 3 || proof.Count != 3 || err != nil {
		t.Errorf("after the lag: %d, %v, %v", n, proof, err)
	}
	fault = PartialList
	if _, proof, err := read(); proof.Complete() || err != nil {
		t.Errorf("a partial list claims to be complete: %v, %v", proof, err)
	}
	fault = HidePart
	if n, proof, _ := read(); n != 1 || !proof.Complete() {
		t.Errorf("the hidden part shows: %d, %v", n, proof)
	}
	for _, fault = range []Fault{BreakList, Unreachable} {
		if _, _, err := read(); !errors.Is(err, ErrUnreachable) {
			t.Errorf("no error for fault %d: %v", fault, err)
		}
	}
}

func TestProgramWatchesOverlaps(t *testing.T) {
	p := NewProgram("p", nil)
	p.Before = func(c ProgramCall) Fault {
		if c.Op == "grant" {
			_, _ = p.Revoke(context.Background(), c.Account, "y")
		}
		return NoFault
	}
	_, _ = p.Grant(context.Background(), "ann", "x")
	if p.Overlaps() != 1 {
		t.Errorf("%d overlaps", p.Overlaps())
	}
}
