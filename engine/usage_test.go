package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// used is a world whose journal shows, for each of so many days, that so many people lost wiki/x of 1,000.
func used(t *testing.T, days []int) *world {
	w := newWorld(t, "wiki")
	w.engine.Settings.Limits.RevokePeople = engine.Limit{Floor: 3, Percent: 1, Cap: 100, Window: 24 * time.Hour}
	var held [][2]string
	for i := range 1000 {
		held = append(held, [2]string{fmt.Sprintf("a%d", i), "x"})
	}
	seen, err := json.Marshal(engine.Seen{Baseline: true, Appeared: held})
	if err != nil {
		t.Fatal(err)
	}
	w.append(engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: seen})
	n := 0
	for day, many := range append([]int{30}, days...) { // the first day provisions the program
		for range many {
			n++
			w.append(engine.Record{Kind: engine.KindIntent, Run: "r", Op: engine.OpRevoke, Program: "wiki", Person: fmt.Sprintf("k%d", n), Account: fmt.Sprintf("a%d", n), Entitlement: "x",
				Class: engine.ChargeRevoke, Approved: day%2 == 0})
		}
		w.pass(24 * time.Hour)
	}
	return w
}

func (w *world) append(r engine.Record) {
	if r.Kind == engine.KindIntent {
		r.Data = []byte("{}")
	}
	w.t.Helper()
	if err := w.journal.Append(w.t.Context(), engine.Free, []engine.Record{r}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) usage() *engine.Usage {
	w.t.Helper()
	u, err := w.engine.Usage(w.t.Context(), w.journal, engine.Limits{RevokePeople: engine.Limit{Floor: 3}})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func TestUsageOfLimits(t *testing.T) {
	days := make([]int, 40)
	for i := range days {
		days[i] = i % 5 // 0 to 4 a day
	}
	days[20], days[30] = 16, 50
	u := used(t, days).usage()
	if !u.Enough || u.Days != 42 || u.From.Format(time.DateOnly) != "2026-03-02" {
		t.Errorf("%+v", u)
	}
	for _, scope := range []string{"program wiki", "all programs together"} {
		got := useOf(u, "revoke: people", scope)
		got.On = got.On.UTC()
		if got.Of != 1000 || got.Usual != 2 || got.High != 4 || got.Most != 50 || got.On.Format(time.DateOnly) != "2026-04-02" || got.Allowed != 10 || got.Tripped != 2 || got.Would != 2 {
			t.Errorf("%s: %+v", scope, got)
		}
	}
	if want := (engine.Limit{Floor: 3, Percent: 1, Cap: 5, Window: 24 * time.Hour}); u.Proposed.RevokePeople != want {
		t.Errorf("%+v", u.Proposed.RevokePeople)
	}
	if u.Proposed.Grant != testSettings().Limits.Grant {
		t.Errorf("nothing was given, and yet %+v is proposed", u.Proposed.Grant)
	}
}

func useOf(u *engine.Usage, limit, scope string) engine.Use {
	for _, use := range u.Uses {
		if use.Limit == limit && use.Scope == scope {
			return use
		}
	}
	return engine.Use{}
}

// A window is no calendar day: what is taken in the evening and on the next morning counts together.
func TestUsageRolls(t *testing.T) {
	w := used(t, make([]int, 20))
	take := func(n int) {
		for range n {
			w.append(engine.Record{Kind: engine.KindIntent, Run: "r", Op: engine.OpRevoke, Program: "wiki", Person: fmt.Sprint(w.now), Account: fmt.Sprint(w.now), Entitlement: "x", Class: engine.ChargeRevoke})
			w.pass(time.Minute)
		}
	}
	w.pass(15 * time.Hour) // 23:00
	take(7)
	w.pass(2 * time.Hour)
	take(7)
	if got := useOf(w.usage(), "revoke: people", "program wiki"); got.Most != 14 || got.Tripped != 1 {
		t.Errorf("%+v", got)
	}
}

func TestUsageProposesNothingWithoutHistory(t *testing.T) {
	w := used(t, []int{9, 9, 9, 9})
	if u := w.usage(); u.Enough || u.Proposed != w.engine.Settings.Limits {
		t.Errorf("%+v", u)
	}
	if u := newWorld(t).usage(); u.Days != 0 || len(u.Uses) != 0 {
		t.Errorf("%+v", u)
	}
}

// A journal whose clock was ahead has days that have not come yet; they count for nothing.
func TestUsageOfDaysThatHaveNotCome(t *testing.T) {
	w := used(t, []int{1, 2, 3, 4, 5})
	all := w.usage()
	w.pass(-48 * time.Hour)
	if u := w.usage(); u.Days != all.Days-2 || !u.From.Equal(all.From) {
		t.Errorf("%d days instead of %d", u.Days, all.Days-2)
	}
}
