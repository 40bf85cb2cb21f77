package file

import (
	"bytes"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// Whatever is accepted is written back byte for byte, and a change that is undone leaves nothing else changed.
func FuzzParse(f *testing.F) {
	f.Add([]byte("account,active,entitlements\nann,yes,a;b\n\n\n"))
	f.Add([]byte("\ufeffname,entitlements,active,account\r\n\"x\ny\",,no,\"a,\"\"b\"\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := parse("x.csv", data)
		if err != nil {
			return
		}
		if !bytes.Equal(table.bytes(), data) {
			t.Fatalf("%q is written back as %q", data, table.bytes())
		}
		if _, err := table.create(engine.NewAccount{Name: "somebody new"}); err != nil {
			return
		}
		again, err := parse("x.csv", table.bytes())
		if err != nil || len(again.lines) != len(table.lines) {
			t.Fatalf("%q with one more account can't be read: %v", table.bytes(), err)
		}
		again.remove(again.find("somebody new"))
		if want := append([]byte(nil), data...); !bytes.Equal(again.bytes(), want) {
			t.Fatalf("%q became %q", data, again.bytes())
		}
	})
}
