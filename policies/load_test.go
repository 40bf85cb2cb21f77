package policies

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func loadText(text string) (*Policy, error) {
	return Load(fstest.MapFS{"a.yaml": {Data: []byte(text)}}, testSchema())
}

func mustLoad(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := loadText(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExample(t *testing.T) {
	p, err := Load(os.DirFS("../docs/examples/policies"), testSchema())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Test(p, time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)) {
		if !r.OK {
			t.Errorf("%s: %s\n%s", r.Place, r.Name, r.Text)
		}
	}
	if got := p.Protected(); len(got.People) != 1 || len(got.Accounts) != 1 {
		t.Errorf("protected: %v", got)
	}
	for _, r := range p.Rules() {
		want := map[string]time.Duration{"on-call": 24 * time.Hour}[r.Name]
		if want == 0 && !r.Extra {
			want = 7 * 24 * time.Hour
		}
		if r.Grace != want {
			t.Errorf("%s: grace %v, want %v", r.Name, r.Grace, want)
		}
	}
}

// Every prefix of a file that announces its end mark is refused.
func TestPrefixesWithEndMark(t *testing.T) {
	src, err := os.ReadFile("../docs/examples/policies/engineering.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(src) {
		if p, err := loadText(string(src[:n])); err == nil {
			t.Fatalf("cut at byte %d of %d it loads, with %d rules", n, len(src), len(p.Rules()))
		}
	}
}

// Without an end mark a cut within a line is refused. One between lines may load, but never under the same hash.
func TestPrefixesWithoutEndMark(t *testing.T) {
	src, err := os.ReadFile("../docs/examples/policies/engineering.yaml")
	if err != nil {
		t.Fatal(err)
	}
	src = bytes.Replace(src, []byte("end: required"), []byte("#"), 1)
	whole, err := loadText(string(src))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(src) {
		p, err := loadText(string(src[:n]))
		if err == nil && src[n-1] != '\n' {
			t.Fatalf("cut within a line, at byte %d, it loads", n)
		}
		if err == nil && n < bytes.Index(src, []byte("  accounts:")) && p.Hash() == whole.Hash() {
			t.Fatalf("cut at byte %d it has the same hash", n)
		}
	}
}

// The engine searches the catalogue by program, then name.
func TestCatalogueIsSortedByProgram(t *testing.T) {
	s := testSchema()
	s.Programs["gitea-x"] = nil
	p, err := Load(fstest.MapFS{"a.yaml": {Data: []byte("version: 1\nrules: [{name: a, roles: [sre], grant: [gitea-x, gitea/eng, gitea, gitea-x/a, crm]}]\n")}}, s)
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Entitlement{{Program: "crm"}, {Program: "gitea"}, {Program: "gitea", Name: "eng"}, {Program: "gitea-x"}, {Program: "gitea-x", Name: "a"}}
	if got := p.Entitlements(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestFolder(t *testing.T) {
	if _, err := Load(fstest.MapFS{}, testSchema()); err == nil || !strings.Contains(err.Error(), "no *.yaml") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Load(os.DirFS("testdata/absent"), testSchema()); err == nil || errors.As(err, new(engine.Mistakes)) {
		t.Errorf("an absent folder: %v", err)
	}
	rule := "version: 1\nrules: [{name: NAME, roles: [sre], grant: wiki}]\n"
	p, err := Load(fstest.MapFS{"b.yaml": {Data: []byte(strings.Replace(rule, "NAME", "b", 1))}, ".#b.yaml": {Data: []byte("lock")},
		"a.yaml": {Data: []byte(strings.Replace(rule, "NAME", "a", 1))}, "README.md": {Data: []byte("text")}}, testSchema())
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Rules(); len(r) != 2 || r[0].Place != "a.yaml:2" || r[1].Place != "b.yaml:2" {
		t.Errorf("rules: %v", r)
	}
}

func TestHostileFilesEndSoon(t *testing.T) {
	hostile := map[string]string{
		"flow":    "version: 1\nrules: " + strings.Repeat("[", 1<<20) + "\n",
		"dashes":  "version: 1\nrules: \n" + strings.Repeat("- ", 1<<19) + "x\n",
		"keys":    "version: 1\nrules: \n" + strings.Repeat("? ", 1<<19) + "x\n",
		"maps":    "version: 1\nrules: " + strings.Repeat("{a: ", 1<<18) + "\n",
		"quotes":  "version: 1\nrules: " + strings.Repeat("'", 1<<20) + "\n",
		"large":   strings.Repeat("# comment\n", maxFile/10+1),
		"nul":     "version: 1\n\x00\n",
		"latin":   "version: 1\nrules: \xe9\n",
		"cel":     "version: 1\nrules: [{name: a, grant: wiki, when: '" + strings.Repeat("(", 1800) + "'}]\n",
		"cel and": "version: 1\nrules: [{name: a, grant: wiki, when: '" + strings.Repeat("true && ", 600) + "true'}]\n",
	}
	for name, text := range hostile {
		start := time.Now()
		_, err := loadText(text)
		var mistakes engine.Mistakes
		if !errors.As(err, &mistakes) || len(err.Error()) > 2000 {
			t.Errorf("%s: %.300v", name, err)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestIndentationHasAnEnd(t *testing.T) {
	_, err := loadText("version: 1\n" + stairs(200))
	if want := "a.yaml:102:101: indented too far"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestBareRoleNeedsOneSource(t *testing.T) {
	s := testSchema()
	s.Sources = []RoleSource{{Name: "group"}, {Name: "title", Roles: []string{"dev"}}}
	s.Canonical = strings.ToLower
	for written, want := range map[string]string{"engineer": "group:engineer", "Title:dev": "", "dev": "", "DEV": "", "title:DEV": "title:dev", "title:boss": "", "title:dev": "title:dev", "group:Ops": "group:ops"} {
		got, wrong := s.role(written)
		if (wrong != nil) != (want == "") || wrong == nil && got != want {
			t.Errorf("%s: %q, %v", written, got, wrong)
		}
	}
}

func TestQualifiedSourceIsNeverMeantByABareName(t *testing.T) {
	s := Schema{Sources: []RoleSource{{Name: "group"}, {Name: "title"}}}
	if role, wrong := s.role("engineer"); wrong == nil {
		t.Errorf("two sources can yield it: %s", role)
	}
	s.Sources[1].Qualified = true
	if role, wrong := s.role("engineer"); wrong != nil || role != "group:engineer" {
		t.Errorf("%s, %v", role, wrong)
	}
	if role, wrong := s.role("title:engineer"); wrong != nil || role != "title:engineer" {
		t.Errorf("%s, %v", role, wrong)
	}
	s.Sources[0].Roles = []string{"sre"}
	if role, wrong := s.role("engineer"); wrong == nil {
		t.Errorf("it must not come to mean the other source: %s", role)
	}
}

func TestHashIsOfTheContent(t *testing.T) {
	a := "version: 1\nrules:\n  - {name: a, roles: [sre, engineer], grant: [wiki, crm], reason: x}\n  - {name: b, roles: [sre], grant: wiki}\nconflicts: [{name: c, never_both: [crm, wiki], keep: first}]\n"
	same := "version: 1 # comment\nconflicts:\n  - name: c\n    never_both: [crm, wiki]\n    keep: first\nrules:\n  - {name: b, roles: ['group:sre'], grant: wiki}\n  - {grant: [crm, wiki], roles: {any: [engineer, sre]}, name: a, reason: y}\n"
	if mustLoad(t, a).Hash() != mustLoad(t, same).Hash() {
		t.Error("layout, comments, reasons and order changed the hash")
	}
	for from, to := range map[string]string{"name: a,": "name: z,", "[sre, engineer]": "{all: [sre, engineer]}", "grant: wiki": "grant: crm",
		"keep: first": "keep: record", "[crm, wiki], keep": "[wiki, crm], keep", "reason: x": "mode: observe", ", reason: x": ", grace: 1d", "grant: wiki}": "grant: wiki, priority: 3}",
		"reason: x}": "when: 'true'}"} {
		if !strings.Contains(a, from) {
			t.Fatalf("%q is not in the text", from)
		}
		if mustLoad(t, a).Hash() == mustLoad(t, strings.Replace(a, from, to, 1)).Hash() {
			t.Errorf("%s → %s did not change the hash", from, to)
		}
	}
	s := testSchema()
	s.Zone = time.UTC
	p, err := Load(fstest.MapFS{"a.yaml": {Data: []byte(a)}}, s)
	if err != nil || p.Hash() == mustLoad(t, a).Hash() {
		t.Errorf("the company's zone did not change the hash: %v", err)
	}
}

func TestRuleHash(t *testing.T) {
	p := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: wiki}, {name: b, roles: [sre], grant: wiki}]\n")
	q := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: crm}, {name: b, roles: [sre], grant: wiki}]\n")
	if p.Rules()[0].Hash == q.Rules()[0].Hash || p.Rules()[1].Hash != q.Rules()[1].Hash {
		t.Error("the hash of a rule must change with that rule alone")
	}
}

func TestWithExtras(t *testing.T) {
	p := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: wiki}]\nblocks: [{person: eve, entitlement: crm, review: 2027-01-01, reason: x}]\n")
	day := func(d int) time.Time { return time.Date(2027, 1, d, 0, 0, 0, 0, time.UTC) }
	give := engine.Extra{Person: "alice", Entitlement: "crm", From: day(10), Until: day(12), Reason: "fair", Author: "bob"}
	eve := give
	eve.Person = "eve"
	q := p.WithExtras([]engine.Extra{give, give, eve, {Person: "x", Entitlement: "crm"}, {Entitlement: "crm", Until: day(1)}})
	if p.Hash() == q.Hash() || len(p.Rules()) != 1 || len(q.Rules()) != 3 {
		t.Fatalf("%d and %d rules", len(p.Rules()), len(q.Rules()))
	}
	for d, want := range map[int]bool{9: false, 10: true, 12: true, 13: false} {
		person := &engine.Person{Key: "alice", State: engine.StateActive, Zone: "Pacific/Auckland"}
		auckland, _ := time.LoadLocation(person.Zone)
		for _, hour := range []int{0, 23} {
			got := q.Decide(person, time.Date(2027, 1, d, hour, 59, 0, 0, auckland), nil, nil)
			if (len(got) == 1) != want {
				t.Errorf("day %d, hour %d: %v", d, hour, got)
			}
		}
	}
	got := q.Decide(&engine.Person{Key: "eve", State: engine.StateActive}, day(11), nil, nil)
	if len(got) != 1 || got[0].Say != engine.Denied {
		t.Errorf("a block goes before an extra: %v", got)
	}
	longer := give
	longer.Until = day(13)
	later := give
	later.From = day(11)
	for _, other := range []engine.Extra{longer, later} {
		if o := p.WithExtras([]engine.Extra{other, eve}); o.Hash() == q.Hash() || o.Rules()[1].Hash == q.Rules()[1].Hash {
			t.Errorf("other dates, same hash: %+v", other)
		}
	}
	rule := q.Rules()[1]
	if !rule.Extra || rule.Author != "bob" || !rule.Until.Equal(day(12)) {
		t.Errorf("%+v", rule)
	}
}

// A block that was decided elsewhere means what one of the files means, and nothing that came before it is changed.
func TestWithBlocks(t *testing.T) {
	p := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: [wiki, crm]}]\n")
	now := time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
	q := p.WithBlocks([]engine.Block{{Person: "alice", Entitlement: "crm", Review: now, Reason: "review q1", Place: "review"}, {Person: "bob"}, {Entitlement: "wiki"}})
	for name, want := range map[string]string{"alice": "[denied wiki]", "bob": "[crm wiki]"} {
		var got []string
		for _, v := range q.Decide(&engine.Person{Key: name, State: engine.StateActive, Roles: []string{"group:sre"}}, now, nil, nil) {
			got = append(got, map[bool]string{true: "denied", false: q.Entitlements()[v.Entitlement].String()}[v.Say == engine.Denied])
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if len(p.Mentions()) != 0 || p.Hash() == q.Hash() {
		t.Error("the policy itself was changed, or can't be told from the other")
	}
	if told := q.(*Policy).Reminders(now.AddDate(0, 0, 2)); len(told) != 1 || !strings.Contains(told[0], "review q1") {
		t.Error(told)
	}
}

func TestCompare(t *testing.T) {
	before := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: [wiki, crm]}, {name: b, roles: [engineer], grant: vpn}]\n")
	after := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: [wiki, vpn]}, {name: c, roles: [engineer], mode: observe, grant: vpn}]\n")
	people := []*engine.Person{{Key: "1", State: engine.StateActive, Roles: []string{"group:sre"}}, {Key: "2", State: engine.StateActive, Roles: []string{"group:engineer"}},
		{Key: "3", State: engine.StateLeft, Roles: []string{"group:sre"}}, {Key: "4", State: engine.StateActive, Roles: []string{"group:sre"}, Missing: []string{"group:*"}}}
	all := func(yield func(*engine.Person) bool) {
		for _, p := range people {
			if !yield(p) {
				return
			}
		}
	}
	var got []string
	differences := Compare(before, after, all, time.Time{})
	for _, d := range differences {
		sign := map[bool]string{true: "+", false: "-"}[d.Gains]
		if d.Uncertain {
			sign += "?"
		}
		got = append(got, d.Person+sign+d.Entitlement.String()+" "+d.Rule)
	}
	if want := "1-crm a,1+vpn a,2-vpn b,4-crm a,4+?vpn a"; strings.Join(got, ",") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ","), want)
	}
	if s := Summarize(differences); len(s) != 2 || s[0] != (Count{"crm", 0, 2}) || s[1] != (Count{"vpn", 2, 1}) {
		t.Errorf("%v", s)
	}
}
