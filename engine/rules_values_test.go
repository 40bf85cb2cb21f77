package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// keptTo wants each text in records about its person alone, and in some.
func (w *world) keptTo(texts map[string]string) {
	w.t.Helper()
	found := map[string]bool{}
	err := w.journal.Records(w.t.Context(), engine.Query{}, func(r engine.Record) error {
		line, err := json.Marshal(r)
		for text, person := range texts {
			if !bytes.Contains(line, []byte(text)) {
				continue
			}
			if found[text] = true; r.Person != person {
				w.t.Errorf("a record %s about %q has %q of %s: %.300s", r.Kind, r.Person, text, person, line)
			}
		}
		return err
	})
	if err != nil || len(found) != len(texts) {
		w.t.Errorf("found %v of %v, %v", found, texts, err)
	}
}

// What waits for an approval of an update has the values of many people, and is blanked with each of them: it stands in no common record.
func TestValuesThatWaitStandWithTheirPerson(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.engine.Settings.Limits.Update = engine.Limit{Window: 24 * time.Hour}
	for _, login := range []string{"yan", "zoe"} {
		w.says(login, "mail", login+"-now@example.com")
		w.targets["wiki"].SetAttribute("id-"+login, "mail", login+"-before@example.com")
	}
	w.hire("kim", "a")
	w.says("kim", "mail", "Old") // which the list shows
	w.later()
	w.person("kim").Attributes[0].Values = []string{"kim-renamed"}
	w.says("kim-renamed", "mail", "kim-now@example.com")
	all := map[string]string{"yan-now@": "k-yan", "zoe-now@": "k-zoe", "yan-before@": "k-yan", "zoe-before@": "k-zoe"}
	w.later()
	if n := len(w.memory().Items()); n != 3 {
		t.Fatalf("%d items wait", n)
	}
	all["kim-now@"], all["kim-renamed"] = "k-kim", "k-kim"
	w.keptTo(all)
	w.approve() // what is not used in time waits again
	for _, login := range []string{"yan", "zoe"} {
		w.says(login, "mail", login+"-before@example.com")
	}
	for range 3 { // its reason is not seen any more, then it ends
		w.pass(25 * time.Hour)
		w.apply()
		w.keptTo(all)
	}
	if n := len(w.memory().Items()); n > 1 {
		t.Errorf("%d items wait", n)
	}
}

// What a new account would be given is not kept with what waits: it is worked out again.
func TestWaitingCreationsKeepNoValues(t *testing.T) {
	w := upToDate(t)
	w.engine.Settings.Limits.Grant = engine.Limit{Window: 24 * time.Hour}
	w.hire("kim", "a")
	w.says("kim", "mail", "kim@example.com")
	w.later()
	if n := len(w.memory().Items()); n == 0 {
		t.Fatal("nothing waits")
	}
	_ = w.journal.Records(t.Context(), engine.Query{}, func(r engine.Record) error {
		if line, _ := json.Marshal(r); bytes.Contains(line, []byte("kim@")) {
			t.Errorf("%s: %s", r.Kind, line)
		}
		return nil
	})
	w.approve()
	w.later()
	if i := w.shows("id-kim"); i.Attributes["mail"] != "kim@example.com" {
		t.Errorf("%+v", i)
	}
}

// repeating is a program that refuses values, and repeats them.
type repeating struct{ renaming }

func (r repeating) Update(context.Context, string, engine.NewAccount) (engine.Outcome, error) {
	return engine.Refused, errors.New("ZOE-now@example.com is no address")
}

// What a program says of a value stands with the person, and not in the record of the run.
func TestARunsRecordRepeatsNoValue(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Connector = repeating{renaming{w.targets["wiki"]}}
	w.says("zoe", "mail", "zoe-now@example.com")
	w.later()
	w.pass(time.Second)
	w.apply()
	w.wants("zoe", "update wiki/.exists blocked: failed 1 time, next try ")
	w.keptTo(map[string]string{"zoe-now@example.com": "k-zoe", "ZOE-now@example.com": "k-zoe"})
}

// saltsOf are the salts of the journal, and the ids of what waits.
func (w *world) saltsOf() (salts, ids []string) {
	for _, f := range w.memory().Facts(engine.FactSalt) {
		salts = append(salts, f.Text)
	}
	for _, i := range w.memory().Items() {
		ids = append(ids, i.ID)
	}
	return salts, ids
}

