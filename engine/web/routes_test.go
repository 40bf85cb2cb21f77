package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// door lets in whoever says who they are, and notes what it is asked for.
type door struct {
	user    User
	in      bool
	err     error
	did     []string
	brought string // what Authorization was asked last
	wrong   error  // what decisions are answered with
}

func (d *door) Who(r *http.Request) (User, bool, error) {
	d.brought = r.Header.Get("Authorization")
	return d.user, d.in, d.err
}
func (d *door) Begin(w http.ResponseWriter, r *http.Request, next string) error {
	d.did = append(d.did, "begin "+next)
	http.Redirect(w, r, "https://id.example.com/", http.StatusSeeOther)
	return nil
}
func (d *door) Return(http.ResponseWriter, *http.Request) (string, error) {
	d.did = append(d.did, "return")
	return "/people", nil
}
func (d *door) Enter(_ http.ResponseWriter, _ *http.Request, token string) error {
	d.did = append(d.did, "enter "+token)
	return nil
}
func (d *door) Leave(http.ResponseWriter, *http.Request) error {
	d.did = append(d.did, "leave")
	return nil
}

// guarded is a site where people sign in, and what it said was refused.
func guarded(t *testing.T, p Permission) (s *Site, d *door, refused *[]string) {
	t.Helper()
	s, _ = site(t, records("x"), outlook("x"))
	d, refused = &door{user: User{Actor: "oidc:1 (Ann)", Name: "Ann", Person: "p1", Permission: p}, in: p > Anybody}, new([]string)
	s.Door, s.Ways = d, Ways{Provider: "Example", Tokens: true, Host: "rolecall.example.com", Secure: true}
	s.Decisions, s.Reviews, s.Delegates, s.Chores = d, d, d, d
	s.Local = func(next string) string { return next }
	s.Refused = func(_ context.Context, u User, what string) error {
		*refused = append(*refused, u.Actor+": "+what)
		return nil
	}
	return s, d, refused
}

// send asks for a page of the site as a browser does.
func send(s *Site, method, path string, form string, headers ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form))
	r.Host = "rolecall.example.com"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	s.ServeHTTP(w, r)
	return w
}

// permissionsOfRoutes says once more, for those who read it, what each address needs. A route that is not here fails.
func permissionsOfRoutes() map[string]Permission {
	return map[string]Permission{
		"GET /login": Anybody, "GET /login/start": Anybody, "GET /login/return": Anybody, "POST /login/token": Anybody, "POST /logout": Own,
		"GET /{$}": Own, "GET /": Own, "GET /people": Viewer, "GET /people/{key}": Viewer, "GET /programs": Viewer, "GET /programs/{name}": Viewer, "GET /programs/{name}/holders": Viewer,
		"POST /waiting": Approver, "POST /people/{key}/give": Approver, "GET /people/{key}/cut": Approver, "POST /people/{key}/cut": Approver, "POST /people/{key}/lift": Admin,
		"POST /pause": Admin, "POST /resume": Admin, "GET /runs/{run}/undo": Admin, "POST /runs/{run}/undo": Admin,
		"GET /reviews": Own, "GET /reviews/{name}": Own, "POST /reviews": Admin, "POST /reviews/{name}": Own, "POST /reviews/{name}/close": Admin, "POST /tasks/done": Approver, "POST /release": Admin, "POST /delegations": Approver, "POST /delegations/end": Approver,
		"GET /mine": Own, "GET /mine/people/{key}": Own, "GET /mine/programs/{name}": Own,
		"GET /waiting": Viewer, "GET /asof": Viewer, "GET /changes": Viewer, "GET /runs": Viewer, "GET /runs/{run}": Viewer, "GET /audit": Viewer, "GET /reports": Viewer, "GET /reports/{report}": Viewer, "GET /reports/{report}/csv": Viewer, "GET /audit/{seq}": Viewer, "GET /audit/export": Viewer,
	}
}

