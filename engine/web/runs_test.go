package web

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// olderRun is r1 as its record tells it, while the page has looked since.
func olderRun(t *testing.T, data string) *Site {
	t.Helper()
	s, _, _ := guarded(t, Viewer)
	o := outlook("x")
	o.Run = "r2"
	b := records("x")
	b.records[0].Data = []byte(data)
	s.Outlook, s.Journal = func() *engine.Outlook { return o }, func() Journal { return b }
	return s
}

// What a run kept back is shown of every run, as far as it is recorded, and what is missing is counted.
func TestWhatAnOlderRunDidNotDo(t *testing.T) {
	const line = `{"Op":"grant","Program":"crm","Entitlement":"admin","Account":"a9","Person":"p1","State":"blocked","Reason":"no seat is free"}`
	later := `{"Op":"revoke","Program":"crm","Entitlement":"","Account":"a8","Person":"gone","State":"scheduled","Reason":"from the 9th on","Due":"2027-01-09T00:00:00Z"}`
	for name, c := range map[string]struct {
		data       string
		want, none []string
		waiting    int
		unsaid     int
	}{
		"all is recorded": {`{"Summary":{"blocked":1,"scheduled":1},"Held":[` + line + `,` + later + `]}`, []string{"What it did not do", "grant crm/admin", "blocked: no seat is free", `<a href="/people/p1">x</a>`, "later: from the 9th on"}, []string{"Only the first", "waited for an approval"}, 2, 0},
		"only the first":  {`{"Summary":{"blocked":3,"scheduled":9,"approval":4},"Held":[` + line + `,` + later + `]}`, []string{"Only the first 2 lines", "10 more", "What waited for an approval (4)"}, nil, 2, 10},
		"of before":       {`{"Summary":{"blocked":3}}`, []string{"What it did not do", "are not recorded; 3 are counted"}, []string{"Only the first"}, 0, 3},
		"nothing":         {`{"Summary":{"grant":3}}`, nil, []string{"What it did not do"}, 0, 0},
		"blanked":         {``, nil, []string{"What it did not do"}, 0, 0},
	} {
		s := olderRun(t, c.data)
		body := get(s, "/runs/r1").Body.String()
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %q is missing in %s", name, want, body)
			}
		}
		for _, none := range c.none {
			if strings.Contains(body, none) {
				t.Errorf("%s: %q is there", name, none)
			}
		}
		var got runWhole
		if err := json.Unmarshal(newProgram(t, s).ask("GET", "/api/v1/runs/r1", "").Body.Bytes(), &got); err != nil || len(got.Waiting) != c.waiting || got.Unsaid != c.unsaid {
			t.Errorf("%s, for programs: %d, %d, %v", name, len(got.Waiting), got.Unsaid, err)
		}
	}
}
