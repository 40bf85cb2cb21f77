package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A secret that is too short to be looked for is told once, however often it is read; a long one is looked for once.
func TestShortSecretsAreToldOnce(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]int{"x": 1, "canary-7f3a": 0} {
		c := &tester{most: time.Minute}
		read := c.watch(func(engine.Secret) (string, error) { return secret, nil })
		c.open = func(between) (engine.Connector, error) {
			_, first := read(engine.Secret{})
			_, again := read(engine.Secret{})
			return nil, errors.Join(first, again, errors.New("nobody is there"))
		}
		c.score(t.Context())
		if got := strings.Count(strings.Join(c.notes, "\n"), "less than 6 characters"); got != want || len(c.secrets) != 1 {
			t.Errorf("%s: %q, %d secrets", secret, c.notes, len(c.secrets))
		}
	}
}
