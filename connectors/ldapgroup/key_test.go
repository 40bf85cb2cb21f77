package ldapgroup

import "testing"

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
