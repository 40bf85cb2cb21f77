package manual_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rolecall/rolecall/connectors/manual"
	"github.com/rolecall/rolecall/engine"
)

// FuzzList: a list that somebody exported is refused, or names each account and each right once, as they stand in it.
func FuzzList(f *testing.F) {
	for _, s := range []string{"account,active,entitlements,name\nann,yes,read;write,Ann\nann,yes,admin,\n", "account,entitlements\nann,\n", "account\n", "", "account,entitlements\nann,.exists\n", "account,entitlements\n,x\n",
		"\ufeffaccount,entitlements\r\n\" a\nnn\",x\r\n", "account,account\na,b\n", "account,active,entitlements\na,yes,\na,no,\n", "account,entitlements,,\na,;;x; x,,\n", "account,entitlements\n\xff,x\n", "account,entitlements\na,\"x", "account,active,entitlements\na,maybe,x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "users.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, exported, exported); err != nil {
			t.Fatal(err)
		}
		p, err := manual.Open(manual.Config{List: "users.csv"}, manual.Options{Program: "legacy", Dir: dir, Now: func() time.Time { return exported.Add(48 * time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		seen, exists := map[[2]string]bool{}, map[string]bool{}
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
			at := [2]string{h.Account, h.Entitlement}
			if seen[at] || h.Account == "" || strings.ContainsFunc(h.Account, unicode.IsControl) {
				t.Fatalf("%q", at)
			}
			if seen[at], exists[h.Account] = true, exists[h.Account] || h.Entitlement == engine.Exists; !exists[h.Account] {
				t.Fatalf("%q holds something before it is there", at)
			}
			if !strings.Contains(string(data), h.Account) && !strings.ContainsAny(h.Account, "\"\n") || h.Entitlement != engine.Exists && h.Entitlement != engine.Active && !strings.Contains(strings.ReplaceAll(string(data), "\r\n", "\n"), h.Entitlement) && !strings.Contains(h.Entitlement, `"`) {
				t.Fatalf("%q does not stand in it", at)
			}
			return nil
		})
		if err != nil && len(seen) > 0 || err == nil && proof.Complete() && (len(exists) == 0 || proof.Count != len(seen)) {
			t.Fatalf("%d holdings, %+v, %v", len(seen), proof, err)
		}
	})
}
