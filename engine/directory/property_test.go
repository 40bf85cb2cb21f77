package directory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldif"
	"pgregory.net/rapid"

	"github.com/rolecall/rolecall/engine"
)

// Whatever the order of rows, the people are the same; only the line numbers are others.
func TestRowOrderNeverMatters(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.Custom(func(t *rapid.T) string {
			word := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "w") }
			return strings.Join([]string{word("E1", "e1", "E2", "E3"), word("ada", "ADA", "bob"), word("A", "B"), "", word("Doctor", "Nurse", ""),
				word("", "2020-01-01", "2030-01-01", "x"), word("", "2020-01-01", "2030-01-01"), word("", "leave", "terminated"), word("", "go;sql", "sql"), ""}, ",")
		})
		rows := rapid.SliceOfN(row, 1, 8).Draw(t, "rows")
		mixed := rapid.Permutation(rows).Draw(t, "mixed")
		if a, b := peopleOf(t, dir, rows), peopleOf(t, dir, mixed); a != b {
			t.Fatalf("%s\n\nand mixed:\n%s", a, b)
		}
	})
}

func peopleOf(t *rapid.T, dir string, rows []string) string {
	path := filepath.Join(dir, "hr.csv")
	text := "id,login,name,mail,title,start,end,status,skills,site\n" + strings.Join(rows, "\n") + "\nEOF\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := CSV(CSVConfig{Config: hr(), File: File{Path: path, End: "EOF"}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	proof, err := d.People(t.Context(), func(p engine.Person) error {
		p.Entry, p.StateWhy = "", ""
		out.WriteString(showPerson(p) + p.Changed + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s%v %v %d", out.String(), proof.Roles, proof.Counts, len(proof.Reasons))
}

// Nested groups, circles included, against the definition: the least set that holds the direct members and, with every
// member group, its members.
func TestNestedGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "groups")
		in := map[string][]string{} // group → members
		for i := range n {
			g := fmt.Sprintf("cn=g%d", i)
			in[g] = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"uid=a", "uid=b", "uid=c", "cn=g0", "cn=g1", "cn=g2", "cn=g3", "cn=g4", "cn=g5"}), rapid.ID).Draw(t, g)
		}
		cfg := Config{Key: "uid", Now: noon, Roles: []RoleSource{{Group: &Groups{Nested: true}}}}
		b := newBuilder(&cfg)
		for i := range n {
			g := fmt.Sprintf("cn=g%d", i)
			b.groups[0].add(&entry{place: g, dn: g, attrs: []raw{{name: "cn", values: []string{g[3:]}}, {name: "member", values: in[g]}}})
		}
		for _, p := range []string{"a", "b", "c"} {
			b.person(&entry{place: "uid=" + p, dn: "uid=" + p, attrs: []raw{{name: "uid", values: []string{p}}}})
		}
		var people []engine.Person
		if _, err := b.finish(t.Context(), func(p engine.Person) error { people = append(people, p); return nil }); err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			for g := range in {
				_, has := slices.BinarySearch(p.Roles, "group:"+g[3:])
				if want := reaches(in, g, p.Entry, map[string]bool{}); has != want {
					t.Fatalf("%s in %s: %v, want %v, with %v", p.Entry, g, has, want, in)
				}
			}
		}
	})
}

func reaches(in map[string][]string, group, person string, seen map[string]bool) bool {
	if seen[group] {
		return false
	}
	seen[group] = true
	return slices.ContainsFunc(in[group], func(m string) bool { return m == person || reaches(in, m, person, seen) })
}