func TestEveryRouteHasItsPermission(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	want := permissionsOfRoutes()
	for _, one := range s.routes() {
		needs, known := want[one.pattern]
		if !known || needs != one.needs {
			t.Errorf("%s needs %s, not %s", one.pattern, one.needs, needs)
		}
		if (one.show == nil) == (one.do == nil) {
			t.Errorf("%s: one of show and do", one.pattern)
		}
		if strings.HasPrefix(one.pattern, "POST") && one.do == nil {
			t.Errorf("%s shows and does not act", one.pattern)
		}
		delete(want, one.pattern)
	}
	if len(want) > 0 {
		t.Errorf("there are no routes %v", want)
	}
}

// Nobody gets further than their permission, and what they lack is recorded.
func TestPermissionsAreAskedFor(t *testing.T) {
	for p := Anybody; p <= Admin; p++ {
		s, d, refused := guarded(t, p)
		for _, one := range s.routes() {
			method, path, _ := strings.Cut(one.pattern, " ")
			path = strings.NewReplacer("{$}", "", "{key}", "p1", "{name}", "crm", "{run}", "r1", "{seq}", "1", "{report}", "seats").Replace(path)
			switch one.pattern {
			case "GET /":
				path = "/nothing"
			case "GET /audit/export":
				path += "?format=csv"
			}
			*refused, d.did = nil, nil
			w := send(s, method, path, "")
			denied := w.Code == http.StatusForbidden || w.Code == http.StatusUnauthorized || strings.HasPrefix(w.Header().Get("Location"), "/login?next=")
			if strings.HasPrefix(one.pattern, "GET /mine/") || one.pattern == "GET /reviews/{name}" {
				continue // which look for themselves what concerns whom, see TestMine and TestReviews
			}
			if denied != (p < one.needs) {
				t.Errorf("%s as %s: %d %s", one.pattern, p, w.Code, w.Header().Get("Location"))
			}
			if denied && len(d.did) > 0 {
				t.Errorf("%s as %s did %v", one.pattern, p, d.did)
			}
			if denied && p > Anybody && (len(*refused) != 1 || !strings.HasPrefix((*refused)[0], "oidc:1 (Ann): ")) {
				t.Errorf("%s as %s: recorded %v", one.pattern, p, *refused)
			}
		}
	}
}

// Without a login everybody at the machine sees all and changes nothing, whatever they send.
func TestWithoutLoginNothingIsDone(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for _, one := range s.routes() {
		method, path, _ := strings.Cut(one.pattern, " ")
		if (one.do == nil || one.pattern == "GET /audit/export") && one.needs <= Viewer {
			continue
		}
		path = strings.NewReplacer("{key}", "p1", "{name}", "crm", "{run}", "r1").Replace(path)
		w := send(s, method, path, "", "Host", "127.0.0.1")
		if w.Code != http.StatusMisdirectedRequest { // the name is another machine's
			t.Errorf("%s: %d", one.pattern, w.Code)
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		r.Host = "localhost"
		w = httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
			t.Errorf("%s without login: %d", one.pattern, w.Code)
		}
	}
	if body := get(s, "/").Body.String(); !strings.Contains(body, "No login is configured") || strings.Contains(body, "<form method=\"post\"") {
		t.Error("the page does not say that it only shows, or has forms")
	}
}

