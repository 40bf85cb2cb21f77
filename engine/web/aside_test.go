package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A program that is set aside stands on the first page and its own as the journal has it now, not as the last plan did; so does what its
// connector can do.
func TestProgramsThatAreSetAsideAreShown(t *testing.T) {
	b, o := records("x"), outlook("x")
	o.Plan.Notices = append(o.Plan.Notices, engine.Notice{Level: "alarm", Code: engine.NoticeAside, Program: "crm", Text: "what the plan said"})
	for i := range o.Programs {
		o.Programs[i].Can = &engine.Capabilities{Rename: true, Destroys: "<b>all</b>", Delete: true, Batch: 7}
	}
	s, _ := site(t, b, o)
	api := func(path string, into any) {
		t.Helper()
		if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, path, "").Body.Bytes(), into); err != nil {
			t.Error(err)
		}
	}
	var now nowJSON
	var one programWhole
	says := func(path string, want bool) {
		t.Helper()
		if body := get(s, path).Body.String(); strings.Contains(body, "3 calls failed in a row, the last one with: &lt;no&gt; route") != want || strings.Contains(body, "what the plan said") {
			t.Errorf("%s: it is said that crm is set aside: %v", path, !want)
		}
	}
	says("/", false)
	says("/programs/crm", false)
	if body := get(s, "/programs/crm").Body.String(); !strings.Contains(body, "it destroys &lt;b&gt;all&lt;/b&gt;") || !strings.Contains(body, "up to 7 changes with one call") {
		t.Error("what the connector can do is not shown")
	}
	b.facts = append(b.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactAside, Program: "crm"}, Since: noon(), Count: 3, Text: "<no> route"})
	says("/", true)
	says("/programs/crm", true)
	if body := get(s, "/programs").Body.String(); !strings.Contains(body, ">set aside</span>") {
		t.Error("the list does not say it")
	}
	s, _, _ = guarded(t, Viewer)
	s.Options.Outlook, s.Options.Journal = func() *engine.Outlook { return o }, func() Journal { return b }
	api("/api/v1/now", &now)
	api("/api/v1/programs/crm", &one)
	if len(now.SetAside) != 1 || now.SetAside[0].Failed != 3 || !now.SetAside[0].Since.Equal(noon()) || slices.ContainsFunc(now.Notices, func(n engine.Notice) bool { return n.Code == engine.NoticeAside }) {
		t.Errorf("%+v", now.SetAside)
	}
	if one.SetAside == nil || one.SetAside.Error != "<no> route" || one.Can == nil || !one.Can.Rename || one.Can.Batch != 7 || len(one.Can.Lines) < 10 {
		t.Errorf("%+v %+v", one.SetAside, one.Can)
	}
	v := nowView{Aside: []engine.SetAside{{Program: "crm"}, {Program: "wiki"}}}
	if got := asideHeadline(v.Aside[:1]) + "; " + asideHeadline(v.Aside); got != "crm is set aside, since its calls fail; 2 programs are set aside, since their calls fail" {
		t.Error(got)
	}
}
