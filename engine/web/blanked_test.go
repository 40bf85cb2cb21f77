package web

import (
	"strings"
	"testing"
)

// Where something was blanked the page says when, by whom and why, and nowhere else.
func TestBlankedIsSaid(t *testing.T) {
	b := records("x")
	b.records = append(b.records, b.records[1])
	b.records[2].Seq, b.records[2].Person = 2, "#12"
	s, _ := site(t, b, outlook("because"))
	for path, want := range map[string]bool{"/people/%2312": true, "/audit/2": true, "/api/v1/audit/2": true, "/api/v1/people/%2312": true, "/people/p1": false, "/audit/1": false, "/api/v1/people/p1": false} {
		w := get(s, path)
		page := strings.Contains(w.Body.String(), "Blanked on 2027-01-04 12:00 by because: because")
		if !strings.HasPrefix(path, "/api") && page != want || strings.HasPrefix(path, "/api") && strings.Contains(w.Body.String(), `"blanked":{"at":"2027-01-04T12:00:00Z","by":"because","reason":"because","record":9}`) != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
