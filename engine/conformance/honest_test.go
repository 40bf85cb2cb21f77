package conformance_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

func lineOf(t *testing.T, lines []conformance.Line, check string) conformance.Line {
	t.Helper()
	for _, l := range lines {
		if l.Check == check {
			return l
		}
	}
	t.Fatalf("there is no check %s", check)
	return conformance.Line{}
}

// thief gives the id of an account that was there for the one that it made.
type thief struct{ inMemory }

func (thief) Create(context.Context, engine.NewAccount) (string, engine.Outcome, error) {
	return "ann", engine.Done, nil
}

// An account that was there before is not what the check made: it is not suspended, and not deleted.
func TestTheSuiteDeletesItsOwnAccountsOnly(t *testing.T) {
	for _, check := range conformance.Checks() {
		if !strings.HasPrefix(check.Name, "creates") && check.Name != "does the same in a batch" {
			continue
		}
		var there conformance.Subject
		card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
			u := freshProgram(func(p inMemory) engine.Connector { there.Connector = p; return thief{p} })
			there.Accounts = u.Accounts
			return u
		}}
		card.Restore = func(to conformance.T) {
			held := 0
			_, _ = there.Connector.Holdings(context.Background(), func(h engine.Holding) error {
				if h.Account == "ann" && (h.Entitlement == engine.Exists || h.Entitlement == engine.Active) {
					held++
				}
				return nil
			})
			if held != 2 {
				t.Errorf("%s: ann is left with %d of 2", check.Name, held)
			}
		}
		if l := lineOf(t, card.Score(t.Context()), check.Name); check.Name != "does the same in a batch" && (l.Result != conformance.Wrong || !strings.Contains(strings.Join(l.Details, " "), "there before")) {
			t.Errorf("%+v", l)
		}
	}
}

// shy describes itself only a few times.
type shy struct {
	inMemory
	left *int
}

func (s shy) Describe(ctx context.Context) (engine.Description, error) {
	if *s.left--; *s.left < 0 {
		return engine.Description{}, errors.New("not now")
	}
	return s.inMemory.Describe(ctx)
}

// What can't be asked what it can do fails; it is not taken for one that can't do it. What was not tried is not passed.
func TestTheCardDoesNotPassWhatWasNotTried(t *testing.T) {
	left := 1000
	card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector { return shy{p, &left} })
	}}
	card.Tell = func(l conformance.Line) {
		if l.Check == "does the same in a batch" {
			left = 0
		}
	}
	lines := card.Score(t.Context())
	for _, check := range []string{"creates, suspends, resumes and deletes", "creates no account twice", "updates in place"} {
		if l := lineOf(t, lines, check); l.Result != conformance.Wrong {
			t.Errorf("%+v", l)
		}
	}
	if l := lineOf(t, lines, "believes no lie"); l.Result != conformance.Skipped {
		t.Errorf("%+v", l)
	}
}

// A check that does not end is given up on at once, and what is lost is named in full.
func TestGivingUp(t *testing.T) {
	forever, given := make(chan struct{}), 0
	card := conformance.Card{Most: 200 * time.Millisecond, GiveUp: func(conformance.T) { given++; close(forever) }, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector { return stuck{p, forever} })
	}}
	if lines := card.Score(t.Context()); len(failures(lines)) != 1 || given != 1 {
		t.Errorf("given up on %d times: %+v", given, lines)
	}
}

func TestLossesAreNamedInFull(t *testing.T) {
	card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector {
			for _, a := range []string{"b1", "b2", "b3", "b4", "b5", "b6", "b7"} {
				p.AddAccount(a, engine.AccountInfo{}, engine.Exists, engine.Active)
			}
			return mutant{inMemory: p, write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
				for _, a := range []string{"b1", "b2", "b3", "b4", "b5", "b6", "b7"} {
					p.Set(a, engine.Active, false)
				}
				return "", nil
			}}
		})
	}}
	if l := lineOf(t, card.Score(t.Context()), "leaves bystanders alone"); !strings.Contains(l.Details[0], "b1") || !strings.Contains(l.Details[0], "b7") {
		t.Errorf("%+v", l)
	}
}
