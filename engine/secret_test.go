package engine_test

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A secret is a reference to exactly one place.
func TestSecretNamesOnePlace(t *testing.T) {
	for want, list := range map[bool][]engine.Secret{
		true:  {{Env: "A"}, {File: "/a"}, {Credential: "a"}},
		false: {{}, {Env: "A", File: "/a"}, {File: "/a", Credential: "a"}, {Env: "A", File: "/a", Credential: "a"}},
	} {
		for _, s := range list {
			if (s.Check() == nil) != want || s.IsZero() != (s == engine.Secret{}) {
				t.Errorf("%+v: %v", s, s.Check())
			}
		}
	}
}
