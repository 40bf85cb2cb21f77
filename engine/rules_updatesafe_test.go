package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Whoever rejected a value is not got round by another attribute that changes meanwhile.
func TestARejectedValueIsNotGivenWithAnother(t *testing.T) {
	w := upToDate(t)
	w.engine.Settings.Limits.Update = engine.Limit{Floor: 1, Percent: 10, Cap: 5, Window: 24 * time.Hour}
	w.says("yan", "mail", "Wrong")
	w.says("zoe", "mail", "Wrong")
	w.later()
	w.reject()
	w.engine.Settings.Limits.Update = engine.Limit{Floor: 10, Percent: 10, Cap: 50, Window: 24 * time.Hour}
	w.says("zoe", "team", "New")
	for range 3 {
		w.later()
	}
	if i := w.shows("id-zoe"); i.Attributes["mail"] != "Old" || i.Attributes["team"] != "New" {
		t.Errorf("%+v", i.Attributes)
	}
	w.says("zoe", "mail", "Right")
	w.later()
	if i := w.shows("id-zoe"); i.Attributes["mail"] != "Right" {
		t.Errorf("%+v", i.Attributes)
	}
}

// Nor with the same name, once another attribute has changed that the rename would carry.
func TestARejectedNameIsNotGivenWithAnotherAttribute(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.engine.Settings.Limits.Update = engine.Limit{Window: 24 * time.Hour}
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.later()
	w.reject()
	w.engine.Settings.Limits.Update = engine.Limit{Floor: 10, Percent: 10, Cap: 50, Window: 24 * time.Hour}
	i := slices.IndexFunc(w.people, func(p engine.Person) bool { return p.Key == "k-zoe" })
	w.people[i].Attributes = slices.Clone(w.people[i].Attributes).With(engine.Attribute{Name: "title", Values: []string{"New"}})
	for range 3 {
		w.later()
	}
	if i := w.shows("id-zoe"); i.Name != "zoe" {
		t.Errorf("%+v", i)
	}
}

// What a plan remembers of somebody's values goes with the records about them, and so does every copy of the values.
func TestValuesAreOnlyInRecordsAboutThePerson(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Takes = func(_, value string) string { return strings.ToLower(value) }
	w.says("zoe", "mail", "Zoe.New@Example.com")
	for range 3 {
		w.later()
	}
	if len(w.memory().Facts(engine.FactUpdated)) != 1 {
		t.Fatal("nothing is remembered")
	}
	err := w.journal.Records(t.Context(), engine.Query{}, func(r engine.Record) error {
		about := r.Person != "" || r.Account != ""
		remembers := slices.ContainsFunc(r.Set, func(f engine.Fact) bool { return f.Kind == engine.FactUpdated })
		if !about && (remembers || strings.Contains(strings.ToLower(string(r.Data)), "zoe.new@example.com")) {
			t.Errorf("record %d (%s) is about nobody: %s %v", r.Seq, r.Kind, r.Data, r.Set)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Text that no JSON can keep would be another one for whoever makes the change, and be given for ever.
func TestAValueThatIsNoTextIsNotGivenForEver(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "a\xffb")
	w.later()
	for range 3 {
		if p := w.later(); len(about(p, "zoe")) > 0 {
			t.Errorf("again: %v", about(p, "zoe"))
		}
	}
}

// Protected accounts are touched only by an approval or a cut.
func TestAProtectedAccountIsUpdatedByApproval(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Protected = []string{"id-zoe"}
	w.says("zoe", "mail", "New")
	w.pass(time.Hour)
	w.wants("zoe", "update wiki/.exists needs-approval: the account is protected")
}

// What was given to the account of somebody who is gone is nothing that is still decided about them.
func TestAGivenValueIsBlankedToo(t *testing.T) {
	w, b, blank := left(t)
	given := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactUpdated, Program: b.accounts[0][0], Account: b.accounts[0][1], Key: "mail"}, Text: "1"}
	w.record([]engine.Fact{given})
	if err := blank("k-zoe"); err != nil || !slices.Contains(b.records[0].Clear, given.FactKey) {
		t.Errorf("%v, %+v", err, b.records)
	}
}

// Two that set a value in turns do so for ever, unless one of them stops and asks.
func TestAValueThatIsFoughtOverWaits(t *testing.T) {
	w := upToDate(t)
	given := 0
	for i := range 40 {
		w.says("zoe", "mail", "New")
		if i%2 == 0 { // the list shows it in between
			w.targets["wiki"].SetAttribute("id-zoe", "mail", "Theirs")
		}
		w.pass(20 * time.Minute)
		p, _ := w.apply()
		if slices.Equal(about(p, "zoe"), []string{update}) {
			given++
		}
	}
	if given != 8 {
		t.Errorf("it was given %d times", given)
	}
	w.wants("zoe", "update wiki/.exists needs-approval: it was changed 8 times within 24h, and differs again")
	w.pass(25 * time.Hour)
	w.approve()
	w.applied("zoe", update)
}

// A program that was away for long is no such fight.
func TestAnUpdateThatFailsIsNotFoughtOver(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", "New")
	for range 12 {
		w.once(enginetest.Refuse)
		w.pass(2 * time.Hour)
		w.apply()
	}
	w.targets["wiki"].Before = nil
	w.pass(24 * time.Hour)
	w.applied("zoe", update)
}
