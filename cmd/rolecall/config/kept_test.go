package config

import (
	"os"
	"strings"
	"testing"
)

// No limit may count over longer than records are kept in any case, and none are kept for less.
func TestWhatIsCountedIsKept(t *testing.T) {
	good, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{"window: 24h", "window: 90d"}:                     "",
		{"window: 24h", "window: 91d"}:                     "window is 90d at most",
		{"version: 1", "version: 1\naudit: {keep: 90d}\n"}: "",
		{"version: 1", "version: 1\naudit: {keep: 89d}\n"}: "kept for 90 days at the least",
	} {
		_, err := parse("f", "f", []byte(strings.Replace(string(good), change[0], change[1], 1)))
		if err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", change, err)
		}
	}
}
