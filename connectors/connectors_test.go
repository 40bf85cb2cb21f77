package connectors_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/connectors"
)

func TestEveryKindDecodesItsOwnConfiguration(t *testing.T) {
	mistake := errors.New("unknown key")
	for name, open := range connectors.All() {
		if connectors.Says()[name] == "" {
			t.Errorf("%s: nothing says what it is for", name)
		}
		decoded := false
		c, err := open(t.Context(), func(any) error { decoded = true; return mistake }, connectors.Env{Program: "p"})
		if !decoded || !errors.Is(err, mistake) || c != nil {
			t.Errorf("%s: a mistake in the configuration gives %v, %v", name, c, err)
		}
		if c, err := open(t.Context(), func(any) error { return nil }, connectors.Env{Program: "p"}); err == nil || c != nil {
			t.Errorf("%s: an empty configuration gives %v, %v", name, c, err)
		}
	}
}

// Each kind passes the conformance suite somewhere in its folder; manual calls nothing that could be tried.
func TestEveryKindPassesTheSuite(t *testing.T) {
	folders := map[string]string{"git": "file", "ldap-group": "ldapgroup"}
	for name := range connectors.All() {
		folder := cmp.Or(folders[name], name)
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(name, err)
		}
		calls := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if name != "git" || filepath.Base(file) == "git_test.go" {
				calls += strings.Count(string(text), "enginetest.ConnectorSuite(")
			}
		}
		if (calls == 0) != (name == "manual") {
			t.Errorf("%s: the suite is called %d times", name, calls)
		}
	}
}
