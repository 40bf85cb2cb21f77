package ldapconn

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"
)

func TestNormalizeDN(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"UID=Ann,OU=People,DC=x": "uid=ann,ou=people,dc=x",
		"uid = Ann , ou=People":  "uid=ann,ou=people",
		"cn=Ann   Smith,dc=x":    "cn=ann smith,dc=x",
		`cn=Smith\, Ann,dc=x`:    `cn=smith\, ann,dc=x`,
		`cn=Smith\2c Ann,dc=x`:   `cn=smith\, ann,dc=x`,
		`cn=J\C3\96rg,dc=x`:      "cn=jörg,dc=x",
		"cn=JÖRG,dc=x":           "cn=jörg,dc=x",
		"sn=b+cn=a,dc=x":         "cn=a+sn=b,dc=x",
		"cn=a=b,dc=x":            "cn=a=b,dc=x",
		"cn=#040141,dc=x":        "cn=a,dc=x",
	} {
		got, err := NormalizeDN(in)
		if err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"ann", "uid=ann,people", "=x", "uid=,dc=x", `uid=a\`, "uid=a,,dc=x", ",", "uid=a,"} {
		if got, err := NormalizeDN(in); err == nil {
			t.Errorf("%q accepted as %q", in, got)
		}
	}
}

func FuzzNormalizeDN(f *testing.F) {
	for _, seed := range []string{"uid=Ann,dc=x", "cn=a  b,dc=x", "cn=a ,dc=x", `cn=a\,b+sn=c`, "cn= a", "a=b=c,d=e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dn string) {
		once, err := NormalizeDN(dn)
		if err != nil {
			return
		}
		if thorough, err := foldParsed(dn, lowerCase); err != nil || thorough != once {
			t.Fatalf("%q became %q, the long way gives %q, %v", dn, once, thorough, err)
		}
		if twice, err := NormalizeDN(once); err != nil || twice != once {
			t.Fatalf("%q became %q and then %q, %v", dn, once, twice, err)
		}
	})
}

// The quick way for DNs of plain ASCII must give what the thorough one gives.
func TestQuickDN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dn := rapid.StringMatching(`([a-zA-Z]{1,3}=[ -~]{1,8},){0,3}[a-z]=[A-Za-z]{1,3}`).Draw(t, "dn")
		if thorough, err := foldParsed(dn, lowerCase); isPlainDN(dn) && (err != nil || strings.ToLower(dn) != thorough) {
			t.Fatalf("%q: %q, %v", dn, thorough, err)
		}
	})
}

func TestIsBelow(t *testing.T) {
	for _, tc := range []struct {
		dn, base string
		want     bool
	}{
		{"uid=a,dc=x", "dc=x", true}, {"dc=x", "dc=x", true}, {"dc=x", "", true},
		{"uid=a,adc=x", "dc=x", false}, {"dc=x", "uid=a,dc=x", false},
		{`uid=a\,dc=x`, "dc=x", false}, {`uid=a\\,dc=x`, "dc=x", true},
	} {
		if got := IsBelow(tc.dn, tc.base); got != tc.want {
			t.Errorf("IsBelow(%q, %q) = %v", tc.dn, tc.base, got)
		}
	}
}

// FuzzEscape: the shape of filter and DN does not depend on a value.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"ann", "*)(uid=*", "a,dc=evil", "\x00", " a ", "#1", `\`, "a+b=c", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		filter, err := ldap.CompileFilter("(&(uid=" + ldap.EscapeFilter(value) + ")(cn=x))")
		if err != nil || len(filter.Children) != 2 || filter.Children[0].Tag != ldap.FilterEqualityMatch {
			t.Fatalf("filter with %q: %v", value, err)
		}
		dn, err := ldap.ParseDN("uid=" + ldap.EscapeDN(value) + ",dc=x")
		if err != nil || len(dn.RDNs) != 2 || len(dn.RDNs[0].Attributes) != 1 {
			t.Fatalf("DN with %q: %v", value, err)
		}
	})
}
