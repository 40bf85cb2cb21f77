package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

var huge = strings.Repeat("ä", 3000) // 6,000 bytes

// noHuge wants a plan, and all that was recorded, without a huge value.
func (w *world) noHuge(p *engine.Plan) {
	w.t.Helper()
	if text, _ := json.Marshal(p); len(text) > 50_000 {
		w.t.Errorf("the plan has %d bytes", len(text))
	}
	_ = w.journal.Records(w.t.Context(), engine.Query{}, func(r engine.Record) error {
		if line, _ := json.Marshal(r); strings.Contains(string(line), huge[:5000]) {
			w.t.Errorf("a record %s has %d bytes", r.Kind, len(line))
		}
		return nil
	})
}

// A value that is too long is given to nobody; the others are.
func TestHugeValuesAreNotGiven(t *testing.T) {
	w := upToDate(t)
	w.says("zoe", "mail", huge)
	const why = "update wiki/.exists blocked: mail would be 6000 bytes long, and no value is given that is longer than 4096: "
	p := w.later()
	same(t, "zoe", about(p, "zoe"), []string{why})
	w.noHuge(p)
	w.says("zoe", "team", "New")
	p = w.later()
	same(t, "zoe", about(p, "zoe"), []string{update})
	if c := p.Changes[0]; len(c.Why) != 2 || !strings.HasPrefix(c.Why[1], "mail would be 6000 bytes long") {
		t.Errorf("why %q", c.Why)
	}
	w.wants("zoe", why)
	w.says("zoe", "mail", strings.Repeat("a", 4096))
	same(t, "zoe", about(w.later(), "zoe"), []string{update})
	w.noHuge(w.mustPlan())
}

func TestHugeValuesMakeNoAccountAndNoName(t *testing.T) {
	w := upToDate(t)
	w.hire("kim", "a")
	w.says("kim", "title", huge)
	p := w.later()
	for _, line := range about(p, "kim") {
		if !strings.Contains(line, "blocked: title would be 6000 bytes long") {
			t.Errorf("%s", line)
		}
	}
	if len(about(p, "kim")) == 0 || strings.Contains(w.truth("wiki"), "kim") {
		t.Errorf("%q", about(p, "kim"))
	}
	w.says("kim", "title", "T")
	w.later()
	w.targets["wiki"].Describes.Rename = true
	w.person("kim").Attributes[0].Values = []string{huge}
	w.pass(1)
	p, _ = w.apply()
	if n := len(p.Changes); n != 1 || p.Changes[0].State != engine.Blocked || p.Changes[0].New != nil || !strings.HasPrefix(p.Changes[0].Reason, "the name of the account would be 6000 bytes long") {
		t.Errorf("%q", lines(p))
	}
}

// A rename is made without a value that is too long.
func TestARenameCarriesNoHugeValue(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].Describes.Rename = true
	w.says("zoe", "mail", huge)
	w.says("zoe", "team", "New")
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.noHuge(w.later())
	if i := w.shows("id-zoe"); i.Name != "zora" || i.Attributes["mail"] != "Old" || i.Attributes["team"] != "New" {
		t.Errorf("%.300v", i)
	}
}

// What a program shows is shortened, however long it is.
func TestHugeValuesOfAProgramAreShortened(t *testing.T) {
	w := upToDate(t)
	w.targets["wiki"].AddAccount("own", engine.AccountInfo{Display: huge}, engine.Exists, engine.Active)
	w.targets["wiki"].SetAttribute("id-zoe", "mail", huge)
	w.targets["wiki"].AddAccount("id-yan", engine.AccountInfo{Name: huge, Attributes: map[string]string{"mail": "Other", "team": "Old", "title": "Old"}}, engine.Exists, engine.Active, "x")
	p := w.later()
	w.noHuge(p)
	if !slices.ContainsFunc(p.Unmanaged, func(u engine.Unmanaged) bool { return u.Account == "own" && u.Name == huge[:4096]+"…" }) {
		t.Errorf("the unmanaged account is shown at full length, or not at all")
	}
	same(t, "zoe", about(p, "zoe"), []string{update})
	for i := range p.Changes {
		if c := &p.Changes[i]; c.New == nil || c.New.Name != "" && c.Person == "k-yan" {
			t.Errorf("%+v", c.New)
		}
	}
	if i := w.shows("id-yan"); i.Attributes["mail"] != "Old" {
		t.Errorf("%.200v", i)
	}
}
