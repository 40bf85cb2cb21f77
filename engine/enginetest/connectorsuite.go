package enginetest

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/conformance"
)

// ConnectorUnderTest is a program that nothing was done to yet, with its connector.
type ConnectorUnderTest = conformance.Subject

// HTTPFaults stand between a connector that speaks HTTP and its program.
type HTTPFaults = conformance.HTTPFaults

// PassesCheck makes one check of the suite, and says whether it passes, and if not, why.
func PassesCheck(t *testing.T, name string, fresh func() *ConnectorUnderTest) (bool, []string) {
	t.Helper()
	card := conformance.Card{Only: name, Most: time.Minute, Fresh: func(conformance.T) *ConnectorUnderTest { return fresh() }}
	lines := card.Score(t.Context())
	if len(lines) != 1 {
		t.Fatalf("there is no check %q", name)
	}
	return lines[0].Result == conformance.Passed, lines[0].Details
}

// ConnectorSuite is the specification of a connector, the same that `rolecall connector test` holds it to. fresh makes a
// new program for each check, or empties the one there is; what it needs to end belongs to the test it is given.
func ConnectorSuite(t *testing.T, fresh func(t *testing.T) *ConnectorUnderTest) {
	for _, check := range conformance.Checks() {
		t.Run(check.Name, func(t *testing.T) {
			u := fresh(t)
			if check.Skip != nil {
				if why := check.Skip(u); why != "" {
					t.Log(why)
					return
				}
			}
			check.Run(t, u)
		})
	}
}
