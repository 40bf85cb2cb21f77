package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Many broken accounts that come first keep a program that works again set aside for a few tries only.
func TestManyBrokenAccountsHoldUpNoProgram(t *testing.T) {
	down := true
	w, _ := failingWorld(t, 60, new(enginetest.Fault))
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		switch {
		case !c.Writes():
		case down, c.Account < "p40":
			return enginetest.FailBefore
		}
		return enginetest.NoFault
	}
	w.apply()
	if _, is := w.fact(engine.FactAside); !is {
		t.Fatal("it is not set aside")
	}
	down = false
	tries := 0
	for ; tries < 10; tries++ {
		w.pass(16 * time.Minute)
		if _, err := w.engine.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, is := w.fact(engine.FactAside); !is {
			break
		}
	}
	if tries > 4 {
		t.Errorf("set aside after %d tries", tries)
	}
	if n := strings.Count(w.truth("wiki"), ".exists"); n != 20 {
		t.Errorf("%d accounts", n)
	}
}

// unseen accepts each update; nobody sees it yet.
type unseen struct {
	renaming
	lag bool
}

func (u unseen) Update(context.Context, string, engine.NewAccount) (engine.Outcome, error) {
	err := errors.New("accepted, and not shown")
	if u.lag {
		err = fmt.Errorf("%w; %w", err, engine.ErrNotShown)
	}
	return engine.Uncertain, err
}

// What a program accepted, and its list need not show yet, is no failure of it.
func TestWhatIsNotShownYetSetsNothingAside(t *testing.T) {
	for lag, want := range map[bool]bool{true: false, false: true} {
		w := upToDate(t)
		for n := range 8 {
			w.hire(fmt.Sprintf("p%d", n), "a")
		}
		for n := range 8 {
			w.says(fmt.Sprintf("p%d", n), "mail", "Old")
		}
		w.later()
		w.program("wiki").Connector = unseen{renaming{w.targets["wiki"]}, lag}
		for n := range 8 {
			w.says(fmt.Sprintf("p%d", n), "mail", "New")
		}
		w.pass(time.Hour)
		if _, r := w.apply(); len(r.SetAside) > 0 != want {
			t.Errorf("lag %v: set aside %v, %v", lag, r.SetAside, r.Outcomes)
		}
	}
}
