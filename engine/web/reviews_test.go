package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// reviewOf puts a review with lines into a journal: the first is p1's own, all are for boss to decide.
func (b *book) reviewOf(name, text string, n int) *book {
	r := engine.Review{Name: name, Scope: []string{"program:crm"}, Reviewers: engine.ByManagers, Began: noon(), Due: noon().AddDate(0, 0, 7), Keep: noon().AddDate(1, 0, 0), By: text, Reason: text, Lines: n}
	b.records = append(b.records, engine.Record{Seq: 900, Time: noon(), Kind: engine.KindReview, Data: asJSON(r)})
	for i := range n {
		l := engine.ReviewLine{ID: fmt.Sprintf("l%d", i), Review: name, Person: fmt.Sprintf("p%d", i/2+1), Login: fmt.Sprintf("login%d", i/2+1), Name: fmt.Sprintf("%s %03d", text, i/2+1), Program: "crm", Account: text,
			Entitlement: fmt.Sprintf("crm/r%03d", n-i), Since: noon().AddDate(0, 0, i-n), Why: text, Cost: text, Same: i % 7, Peers: 9, PeersBy: text, Reviewers: []string{"boss"}, Asked: []string{text}}
		if i == 1 {
			l.State, l.By, l.Reason, l.Becomes, l.Until = engine.LineKept, text, text, "extra", noon()
		}
		f := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactLine, Program: "crm", Account: l.Account, Entitlement: l.Entitlement, Person: l.Person, Key: name}, Text: string(l.State), Data: asJSON(l)}
		b.facts = append(b.facts, f)
	}
	return b
}

func asJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// reviewing is a site with a review q1 of so many lines, asked by somebody.
func reviewing(t *testing.T, u User, n int) (*Site, *[]string) {
	t.Helper()
	s, d, refused := guarded(t, u.Permission)
	d.user.Person = u.Person
	b := records("x")
	b.reviewOf("q1", "Ann", n)
	s.Journal = func() Journal { return b }
	return s, refused
}

// Whoever is asked sees their lines and no others; viewers see all and decide on nothing; nobody is offered their own access.
func TestReviews(t *testing.T) {
	for name, c := range map[string]struct {
		user  User
		lines int // shown
		boxes int
	}{
		"asked":             {User{Person: "boss", Permission: Own}, 4, 3},
		"a viewer":          {User{Person: "p9", Permission: Viewer}, 4, 0},
		"who is asked, too": {User{Person: "boss", Permission: Viewer}, 4, 3},
		"a reviewer":        {User{Person: "p9", Permission: Reviewer}, 4, 3},
		"own access":        {User{Person: "p1", Permission: Admin}, 4, 2},
		"not asked":         {User{Person: "p9", Permission: Own}, 0, 0},
		"nobody":            {User{Permission: Own}, 0, 0},
	} {
		s, refused := reviewing(t, c.user, 4)
		w := send(s, http.MethodGet, "/reviews/q1", "")
		body := w.Body.String()
		if got := strings.Count(body, "crm/r0"); (w.Code == http.StatusForbidden) != (c.lines == 0) || strings.Count(body, `name="line"`) != c.boxes || c.lines > 0 && got < c.lines {
			t.Errorf("%s: %d, %d times a right, %d boxes\n%s", name, w.Code, got, strings.Count(body, `name="line"`), body)
		}
		list := send(s, http.MethodGet, "/reviews", "").Body.String()
		if strings.Contains(list, `href="/reviews/q1"`) != (c.lines > 0) {
			t.Errorf("%s: the list is wrong: %s", name, list)
		}
		if c.lines == 0 && (len(*refused) != 1 || !strings.Contains((*refused)[0], "GET /reviews/q1 does not concern them")) {
			t.Errorf("%s: recorded %v", name, *refused)
		}
		other := send(s, http.MethodGet, "/reviews/q9", "")
		if want := map[bool]int{true: http.StatusNotFound, false: http.StatusForbidden}[c.user.Permission >= Viewer]; other.Code != want {
			t.Errorf("%s: of a review that is not there: %d", name, other.Code)
		}
	}
}