// Nobody tells a value by the id of its approval, or by what is remembered of it: both depend on the journal's own salt, which is made once.
func TestHashesOfValuesAreSalted(t *testing.T) {
	play := func(random string) (salt string, ids []string, given string) {
		w := upToDate(t)
		w.engine.Random = strings.NewReader(strings.Repeat(random, 64))
		w.targets["wiki"].Takes = func(string, string) string { return "" }
		w.says("yan", "mail", "New")
		w.later()
		facts := w.memory().Facts(engine.FactUpdated)
		w.engine.Settings.Limits.Update = engine.Limit{Window: 24 * time.Hour}
		w.says("zoe", "mail", "New")
		w.mustPlan()
		w.later()
		w.later()
		salts, ids := w.saltsOf()
		if len(salts) != 1 || len(ids) != 1 || len(facts) != 1 {
			t.Fatalf("salts %q, items %q, given %v", salts, ids, facts)
		}
		if said := w.warned(); len(said) != 1 { // the salted hash is found again
			t.Errorf("warned: %q", said)
		}
		return salts[0], ids, facts[0].Text
	}
	salt, ids, given := play("a")
	same1, sameIDs, sameGiven := play("a")
	if salt != same1 || !slices.Equal(ids, sameIDs) || given != sameGiven {
		t.Error("a history does not replay")
	}
	other, otherIDs, otherGiven := play("b")
	if salt == other || slices.Equal(ids, otherIDs) || given == otherGiven || len(salt) < 32 {
		t.Errorf("salts %s and %s, ids %v and %v, given %s and %s", salt, other, ids, otherIDs, given, otherGiven)
	}
}

// A dry run writes nothing, and what needs no salt makes none.
func TestASaltIsMadeWhenItIsNeeded(t *testing.T) {
	w := upToDate(t)
	w.later()
	w.says("zoe", "mail", "New")
	w.mustPlan()
	if salts, _ := w.saltsOf(); len(salts) > 0 {
		t.Errorf("salts: %q", salts)
	}
	w.later()
	if salts, _ := w.saltsOf(); len(salts) != 1 {
		t.Errorf("salts: %q", salts)
	}
}

// One warning tells of all accounts that take no value of an attribute.
func TestWhatIsNotTakenIsToldOnce(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Takes = func(string, string) string { return "" }
	for n := range 4 {
		w.hire(fmt.Sprintf("p%d", n), "a")
	}
	for n := range 4 {
		w.says(fmt.Sprintf("p%d", n), "mail", "Old")
	}
	w.later()
	for _, login := range []string{"p0", "p1", "p2", "p3", "zoe"} {
		w.says(login, "mail", "New "+login)
	}
	w.says("zoe", "team", "New team")
	w.later()
	w.later()
	want := []string{`mail of 5 accounts of wiki ("p0", "p1", "p2" and 2 more) was set to what the directory's entry says, and wiki shows another value: `, `team of 1 account of wiki ("zoe") was set `}
	said := w.warned()
	if len(said) != len(want) || !strings.HasPrefix(said[0], want[0]) || !strings.HasPrefix(said[1], want[1]) {
		t.Errorf("%q", said)
	}
	if many, one := strings.HasSuffix(said[0], ": rolecall why PERSON"), strings.Contains(said[1], "rolecall why"); !many || one {
		t.Errorf("%q", said)
	}
	for login, want := range map[string]string{"p3": `mail of 1 account of wiki ("p3") was set to `, "yan": ""} {
		answer, err := w.engine.Why(t.Context(), login, "wiki")
		if err != nil || (want == "") != (len(answer.Notes) == 0) || want != "" && !strings.HasPrefix(answer.Notes[0], want) {
			t.Errorf("%s: %q, %v", login, answer.Notes, err)
		}
	}
}

// A rename changes the name, and what is kept up to date; nothing else that a new account would be given.
func TestARenameCarriesNothingElse(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.says("zoe", "title", "New")
	w.says("zoe", "mail", "New")
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.later()
	if i := w.shows("id-zoe"); i.Name != "zora" || i.Attributes["mail"] != "New" || i.Attributes["title"] != "Old" {
		t.Errorf("%+v", i)
	}
	w.program("wiki").Update = nil
	w.person("zora").Attributes[0].Values = []string{"zelda"}
	w.says("zelda", "mail", "Newer")
	w.later()
	if i := w.shows("id-zoe"); i.Name != "zelda" || i.Attributes["mail"] != "New" {
		t.Errorf("%+v", i)
	}
}
