package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// book is a journal of a few records.
type book struct {
	records  []engine.Record
	held     []engine.Held
	changed  bool // what is stored does not lead to the root
	facts    []engine.Fact
	accounts int
	begun    int // changes that are open
	err      error
	gone     *engine.Pruned
	beyond   error // of what was asked of the records
}

func (b *book) Forms() []ExportForm {
	return []ExportForm{{"jsonl", "JSON Lines", "application/jsonl", "jsonl"}, {"csv", "CSV", "text/csv; charset=utf-8", "csv"}}
}

func (b *book) Export(ctx context.Context, q engine.Query, form string, to io.Writer) error {
	return b.Records(ctx, q, func(r engine.Record) error {
		_, err := fmt.Fprintf(to, "{\"form\":%q,\"kind\":%q}\n", form, r.Kind)
		return err
	})
}

func (b *book) Records(_ context.Context, q engine.Query, yield func(engine.Record) error) error {
	for _, r := range b.records {
		if q.Kind != "" && q.Kind != r.Kind || q.Run != "" && q.Run != r.Run || q.Person != "" && q.Person != r.Person || q.After > 0 && r.Seq <= q.After || q.Before > 0 && r.Seq >= q.Before {
			continue
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	return cmp.Or(b.err, b.beyond)
}

func (b *book) AsOf(context.Context, time.Time, string, string, string) ([]engine.Held, error) {
	return b.held, b.err
}

func (b *book) Facts(_ context.Context, kind string) (out []engine.Fact, err error) {
	for _, f := range b.facts {
		if f.Kind == kind {
			out = append(out, f)
		}
	}
	return out, b.err
}

// holders has accounts by number, and what is held with the first of them.
func (b *book) holders(_ context.Context, program, after string, accounts int) (out []engine.Held, err error) {
	for _, h := range b.held {
		for n := range 2*shownHolders + 1 {
			name := h.Account + fmt.Sprintf("-%03d", n)
			if h.Program == program && name > after && n < b.accounts && accounts > 0 {
				h.Account, accounts = name, accounts-1
				out = append(out, h)
				h.Account = strings.TrimSuffix(name, fmt.Sprintf("-%03d", n))
			}
		}
	}
	return out, b.err
}

// had goes on behind an account.
func (b *book) had(_ context.Context, q engine.AsOfQuery) (out []engine.Held, err error) {
	last, n := "", 0
	for _, h := range b.held {
		at := h.Program + "/" + h.Account
		if at <= strings.Join(q.After[:], "/") && q.After[1] != "" || q.Program != "" && q.Program != h.Program || q.Entitlement != nil && *q.Entitlement != h.Entitlement {
			continue
		}
		if at != last {
			n++
		}
		if last = at; n <= q.Accounts {
			out = append(out, h)
		}
	}
	return out, b.err
}

func declared(o *engine.Outlook) []DeclaredAccount {
	if o == nil {
		return nil
	}
	text := o.People[0].Entry
	return []DeclaredAccount{{text, text, text, noon().AddDate(0, 0, -1)}, {Name: text}}
}

// silent is a policy that says nothing.
type silent struct{ engine.Policy }

func (silent) Explain(*engine.Person, time.Time, engine.Entitlement) []engine.Finding { return nil }
func (silent) Entitlements() []engine.Entitlement                                     { return nil }
func (silent) Decide(*engine.Person, time.Time, func(int32) bool, []engine.Verdict) []engine.Verdict {
	return nil
}
func (silent) Rules() []engine.Rule { return nil }

func noon() time.Time { return time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC) }

func site(t testing.TB, b *book, o *engine.Outlook) (*Site, *[]string) {
	t.Helper()
	var failed []string
	var paused []engine.Fact
	if o != nil { // told by whatever text the company is made of
		paused = []engine.Fact{{FactKey: engine.FactKey{Program: "crm"}, Text: o.People[0].Entry}}
	}
	s, err := New(Options{
		Outlook: func() *engine.Outlook { return o }, Journal: func() Journal { return b }, Next: func() time.Time { return noon().Add(5 * time.Minute) }, Now: noon,
		Programs: func() []Program {
			return []Program{{Name: "crm", Kind: "scim", Seats: 10, Monthly: Money{30, "EUR"}, Declared: declared(o)}}
		},
		Holders: b.holders, Had: b.had, Begun: func(context.Context, string) (int, error) { return b.begun, b.err }, Leads: func(string) []Lead {
			if o == nil {
				return nil
			}
			text := o.People[0].Entry
			return []Lead{{text, text, text, text, text, text, []string{text}, text}}
		},
		Paused: func(context.Context) ([]engine.Fact, error) { return paused, b.err },
		Levels: func() *Levels {
			return &Levels{noon(), 3, []engine.Level{{Program: "crm", Access: engine.Spread{N: 3, Open: 1, Median: time.Second, P99: time.Hour, Days: []time.Duration{time.Second, -1, time.Hour}}}}}
		},
		Items: func(context.Context) ([]engine.Item, error) {
			if o == nil {
				return nil, b.err
			}
			c := o.Plan.Changes[0]
			text := o.People[0].Entry
			return []engine.Item{{ID: "i1", State: engine.Waiting, Reason: text, Change: c, Since: noon()}, {ID: "i2", State: engine.Approved, Reason: text, Change: c, Since: noon(), By: text, Note: text, Until: noon()}}, b.err
		},
		Extras: func(context.Context, string) ([]engine.Fact, error) {
			if o == nil {
				return nil, b.err
			}
			return []engine.Fact{{FactKey: engine.FactKey{Person: "p1", Program: "crm", Entitlement: o.People[0].Entry}, Text: o.People[0].Entry, Until: noon()}}, b.err
		},
		Blanked: func(_ context.Context, person string) (*Blanked, error) {
			if person != "#12" || o == nil {
				return nil, b.err
			}
			return &Blanked{noon(), o.People[0].Entry, o.People[0].Entry, 9}, b.err
		},
		CutSince: func(context.Context, string) (*engine.Fact, error) {
			if o == nil {
				return nil, b.err
			}
			return &o.Cuts[0], b.err
		},
		Ending: func(context.Context) ([]Credential, error) {
			if o == nil {
				return nil, b.err
			}
			return []Credential{{o.People[0].Entry, noon(), true}}, b.err
		},
		Reports: func() []ReportKind { return []ReportKind{reportKind(o)} }, CSV: plainCSV,
		Exports: b, Prove: func(context.Context, int64) (Proof, error) {
			return Proof{Size: 2, Root: "root", Path: []string{"beside"}, Checkpoint: "rolecall\n2\nroot", Leads: !b.changed, Stored: HashedAll{Public: "{}"}}, b.err
		},
		Zone: func() *time.Location { return time.UTC }, Failed: func(what string, err error) { failed = append(failed, what+": "+err.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, &failed
}

func get(s *Site, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	r.Host = "127.0.0.1:8484"
	s.ServeHTTP(w, r)
	return w
}

// everyPage are addresses of all pages; person and run stand for what is in the records.
func everyPage() []string {
	return []string{"/", "/people", "/people/p1", "/people/%2312", "/waiting", "/programs", "/programs/crm", "/programs/crm/holders", "/runs", "/runs/r1", "/runs/r1?by=person", "/reports/seats?page=3", "/asof", "/asof?on=2027-01-05&program=crm", "/changes", "/audit", "/audit/1", "/reviews", "/reviews/q0", "/reviews/q0?sort=right"}
}

// outlook is a company of one, whose name and everything else is a text.
func outlook(text string) *engine.Outlook {
	c := engine.Change{Op: engine.OpGrant, Person: "p1", Name: text, Account: text, Program: "crm", Entitlement: "crm/" + text, Why: []string{text}, State: engine.NeedsApproval, Reason: text}
	p := &engine.Plan{Changes: []engine.Change{c}, Unmanaged: []engine.Unmanaged{{Program: "crm", Account: text, Name: text, Kind: text, Entitlement: "crm/" + text, Person: "p1"}},
		Notices: []engine.Notice{{Level: "alarm", Code: text, Text: text, Person: "p1"}}, Proofs: []engine.Proof{{Source: text, Reasons: []engine.Reason{{Code: text, Detail: text}}}}}
	for _, state := range []engine.ChangeState{engine.Blocked, engine.Scheduled, engine.Ready} {
		c.State = state
		p.Changes = append(p.Changes, c)
	}
	p.Summary.Approval = 1
	return &engine.Outlook{At: noon(), Run: "r1", Plan: p, Policy: silent{}, Programs: []engine.ProgramOutlook{{Name: "crm", Rights: []engine.RightCount{{Name: text, Holders: 3}}}},
		Cuts: []engine.Fact{{FactKey: engine.FactKey{Person: "p1"}, Text: text}},
		People: []engine.Person{{Key: "p1", Source: text, Entry: text, StateWhy: text, Missing: []string{text}, Roles: []string{text}, State: engine.StateUpcoming,
			Attributes: engine.Attributes{{Name: "login", Values: []string{text}}, {Name: "name", Values: []string{text}}}, Jobs: []engine.Job{{Attributes: engine.Attributes{{Name: "title", Values: []string{text}}}}}}}}
}

func records(text string) *book {
	r := engine.Record{Seq: 1, Time: noon(), Kind: engine.KindIntent, Run: "r1", Actor: text, Person: "p1", Program: "crm", Account: text, Entitlement: text, Op: engine.OpGrant, Why: []string{text}, Rules: []string{text}, Data: []byte(`{"login":"x"}`)}
	b := &book{accounts: 1, records: []engine.Record{{Seq: 1, Time: noon(), Kind: engine.KindRun, Run: "r1", Actor: text, Data: []byte(`{"Policy":"abc"}`)}, r},
		held: []engine.Held{{Program: "crm", Account: text, Entitlement: text, Person: "p1", From: noon(), Rules: []string{text}, Managed: true, Record: 1}}}
	b.facts = append(b.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTask, Person: "p1", Key: "t1"}, Text: text}, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactUndone, Account: text}},
		engine.Fact{FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: text, Key: "p77"}, Since: noon(), Until: noon(), Text: text, Data: asJSON(map[string]any{"OfName": text, "ToName": text, "By": text})})
	return b.reviewOf("q0", text, 3)
}

