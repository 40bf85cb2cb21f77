package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// lookedAt is a company in which ann waits for an account, an account is suspended and one is somebody's own.
func lookedAt(t *testing.T) *world {
	w := newWorld(t, "wiki", "grp")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"grp/y"}}
	w.targets["grp"].Describes = engine.Description{Keyed: true}
	w.hire("yan", "a")
	w.hire("zoe", "a", "b")
	w.apply()
	w.hire("ann", "a")
	w.targets["wiki"].AddAccount("off", engine.AccountInfo{Display: "Off, Otto"}, engine.Exists, "own")
	w.targets["wiki"].AddAccount("on", engine.AccountInfo{Display: "Ono"}, engine.Exists, engine.Active)
	return w
}

// A run tells what it saw, with counts of accounts, rights and what is managed.
func TestARunTellsWhatItSaw(t *testing.T) {
	w := lookedAt(t)
	var told *engine.Outlook
	w.engine.Looked = func(o *engine.Outlook) { told = o }
	p, r := w.apply()
	if told == nil || told.Plan != p || told.Run != r.Run {
		t.Fatalf("%+v", told)
	}
	if who := told.Person("k-ann"); who == nil || who.Login() != "ann" || told.Person("nobody") != nil {
		t.Errorf("%+v", told.People)
	}
	want := []engine.ProgramOutlook{
		{Name: "grp", Kind: "memory", Revoke: engine.RevokeManaged, Accounts: 1, Active: 1, Holdings: 1, Managed: 1, Rights: []engine.RightCount{{Name: "y", Holders: 1}}},
		{Name: "wiki", Kind: "memory", Revoke: engine.RevokeManaged, Accounts: 4, Active: 3, Holdings: 10, Managed: 6, Rights: []engine.RightCount{{Name: "own", Holders: 1}, {Name: "x", Holders: 2}}},
	}
	if got := fmt.Sprintf("%+v", told.Programs); got != fmt.Sprintf("%+v", want) {
		t.Errorf("%s\nwant\n%+v", got, want)
	}
}

// Who is suspended takes no seat, and who should have an account waits for one.
func TestSeatsOfActiveAccounts(t *testing.T) {
	w := lookedAt(t)
	w.targets["grp"].Set("k-lone", "y", true) // in no directory
	s, err := w.engine.Seats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, seat := range s.Seats {
		got = append(got, seat.Program+" "+seat.Account+" "+seat.Person+" "+seat.Name)
	}
	want := []string{"grp k-lone k-lone k-lone", "grp k-zoe k-zoe k-zoe", "wiki on  Ono", "wiki yan k-yan yan", "wiki zoe k-zoe zoe"}
	if !slices.Equal(got, want) || fmt.Sprint(s.Waiting) != "map[wiki:1]" {
		t.Errorf("%q, waiting %v", got, s.Waiting)
	}
	w.targets["wiki"].Set("yan", engine.Active, false)
	w.targets["wiki"].Set("zoe", engine.Active, false)
	w.targets["wiki"].Set("on", engine.Active, false)
	if s, err = w.engine.Seats(t.Context()); err != nil || len(s.Seats) != 2 {
		t.Errorf("%+v %v", s.Seats, err)
	}
}