// Cut anywhere, a file is never complete: not one byte may be missing.
func TestCutFiles(t *testing.T) {
	dir := t.TempDir()
	csvText := "id,login,name,mail,title,start,end,status,skills,site\nE1,ada,Ada,,Engineer,,,,,\nE2,bob,\"B\no\",,Engineer,,,,,\nrows,2\n"
	ldifText := "dn: uid=ada,ou=people,dc=example,dc=com\nobjectClass: person\nemployeeNumber: 1\n\ndn: uid=bob,ou=people,dc=example,dc=com\nobjectClass: person\nemployeeNumber: 2\n\n# entries: 2\n"
	for _, c := range []struct {
		name, text string
		make       func(path string) (engine.Directory, error)
	}{
		{"hr.csv", csvText, func(p string) (engine.Directory, error) {
			return CSV(CSVConfig{Config: hr(), File: File{Path: p, Count: "rows"}})
		}},
		{"p.ldif", ldifText, func(p string) (engine.Directory, error) {
			return LDIF(LDIFConfig{Config: corp(), File: File{Path: p, Count: "entries"}})
		}},
	} {
		path := filepath.Join(dir, c.name)
		d, err := c.make(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(c.text) { // the last line break alone may be missing: what was declared is there
			if err := os.WriteFile(path, []byte(c.text[:n]), 0o600); err != nil {
				t.Fatal(err)
			}
			proof, err := d.People(t.Context(), func(engine.Person) error { return nil })
			if complete := err == nil && proof.Complete(); complete != (n >= len(c.text)-1) {
				t.Errorf("%s cut at %d of %d: complete %v, %v", c.name, n, len(c.text), complete, err)
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"id,login\n1,ada\nrows,1\n", "\xef\xbb\xbfid\n\"1\n\"\n", "id,id\n", "id,login\n1,\x00\n", "rows: 0\nid\n", ",\n", "id;login\n", "id\n\"", "id,start\n1,2027-01-01\n1,x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "hr.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := CSV(CSVConfig{Config: hr(), File: File{Path: path, Count: "rows"}})
		if err != nil {
			t.Fatal(err)
		}
		sane(t, d)
	})
}

// sane holds for every file there can be: keys sorted and apart, nothing invisible in what identifies, and no silence.
func sane(t *testing.T, d engine.Directory) {
	t.Helper()
	last, n := "", 0
	proof, err := d.People(t.Context(), func(p engine.Person) error {
		if p.Key == "" || n > 0 && p.Key <= last || strings.ContainsAny(p.Key+p.Login(), "\x00\n\x1b\u202e") || len(p.Jobs) == 0 {
			t.Fatalf("%q after %q: %v", p.Key, last, p)
		}
		last, n = p.Key, n+1
		return nil
	})
	if err != nil || proof.Count != n || n == 0 && proof.Complete() {
		t.Fatalf("%v, %d people, %v", err, n, proof)
	}
}

func FuzzLDIF(f *testing.F) {
	for _, s := range []string{"dn: uid=a\nemployeeNumber: 1\nobjectClass: person\n\n# entries: 1\n", "version: 1\ndn:: dWlkPWE=\ncn:< file:///etc/passwd\n\n",
		"dn: a\n b\n\n \n", "# x\n y\ndn: uid=a\r\ncn:\r\n\r\n", "\xef\xbb\xbfversion: 2\n\n", "dn: x\nchangetype: add\ncn: y\n\n", "dn: uid=a\nobjectClass: person\nemployeeNumber:: AAAA\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "p.ldif")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := LDIF(LDIFConfig{Config: corp(), File: File{Path: path, Count: "entries"}})
		if err != nil {
			t.Fatal(err)
		}
		sane(t, d)
		compareLDIF(t, data)
	})
}

// compareLDIF holds our reader against go-ldap/ldif, on what that reads at all. Where ours is stricter it says so.
func compareLDIF(t *testing.T, data []byte) {
	t.Helper()
	unfolded := strings.NewReplacer("\r\n ", "", "\n ", "", "\r ", "").Replace(string(data))
	if strings.Contains(unfolded, ":<") || strings.Contains(unfolded, "#") {
		return // it follows references, to any file or device, and glues comment lines
	}
	theirs, err := ldif.Parse(string(data))
	if err != nil {
		return
	}
	ours, problem := entriesOf(data)
	if problem != "" {
		return
	}
	for i, e := range theirs.AllEntries() {
		if i >= len(ours) || ours[i].dn != e.DN {
			t.Fatalf("entry %d: %v, want %s", i, ours, e.DN)
		}
		for _, a := range e.Attributes {
			var values []string
			for _, r := range ours[i].attrs {
				if strings.EqualFold(r.name, a.Name) {
					values = r.values
				}
			}
			for _, v := range a.Values {
				if !slices.Contains(values, v) {
					t.Fatalf("%s %s: %q, want %q", e.DN, a.Name, values, a.Values)
				}
			}
		}
	}
}
