package engine

import (
	"testing"
	"time"
)

// Whose manager is unknown, or was another one before, or will be, is nobody else's affair; of a leaver those who managed the last job
// are told.
func TestManagersAreThoseOfNow(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	job := func(manager string, from, to time.Duration) Job {
		j := Job{}
		if manager != "" {
			j.Attributes = Attributes{{Name: "manager", Values: []string{manager}}}
		}
		if from != 0 {
			j.Start = now.Add(from)
		}
		if to != 0 {
			j.End = now.Add(to)
		}
		return j
	}
	const month = 30 * 24 * time.Hour
	for name, c := range map[string]struct {
		state State
		jobs  []Job
		want  bool
	}{
		"now":                          {StateActive, []Job{job("k-bob", -month, 0)}, true},
		"before":                       {StateActive, []Job{job("k-bob", -3*month, -month), job("", -month, 0)}, false},
		"later":                        {StateActive, []Job{job("", -month, 0), job("k-bob", month, 0)}, false},
		"of a leaver":                  {StateLeft, []Job{job("k-bob", -3*month, -month)}, true},
		"of a leaver, before the last": {StateLeft, []Job{job("k-bob", -3*month, -2*month), job("", -2*month, -month)}, false},
		"of a leaver, never begun":     {StateLeft, []Job{job("k-bob", month, 2*month), job("", -month, -month/2)}, false},
	} {
		p := Person{Key: "k-ann", State: c.state, Jobs: c.jobs}
		got := Managers([]Person{p, {Key: "k-bob"}}, []*Person{&p}, now)["k-ann"]
		if (len(got) == 1 && got[0] == "k-bob") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
