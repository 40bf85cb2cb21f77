package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// walked follows the addresses of parts of a list, and gives all of it.
func walked(t *testing.T, s *Site, path string, part func(text []byte) (names []string, next string)) (all []string, parts int) {
	t.Helper()
	for path != "" && parts < 100 {
		w := get(s, path)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		names, next := part(w.Body.Bytes())
		all, path, parts = append(all, names...), next, parts+1
	}
	return all, parts
}

func read[T any](t *testing.T, text []byte) (out T) {
	t.Helper()
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func numbered(form string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf(form, i))
	}
	return out
}

// Everybody is found page by page, each once and in order, however many have one name, and also when people come and go meanwhile.
func TestPeopleComePageByPage(t *testing.T) {
	o := outlook("x")
	o.People = nil
	for i := range 230 {
		n := (i * 97) % 230
		o.People = append(o.People, engine.Person{Key: fmt.Sprintf("k%03d", n), State: engine.StateActive, Attributes: engine.Attributes{{Name: "name", Values: []string{fmt.Sprintf("Ann %02d", n/20)}}}})
	}
	b := records("x")
	s, _ := site(t, b, outlook("x"))
	s.Outlook = func() *engine.Outlook { return o }
	part := func(text []byte) ([]string, string) {
		l := read[peopleList](t, text)
		if l.More != (l.Next != "") || l.More && len(l.People) != shownPeople {
			t.Errorf("%d people, %v, %q", len(l.People), l.More, l.Next)
		}
		return each(l.People, func(p *personRow) string { return p.Key }), l.Next
	}
	all, parts := walked(t, s, "/api/v1/people?q=ann&state=active", part)
	if want := numbered("k%03d", 230); parts != 5 || !slices.Equal(all, want) {
		t.Errorf("%d parts: %v", parts, all)
	}
	page := html.UnescapeString(get(s, "/people?q=ann&state=active").Body.String())
	if !strings.Contains(page, `href="/people?after=Ann+02&key=k049&q=ann&state=active">Further`) || strings.Contains(page, "From the first") {
		t.Error(page)
	}
	o.People = slices.DeleteFunc(o.People, func(p engine.Person) bool { return p.Key == "k049" }) // the last one of the first page
	page = get(s, "/people?after=Ann+02&key=k049&q=ann&state=active").Body.String()
	if !strings.Contains(page, `href="/people/k050"`) || strings.Contains(page, `href="/people/k048"`) || !strings.Contains(page, `href="/people?q=ann&amp;state=active">From the first`) {
		t.Error(page)
	}
	if page = get(s, "/people?after=Z&key=z").Body.String(); !strings.Contains(page, "There is nobody more") {
		t.Error(page)
	}
}