// Lines are found, sorted and cut into pages by the address.
func TestLinesOfReviews(t *testing.T) {
	s, _ := reviewing(t, User{Person: "boss", Permission: Own}, 120)
	for address, want := range map[string][]string{
		"":                     {"120 lines", "crm/r120", `href="/reviews/q1?from=50"`, "Ann 001"},
		"?from=50":             {"crm/r070", `href="/reviews/q1"`, `href="/reviews/q1?from=100"`},
		"?from=999":            {"crm/r020", `href="/reviews/q1?from=50"`},
		"?sort=right":          {"crm/r001", `href="/reviews/q1?from=50&amp;sort=right"`},
		"?sort=since":          {"crm/r001"},
		"?sort=peers":          {"0 of 9"},
		"?q=ann+crm/r007":      {"1 line<", "crm/r007"},
		"?state=decided":       {"1 line<", "until 2027-01-04"},
		"?state=open":          {"119 lines"},
		"?whose=mine":          {"120 lines"},
		"?q=nobody":            {"No line is like that"},
		"?sort=colour":         {"nothing is sorted by"},
		"?from=x":              {"no number"},
		"?q=a+b+c+d+e+f+g+h+i": {"say less"},
	} {
		body := send(s, http.MethodGet, "/reviews/q1"+address, "").Body.String()
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s lacks %q:\n%s", address, text, body)
			}
		}
	}
	if body := send(s, http.MethodGet, "/reviews/q1?sort=right", "").Body.String(); strings.Contains(body, "crm/r051") {
		t.Error("a page is longer than a page")
	}
	if body := send(s, http.MethodGet, "/reviews", "").Body.String(); !strings.Contains(body, `data-label="For you">119<`) || !strings.Contains(body, "under way") {
		t.Error(body)
	}
	s.Now = func() time.Time { return noon().AddDate(0, 0, 9) }
	if body := send(s, http.MethodGet, "/reviews", "").Body.String(); !strings.Contains(body, "overdue") {
		t.Error(body)
	}
}

// Without a login everything is shown, and nothing is offered.
func TestReviewsWithoutLogin(t *testing.T) {
	b := records("x")
	b.reviewOf("q1", "Ann", 4)
	s, _ := site(t, b, outlook("x"))
	if body := get(s, "/reviews/q1").Body.String(); strings.Contains(body, `name="line"`) || !strings.Contains(body, "crm/r001") || strings.Contains(body, `method="post"`) {
		t.Error(body)
	}
	if body := get(s, "/reviews").Body.String(); !strings.Contains(body, "rolecall review start") && strings.Contains(body, "no review") || strings.Contains(body, `method="post"`) {
		t.Error(body)
	}
}

// A token is good for its permission alone: whoever has it stands in for nobody, is asked about nothing, and lets nobody decide.
func TestATokenIsGoodForItsPermissionAlone(t *testing.T) {
	today := noon().Truncate(24 * time.Hour)
	for _, token := range []bool{true, false} {
		s, d, refused := guarded(t, Viewer)
		d.user.Person, d.user.Token = "boss", token
		b := records("x").reviewOf("q1", "Ann", 4)
		b.facts = append(b.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "p9", Key: "boss"}, Since: today, Until: today, Data: asJSON(map[string]any{"OfName": "Zoe"})})
		s.Journal = func() Journal { return b }
		codes := []int{send(s, http.MethodPost, "/waiting", "do=approve&item=i1&reason=r").Code, send(s, http.MethodPost, "/reviews/q1", "do=keep&line=l3&reason=r").Code}
		d.user.Permission = Approver
		codes = append(codes, send(s, http.MethodPost, "/delegations", "to=bob&from=2027-01-04&until=2027-01-31&reason=r").Code)
		for n, code := range codes {
			if (code == http.StatusForbidden) != token {
				t.Errorf("token %v: %d: %d", token, n, code)
			}
		}
		if (len(*refused) == 3) != token {
			t.Errorf("token %v: recorded %v", token, *refused)
		}
		if code := send(s, http.MethodPost, "/reviews/q1", "do=keep&line=l3&reason=r").Code; code == http.StatusForbidden {
			t.Error("who may review anything may do so with a token")
		}
	}
}

