package policies

import (
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rolecall/rolecall/engine"
)

var update = flag.Bool("update", false, "write the want files anew")

// testSchema is what all the text cases speak of.
func testSchema() Schema {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return Schema{
		Attributes: []Declared{{Name: "login"}, {Name: "hired"}, {Name: "tags", Multi: true},
			{Name: "title", Job: true}, {Name: "department", Job: true}, {Name: "country", Job: true}, {Name: "skills", Multi: true, Job: true}},
		Sources: []RoleSource{{Name: "group", Roles: []string{"engineer", "sre", "contractor", "finance", "staff", "boss"}},
			{Name: "title", Roles: []string{"dev", "boss"}}},
		Programs: map[string][]string{"gitea": {"eng", "ops", "admin"}, "wiki": nil, "crm": nil,
			"erp": {"create-payment", "approve-payment", "audit"}, "vpn": {}},
		Zone: berlin,
	}
}

func textFolder(a *archive, not ...string) fs.FS {
	folder := fstest.MapFS{}
	for _, f := range a.files {
		if filepath.Ext(f.name) != "" && !slices.Contains(not, f.name) {
			folder[f.name] = &fstest.MapFile{Data: f.data}
		}
	}
	return folder
}

// eachText runs one case a file; run gives the text that must equal the archive's want.
func eachText(t *testing.T, pattern string, run func(t *testing.T, a *archive) string) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a := readArchive(t, path)
			compareText(t, path, a, run(t, a))
		})
	}
}

func compareText(t *testing.T, path string, a *archive, got string) {
	t.Helper()
	i := slices.IndexFunc(a.files, func(f archived) bool { return f.name == "want" })
	if i < 0 {
		a.files, i = append(a.files, archived{name: "want"}), len(a.files)
	}
	if *update {
		a.files[i].data = []byte(got)
		a.write(t, path)
		return
	}
	if want := string(a.files[i].data); got != want {
		t.Errorf("%s\ngot:\n%swant:\n%s", path, got, want)
	}
}

// TestVerdicts: the archive holds policy files, a people file and, if wanted, a file "why" with lines "key entitlement".
func TestVerdicts(t *testing.T) {
	eachText(t, "testdata/verdicts/*.txtar", func(t *testing.T, a *archive) string {
		p, err := Load(textFolder(a, "people.yaml"), testSchema())
		if err != nil {
			t.Fatal(err)
		}
		people, now := readPeople(t, a)
		var b strings.Builder
		for i := range people {
			writeVerdicts(&b, p, &people[i], now)
		}
		for _, f := range a.files {
			if f.name == "why" {
				writeWhy(&b, p, people, now, string(f.data))
			}
		}
		for _, r := range Test(p, now) {
			fmt.Fprintf(&b, "test %s: ok=%v\n%s", r.Name, r.OK, r.Text)
		}
		return b.String()
	})
}

type heldPerson struct {
	engine.Person
	holds []engine.Entitlement
}

func readPeople(t *testing.T, a *archive) (people []heldPerson, now time.Time) {
	t.Helper()
	schema := testSchema()
	l, err := newLanguage(&schema)
	if err != nil {
		t.Fatal(err)
	}
	var mistakes engine.Mistakes
	for _, f := range a.files {
		if f.name != "people.yaml" {
			continue
		}
		r := &reader{schema: &schema, language: l, file: f.name, lines: strings.Split(string(f.data), "\n"), mistakes: &mistakes}
		root, line, _, wrong := parseTree(f.data)
		if wrong != nil {
			t.Fatal(line, wrong)
		}
		r.fields(root, "the file", []field{
			{"at", true, r.moment(&now)},
			{"people", true, r.each(func(n *node) { people = append(people, r.heldPerson(n)) })},
		}, nil)
	}
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return people, now
}

// heldPerson is a person with what is held: {holds: [..], person: {..}}.
func (r *reader) heldPerson(n *node) (out heldPerson) {
	r.fields(n, "an item", []field{
		{"person", true, func(n *node) { out.Person = r.person(n) }},
		{"holds", false, func(n *node) { out.holds = r.entitlements(n, 1) }},
	}, nil)
	return out
}

func writeVerdicts(b *strings.Builder, p *Policy, h *heldPerson, now time.Time) {
	has := func(e int32) bool { return slices.Contains(h.holds, p.Entitlements()[e]) }
	verdicts := p.Decide(&h.Person, now, has, nil)
	if len(verdicts) == 0 {
		fmt.Fprintf(b, "%s nothing\n", h.Key)
	}
	for _, v := range verdicts {
		rule := "-"
		if v.Rule >= 0 {
			rule = p.Rules()[v.Rule].Name
		}
		say := [...]string{"desired", "observed", "undecided", "denied", "recorded"}[v.Say]
		fmt.Fprintf(b, "%s %s %s %s\n", h.Key, p.Entitlements()[v.Entitlement], say, rule)
	}
}

func writeWhy(b *strings.Builder, p *Policy, people []heldPerson, now time.Time, asks string) {
	for _, ask := range strings.Split(strings.TrimSpace(asks), "\n") {
		key, entitlement, _ := strings.Cut(ask, " ")
		for i := range people {
			if people[i].Key == key {
				fmt.Fprintf(b, "why %s\n", ask)
				for _, f := range p.Explain(&people[i].Person, now, engine.ParseEntitlement(entitlement)) {
					fmt.Fprintf(b, "    %s\n", findingText(f))
				}
			}
		}
	}
}

// TestMistakes: the archive holds policy files; all mistakes of all of them are wanted, letter for letter.
func TestMistakes(t *testing.T) {
	eachText(t, "testdata/mistakes/*.txtar", func(t *testing.T, a *archive) string {
		p, err := Load(textFolder(a), testSchema())
		if err == nil {
			t.Fatalf("loaded with %d rules", len(p.Rules()))
		}
		return err.Error() + "\n"
	})
}
