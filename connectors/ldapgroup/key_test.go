package ldapgroup

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// Whatever stands for an account, the filter asks for one key that is exactly that.
func TestKeysStayInTheirFilter(t *testing.T) {
	p := &Program{dir: Directory{Key: "uid"}}
	for _, account := range []string{"ann", "*", "a*", "ann)(uid=*", "*)(|(uid=*", `a\`, `\2a`, "a\x00b", "(", "é", "a&b|c!d"} {
		text, ok := p.keyFilter(account)
		if !ok {
			t.Errorf("%q is taken for no key", account)
			continue
		}
		filter, err := ldap.CompileFilter(text)
		if err != nil || filter.Tag != ldap.FilterEqualityMatch || len(filter.Children) != 2 || filter.Children[0].Data.String() != "uid" || filter.Children[1].Data.String() != account {
			t.Errorf("%q gives the filter %s: %v", account, text, err)
		}
	}
}

// The first three groups of the text are little-endian in the octets ([MS-DTYP] section 2.3.4.2).
func TestGUID(t *testing.T) {
	p := &Program{dir: Directory{Key: "objectGuid"}}
	octets := "\x44\xa3\x21\x6f\x0b\x2a\xde\x4c\x9f\x01\x02\x03\x04\x05\x06\x07"
	const text = "6f21a344-2a0b-4cde-9f01-020304050607"
	if got := p.keyText(octets); got != text {
		t.Errorf("text %q", got)
	}
	filter, ok := p.keyFilter(text)
	if want := `(objectGuid=\44\a3\21\6f\0b\2a\de\4c\9f\01\02\03\04\05\06\07)`; filter != want || !ok {
		t.Errorf("filter %q", filter)
	}
	for _, bad := range []string{"", "*", text + " ", "6F21A344-2A0B-4CDE-9F01-020304050607", "6f21a3442a0b4cde9f01020304050607"} {
		if _, ok := p.keyFilter(bad); ok {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}