// All that is about to change, and all that waits, comes page by page; what a page leaves out leads to it.
func TestChangesComePageByPage(t *testing.T) {
	o := outlook("x")
	o.Plan.Changes = nil
	for i := range 2*shownOfRun + 30 {
		o.Plan.Changes = append(o.Plan.Changes, engine.Change{Op: engine.OpGrant, Person: "p1", Account: fmt.Sprintf("a%04d", i), Program: "crm", Entitlement: "crm/x", State: engine.Blocked})
	}
	b := records("x")
	s, _ := site(t, b, outlook("x"))
	s.Outlook = func() *engine.Outlook { return o }
	want := numbered("a%04d", 2*shownOfRun+30)
	account := func(c *engine.Change) string { return c.Account }
	all, parts := walked(t, s, "/api/v1/changes?program=crm&state=blocked", func(text []byte) ([]string, string) {
		l := read[changeList](t, text)
		if l.Found != len(want) {
			t.Errorf("%d are found", l.Found)
		}
		return each(l.Changes, account), l.More
	})
	if parts != 11 || !slices.Equal(all, want) {
		t.Errorf("%d parts, %d changes", parts, len(all))
	}
	for path, link := range map[string]string{"/programs/crm": `"/changes?program=crm"`, "/waiting": `"/changes?state=blocked"`} {
		if page := get(s, path).Body.String(); !strings.Contains(page, link) {
			t.Errorf("%s does not lead to all", path)
		}
	}
	for path, says := range map[string]string{"/changes?program=none": "Nothing is about to change", "/changes?after=z&key=z": "There are no more"} {
		if page := get(s, path).Body.String(); !strings.Contains(page, says) {
			t.Errorf("%s: %s", path, page)
		}
	}

	s.Items = func(context.Context) (out []engine.Item, err error) {
		for i := range want {
			out = append(out, engine.Item{ID: fmt.Sprintf("a%04d", len(want)-1-i), State: engine.Waiting, Change: o.Plan.Changes[0], Since: noon()})
		}
		return out, nil
	}
	left := len(want)
	all, parts = walked(t, s, "/api/v1/waiting", func(text []byte) ([]string, string) {
		l := read[waitingList](t, text)
		if left -= len(l.Items); left != l.More {
			t.Errorf("%d are left, and %d said", left, l.More)
		}
		return each(l.Items, func(i *itemJSON) string { return i.ID }), l.Next
	})
	if parts != 3 || !slices.Equal(all, want) {
		t.Errorf("%d parts, %d items", parts, len(all))
	}
	if page := get(s, "/waiting").Body.String(); !strings.Contains(page, `href="/waiting?after=crm&amp;key=a0499">Further`) {
		t.Error("the page does not lead further")
	}
}

// All changes of a run come page by page, and what is open of them is counted whatever page is shown.
func TestARunComesPageByPage(t *testing.T) {
	b := records("x")
	b.records = b.records[:1]
	b.records[0].Data = []byte(`{"Summary":{"grant":1010,"adopt":7}}`)
	for i := range 1010 {
		r := engine.IntentRecord("r1", "", "hr", engine.Change{Op: engine.OpGrant, Person: "p1", Account: fmt.Sprintf("a%04d", i), Program: "crm", Entitlement: "crm/x"}, "")
		if r.Seq = int64(10 + i); i%100 == 3 {
			r.Kind = engine.KindAdopt
		}
		b.records = append(b.records, r)
	}
	b.begun = 250
	s, _ := site(t, b, outlook("x"))
	all, parts := walked(t, s, "/api/v1/runs/r1", func(text []byte) ([]string, string) {
		w := read[runWhole](t, text)
		if w.More != (w.Next != "") || w.Decided != 1010 || w.Left != 250 {
			t.Errorf("%v, %q, %d, %d", w.More, w.Next, w.Decided, w.Left)
		}
		return each(w.Changes, func(m *madeJSON) string { return m.Change.Account }), w.Next
	})
	if slices.Sort(all); parts != 3 || !slices.Equal(all, numbered("a%04d", 1010)) {
		t.Errorf("%d parts, %d changes", parts, len(all))
	}
	page := get(s, "/runs/r1?by=person").Body.String()
	for _, want := range []string{"760 of " + thousands(1010) + " changes are at their end, 250 are open", `aria-label="75 percent are at their end"`, `href="/runs/r1?after=509&amp;by=person">Further changes`, `href="/runs/r1?by=person">Look again`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing: %.3000s", want, page)
		}
	}
	b.begun = 0
	if page = get(s, "/runs/r1?after=5000").Body.String(); strings.Contains(page, "Under way") || !strings.Contains(page, "There are no more changes") || !strings.Contains(page, "From the first") {
		t.Error(page)
	}
}

