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
	{"I11 append only", "records follow each other in number and time, and one of them, drawn at each step, is still the one that it was. In one of sixteen histories the journal is sealed now and " +
		"then, each checkpoint is a prefix of the next, and of a copy that somebody changes in one of eight ways verification finds it, a checkpoint is not continued, and no proof holds; " +
		"on an older copy a cut is carried out, and nothing else",
		"the store on its disk, and that a server begins neither run nor work on an older copy",
		[]string{"engine/journal TestVerifyFindsTampering", "cmd/rolecall TestServeStopsOnARestoredJournal", "cmd/rolecall TestEachOlderSnapshot", "engine/audit FuzzOpen"}},
	{"I13 secrets", "no record of the journal, line of the log, error, plan, or message to a program has the secret of a program or an attribute that is not for it",
		"metrics, pages, exports, arguments, and the environment of plug-ins",
		[]string{"cmd/rolecall TestCanaries", "cmd/rolecall TestSecrets", "connectors/http TestEchoesOfSecrets"}},
	{"I15 authorised and attributable", "what people decide has an actor and a reason, an approval covers what was approved, is used once and in time, and no pause is silent; who decides " +
		"on their own access or change of the policy, on what is unknown, over or decided meanwhile, in nobody's place or without a reason is refused and recorded, and nothing changes",
		"the permission that allows it, and who signed in",
		[]string{"engine/web TestPermissionsAreAskedFor", "engine/web TestEveryRouteHasItsPermission", "engine TestNobodyApprovesTheirOwnChange"}},
}

// clocksWords say what of clocks a history can't state.
const clocksWords = `
In three of 32 histories clocks jump by an hour, a day and ten years, as row 46 names them: in one all that jump are ahead, in two one daemon's clock is far behind
while it runs, works, cuts somebody off, pauses or decides. Not played, since no promise can be stated of it: a daemon whose clock is ahead and one whose clock
is behind in the same history (a time from the future that the latter dates anew looks right); a run whose clock is behind by less than the time that went
by without a record, since the journal's time alone tells that it is; a run by whose clock an extra still holds that is over; work beside others by a clock that is ahead, or behind by more than
a lease, since its leases hold for nobody else. Who asks first for a seat by a clock that is far behind has the place in the list that it gave, and what
failed by it is tried again at once.
`

// narrowly says of which promises a history checks a part, and what checks the rest.
func narrowly(b *strings.Builder) {
	b.WriteString("\nOf three promises a history checks less than their words say:\n\n| promise | in a history | not there | but by |\n|---|---|---|---|\n")
	for _, n := range narrower {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", n.promise, n.history, n.rest, strings.Join(n.tests, ", "))
	}
	b.WriteString(clocksWords)
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
