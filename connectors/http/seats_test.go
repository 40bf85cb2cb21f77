package http_test

import (
	"strings"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
)

// Seats are read where counts points to, by pointer or expression; what is not there is no zero.
func TestSeatsAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		counts []rest.Count
		want   []engine.SeatCount // nil: an error
	}{
		"pointers":   {[]rest.Count{{Path: "/licences", Total: "/plan/bought", Used: "/plan/used"}}, []engine.SeatCount{{Total: 10, Used: 4}}},
		"expression": {[]rest.Count{{Kind: "full", Path: "/licences", Used: "item.plan.bought - item.plan.free"}}, []engine.SeatCount{{Kind: "full", Total: engine.SeatsUntold, Used: 4}}},
		"nowhere":    {[]rest.Count{{Path: "/licences", Total: "/plan/bought", Used: "/plan/taken"}}, nil},
		"no total":   {[]rest.Count{{Path: "/licences", Total: "/bought", Used: "/plan/used"}}, nil},
		"no number":  {[]rest.Count{{Path: "/licences", Used: "/plan/note"}}, nil},
		"negative":   {[]rest.Count{{Path: "/licences", Used: "0 - 4"}}, nil},
		"no answer":  {[]rest.Count{{Path: "/license", Used: "/plan/used"}}, nil},
		"undeclared": {nil, nil},
	} {
		p := newAPI(t, "page")
		config := p.config()
		config.Counts = c.counts
		program := open(t, config, nil, canary)
		d, err := program.Describe(t.Context())
		if err != nil || d.Seats != (len(c.counts) > 0) {
			t.Errorf("%s: declared %v, %v", name, d.Seats, err)
		}
		got, err := program.Seats(t.Context())
		if (err == nil) != (c.want != nil) || err == nil && (len(got) != 1 || got[0] != c.want[0]) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: a secret is in %v", name, err)
		}
	}
}

func TestCountsAreChecked(t *testing.T) {
	for _, counts := range [][]rest.Count{{{Path: "/licences"}}, {{Used: "/used"}}, {{Path: "/a", Used: "/used"}, {Path: "/b", Used: "/used"}}, {{Path: "/a/{account}", Used: "/used"}}, {{Path: "/a", Used: "item."}}} {
		config := newAPI(t, "page").config()
		config.Counts = counts
		if _, err := rest.Open(config, rest.Options{Program: "p", Now: time.Now, Secret: func(engine.Secret) (string, error) { return canary, nil }}); err == nil || !strings.Contains(err.Error(), "counts[") {
			t.Errorf("%+v: %v", counts, err)
		}
	}
}
