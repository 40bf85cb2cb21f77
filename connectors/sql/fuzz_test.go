package sql

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// statementsOf counts the statements of a text as PostgreSQL's scanner would with standard_conforming_strings on: quoted
// identifiers and literals hide what is in them, E'…' knows backslashes. ok is false for a quote without an end or a comment.
func statementsOf(text string) (n int, ok bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ';':
			n++
		case c == '"' || c == '\'':
			escapes := c == '\'' && i > 0 && text[i-1] == 'E'
			for i++; ; i++ {
				if i >= len(text) {
					return n, false
				}
				if escapes && text[i] == '\\' {
					i++
					continue
				}
				if text[i] == c && (i+1 == len(text) || text[i+1] != c) {
					break
				}
				if text[i] == c {
					i++
				}
			}
		case strings.HasPrefix(text[i:], "--") || strings.HasPrefix(text[i:], "/*") || c == '$':
			return n, false
		}
	}
	return n, true
}

// FuzzIdentifiers: a name is refused or kept letter for letter, and the statements about it are as many as about any other.
func FuzzIdentifiers(f *testing.F) {
	for _, s := range []string{"ann", `a"; DROP ROLE x; --`, `a\`, `\'; x`, "$$", "a'b", "Ü", "x\x00", "\xff", " a", "pg_x", "U&\"\\0041\"", strings.Repeat("é", 32)} {
		f.Add(s, "key")
		f.Add("ann", s)
	}
	f.Fuzz(func(t *testing.T, name, key string) {
		p := &Postgres{rights: []string{"app_*"}, options: Options{Program: "db"}}
		b := newBatch(p, []engine.Call{{New: &engine.NewAccount{Name: name, Person: key}}, {Grant: true, Account: "7", Entitlement: "app_" + name}})
		b.now = roles{byID: map[uint32]*role{}, byName: map[string]*role{}}
		for oid, r := range map[uint32]*role{7: {oid: 7, name: name + "x", memberOf: map[string]bool{}}, 8: {oid: 8, name: "app_" + name, memberOf: map[string]bool{}}} {
			b.now.byID[oid], b.now.byName[r.name] = r, r
		}
		b.want = b.now.clone()
		want := 0
		for i, c := range b.calls {
			outcome, err := b.decide(c)
			if (outcome == engine.Done) != (err == nil) && outcome != engine.Already {
				t.Fatalf("%+v: %s, %v", c, outcome, err)
			}
			if outcome == engine.Done {
				want += 2 - i // CREATE and COMMENT, or GRANT
			}
		}
		if n, ok := statementsOf(b.statements()); n != want || !ok {
			t.Fatalf("%d statements instead of %d: %s", n, want, b.statements())
		}
	})
}

// FuzzOIDs: what PostgreSQL prints as an array is read as a whole, or refused.
func FuzzOIDs(f *testing.F) {
	for _, s := range []string{"{}", "{10}", "{10,11,10}", "{10,}", "{12}", "10", "{NULL}", "{-1}", "{4294967296}", "{{10}}", "{10,11"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := map[uint32]string{10: "a", 11: "b"}
		got, err := parseOIDs(text, names)
		if err != nil {
			return
		}
		for _, part := range strings.Split(strings.Trim(text, "{}"), ",") {
			if oid, ok := parseOID(part); part != "" && (!ok || names[oid] == "") {
				t.Fatalf("%q is read as %q", text, got)
			}
		}
	})
}