// What waits is said as it is now, not as the last run left it.
func TestTheHeadlineGoesByWhatWaitsNow(t *testing.T) {
	o := outlook("x")
	o.Plan.Notices, o.Plan.Proofs = nil, nil
	s, _ := site(t, records("x"), o)
	s.Paused = func(context.Context) ([]engine.Fact, error) { return nil, nil }
	items := []engine.Item{}
	s.Items = func(context.Context) ([]engine.Item, error) { return items, nil }
	for n, want := range []string{"Everybody has what they should", "1 change waits for an approval", "2 changes wait for an approval"} {
		o.Plan.Summary.Approval, o.Plan.Changes = 7, o.Plan.Changes[:3] // none of them is ready
		var now nowJSON
		if err := json.Unmarshal(get(s, "/api/v1/now").Body.Bytes(), &now); err != nil || now.Headline != want || now.Waiting == nil || *now.Waiting != n || len(now.Approvals) != n {
			t.Errorf("%d: %+v, %v", n, now, err)
		}
		if page := get(s, "/").Body.String(); !strings.Contains(page, fmt.Sprintf("<dt>Wait for approval</dt><dd>%d</dd>", n)) {
			t.Error(page)
		}
		items = append(items, engine.Item{ID: fmt.Sprint(n), State: engine.Waiting, Change: o.Plan.Changes[0]}, engine.Item{ID: "done", State: engine.Approved})
	}
}

// Who had what on a day is shown for everybody and for one program, page by page, each line with its reason and whose decision it was.
func TestWhoHadWhat(t *testing.T) {
	b := records("x")
	b.records = []engine.Record{
		{Seq: 1, Kind: engine.KindApprove, Actor: "boss", Person: "p1", Program: "crm", Why: []string{"as agreed"}, Data: []byte(`"i1"`), Time: noon()},
		{Seq: 2, Kind: engine.KindIntent, Person: "p1", Program: "crm", Actor: "serve", Why: []string{"has role sales; entry cn=ann"}, Data: []byte(`{"item":"i1"}`), Approved: true},
		{Seq: 3, Kind: engine.KindOutcome, Of: 2},
	}
	b.held = nil
	var asked []engine.AsOfQuery
	for i := range 2*shownAsOf + 3 {
		for _, right := range []string{"", "x"} {
			b.held = append(b.held, engine.Held{Program: "crm", Account: fmt.Sprintf("a%03d", i), Entitlement: right, Person: "p1", From: noon(), Rules: []string{"sales"}, Managed: true, Record: 3})
		}
	}
	s, _ := site(t, b, outlook("x"))
	s.Had = func(ctx context.Context, q engine.AsOfQuery) ([]engine.Held, error) {
		asked = append(asked, q)
		return b.had(ctx, q)
	}
	all, parts := walked(t, s, "/api/v1/asof?on=2027-01-03&program=crm", func(text []byte) ([]string, string) {
		l := read[asOfList](t, text)
		for _, h := range l.Had {
			if o := h.Origin; o.Record != 2 || strings.Join(o.Why, "") != "has role sales; entry cn=ann" || o.Approved == nil || o.Approved.By != "boss" || o.Approved.Reason != "as agreed" {
				t.Fatalf("%+v", h)
			}
		}
		return each(l.Had, func(h *hadJSON) string { return h.Account }), l.More
	})
	if all = slices.Compact(all); parts != 3 || !slices.Equal(all, numbered("a%03d", 2*shownAsOf+3)) {
		t.Errorf("%d parts: %v", parts, all)
	}
	for _, q := range asked {
		if q.Program != "crm" || !q.At.Equal(time.Date(2027, 1, 3, 23, 59, 59, 999999999, time.UTC)) {
			t.Errorf("%+v", q)
		}
	}
	page := get(s, "/asof?entitlement=crm/x").Body.String()
	for _, want := range []string{"has role sales; entry cn=ann", "approved by boss on", "as agreed", `href="/audit/1"`, `href="/asof?after=crm%2Fa024&amp;entitlement=crm%2Fx">Further`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing: %.3000s", want, page)
		}
	}
	if page = get(s, "/people/p1?on=2027-01-05").Body.String(); !strings.Contains(page, "has role sales; entry cn=ann") || !strings.Contains(page, "approved by boss on") {
		t.Error(page)
	}
	if page = get(s, "/asof?after=z/z").Body.String(); !strings.Contains(page, "There is no more") {
		t.Error(page)
	}
}
