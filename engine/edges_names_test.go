package engine

import (
	"strings"
	"testing"
)

// A name that only a blanking gives is nobody's: whoever had it would be taken for who was blanked.
func TestNobodyIsCalledAsTheBlankedAre(t *testing.T) {
	for _, name := range []string{BlankedName(12), ProposedPrefix + BlankedName(12), BlankedName(1) + "x"} {
		seen := func(list string) []byte { return []byte(`{"` + list + `":[["\u001f#12","x"]]}`) }
		for what, r := range map[string]Record{
			"person":      {Kind: KindNote, Person: name},
			"account":     {Kind: KindNote, Program: "wiki", Account: name},
			"appeared":    {Kind: KindSeen, Program: "wiki", Data: seen("appeared")},
			"disappeared": {Kind: KindSeen, Program: "wiki", Data: seen("disappeared")},
			"vanished":    {Kind: KindSeen, Program: "wiki", Data: seen("vanished")},
		} {
			if _, err := r.Canonical(); err == nil || !strings.Contains(err.Error(), "begins as the names of what was blanked do") {
				t.Errorf("%s %q is kept: %v", what, name, err)
			}
		}
	}
	for _, name := range []string{"#12", ProposedPrefix + "#12", "a\x1f#12"} {
		r := Record{Kind: KindNote, Person: name, Program: "wiki", Account: name}
		if _, err := r.Canonical(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
