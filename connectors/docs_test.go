package connectors_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/rolecall/rolecall/connectors"
	"github.com/rolecall/rolecall/connectors/ldapgroup"
)

// The examples of the page are configurations that open.
func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile("../docs/connectors.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		var file struct {
			Programs map[string]map[string]any `yaml:"programs"`
		}
		if err := yaml.UnmarshalWithOptions([]byte(example), &file, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		for name, keys := range file.Programs {
			kind, _ := keys["kind"].(string)
			seen[kind] = true
			for _, shared := range []string{"kind", "revoke", "accounts"} { // not the connector's
				delete(keys, shared)
			}
			own, err := yaml.Marshal(keys)
			if err != nil {
				t.Fatal(err)
			}
			decode := func(cfg any) error {
				return yaml.UnmarshalWithOptions(own, cfg, yaml.Strict(), yaml.CustomUnmarshaler(days))
			}
			if _, err := connectors.All()[kind](t.Context(), decode, env(name)); err != nil {
				t.Errorf("%s (%s): %v", name, kind, err)
			}
		}
	}
	for kind := range connectors.All() {
		if !seen[kind] {
			t.Errorf("%s is not on the page", kind)
		}
	}
}

func env(program string) connectors.Env {
	return connectors.Env{Program: program, Dir: "/", Now: time.Now,
		Directory: func(string) (ldapgroup.Directory, error) {
			return ldapgroup.Directory{Base: "dc=example,dc=com", Key: "entryUUID"}, nil
		}}
}

// days reads durations as configurations write them: 31d, too.
func days(to *time.Duration, data []byte) (err error) {
	text := strings.TrimSpace(string(data))
	if n, ok := strings.CutSuffix(text, "d"); ok {
		if *to, err = time.ParseDuration(n + "h"); err == nil {
			*to *= 24
		}
		return err
	}
	*to, err = time.ParseDuration(text)
	return err
}
