package directory

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

func noon() time.Time { return time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC) }

// is compares one attribute, as a compiled expression would.
func is(name, value string) engine.Condition {
	return func(p *engine.Person, job *engine.Job, _ time.Time) engine.Tri {
		a := p.Attributes.Get(name)
		if job != nil && len(a.Values) == 0 && !a.Unknown {
			a = job.Attributes.Get(name)
		}
		switch {
		case a.Unknown:
			return engine.Unknown
		case len(a.Values) > 0 && a.Values[0] == value:
			return engine.Yes
		}
		return engine.No
	}
}

func hr() Config {
	return Config{Name: "hr", Key: "id", Now: noon,
		Attributes: []Attribute{{Name: "login", Source: "login"}, {Name: "name", Source: "name"}, {Name: "mail", Source: "mail"},
			{Name: "title", Source: "title", Job: true}, {Name: "start", Source: "start", Job: true}, {Name: "end", Source: "end", Job: true},
			{Name: "status", Source: "status", Job: true}, {Name: "skills", Source: "skills", Multi: true}, {Name: "zone", Source: "site"}},
		States: map[engine.State]engine.Condition{engine.StateLeft: is("status", "terminated"), engine.StateAway: is("status", "leave")},
		Dates:  Dates{Start: "start", End: "end", Lead: 48 * time.Hour},
		Zone:   Zone{Attribute: "zone", Sites: map[string]string{"Honolulu": "Pacific/Honolulu"}},
		Roles:  []RoleSource{{Attribute: "title"}, {Attribute: "skills", As: "skill"}, {Name: "doctor", When: is("title", "Doctor")}},
	}
}

func corp() Config {
	return Config{Name: "corp", Key: "employeeNumber", Now: noon,
		Attributes: []Attribute{{Name: "login", Source: "uid"}, {Name: "name", Source: "cn"}, {Name: "mail", Source: "mail"},
			{Name: "title", Source: "title"}, {Name: "status", Source: "employeeType"}},
		States: map[engine.State]engine.Condition{engine.StateLeft: is("status", "terminated")},
		Roles:  []RoleSource{{Group: &Groups{Base: "ou=groups,dc=example,dc=com", Nested: true}}, {Attribute: "title"}},
	}
}

// TestFiles reads each testdata/*.txt: options in its head, the files, and what must come out.
func TestFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { testFile(t, name) })
	}
}

func testFile(t *testing.T, name string) {
	head, files := archive(t, name)
	dir := t.TempDir()
	for _, f := range files {
		if f.name == "want" {
			continue
		}
		text := f.text
		if strings.HasSuffix(f.name, ".q") { // Go syntax, for bytes that an editor does not show
			text = unquote(t, text)
		}
		path := filepath.Join(dir, strings.TrimSuffix(f.name, ".q"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, noon(), noon().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.ReplaceAll(readFile(t, dir, options(head)), dir+"/", "")
	want := files[len(files)-1]
	if *update {
		raw, _ := os.ReadFile(name)
		raw = append(raw[:bytes.Index(raw, []byte("-- want --\n"))], "-- want --\n"+got...)
		if err := os.WriteFile(name, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want.name != "want" || got != want.text {
		t.Errorf("got:\n%s\nwant:\n%s", got, want.text)
	}
}

type file struct{ name, text string }

// archive reads the txtar format: a head, then files behind lines "-- name --".
func archive(t *testing.T, name string) (head string, files []file) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if f, ok := strings.CutSuffix(strings.TrimSpace(line), " --"); ok && strings.HasPrefix(f, "-- ") {
			files = append(files, file{name: f[3:]})
		} else if len(files) == 0 {
			head += line
		} else {
			files[len(files)-1].text += line
		}
	}
	return head, files
}

func unquote(t *testing.T, text string) string {
	t.Helper()
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, "\n", `\n`) + `"`)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func options(head string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(head) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(k, "#") {
			out[k] = v
		}
	}
	return out
}

func readFile(t *testing.T, dir string, o map[string]string) string {
	t.Helper()
	f := File{Count: o["count"], End: o["end"], Whole: o["whole"] != ""}
	if o["done"] != "" {
		f.Done = filepath.Join(dir, o["done"])
	}
	if o["max_age"] != "" {
		f.MaxAge, _ = time.ParseDuration(o["max_age"])
	}
	var d engine.Directory
	var err error
	if f.Path = filepath.Join(dir, "people.ldif"); exists(f.Path) {
		cfg := LDIFConfig{Config: corp(), File: f, People: Search{Base: "ou=people,dc=example,dc=com"}}
		if o["canary"] != "" {
			cfg.Canaries = []Canary{{Entry: o["canary"], Attribute: "title", Value: o["value"]}}
		}
		d, err = LDIF(cfg)
	} else {
		f.Path = filepath.Join(dir, "hr.csv")
		cfg := CSVConfig{Config: hr(), File: f, Encoding: o["encoding"]}
		if o["comma"] != "" {
			cfg.Comma = []rune(o["comma"])[0]
		}
		d, err = CSV(cfg)
	}
	if err != nil {
		return err.Error() + "\n"
	}
	return read(t, d)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func read(t testing.TB, d engine.Directory) string {
	t.Helper()
	var out strings.Builder
	proof, err := d.People(t.Context(), func(p engine.Person) error {
		out.WriteString(showPerson(p))
		return nil
	})
	if err != nil {
		return err.Error() + "\n"
	}
	return out.String() + showProof(proof)
}

func showPerson(p engine.Person) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s", p.Key, p.State)
	if p.Marked {
		out.WriteString("!")
	}
	fmt.Fprintf(&out, " (%s) at %s:%s", p.StateWhy, p.Entry, showAttributes(p.Attributes))
	if p.Zone != "" {
		out.WriteString(" zone " + p.Zone)
	}
	fmt.Fprintf(&out, " roles %q", p.Roles)
	if len(p.Missing) > 0 {
		fmt.Fprintf(&out, " missing %q", p.Missing)
	}
	out.WriteString("\n")
	for _, j := range p.Jobs {
		if len(j.Attributes) > 0 {
			fmt.Fprintf(&out, "  job%s roles %q", showAttributes(j.Attributes), j.Roles)
			if !j.End.IsZero() {
				out.WriteString(" until " + j.End.UTC().Format(time.RFC3339))
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

func showAttributes(as engine.Attributes) string {
	var out strings.Builder
	for _, a := range as {
		v := fmt.Sprintf("%q", a.Values)
		if a.Unknown {
			v = "?"
		}
		out.WriteString(" " + a.Name + "=" + v)
	}
	return out.String()
}

func showProof(p engine.Proof) string {
	var out strings.Builder
	fmt.Fprintf(&out, "count %d complete %v\n", p.Count, p.Complete())
	for _, r := range p.Reasons {
		fmt.Fprintf(&out, "reason %s: %s\n", r.Code, r.Detail)
	}
	for _, r := range p.Notices {
		fmt.Fprintf(&out, "notice %s: %s\n", r.Code, r.Detail)
	}
	for _, r := range p.Roles {
		fmt.Fprintf(&out, "role %s %s %d %v\n", r.Role, r.ID, r.Holders, r.Reasons)
	}
	return out.String()
}
