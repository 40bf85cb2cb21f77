package conformance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

// A connector that tells its secret is caught, once and without telling it anew; what is as short as a syllable is not looked for.
func TestSecretsInErrors(t *testing.T) {
	for secret, want := range map[string]string{"canary": "an error tells the secret: ", "x": ""} {
		card := conformance.Card{Only: "refuses unknown rights", Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
			u := freshProgram(func(p inMemory) engine.Connector {
				return mutant{inMemory: p, write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
					outcome, err := call(t.Context(), p, c)
					if err != nil {
						err = fmt.Errorf("x canary: %w", err)
					}
					return outcome, err
				}}
			})
			u.Secrets = []string{secret}
			return u
		}}
		line := card.Score(t.Context())[0]
		if want == "" && line.Result != conformance.Passed {
			t.Errorf("%s: %+v", secret, line)
		}
		if want != "" && (line.Result != conformance.Wrong || !strings.HasPrefix(line.Details[0], want) || strings.Contains(line.Details[0], secret)) {
			t.Errorf("%s: %+v", secret, line)
		}
	}
}

// What is said again is counted, not repeated.
func TestEqualLinesAreFolded(t *testing.T) {
	card := conformance.Card{Only: "describes itself", Most: time.Minute, Fresh: func(to conformance.T) *conformance.Subject {
		for range 3 {
			to.Errorf("again")
		}
		to.Fatalf("once")
		return nil
	}}
	if line := card.Score(t.Context())[0]; strings.Join(line.Details, "|") != "again (3 times)|once" {
		t.Errorf("%q", line.Details)
	}
}