// Whatever a directory, a program or a record says stays text: the shape of a page never changes, and nothing hides in it.
func TestHostileTextsStayText(t *testing.T) {
	shape := map[string]string{}
	for i, hostile := range append([]enginetest.HostileText{{Text: "plain"}}, enginetest.Hostile()...) {
		text := hostile.Text
		if testing.Short() && i%10 != 0 { // a thousand take long under the race detector
			continue
		}
		if text == "" || text == engine.Exists { // which are not shown
			continue
		}
		s, failed := site(t, records(text), outlook(text))
		for _, path := range everyPage() {
			w := get(s, path)
			body := w.Body.String()
			if w.Code != http.StatusOK || len(*failed) > 0 {
				t.Fatalf("%s with %q: %d, %v", path, text, w.Code, *failed)
			}
			got := tags(body)
			if i == 0 {
				shape[path] = got
			} else if got != shape[path] {
				t.Fatalf("%s with %q has another shape", path, text)
			}
			if strings.IndexFunc(strings.ReplaceAll(body, "\n", ""), hidden) >= 0 {
				t.Fatalf("%s with %q hides something", path, text)
			}
		}
	}
}

// tags are the names of the elements and attributes of a page, in order.
func tags(body string) string {
	var b strings.Builder
	for _, part := range strings.Split(body, "<")[1:] {
		inside, _, _ := strings.Cut(part, ">")
		quotedPart := false
		for _, r := range inside {
			if r == '"' {
				quotedPart = !quotedPart
			}
			if !quotedPart {
				b.WriteRune(r)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Before the first look pages say so; a page that can't be made whole is not shown by half, and the reason stays inside.
func TestPagesWithoutKnowledge(t *testing.T) {
	s, failed := site(t, records("x"), nil)
	for _, path := range everyPage() {
		if w := get(s, path); w.Code != http.StatusOK || len(*failed) > 0 {
			t.Errorf("%s: %d %v", path, w.Code, *failed)
		}
	}
	if body := get(s, "/").Body.String(); !strings.Contains(body, "Looking for the first time") {
		t.Error(body)
	}
	s, failed = site(t, &book{err: errors.New("secret-of-the-database")}, outlook("x"))
	for _, path := range []string{"/", "/people/p1", "/runs", "/audit", "/audit/1"} {
		w := get(s, path)
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") || !strings.Contains(strings.Join(*failed, "\n"), path+": ") {
			t.Errorf("%s: %d %v", path, w.Code, *failed)
		}
	}
}

// A question that can't be understood is refused: an empty answer would be taken for "there was nothing".
func TestWrongQuestions(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for path, want := range map[string]int{
		"/audit?kind=x": 400, "/audit?op=x": 400, "/audit?outcome=x": 400, "/audit?from=yesterday": 400, "/audit?before=x": 400, "/audit?program=wiki&entitlement=crm/x": 400,
		"/people?q=a+b+c+d+e+f+g+h+i": 400, "/audit?q=a+b+c+d+e+f+g+h+i": 400, "/people?state=x": 400, "/changes?state=x": 400, "/asof?on=x": 400, "/asof?program=wiki&entitlement=crm/x": 400, "/runs/r1?after=x": 400, "/people/p1?on=x": 400, "/people/p2": 200, "/programs/wiki": 404, "/runs/r2": 404, "/audit/3": 404, "/audit/x": 404, "/x": 404, "/assets/": 404,
	} {
		if w := get(s, path); w.Code != want {
			t.Errorf("%s: %d, not %d", path, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", http.NoBody))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// What a page may do in a browser: nothing but show its own style.
func TestHeaders(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for _, path := range []string{"/", "/x", "/audit?kind=x"} {
		h := get(s, path).Header()
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8"} {
			if !strings.HasPrefix(h.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
}

// Links lead to what they name, whatever characters the name has.
func TestLinksKeepNames(t *testing.T) {
	const key = "cn=a/b, ü?&%2F@corp#1+2"
	b, o := records("x"), outlook("x")
	o.People[0].Key, b.held[0].Person = key, key
	for i := range b.records {
		b.records[i].Person = key
	}
	s, _ := site(t, b, o)
	follow := func(page, prefix string) *httptest.ResponseRecorder {
		_, rest, found := strings.Cut(get(s, page).Body.String(), `href="`+prefix)
		href, _, _ := strings.Cut(rest, `"`)
		if !found {
			t.Fatalf("%s has no link %s", page, prefix)
		}
		return get(s, html.UnescapeString(prefix+href))
	}
	person := follow("/people", "/people/")
	if person.Code != http.StatusOK || !strings.Contains(person.Body.String(), "Has") {
		t.Fatalf("%d %s", person.Code, person.Body)
	}
	if audit := follow("/people/"+url.PathEscape(key), "/audit?person="); !strings.Contains(audit.Body.String(), `name="person" value="`+html.EscapeString(key)) && !strings.Contains(html.UnescapeString(audit.Body.String()), `name="person" value="`+key+`"`) {
		t.Error(audit.Body.String())
	}
}

// Other pages in the same browser get nothing, not even the work that an answer takes; a body is not read.
func TestOthersGetNothing(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for from, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 403, "cross-site": 403} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/people", strings.NewReader("q=nobody"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", from)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != want || want == 200 && !strings.Contains(w.Body.String(), "p1") {
			t.Errorf("%q: %d", from, w.Code)
		}
	}
}
