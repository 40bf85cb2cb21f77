package directory

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalForms(t *testing.T) {
	for _, c := range []struct{ in, plain, folded string }{
		{"Ada", "Ada", "ada"},
		{"bob ", "bob", "bob"}, // CVE-2025-6013
		{" bob", "bob", "bob"},
		{"b  ob", "b ob", "b ob"},
		{"  Ada \t Lovelace\r\n", "Ada Lovelace", "ada lovelace"},
		{"Z\u0065\u0301", "Z\u00e9", "z\u00e9"}, // NFD and NFC are one
		{"ＡＬＩＣＥ", "ＡＬＩＣＥ", "alice"},             // width forms
		{"straße", "straße", "strasse"},         // full folding
		{"ALİ", "ALİ", "ali\u0307"},             // Turkish dotted capital I is not i …
		{"alı", "alı", "alı"},                   // … nor is the dotless small one
		{"ali\u200bce", "alice", "alice"},       // zero width space
		{"a\u202egpj", "agpj", "agpj"},          // a mark that turns the text round
		{"نام\u200cها", "نام\u200cها", "نامها"}, // a joiner that the language needs
		{"ﬁn", "ﬁn", "fin"},                     // a ligature
		{"\ufeffbob", "bob", "bob"},             // a byte order mark
		{"Σίσυφος", "Σίσυφος", "σίσυφοσ"},       // final sigma
		{"a\u00a0b", "a b", "a b"},              // no-break space
		{"\u3164", "\u3164", ""},                // a filler that is not seen
		{"admin\ufe0f", "admin\ufe0f", "admin"}, // a variation selector
		{"\u00a0 \u2003", "", ""},
	} {
		if got, err := plain(c.in); err != nil || got != c.plain {
			t.Errorf("plain(%q) = %q, %v; want %q", c.in, got, err, c.plain)
		}
		if got, err := folded(c.in); err != nil || got != c.folded {
			t.Errorf("folded(%q) = %q, %v; want %q", c.in, got, err, c.folded)
		}
	}
	for in, want := range map[string]error{"a\x00b": errControl, "a\x1b[31m": errControl, "a\u0085b\u009b": errControl, "a\xffb": errUTF8} {
		for _, form := range []func(string) (string, error){plain, folded} {
			if _, err := form(in); !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", in, err, want)
			}
		}
	}
}

func TestCanonicalFormsAreFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for _, form := range []func(string) (string, error){plain, folded} {
			once, err := form(s)
			if err != nil {
				return
			}
			if twice, err := form(once); err != nil || twice != once {
				t.Fatalf("%q → %q → %q, %v", s, once, twice, err)
			}
			if strings.ContainsAny(once, "\x00\n\r\x1b") {
				t.Fatalf("%q keeps a control character", once)
			}
		}
	})
}

func TestCanonDN(t *testing.T) {
	for _, same := range [][]string{
		{"uid=ada,ou=people,dc=example,dc=com", "UID=Ada, OU=People , dc=example,dc=com", `uid=\61da,ou=people,dc=example,dc=com`},
		{`cn=lovelace\, ada,o=x`, `CN=Lovelace\2C Ada,O=x`, `cn=lovelace\2c  ada ,o=x`},
		{"cn=b+uid=a,o=x", "UID=a+CN=B,o=x"},
		{"cn=ö,o=x", `cn=\C3\B6,o=x`, "cn=O\u0308,o=x"},
		{"cn=a=b,o=x", `cn=a\=b,o=x`, `CN=A\3Db,o=x`},
		{`cn=\#1,o=x`, `cn=\231,o=x`},
		{""},
		{"no dn", "No  DN"},
	} {
		for _, dn := range same[1:] {
			if canonDN(dn) != canonDN(same[0]) {
				t.Errorf("%q → %q, %q → %q", dn, canonDN(dn), same[0], canonDN(same[0]))
			}
		}
		if canonDN(canonDN(same[0])) != canonDN(same[0]) {
			t.Errorf("%q is not final", same[0])
		}
	}
	if canonDN(`cn=a\,ou=b,o=x`) == canonDN("cn=a,ou=b,o=x") {
		t.Error("an escaped comma separates")
	}
	if up := parentDN(canonDN(`cn=a\,b,ou=c,o=x`)); up != "ou=c,o=x" {
		t.Error(up)
	}
}
