package policies

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// Any text either loads, or is refused with mistakes that have a place; what loads never panics when it decides, says the
// same when loaded again, and runs its own tests.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("../docs/examples/policies/engineering.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	paths, _ := filepath.Glob("testdata/*/*.txtar")
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(src), " --\n") {
			f.Add(part)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := loadText(text)
		if err != nil {
			var mistakes engine.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("not a list of mistakes: %v", err)
			}
			for _, m := range mistakes {
				if m.Line < 1 || m.Col < 1 || m.Text == "" || strings.Contains(m.String(), "\n") || !utf8.ValidString(m.String()) {
					t.Fatalf("mistake without place or text: %q", m.String())
				}
			}
			return
		}
		again, err := loadText(text)
		if err != nil || again.Hash() != p.Hash() {
			t.Fatalf("loaded again: %v", err)
		}
		Test(p, time.Unix(0, 0))
	})
}

// Any expression is refused with a place or gives an answer, the same on the fast path as in CEL.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{`login == "a"`, `title in ["a", "b"] && !("x" in tags)`, `job.skills[0] == "go"`, `tags.exists(t, t.startsWith("v"))`,
		`person.hired < today`, `now > timestamp("2027-01-01T00:00:00Z")`, `"a" == `, `country.matches("^D")`, `1 / 0 == 1`, `"é" < "z" || false`} {
		f.Add(seed, uint64(1))
	}
	schema := testSchema()
	l, err := makeLanguage(&schema, true)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		c, wrong := l.compile(text)
		for _, w := range wrong {
			if w.line < 1 || w.col < 1 || w.text == "" {
				t.Fatalf("%q: %+v", text, w)
			}
		}
		if c == nil {
			return
		}
		r := rand.New(rand.NewPCG(seed, 3))
		for range 4 {
			person := randomPerson(r)
			v := testView(c, &person, &person.Jobs[0], time.Unix(int64(r.Uint32()), 0))
			want, err := c.slow(v)
			if err != nil && want != engine.Unknown {
				t.Fatalf("%q: an error gives %v", text, want)
			}
			if c.fast == nil {
				continue
			}
			if got := c.fast(v); got != want || err != nil {
				t.Fatalf("%q on %+v: fast %v, CEL %v, %v", text, person, got, want, err)
			}
		}
	})
}
