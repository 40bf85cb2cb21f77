package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// What a connector can do is what it declares and implements, in words for people.
func TestCapabilities(t *testing.T) {
	p := enginetest.NewProgram("wiki", nil)
	d := engine.Description{Identity: "memory:wiki", Accounts: true, Lifecycle: true, Rename: true, Seats: true, Deletes: "the account", Lag: time.Minute, Concurrency: 4, Grantable: []string{}}
	can := engine.CapabilitiesOf(p, d)
	if !can.Create || !can.Delete || !can.Suspend || !can.Rename || !can.Seats || !can.Rights || !can.ReadOne || can.Batch != 0 || can.ByHand || can.Watch || can.Concurrency != 4 || can.LastUse != nil {
		t.Errorf("%+v", can)
	}
	say := func(c engine.Capabilities, what string) string {
		lines := c.Lines()
		i := slices.IndexFunc(lines, func(l engine.Capability) bool { return strings.HasPrefix(l.What, what) })
		if i < 0 {
			return ""
		}
		return map[bool]string{true: "yes ", false: "no "}[lines[i].Can] + lines[i].Says
	}
	for what, want := range map[string]string{"deletes": "yes not to be taken back: it destroys the account", "its list": "yes by up to 1m0s, for which nothing is concluded from it", "makes many": "no one with each call, 4 calls at once",
		"shows when": "", "counts": "yes how many there are and are taken", "tells of changes": "no every run reads"} {
		if got := say(can, what); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	shows := true
	less := engine.CapabilitiesOf(&batching{Program: p}, engine.Description{Keyed: true})
	less.LastUse = &shows
	for what, want := range map[string]string{"deletes": "no ", "its list": "no it shows every change at once", "makes many": "yes up to 500 changes with one call", "creates": "no there is nothing to create: people are known by their keys", "shows when": "yes by its last list"} {
		if got := say(less, what); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
}
