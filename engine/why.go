package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Answer says why somebody has what they have, why not, and what would change it.
type Answer struct {
	Person  string    `json:"person"`
	Login   string    `json:"login,omitempty"`
	Name    string    `json:"name,omitempty"`
	Entry   string    `json:"entry,omitempty"` // the directory's entry
	State   string    `json:"state"`
	Why     string    `json:"why,omitempty"` // what decided the state
	Jobs    []string  `json:"jobs"`          // what the directory says of each
	Roles   []string  `json:"roles"`
	Missing []string  `json:"missing,omitempty"` // what could not be seen
	Notes   []string  `json:"notes,omitempty"`   // what decides besides policy: a cut, a pause, a read that is not complete
	Lines   []WhyLine `json:"lines"`             // sorted by program, entitlement
}

// WhyLine is the answer for one entitlement.
type WhyLine struct {
	Entitlement string    `json:"entitlement"`
	Account     string    `json:"account,omitempty"`
	Holds       string    `json:"holds"`  // yes, no, unknown: what the program shows
	Wanted      string    `json:"wanted"` // yes, no, unknown, forbidden, observed: what policy says, and what overrides it
	Managed     bool      `json:"managed"`
	Since       time.Time `json:"since,omitzero"` // managed since
	Findings    []Finding `json:"findings"`
	Change      *Change   `json:"change,omitempty"` // what the next run would do about it
	Kept        string    `json:"kept,omitempty"`   // why the next run takes nothing although policy does not give it
}

// Why explains everything about one person, or only one program. Read-only.
func (e *Engine) Why(ctx context.Context, person, program string) (*Answer, error) {
	if err := e.knows(program); err != nil {
		return nil, err
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var who *Person
	for i := range s.People {
		if p := &s.People[i]; p.Key == person || p.Login() == person {
			if who != nil {
				return nil, ErrAmbiguous
			}
			who = p
		}
	}
	absent := who == nil
	if absent {
		key, err := e.resolve(ctx, person)
		if err != nil {
			return nil, err
		}
		who = &Person{Key: key, StateWhy: "no entry in the directory"}
	}
	s.ask = who.Key
	plan := MakePlan(s)
	a := &Answer{Person: who.Key, Login: who.Login(), Name: who.Name(), Entry: who.Entry, State: who.State.String(), Why: who.StateWhy,
		Jobs: jobList(who), Roles: roleList(who), Missing: notSeen(who), Notes: notes(s, plan, program, absent)}
	if absent && plan.asked.standing == leaver {
		a.State, a.Why = StateLeft.String(), plan.asked.why
	}
	for _, r := range s.Readings {
		if program == "" || r.Program.Name == program {
			a.Lines = append(a.Lines, whyLines(s, plan, r, who, absent)...)
		}
	}
	return a, nil
}

// notes tells what decides besides policy.
func notes(s *Snapshot, plan *Plan, program string, absent bool) (out []string) {
	if plan.asked.standing == cutOff || absent && plan.asked.why != "" {
		out = append(out, plan.asked.why)
	}
	for f := range s.Memory.each(FactPause) {
		if f.Program == "" || program == "" || f.Program == program {
			out = append(out, pausedText(f))
		}
	}
	out = append(out, unread(&s.Proof)...)
	for _, r := range s.Readings {
		if program == "" || r.Program.Name == program {
			out = append(out, unread(&r.Proof)...)
		}
	}
	return out
}

// unread names the first few reasons why a source was not read completely.
func unread(p *Proof) (out []string) {
	if len(p.Reasons) > 0 {
		details := make([]string, len(p.Reasons))
		for i, r := range p.Reasons {
			details[i] = r.Detail
		}
		out = append(out, p.Source+" was not read completely: "+inShort(details))
	}
	for i := range p.Partners {
		out = append(out, unread(&p.Partners[i])...)
	}
	return out
}

func roleList(p *Person) []string {
	out := slices.Clone(p.Roles)
	for _, j := range p.Jobs {
		out = append(out, j.Roles...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// jobList spells the jobs: title Engineer, country DE.
func jobList(p *Person) []string {
	out := []string{}
	for _, j := range p.Jobs {
		var parts []string
		for _, a := range j.Attributes {
			switch {
			case a.Unknown:
				parts = append(parts, a.Name+" unknown")
			case len(a.Values) > 0:
				parts = append(parts, a.Name+" "+strings.Join(a.Values, " and "))
			}
		}
		if len(parts) > 0 {
			out = append(out, strings.Join(parts, ", "))
		}
	}
	return out
}

// notSeen lists what was not shown of somebody, but for roles that are known to be held all the same.
func notSeen(p *Person) []string {
	held := roleList(p)
	out := slices.DeleteFunc(slices.Clone(p.Missing), func(role string) bool { return contains(held, role) })
	for _, a := range p.Attributes {
		if a.Unknown {
			out = append(out, a.Name)
		}
	}
	for _, j := range p.Jobs {
		for _, a := range j.Attributes {
			if a.Unknown && !slices.Contains(out, a.Name) {
				out = append(out, a.Name)
			}
		}
	}
	return out
}

func pausedText(f Fact) string {
	what := "everything is"
	if f.Program != "" {
		what = f.Program + " is"
	}
	return strings.TrimSpace(fmt.Sprintf("%s paused since %s (%s): no call is made, not even for leavers and people cut off; end it with: rolecall resume %s", what, day(f.Since), f.Text, f.Program))
}
