package enginetest

import (
	"testing"

	"github.com/rolecall/rolecall/engine/conformance"
)

// ConnectorUnderTest is a program that nothing was done to yet, with its connector.
type ConnectorUnderTest = conformance.Subject

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
