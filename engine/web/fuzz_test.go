package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// fuzzed is a site on which everything may be decided.
func fuzzed(t *testing.T) (*Site, *door) {
	s, d, _ := guarded(t, Admin)
	o := outlook("x")
	o.Policy = giving{}
	s.Outlook = func() *engine.Outlook { return o }
	return s, d
}

// oneOrNone wants an answer that says whether something was done, which is one thing or nothing.
func oneOrNone(t *testing.T, d *door, status, fine int) {
	t.Helper()
	if status != fine && (status < 400 || status >= 500) || len(d.did) > 1 || (len(d.did) == 1) != (status == fine) {
		t.Fatalf("status %d, and done was %q", status, d.did)
	}
	d.did = nil
}

// FuzzBodies: whatever a program sends to whichever address of the API, it is one decision, or refused and nothing is done; and
// the answer is as the document of the API says.
func FuzzBodies(f *testing.F) {
	all := bodies()
	calls := slices.Sorted(maps.Keys(all))
	for n, call := range calls {
		f.Add(uint(n), all[call][0])
		f.Add(uint(n), strings.Replace(all[call][0], "{", `{"extra":1,`, 1))
		f.Add(uint(n), strings.ToUpper(all[call][0]))
		f.Add(uint(n), all[call][0]+all[call][0])
	}
	for _, text := range []string{"", "null", "[]", "{", `{}{}`, `{"reason":"\ud800"}`, `{"reason":"x","reason":"y"}`, `{"items":[null]}`, strings.Repeat("[", 20_000)} {
		f.Add(uint(0), text)
	}
	var p *program
	var d *door
	f.Fuzz(func(t *testing.T, n uint, body string) {
		if p == nil {
			var s *Site
			s, d = fuzzed(t)
			p = newProgram(t, s)
		}
		p.t = t
		method, path, _ := strings.Cut(calls[n%uint(len(calls))], " ")
		w := p.ask(method, filled(path), body)
		oneOrNone(t, d, w.Code, http.StatusOK)
		if w.Code == http.StatusOK && !json.Valid([]byte(body)) {
			t.Fatalf("%q was taken for one value", body)
		}
	})
}

// FuzzForms: whatever a browser sends to whichever form, it is one decision, or refused and nothing is done; and it is sent to no
// other host.
func FuzzForms(f *testing.F) {
	forms := [][2]string{{"/waiting", "do=approve&item=a&item=b&reason=agreed"}, {"/waiting", "do=reject&all=yes&shown=a&reason=no"}, {"/people/p1/give", "entitlement=crm/x&until=2027-01-31&reason=fair"}, {"/people/p1/cut", "reason=stolen"},
		{"/people/p1/lift", "reason=found"}, {"/pause", "program=crm&reason=incident"}, {"/pause", "program=&reason=all"}, {"/resume", "program=crm"}, {"/reviews/q1", "do=keep&line=a&until=2027-01-31&reason=fine"},
		{"/reviews", "name=q1&program=crm&role=sales&reviewers=managers&due=2027-01-31&keep=2027-05-01&undecided=yes&reason=yearly"}, {"/reviews/q1/close", "reason=signed"}, {"/delegations", "to=bob&from=2027-01-04&until=2027-01-31&reason=holidays"},
		{"/delegations/end", "of=p1&to=p2&reason=back"}, {"/tasks/done", "task=t1&reason=closed"}, {"/release", "reason=corrected"}, {"/runs/r1/undo", "reason=wrong"}}
	for n, one := range forms {
		f.Add(uint(n), one[1])
		f.Add(uint(n), one[1]+"&"+one[1])
	}
	for _, text := range []string{"", "%zz", "reason=%00", ";", "=&=&", "name=//evil.example.com&reviewers=owners&due=2027-01-31&reason=x", "program=//evil.example.com&reason=x", "reason=" + strings.Repeat("x", mostReason+1)} {
		for n := range forms {
			f.Add(uint(n), text)
		}
	}
	var s *Site
	var d *door
	f.Fuzz(func(t *testing.T, n uint, form string) {
		if s == nil {
			s, d = fuzzed(t)
		}
		w := send(s, http.MethodPost, forms[n%uint(len(forms))][0], form)
		oneOrNone(t, d, w.Code, http.StatusSeeOther)
		if to := w.Header().Get("Location"); w.Code == http.StatusSeeOther && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
			t.Fatalf("%q leads to %q", form, to)
		}
	})
}
