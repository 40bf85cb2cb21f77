package file_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// An update makes all of its changes or none, and none to what has a meaning of its own.
func TestUpdateRefuses(t *testing.T) {
	p, path := open(t, "account,active,entitlements,person,mail\nann,yes,read,7,old\n")
	for want, to := range map[string]engine.NewAccount{
		"can't be renamed":         {Name: "anne", Attributes: map[string]string{"mail": "new"}},
		`no column "team"`:         {Name: "ann", Attributes: map[string]string{"mail": "new", "team": "red"}},
		`no column "person"`:       {Attributes: map[string]string{"mail": "new", "person": "8"}},
		`no column "entitlements"`: {Attributes: map[string]string{"entitlements": "write"}},
	} {
		if outcome, err := p.Update(t.Context(), "ann", to); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %s, %v", to, outcome, err)
		}
	}
	if got := read(t, path); got != "account,active,entitlements,person,mail\nann,yes,read,7,old\n" {
		t.Errorf("%q", got)
	}
}
