package directory

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func entriesOf(data []byte) (entries []entry, problem string) {
	r := &ldifReader{in: bufio.NewReaderSize(bytes.NewReader(data), 16), file: "f", want: func(string) bool { return true },
		comment: func(string) {}, begin: func() {}, broken: func(line int, what string) { problem = fmt.Sprintf("%d: %s", line, what) }}
	if err := r.each(func(e *entry) error { entries = append(entries, *e); return nil }); err != nil {
		return nil, err.Error()
	}
	return entries, problem
}

func TestLDIFLines(t *testing.T) {
	got, problem := entriesOf([]byte("\xef\xbb\xbfversion: 1\r\ndn: uid=a,\r\n dc=b\r\ncn:: w7Y=\r\ncn:  two\r\nx:\r\n\r\n# c\r\n more\r\n\r\ndn: uid=c\r\ncn;lang-de: d"))
	want := `[{f:2 uid=a,dc=b [{cn [ö two] } {x [] }]} {f:11 uid=c [{cn;lang-de [d] }]}]`
	if s := fmt.Sprint(got); s != want || problem != "" {
		t.Errorf("%s %s\nwant %s", s, problem, want)
	}
	for in, want := range map[string]string{
		"version: 2\n": "1: version", "cn: a\n": "1: a record that does not", "\n dn: a\n": "2: ", "dn: a\ncn\n": "1: a line without",
		"dn: a\n\ndn:: %\n": "3: its dn", "dn: a\nchangetype: modify\n": "1: a change",
	} {
		if _, problem := entriesOf([]byte(in)); !strings.HasPrefix(problem, want) {
			t.Errorf("%q: %q, want %q", in, problem, want)
		}
	}
}

// Ten megabytes in one value cost neither memory nor the rest of the entry, in one line or folded.
func TestHugeValues(t *testing.T) {
	big := strings.Repeat("x", 10<<20)
	folded := strings.Repeat(strings.Repeat("x", 70)+"\n ", 150000)
	for _, v := range []string{big, folded} {
		got, problem := entriesOf([]byte("dn: uid=a\ncn: " + v + "\nsn: b\n\n"))
		if len(got) != 1 || problem != "" {
			t.Fatal(len(got), problem)
		}
		cn, sn := got[0].get("cn"), got[0].get("sn")
		if cn.bad == "" || len(cn.values[0]) > maxLine || len(sn.values) != 1 || sn.bad != "" {
			t.Errorf("%q, %d bytes, %v", cn.bad, len(cn.values[0]), sn)
		}
		if values, problem := cn.canonical(false); values != nil || problem == "" {
			t.Error("a cut value is used")
		}
	}
}
