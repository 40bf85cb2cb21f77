package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// staff is p1, who leads p2 and owns crm, and p3 and wiki, which are none of p1's.
func staff(t *testing.T, text string, p Permission) (s *Site, d *door, refused *[]string) {
	t.Helper()
	s, d, refused = guarded(t, p)
	o := outlook(text)
	person := func(key, manager string, state engine.State) engine.Person {
		return engine.Person{Key: key, State: state, Attributes: engine.Attributes{{Name: "login", Values: []string{key + "-login"}}, {Name: "mail", Values: []string{key + "@example.com"}}, {Name: "name", Values: []string{"Name of " + key}}},
			Jobs: []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{manager}}}}}}
	}
	o.People = []engine.Person{person("p1", "p1", engine.StateActive), person("p2", "P1@example.com", engine.StateActive), person("p3", "p2", engine.StateActive), person("p4", "p1-login", engine.StateLeft)}
	o.People[0].Entry, o.People[1].Attributes[2].Values[0] = text, text
	o.Programs = append(o.Programs, engine.ProgramOutlook{Name: "wiki"})
	s.Outlook = func() *engine.Outlook { return o }
	s.Programs = func() []Program {
		return []Program{{Name: "crm", Owner: "P1@EXAMPLE.com"}, {Name: "wiki", Owner: "p2@example.com"}}
	}
	return s, d, refused
}

// Everybody sees themselves, a manager the team, an owner the programs; nothing else, and what is asked for besides is recorded.
func TestMine(t *testing.T) {
	s, d, refused := staff(t, "x", Own)
	body := func(path string) string { return send(s, http.MethodGet, path, "").Body.String() }
	mine := body("/mine")
	for _, want := range []string{"My access", `href="/mine/people/p2"`, `href="/mine/programs/crm"`, "an extra: "} {
		if !strings.Contains(mine, want) {
			t.Errorf("%q is missing in %s", want, mine)
		}
	}
	for _, other := range []string{"p3", "p4", "wiki", `href="/people`, `href="/audit`, `href="/programs`, `href="/waiting`} {
		if strings.Contains(mine, other) {
			t.Errorf("%q is none of theirs: %s", other, mine)
		}
	}
	if to := send(s, http.MethodGet, "/", "").Header().Get("Location"); to != "/mine" {
		t.Errorf("the first page leads to %q", to)
	}
	for path, want := range map[string]int{"/mine/people/p2": 200, "/mine/programs/crm": 200, "/mine/people/p1": 403, "/mine/people/p3": 403, "/mine/people/p4": 403, "/mine/people/p9": 403, "/mine/programs/wiki": 403, "/mine/programs/none": 403, "/people/p2": 403, "/programs/crm": 403, "/people/p1": 403} {
		*refused = nil
		w := send(s, http.MethodGet, path, "")
		if w.Code != want || (want == 403) != (len(*refused) == 1) {
			t.Errorf("%s: %d, recorded %v", path, w.Code, *refused)
		}
		if want == 200 && (strings.Contains(w.Body.String(), `href="/people`) || strings.Contains(w.Body.String(), `href="/audit`)) {
			t.Errorf("%s leads to what they may not see", path)
		}
	}
	for _, nobody := range []string{"", "p9"} {
		d.user.Person = nobody
		if mine := body("/mine"); strings.Contains(mine, "Your team") || strings.Contains(mine, "Your programs") {
			t.Errorf("%q has a team: %s", nobody, mine)
		}
		if w := send(s, http.MethodGet, "/mine/people/p2", ""); w.Code != http.StatusForbidden {
			t.Errorf("%q sees p2: %d", nobody, w.Code)
		}
	}
	s.Outlook = func() *engine.Outlook { return nil }
	if w := send(s, http.MethodGet, "/mine/people/p2", ""); w.Code != http.StatusForbidden {
		t.Errorf("before the first look p2 is shown: %d", w.Code)
	}
}

// A job that is over makes nobody a manager, nor does a name that is somebody else's as well.
func TestAManagerIsOnePersonNow(t *testing.T) {
	s, _, _ := staff(t, "x", Own)
	o := s.Outlook()
	o.At = time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	code := func() int { return send(s, http.MethodGet, "/mine/people/p2", "").Code }
	job := &o.People[1].Jobs[0]
	for want, end := range map[int]time.Time{http.StatusOK: o.At.Add(1), http.StatusForbidden: o.At} {
		if job.End = end; code() != want {
			t.Errorf("a job that ends %s: %d", end, code())
		}
	}
	job.End = time.Time{}
	o.People[2].Attributes[1].Values[0] = "p1@EXAMPLE.com" // as somebody may write it there
	if got := code(); got != http.StatusForbidden {
		t.Errorf("the address of two people: %d", got)
	}
	if got := send(s, http.MethodGet, "/mine/programs/crm", "").Code; got != http.StatusForbidden {
		t.Errorf("a program whose owner is the address of two people: %d", got)
	}
}

// What a directory says stays text on the pages of people who are signed in, too.
func TestHostileTextsStayTextSignedIn(t *testing.T) {
	shape := map[string]string{}
	for i, hostile := range append([]enginetest.HostileText{{Text: "plain"}}, enginetest.Hostile()...) {
		text := hostile.Text
		if text == "" || text == engine.Exists || testing.Short() && i%20 != 0 {
			continue
		}
		s, d, _ := staff(t, text, Admin)
		d.user.Name, d.user.Actor = text, text
		for _, path := range []string{"/login", "/mine", "/mine/people/p2", "/mine/programs/crm", "/people/p2", "/people/p2/cut", "/runs/r1/undo", "/waiting", "/programs/crm", "/runs/r1", "/"} {
			w := send(s, http.MethodGet, path, "")
			got := tags(w.Body.String())
			if w.Code != http.StatusOK || i > 0 && got != shape[path] {
				t.Fatalf("%s with %q: %d, or another shape", path, text, w.Code)
			}
			if strings.IndexFunc(strings.ReplaceAll(w.Body.String(), "\n", ""), hidden) >= 0 {
				t.Fatalf("%s with %q hides something", path, text)
			}
			if i == 0 {
				shape[path] = got
			}
		}
	}
}
