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

// That nobody can be seen who manages somebody is not that there is nobody: of the jobs that count, or of a leaver's last ones.
func TestUnknownManagersAreNotNone(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	unseen := Attributes{{Name: "manager", Unknown: true}}
	for name, c := range map[string]struct {
		of   Person
		want bool
	}{
		"known":                         {Person{Jobs: []Job{{}}}, false},
		"of the person":                 {Person{Attributes: unseen}, true},
		"of a job":                      {Person{Jobs: []Job{{Attributes: unseen}}}, true},
		"of a job that is over":         {Person{Jobs: []Job{{Attributes: unseen, End: now}, {}}}, false},
		"of a leaver's last job":        {Person{State: StateLeft, Jobs: []Job{{Attributes: unseen, End: now}}}, true},
		"of a leaver's job before":      {Person{State: StateLeft, Jobs: []Job{{Attributes: unseen, End: now.Add(-time.Hour)}, {End: now}}}, false},
		"of a leaver, whose job is not": {Person{State: StateLeft, Attributes: unseen, Jobs: []Job{{Attributes: Attributes{{Name: "manager", Values: []string{"k"}}}, End: now}}}, true},
	} {
		if got := ManagerUnknown(&c.of, now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
