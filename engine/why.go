package engine

import (
	"context"
	"slices"
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
	Roles   []string  `json:"roles"`
	Missing []string  `json:"missing,omitempty"` // what could not be seen
	Lines   []WhyLine `json:"lines"`             // sorted by program, entitlement
}

// WhyLine is the answer for one entitlement.
type WhyLine struct {
	Entitlement string    `json:"entitlement"`
	Account     string    `json:"account,omitempty"`
	Holds       string    `json:"holds"`  // yes, no, unknown: what the program shows
	Wanted      string    `json:"wanted"` // yes, no, unknown, forbidden, observed: what policy says
	Managed     bool      `json:"managed"`
	Since       time.Time `json:"since,omitzero"` // managed since
	Findings    []Finding `json:"findings"`
	Change      *Change   `json:"change,omitempty"` // what the next run would do about it
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
	plan := MakePlan(s)
	if who == nil {
		key, err := e.resolve(ctx, person)
		if err != nil {
			return nil, err
		}
		who = &Person{Key: key, StateWhy: "no entry in the directory"}
	}
	a := &Answer{Person: who.Key, Login: who.Login(), Name: who.Name(), Entry: who.Entry, State: who.State.String(), Why: who.StateWhy, Roles: roleList(who), Missing: who.Missing}
	for _, r := range s.Readings {
		if program == "" || r.Program.Name == program {
			a.Lines = append(a.Lines, implied(whyLines(s, plan, r, who))...)
		}
	}
	return a, nil
}

func roleList(p *Person) []string {
	out := slices.Clone(p.Roles)
	for _, j := range p.Jobs {
		out = append(out, j.Roles...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func whyLines(s *Snapshot, plan *Plan, r *Reading, who *Person) (out []WhyLine) {
	mem, account := s.Memory.Program(r.Program.Name), ""
	for _, l := range mem.Links {
		if l.Person == who.Key && l.Kind == PersonalAccount {
			account = l.Account
		}
	}
	for _, right := range concerning(s, r, account) {
		e := Entitlement{r.Program.Name, right}
		line := WhyLine{Entitlement: e.String(), Account: account, Wanted: "no", Findings: s.Policy.Explain(who, s.Now, e)}
		for _, f := range line.Findings {
			line.Wanted = stronger(line.Wanted, f.Say, f.Answer)
		}
		line.Holds = holds(r, account, right)
		line.remember(mem)
		for i := range plan.Changes {
			if c := &plan.Changes[i]; c.Person == who.Key && c.Entitlement == line.Entitlement {
				line.Change = c
			}
		}
		out = append(out, line)
	}
	return out
}

// implied: the account itself is wanted as soon as anything in the program is.
func implied(lines []WhyLine) []WhyLine {
	for i := range lines {
		if l := &lines[i]; ParseEntitlement(l.Entitlement).Name == Active && l.Wanted == "no" {
			for _, other := range lines {
				if other.Wanted == "yes" || other.Wanted == "unknown" {
					l.Wanted, l.Findings = other.Wanted, []Finding{{Answer: "gives", Text: other.Entitlement + " needs the account"}}
				}
			}
		}
	}
	return lines
}

// concerning lists the rights worth a line: those of the catalogue and those held.
func concerning(s *Snapshot, r *Reading, account string) []string {
	var out []string
	for _, e := range s.Policy.Entitlements() {
		if e.Program == r.Program.Name {
			out = append(out, e.Name)
		}
	}
	if n, ok := r.accounts.Find(account); ok {
		for right := range uint32(r.rights.Len()) {
			if r.held.Has(right, n) && r.rights.Name(right) != Exists {
				out = append(out, r.rights.Name(right))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func stronger(now string, say Say, answer string) string {
	switch {
	case say == Denied && answer != "does not match":
		return "forbidden"
	case now == "forbidden":
		return now
	case say == Desired && answer == "gives":
		return "yes"
	case say == Undecided && now == "no":
		return "unknown"
	case say == Observed && answer == "would give" && now == "no":
		return "observed"
	}
	return now
}

func holds(r *Reading, account, right string) string {
	n, ok := r.accounts.Find(account)
	e, ok2 := r.rights.Find(right)
	switch {
	case ok && ok2 && r.held.Has(e, n):
		return "yes"
	case !r.Proof.Complete():
		return "unknown"
	}
	return "no"
}

func (l *WhyLine) remember(m *ProgramMemory) {
	name := ParseEntitlement(l.Entitlement).Name
	for _, row := range m.Rows {
		if row.Managed && m.Accounts[row.Account] == l.Account && m.Entitlements[row.Entitlement] == name {
			l.Managed, l.Since = true, unixTime(row.Since)
		}
	}
}
