package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// picky is a program that refuses addresses, and repeats them.
type picky struct{ renaming }

func (r picky) refuse(to engine.NewAccount) (engine.Outcome, error) {
	return engine.Refused, errors.New("somebody has the address " + to.Attributes["mail"])
}

func (r picky) Update(_ context.Context, _ string, to engine.NewAccount) (engine.Outcome, error) {
	return r.refuse(to)
}

func (r picky) Create(_ context.Context, to engine.NewAccount) (string, engine.Outcome, error) {
	outcome, err := r.refuse(to)
	return "", outcome, err
}

// repeated are the records that are about nobody's account, and have the text all the same.
func (w *world) repeated(text string) {
	w.t.Helper()
	some := false
	err := w.journal.Records(w.t.Context(), engine.Query{}, func(r engine.Record) error {
		line, err := json.Marshal(r)
		if found := bytes.Contains(line, []byte(text)); found && r.Person == "" && r.Account == "" {
			w.t.Errorf("a record %s has %q: %.400s", r.Kind, text, line)
		} else {
			some = some || found
		}
		return err
	})
	if err != nil || !some {
		w.t.Errorf("no record has %q, %v", text, err)
	}
}

// What a program says of the values of a new account is in no run's record.
func TestARunsRecordRepeatsNoValueOfANewAccount(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Connector = picky{renaming{w.targets["wiki"]}}
	w.hire("kim", "a")
	w.says("kim", "mail", "kim-mail@example.com")
	w.later()
	w.pass(time.Second)
	p, _ := w.apply()
	if said := about(p, "kim"); len(said) == 0 || !strings.Contains(said[0], "kim-mail@example.com") {
		t.Errorf("the plan does not say why: %q", said)
	}
	w.repeated("-mail@example.com")
}

// Nor is what it said of the value before the last.
func TestARunsRecordRepeatsNoFormerValue(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Connector = picky{renaming{w.targets["wiki"]}}
	w.says("zoe", "mail", "then@example.com")
	w.later()
	w.says("zoe", "mail", "now@example.com")
	w.pass(time.Second)
	w.apply()
	w.wants("zoe", "update wiki/.exists blocked: failed 1 time, next try ")
	w.repeated("then@example.com")
}

// What is remembered of a failure is put right after a clock was ahead, and stays with its account.
func TestWhatAClockAheadFailedStaysWithItsAccount(t *testing.T) {
	w := upToDate(t)
	w.program("wiki").Connector = picky{renaming{w.targets["wiki"]}}
	w.says("zoe", "mail", "then@example.com")
	w.ahead(func() { w.apply() })
	w.apply()
	if f := w.memory().Facts(engine.FactFailing); len(f) != 1 || f[0].Until.After(w.now.Add(24*time.Hour)) {
		t.Errorf("%v", f)
	}
	w.repeated("then@example.com")
}

// A name that is no text keeps no run from being recorded.
func TestANameThatIsNoTextStopsNoRun(t *testing.T) {
	w := upToDate(t)
	if _, err := w.targets["wiki"].Rename(t.Context(), "id-zoe", engine.NewAccount{Name: "z\xf6"}); err != nil {
		t.Fatal(err)
	}
	w.says("zoe", "mail", "New")
	w.once(enginetest.Refuse)
	w.later()
	w.pass(time.Second)
	w.apply()
	w.wants("zoe", "update wiki/.exists blocked: failed 1 time, next try ")
	w.pass(24 * time.Hour)
	w.apply()
	if i := w.shows("id-zoe"); i.Name != "z\xf6" || i.Attributes["mail"] != "New" {
		t.Errorf("%+v", i)
	}
}

// A rename gives nothing again that was given once, and fills in nothing that the list does not show.
func TestARenameGivesNothingAgain(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.targets["wiki"].Takes = func(_, value string) string { return strings.ToLower(value) }
	w.says("zoe", "mail", "New")
	w.hire("kim", "a")
	w.later()
	w.later()
	for login, to := range map[string]string{"zoe": "zora", "kim": "kimi"} {
		w.person(login).Attributes[0].Values = []string{to}
		w.says(to, "team", "Team")
	}
	for _, c := range w.mustPlan().Changes {
		if _, mail := c.New.Attributes["mail"]; mail || c.Op != engine.OpRename || (c.New.Attributes["team"] != "") != (c.Account == "id-zoe") {
			t.Errorf("%s of %s: %v", c.Op, c.Account, c.New.Attributes)
		}
	}
}