// A session that can't be read lets nobody in.
func TestWhoCantBeTold(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	d.err, d.in = errors.New("secret-of-the-store"), true
	for _, path := range []string{"/", "/people", "/login"} {
		if w := send(s, http.MethodGet, path, ""); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret-of") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// What other pages may do: lead people here, and nothing else.
func TestOtherPages(t *testing.T) {
	s, d, _ := guarded(t, Admin)
	navigate := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"a link":                     {"GET", "/people", append(navigate, "Sec-Fetch-Site", "cross-site"), 200},
		"the provider sends back":    {"GET", "/login/return", append(navigate, "Sec-Fetch-Site", "cross-site"), 303},
		"a frame":                    {"GET", "/people", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site"}, 403},
		"a script":                   {"GET", "/people", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-site"}, 403},
		"a form elsewhere":           {"POST", "/logout", append(navigate, "Sec-Fetch-Site", "cross-site"), 403},
		"a form on a sibling":        {"POST", "/logout", append(navigate, "Sec-Fetch-Site", "same-site"), 403},
		"a form, older browser":      {"POST", "/logout", []string{"Origin", "https://evil.example.com"}, 403},
		"our own form":               {"POST", "/logout", append(navigate, "Sec-Fetch-Site", "same-origin"), 303},
		"our own, older browser":     {"POST", "/logout", []string{"Origin", "https://rolecall.example.com"}, 303},
		"a name that leads here too": {"GET", "/people", []string{"Sec-Fetch-Site", "none"}, 200},
	} {
		d.did = nil
		if w := send(s, c.method, c.path, "", c.headers...); w.Code != c.want || w.Code == 403 && len(d.did) > 0 {
			t.Errorf("%s: %d, did %v", name, w.Code, d.did)
		}
	}
	alone, _ := site(t, records("x"), outlook("x")) // where nobody signs in a page elsewhere may not even lead here
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/people", http.NoBody)
	r.Host = "localhost"
	for i := 0; i < len(navigate); i += 2 {
		r.Header.Set(navigate[i], navigate[i+1])
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if alone.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a link to a page without login: %d", w.Code)
	}
	if h := send(s, http.MethodGet, "/", "").Header().Get("Strict-Transport-Security"); h == "" {
		t.Error("no Strict-Transport-Security over https")
	}
}

// Who is not signed in is led to where they were going afterwards, and sees nothing of the company before.
func TestTheWayIn(t *testing.T) {
	s, d, _ := guarded(t, Anybody)
	w := send(s, http.MethodGet, "/people/p1?on=2027-01-01", "")
	if to := w.Header().Get("Location"); to != "/login?next=%2Fpeople%2Fp1%3Fon%3D2027-01-01" {
		t.Fatal(to)
	}
	page := send(s, http.MethodGet, w.Header().Get("Location"), "").Body.String()
	if !strings.Contains(page, "Sign in with Example") || !strings.Contains(page, `action="/login/token"`) || strings.Contains(page, "/people\"") {
		t.Error(page)
	}
	send(s, http.MethodGet, "/login/start?next=%2Fpeople", "")
	to := send(s, http.MethodGet, "/login/return?code=x", "").Header().Get("Location")
	back := send(s, http.MethodPost, "/login/token", "token=abc&next=%2Fruns").Header().Get("Location")
	if to != "/people" || back != "/runs" || !slices.Equal(d.did, []string{"begin /people", "return", "enter abc"}) {
		t.Error(to, back, d.did)
	}
	if w := send(s, http.MethodPost, "/login/token", "token="+strings.Repeat("x", mostForm)); w.Code != http.StatusBadRequest {
		t.Errorf("a huge form: %d", w.Code)
	}
}

// No answer can be put into a frame, whoever asks for what: pages, refusals, mistakes, and what never comes to a route.
func TestNoAnswerIsFramed(t *testing.T) {
	codes := map[int]int{}
	for p := Anybody; p <= Admin; p++ {
		s, d, _ := guarded(t, p)
		look := func(method, path string, headers ...string) {
			w := send(s, method, path, "", headers...)
			codes[w.Code]++
			if !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s %s as %s: %d, to be framed by anybody", method, path, p, w.Code)
			}
		}
		for _, one := range s.routes() {
			method, path, _ := strings.Cut(one.pattern, " ")
			look(method, strings.NewReplacer("{$}", "", "{key}", "p1", "{name}", "crm", "{run}", "r1", "{seq}", "1").Replace(path))
		}
		for _, path := range []string{s.pages.sheet, "/nothing", "/audit?kind=x", "/programs/nothing"} {
			look(http.MethodGet, path)
		}
		look(http.MethodDelete, "/people")
		look(http.MethodPost, "/logout", "Sec-Fetch-Site", "cross-site")
		d.err = errors.New("the store is gone")
		look(http.MethodGet, "/people")
	}
	for _, code := range []int{200, 303, 400, 401, 403, 404, 405, 503} {
		if codes[code] == 0 {
			t.Errorf("nothing was answered with %d: %v", code, codes)
		}
	}
}
