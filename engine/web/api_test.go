package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/openapi"
)

// program asks as a program does, and holds what is sent and answered against the document that the site gives.
type program struct {
	t    *testing.T
	site *Site
	doc  *openapi.Document
}

func newProgram(t *testing.T, s *Site) *program {
	t.Helper()
	doc, err := openapi.Parse(get(s, "/api/openapi.json").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return &program{t, s, doc}
}

func (p *program) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	w := send(p.site, method, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	if err := p.doc.Answer(method, path, w.Code, w.Header().Get("Content-Type"), w.Body.Bytes()); err != nil {
		p.t.Error(err)
	}
	return w
}

// filled is a path with what the site of tests has in it.
func filled(path string) string {
	return strings.NewReplacer("reviews/{name}", "reviews/q0", "{key}", "p1", "{name}", "crm", "{run}", "r1", "{seq}", "1", "{report}", "seats", "/export", "/export?format=jsonl").Replace(path)
}

// bodies are what is sent to each address, and what is then done.
func bodies() map[string][2]string {
	return map[string][2]string{
		"POST /api/v1/waiting":           {`{"decision":"approve","items":["a","b"],"reason":"agreed"}`, "approve a,b agreed"},
		"POST /api/v1/people/{key}/give": {`{"entitlement":"crm/x","until":"2027-02-01","reason":"fair"}`, "give p1 crm/x 2027-02-01 fair"},
		"POST /api/v1/people/{key}/cut":  {`{"reason":"stolen"}`, "cut p1 stolen"},
		"POST /api/v1/people/{key}/lift": {`{"reason":"found"}`, "lift p1 found"},
		"POST /api/v1/pause":             {`{"program":"","reason":"trouble"}`, "pause  trouble"},
		"POST /api/v1/resume":            {`{"program":"crm"}`, "resume crm "},
		"POST /api/v1/runs/{run}/undo":   {`{"reason":"wrong"}`, "undo r1 wrong"},
		"POST /api/v1/tasks/done":        {`{"task":"t1","reason":"sent back"}`, ""},
		"POST /api/v1/release":           {`{"reason":"settled"}`, ""},
		"POST /api/v1/delegations":       {`{"to":"p2","from":"2027-01-10","until":"2027-01-20","reason":"holiday"}`, ""},
		"POST /api/v1/delegations/end":   {`{"of":"p1","to":"p2","reason":"back"}`, ""},
		"POST /api/v1/reviews": {`{"name":"q3","scope":["program:crm","role:x"],"reviewers":"owners","due":"2027-02-01","keep":"2027-05-01","undecided":true,"reason":"yearly"}`,
			"start q3 program:crm,role:x owners 2027-02-01 2027-05-01 true yearly"},
		"POST /api/v1/reviews/{name}":       {`{"decision":"revoke","lines":["l1","l2"],"until":"2027-02-01","reason":"moved"}`, "revoke q0 l1,l2 2027-02-01 moved"},
		"POST /api/v1/reviews/{name}/close": {`{"reason":"signed"}`, "close q0 signed"},
	}
}

// Every address is asked, and every answer is as the document says, be it that everything is known, nothing or that it fails.
func TestAnswersAreAsDescribed(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	giveable := outlook("x")
	giveable.Policy = giving{}
	s.Outlook = func() *engine.Outlook { return giveable }
	p := newProgram(t, s)
	for _, operation := range p.doc.Operations() {
		method, path, _ := strings.Cut(operation, " ")
		sent := bodies()[operation]
		d.did = nil
		if method == http.MethodPost {
			if err := p.doc.Body(method, path, []byte(sent[0])); err != nil {
				t.Error(err)
			}
		}
		switch w := p.ask(method, filled(path), sent[0]); {
		case strings.HasPrefix(path, "/api/v1/mine/"): // nothing is theirs: TestMineForPrograms
		case w.Code != http.StatusOK:
			t.Errorf("%s: %d %s", operation, w.Code, w.Body)
		case sent[1] != "" && !slices.Equal(d.did, []string{"oidc:1 (Ann) " + sent[1]}):
			t.Errorf("%s did %v", operation, d.did)
		}
	}
	p.ask(http.MethodGet, "/api/v1/people/p1?why=crm/x&on=2027-01-01", "")
	p.ask(http.MethodGet, "/api/v1/people/nobody", "")
	for _, path := range []string{"/api/v1/audit?kind=nonsense", "/api/v1/audit?from=soon", "/api/v1/audit/0", "/api/v1/audit/9999", "/api/v1/programs/nothing"} {
		if w := p.ask(http.MethodGet, path, ""); w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	d.wrong = ByHand{giveable.Plan.Changes}
	if w := p.ask(http.MethodPost, "/api/v1/people/p1/cut", `{"reason":"stolen"}`); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"changes":[{`) {
		t.Errorf("what is to be done by hand is not told: %s", w.Body)
	}
	s.Outlook = func() *engine.Outlook { return nil }
	for path, want := range map[string]int{"now": 200, "mine": 200, "waiting": 200, "people": 503, "programs": 503, "programs/crm": 503} {
		if w := p.ask(http.MethodGet, "/api/v1/"+path, ""); w.Code != want {
			t.Errorf("%s before the first look: %d", path, w.Code)
		}
	}
}

// Whoever sees their own access sees what the page shows them, and no more.
func TestMineForPrograms(t *testing.T) {
	s, _, refused := staff(t, "secret", Own)
	p := newProgram(t, s)
	for path, want := range map[string]int{"mine": 200, "mine/people/p2": 200, "mine/programs/crm": 200, "mine/people/p3": 403, "mine/programs/wiki": 403, "people/p1": 403, "now": 403} {
		*refused = nil
		w := p.ask(http.MethodGet, "/api/v1/"+path, "")
		if w.Code != want || (want == 403) != (len(*refused) == 1) {
			t.Errorf("%s: %d, recorded %v", path, w.Code, *refused)
		}
		for _, other := range []string{`"history"`, `"entry"`, `"cut":`, `"p3"`, `"wiki"`} {
			if want == 200 && strings.Contains(w.Body.String(), other) {
				t.Errorf("%s shows %s: %s", path, other, w.Body)
			}
		}
	}
	owner := p.ask(http.MethodGet, "/api/v1/mine/programs/crm", "").Body.String()
	if strings.Contains(owner, `"person"`) || strings.Contains(owner, `"changes"`) {
		t.Errorf("an owner is shown who has accounts: %s", owner)
	}
}

// permissionsOfCalls says once more, for those who read it, what each address needs. One that is not here fails.
func permissionsOfCalls() map[string]Permission {
	return map[string]Permission{
		"GET /api/openapi.json": Anybody, "GET /api/": Own, "POST /api/": Own, "GET /api/v1/me": Own, "GET /api/v1/mine": Own, "GET /api/v1/mine/people/{key}": Own, "GET /api/v1/mine/programs/{name}": Own,
		"GET /api/v1/now": Viewer, "GET /api/v1/people": Viewer, "GET /api/v1/people/{key}": Viewer, "GET /api/v1/programs": Viewer, "GET /api/v1/programs/{name}": Viewer, "GET /api/v1/waiting": Viewer, "GET /api/v1/asof": Viewer, "GET /api/v1/changes": Viewer, "GET /api/v1/reports/{report}/csv": Viewer, "GET /api/v1/programs/{name}/holders": Viewer,
		"GET /api/v1/runs": Viewer, "GET /api/v1/runs/{run}": Viewer, "GET /api/v1/audit": Viewer, "GET /api/v1/reports": Viewer, "GET /api/v1/reports/{report}": Viewer, "GET /api/v1/audit/{seq}": Viewer, "GET /api/v1/audit/export": Viewer, "GET /api/v1/people/{key}/cut": Approver, "POST /api/v1/waiting": Approver,
		"POST /api/v1/people/{key}/give": Approver, "POST /api/v1/people/{key}/cut": Approver, "POST /api/v1/people/{key}/lift": Admin, "POST /api/v1/pause": Admin, "POST /api/v1/resume": Admin,
		"GET /api/v1/runs/{run}/undo": Admin, "POST /api/v1/runs/{run}/undo": Admin,
		"POST /api/v1/tasks/done": Approver, "POST /api/v1/release": Admin, "POST /api/v1/delegations": Approver, "POST /api/v1/delegations/end": Approver,
		"GET /api/v1/reviews": Own, "GET /api/v1/reviews/{name}": Own, "POST /api/v1/reviews": Admin, "POST /api/v1/reviews/{name}": Own, "POST /api/v1/reviews/{name}/close": Admin,
	}
}

// Nobody gets further than their permission, which is that of the page; nothing is done before it is asked for.
func TestPermissionsOfPrograms(t *testing.T) {
	want := permissionsOfCalls()
	for p := Anybody; p <= Admin; p++ {
		s, d, refused := guarded(t, p)
		for _, one := range s.calls() {
			if needs, known := want[one.pattern]; !known || needs != one.needs {
				t.Fatalf("%s needs %s, not %s", one.pattern, one.needs, needs)
			}
			method, path, _ := strings.Cut(one.pattern, " ")
			d.did, *refused = nil, nil
			w := send(s, method, filled(path), bodies()[one.pattern][0], "Content-Type", "application/json")
			denied := w.Code == http.StatusForbidden || w.Code == http.StatusUnauthorized
			if denied != (p < one.needs) && !strings.HasPrefix(path, "/api/v1/mine/") && one.pattern != "GET /api/v1/reviews/{name}" { // not theirs: TestReviewsForPrograms
				t.Errorf("%s as %s: %d %s", one.pattern, p, w.Code, w.Body)
			}
			if p == Anybody && denied && (w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer")) {
				t.Errorf("%s as nobody: %d %v", one.pattern, w.Code, w.Header())
			}
			if denied && (len(d.did) > 0 || p > Anybody && len(*refused) != 1 || w.Header().Get("Content-Type") != "application/problem+json") {
				t.Errorf("%s as %s: did %v, recorded %v, %v", one.pattern, p, d.did, *refused, w.Header())
			}
		}
		if p == Anybody && len(s.calls()) != len(want) {
			t.Errorf("%d addresses, not %d", len(s.calls()), len(want))
		}
	}
}

// What is not whole does nothing, and is said as a problem.
func TestWrongBodies(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	p := newProgram(t, s)
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		want       int
	}{
		"no reason":           {"people/p1/cut", `{}`, nil, 400},
		"an unknown field":    {"people/p1/cut", `{"reason":"x","force":true}`, nil, 400},
		"two values":          {"people/p1/cut", `{"reason":"x"}{"reason":"y"}`, nil, 400},
		"no JSON":             {"people/p1/cut", `reason=x`, nil, 400},
		"a form":              {"people/p1/cut", `{"reason":"x"}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"plain text":          {"people/p1/cut", `{"reason":"x"}`, []string{"Content-Type", "text/plain"}, 415},
		"too long":            {"people/p1/cut", `{"reason":"` + strings.Repeat("x", mostForm) + `"}`, nil, 400},
		"everything, unsaid":  {"pause", `{"reason":"x"}`, nil, 400},
		"nothing to resume":   {"resume", `{}`, nil, 400},
		"no such program":     {"pause", `{"program":"nothing","reason":"x"}`, nil, 400},
		"no decision":         {"waiting", `{"items":["a"],"reason":"x"}`, nil, 400},
		"no items":            {"waiting", `{"decision":"approve","reason":"x"}`, nil, 400},
		"no lines":            {"reviews/q0", `{"decision":"keep","reason":"x"}`, nil, 400},
		"neither":             {"reviews/q0", `{"decision":"over","lines":["l1"],"reason":"x"}`, nil, 400},
		"no day to keep to":   {"reviews/q0", `{"decision":"keep","lines":["l1"],"until":"soon","reason":"x"}`, nil, 400},
		"no reason to review": {"reviews/q0", `{"decision":"keep","lines":["l1"]}`, nil, 400},
		"no last day":         {"reviews", `{"name":"q3","reviewers":"owners","reason":"x"}`, nil, 400},
		"no day of extras":    {"reviews", `{"name":"q3","reviewers":"owners","due":"2027-02-01","keep":"later","reason":"x"}`, nil, 400},
		"no reason to close":  {"reviews/q0/close", `{}`, nil, 400},
		"from another page":   {"people/p1/cut", `{"reason":"x"}`, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"from a sibling":      {"people/p1/cut", `{"reason":"x"}`, []string{"Sec-Fetch-Site", "same-site"}, 403},
		"from an old browser": {"people/p1/cut", `{"reason":"x"}`, []string{"Origin", "https://evil.example.com"}, 403},
	} {
		d.did = nil
		w := p.ask(http.MethodPost, "/api/v1/"+c.path, c.body, c.headers...)
		if w.Code != c.want || len(d.did) > 0 {
			t.Errorf("%s: %d, did %v: %s", name, w.Code, d.did, w.Body)
		}
	}
}

// Errors are problems whatever is asked for; what went wrong inside stays there.
func TestProblems(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	is := func(w *httptest.ResponseRecorder, status int) {
		t.Helper()
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Status != status || p.Type != "about:blank" || p.Title == "" || p.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %s %v", w.Code, w.Body, err)
		}
	}
	is(send(s, http.MethodGet, "/api/v2/now", ""), 404)
	is(send(s, http.MethodPost, "/api/v1/now", "{}"), 404)
	is(send(s, http.MethodDelete, "/api/v1/now", ""), 405)
	is(send(s, http.MethodGet, "/api/v1/now", "", "Sec-Fetch-Site", "cross-site"), 403)
	d.err = errors.New("secret-of-the-store")
	w := send(s, http.MethodGet, "/api/v1/now", "")
	if is(w, 503); strings.Contains(w.Body.String(), "secret") {
		t.Error(w.Body)
	}
	alone, _ := site(t, records("x"), outlook("x"))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/now", http.NoBody)
	r.Host = "evil.example.com"
	w = httptest.NewRecorder()
	alone.ServeHTTP(w, r)
	is(w, http.StatusMisdirectedRequest)
}

// Tokens are for programs: a page does not take one that a request brings.
func TestPagesTakeNoTokens(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	for path, want := range map[string]string{"/people": "", "/api/v1/people": "Bearer x", "/API/v1/people": ""} {
		if send(s, http.MethodGet, path, "", "Authorization", "Bearer x"); d.brought != want {
			t.Errorf("%s: %q reaches the door", path, d.brought)
		}
	}
}

// A program sees of a review what its owner sees on the page, and is led through it.
func TestReviewsForPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		user       User
		lines, may int
	}{
		"asked": {User{Person: "boss", Permission: Own}, 4, 3}, "a viewer": {User{Person: "p9", Permission: Viewer}, 4, 0}, "a reviewer": {User{Person: "p9", Permission: Reviewer}, 4, 3},
		"own access": {User{Person: "p1", Permission: Admin}, 4, 2}, "not asked": {User{Person: "p9", Permission: Own}, 0, 0}, "nobody": {User{Permission: Own}, 0, 0},
	} {
		s, refused := reviewing(t, c.user, 4)
		p := newProgram(t, s)
		var list reviewList
		var one reviewWhole
		if w := p.ask(http.MethodGet, "/api/v1/reviews", ""); json.Unmarshal(w.Body.Bytes(), &list) != nil || slices.ContainsFunc(list.Reviews, func(r reviewJSON) bool { return r.Name == "q1" }) != (c.lines > 0) {
			t.Errorf("%s: %s", name, w.Body)
		}
		w := p.ask(http.MethodGet, "/api/v1/reviews/q1", "")
		_ = json.Unmarshal(w.Body.Bytes(), &one)
		may := 0
		for _, l := range one.Lines {
			if l.May {
				may++
			}
		}
		if (w.Code == http.StatusForbidden) != (c.lines == 0) || len(one.Lines) != c.lines || may != c.may || c.lines == 0 && len(*refused) != 1 {
			t.Errorf("%s: %d, %d lines, %d to decide, recorded %v", name, w.Code, len(one.Lines), may, *refused)
		}
	}
	s, _ := reviewing(t, User{Person: "boss", Permission: Own}, 120)
	p := newProgram(t, s)
	seen := map[string]bool{}
	for at := "/api/v1/reviews/q1?sort=right"; at != ""; {
		var part reviewWhole
		if w := p.ask(http.MethodGet, at, ""); json.Unmarshal(w.Body.Bytes(), &part) != nil || part.Found != 120 {
			t.Fatal(w.Code, w.Body)
		}
		for _, l := range part.Lines {
			seen[l.Line] = true
		}
		at = part.More
	}
	if len(seen) != 120 {
		t.Errorf("%d lines", len(seen))
	}
	asked, d, _ := guarded(t, Own)
	d.user.Token = true
	if w := newProgram(t, asked).ask(http.MethodPost, "/api/v1/reviews/q0", `{"decision":"keep","lines":["l1"],"reason":"x"}`); w.Code != http.StatusForbidden || len(d.did) > 0 {
		t.Errorf("a token without the permission: %d %v", w.Code, d.did)
	}
}
