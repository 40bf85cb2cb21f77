package http_test

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// The suite on a program that pages in every way there is.
func TestEachWayOfPaging(t *testing.T) {
	for _, by := range []string{"", "page", "offset", "cursor", "next", "link"} {
		t.Run("by "+by, func(t *testing.T) {
			enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
				p := newAPI(t, by)
				faults := &faultyTransport{list: "/g4/members"}
				closed := p.config()
				closed.URL = "http://127.0.0.1:1"
				return &enginetest.ConnectorUnderTest{Connector: open(t, p.config(), faults, canary), Arm: faults.arm, Accounts: []string{"1", "2", "3"},
					Rights: []string{"Sales", "Büro / Süd?", "x"}, Stranger: "77", NoRight: "none", NewNames: []string{"dan", `Eve "É" \ {x}`},
					New: engine.NewAccount{Attributes: map[string]string{"mail": "new@example.com"}}, Secrets: []string{canary, "canary-wrong"},
					Broken: []engine.Connector{open(t, p.config(), nil, "canary-wrong"), open(t, closed, nil, canary)}}
			})
		})
	}
}
