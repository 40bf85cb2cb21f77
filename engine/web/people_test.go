package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// dated is a policy whose extras end: of the entitlement x on the 31st, of both on the 20th, of one that a rule gives, too, on the 25th.
type dated struct{ silent }

func january(n int) time.Time { return time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC) }

func (dated) Rules() []engine.Rule {
	return []engine.Rule{{Name: "extra early", Extra: true, Until: january(20)}, {Name: "extra late", Extra: true, Until: january(31)}, {Name: "extra ruled", Extra: true, Until: january(25)}, {Name: "staff"}}
}

func (dated) Explain(_ *engine.Person, _ time.Time, e engine.Entitlement) (out []engine.Finding) {
	by := map[string][]string{"crm/x": {"extra early", "extra late"}, "crm/ruled": {"extra ruled", "staff"}, "keeps/x": {"extra late"}, "vpn/x": {"extra early"}}
	for _, rule := range by[e.String()] {
		out = append(out, engine.Finding{Answer: "gives", Rule: rule, Text: "since"})
	}
	return append(out, engine.Finding{Answer: "does not match", Rule: "staff"})
}

// Until when somebody has something is the same on their own page, on that for others and for programs, and in every zone: an extra of
// the policy's files ends as well as one that was given.
func TestUntilWhen(t *testing.T) {
	held := func(program, right string) engine.Held {
		return engine.Held{Program: program, Account: "a", Entitlement: right, Person: "p1", From: noon(), Managed: true, Record: 1}
	}
	for name, c := range map[string]struct {
		held  []engine.Held
		given time.Time // another extra for crm/x or crm/ruled
		want  time.Time
	}{
		"of the files, the later one":       {held: []engine.Held{held("crm", "x")}, want: january(31)},
		"given for longer":                  {[]engine.Held{held("crm", "x")}, january(31).AddDate(0, 0, 3), january(31).AddDate(0, 0, 3)},
		"given for less":                    {[]engine.Held{held("crm", "x")}, january(9), january(31)},
		"a rule gives it, too":              {held: []engine.Held{held("crm", "ruled")}},
		"given, and a rule gives it, too":   {held: []engine.Held{held("crm", "ruled")}, given: january(9)},
		"nothing is ever taken":             {held: []engine.Held{held("keeps", "x")}},
		"needed by what ends":               {held: []engine.Held{held("vpn", engine.Active), held("vpn", "x")}, want: january(20)},
		"needed by what doesn't, among it":  {held: []engine.Held{held("crm", "ruled"), held("crm", engine.Active), held("crm", "x")}},
		"needed, of what ends elsewhere":    {held: []engine.Held{held("crm", engine.Active), held("vpn", "x")}},
		"of which policy does not say much": {held: []engine.Held{held("crm", "y")}},
	} {
		s, d, _ := guarded(t, Viewer)
		o := outlook("x")
		o.Policy, o.Programs = dated{}, append(o.Programs, engine.ProgramOutlook{Name: "keeps", Revoke: engine.RevokeNever})
		b := records("x")
		b.held = c.held
		s.Outlook, s.Journal = func() *engine.Outlook { return o }, func() Journal { return b }
		s.Zone = func() *time.Location { return time.FixedZone("west", -5*60*60) }
		s.Extras = func(context.Context, string) (out []engine.Fact, err error) {
			if !c.given.IsZero() {
				out = []engine.Fact{{FactKey: engine.FactKey{Person: "p1", Program: "crm", Entitlement: c.held[0].Entitlement}, Until: c.given}}
			}
			return out, nil
		}
		d.user.Person = "p1"
		for _, path := range []string{"/mine", "/people/p1"} {
			first, _, _ := strings.Cut(afterOf(send(s, http.MethodGet, path, "").Body.String(), `data-label="Until">`), "</td>")
			if want := dayOrNone(c.want); !strings.Contains(first, want) || want == "" && strings.Contains(first, "2027") {
				t.Errorf("%s, %s: %q instead of %q", name, path, first, want)
			}
		}
		var got accessJSON
		if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, "/api/v1/people/p1", "").Body.Bytes(), &got); err != nil || len(got.Has) == 0 || !got.Has[0].Until.Equal(c.want) {
			t.Errorf("%s: %+v, %v", name, got.Has, err)
		}
	}
}

func dayOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func afterOf(text, mark string) string {
	_, after, _ := strings.Cut(text, mark)
	return after
}