// Who stands in for an approver gets to what waits, and to nothing else; they are not offered what is about them, or about whom they
// stand in for.
func TestStandInsOnWaiting(t *testing.T) {
	today := noon().Truncate(24 * time.Hour)
	for name, c := range map[string]struct {
		to          string
		from, until time.Time
		gets        bool
	}{
		"now": {"p7", today, today, true}, "later": {"p7", today.AddDate(0, 0, 1), today.AddDate(0, 0, 2), false}, "before": {"p7", today.AddDate(0, 0, -2), today.AddDate(0, 0, -1), false},
		"somebody else": {"p8", today, today, false},
	} {
		s, d, _ := guarded(t, Own)
		d.user.Person = "p7"
		b := records("x")
		b.facts = append(b.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "p9", Key: c.to}, Since: c.from, Until: c.until, Text: "holidays", Data: asJSON(map[string]any{"OfName": "Zoe", "ToName": "Bob"})})
		s.Journal = func() Journal { return b }
		w := send(s, http.MethodGet, "/waiting", "")
		body := w.Body.String()
		if got := w.Code == http.StatusOK; got != c.gets || got && (!strings.Contains(body, "You decide in the place of Zoe") || !strings.Contains(body, `name="item"`) || strings.Contains(body, "Can't be done yet") || strings.Contains(body, `href="/people`)) {
			t.Errorf("%s: %d\n%s", name, w.Code, body)
		}
		if code := send(s, http.MethodPost, "/waiting", "do=approve&item=i1&reason=r").Code; (code == http.StatusSeeOther) != c.gets {
			t.Errorf("%s: decided: %d", name, code)
		}
		for _, path := range []string{"/people", "/audit", "/runs"} {
			if code := send(s, http.MethodGet, path, "").Code; code != http.StatusForbidden {
				t.Errorf("%s: %s: %d", name, path, code)
			}
		}
		if code := send(s, http.MethodPost, "/pause", "program=crm&reason=r").Code; code != http.StatusForbidden {
			t.Errorf("%s: paused: %d", name, code)
		}
	}
	s, d, _ := guarded(t, Own)
	d.user.Person = "p7"
	b := records("x")
	b.facts = append(b.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "p1", Key: "p7"}, Since: today, Until: today, Data: asJSON(map[string]any{"OfName": "Ann"})})
	s.Journal = func() Journal { return b }
	if body := send(s, http.MethodGet, "/waiting", "").Body.String(); strings.Contains(body, `name="item"`) || !strings.Contains(body, "of whom you stand in for") {
		t.Error(body)
	}
}

// What waits for too long says so; only who delegated, or an admin, ends a delegation.
func TestEscalationAndEndingOfDelegations(t *testing.T) {
	s, d, refused := guarded(t, Approver)
	s.Escalates = func() engine.Escalation {
		return engine.Escalation{After: time.Hour, To: []string{"chief@example.com"}}
	}
	s.Now = func() time.Time { return noon().Add(time.Hour) }
	if body := send(s, http.MethodGet, "/waiting", "").Body.String(); !strings.Contains(body, "escalated") || !strings.Contains(body, "chief@example.com") {
		t.Error(body)
	}
	s.Now = noon
	if body := send(s, http.MethodGet, "/waiting", "").Body.String(); strings.Contains(body, ">escalated<") {
		t.Error(body)
	}
	if code := send(s, http.MethodPost, "/delegations/end", "of=p2&to=p3&reason=r").Code; code != http.StatusForbidden || len(d.did) > 0 || len(*refused) != 1 {
		t.Errorf("%d %v %v", code, d.did, *refused)
	}
	d.user.Person = ""
	if code := send(s, http.MethodPost, "/delegations", "to=bob&from=2027-01-04&until=2027-01-31&reason=r").Code; code != http.StatusConflict {
		t.Errorf("of nobody: %d", code)
	}
}
