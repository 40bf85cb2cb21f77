package museum

import (
	"fmt"
	"strings"
	"testing"
)

// narrow is a promise of which a history checks less than its words say.
type narrow struct {
	promise, history, rest string
	tests                  []string // that check the rest
}

var narrower = []narrow{
	{"I11 append only", "records follow each other in number and time, and one of them, drawn at each step, is still the one that it was",
		"that a record which is altered, removed, put in or cut off is found, and that nothing acts on a journal that was rolled back",
		[]string{"engine/journal TestVerifyFindsTampering", "cmd/rolecall TestServeStopsOnARestoredJournal", "engine/audit FuzzOpen"}},
	{"I13 secrets", "no record of the journal has the secret of a program",
		"logs, errors, metrics, pages, exports, arguments, and the environment of plug-ins",
		[]string{"cmd/rolecall TestCanaries", "cmd/rolecall TestSecrets", "connectors/http TestEchoesOfSecrets"}},
	{"I15 authorised and attributable", "what people decide has an actor and a reason, an approval covers what was approved, is used once and in time, and no pause is silent",
		"the permission that allows it, who signed in, and what was refused",
		[]string{"engine/web TestPermissionsAreAskedFor", "engine/web TestEveryRouteHasItsPermission", "engine TestNobodyApprovesTheirOwnChange"}},
}

// narrowly says of which promises a history checks a part, and what checks the rest.
func narrowly(b *strings.Builder) {
	b.WriteString("\nOf three promises a history checks less than their words say:\n\n| promise | in a history | not there | but by |\n|---|---|---|---|\n")
	for _, n := range narrower {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", n.promise, n.history, n.rest, strings.Join(n.tests, ", "))
	}
}

// What is said to check the rest is there.
func TestNarrowerPromises(t *testing.T) {
	known := testNames(t)
	for _, n := range narrower {
		for _, test := range n.tests {
			if !known[test] {
				t.Errorf("%s: there is no test %s", n.promise, test)
			}
		}
	}
}
