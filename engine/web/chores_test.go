package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A program's page and its answer to programs have what is to be done there by hand, and of its service accounts what they are for.
func TestTasksOfAProgram(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	b, o := s.Journal().(*book), s.Outlook()
	task := func(program, key, text string) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTask, Program: program, Key: key}, Text: text, Since: noon()}
	}
	b.facts = append(b.facts, task("crm", "t8", "name another owner of <bot>"), task("erp", "t9", "something elsewhere"))
	body := send(s, http.MethodGet, "/programs/crm", "").Body.String()
	if !strings.Contains(body, "name another owner of &lt;bot&gt;") || strings.Contains(body, "something elsewhere") || !strings.Contains(body, "<th>Purpose</th>") {
		t.Error(body)
	}
	var got programWhole
	if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, "/api/v1/programs/crm", "").Body.Bytes(), &got); err != nil || len(got.Tasks) != 1 || got.Tasks[0].ID != "t8" || got.Declared[0].Purpose != o.People[0].Entry {
		t.Errorf("%+v, %v", got, err)
	}
}
