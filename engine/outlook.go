package engine

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Outlook is what a run saw and means to do, for those who show it. Nothing in it is changed once it was given away, so
// that it may be read concurrently.
type Outlook struct {
	At       time.Time
	Run      string   // "" where nothing but the look was made
	People   []Person // sorted by key; none where the directory could not be read
	Plan     *Plan
	Policy   Policy
	Programs []ProgramOutlook // sorted by name
	Cuts     []Fact           // people who are cut off
}

// Person finds somebody by key, nil: not among the people.
func (o *Outlook) Person(key string) *Person {
	if i, ok := slices.BinarySearchFunc(o.People, key, func(p Person, key string) int { return strings.Compare(p.Key, key) }); ok {
		return &o.People[i]
	}
	return nil
}

// ProgramOutlook is one program as it was read.
type ProgramOutlook struct {
	Name, Kind string
	Revoke     RevokeMode
	Accounts   int // that the program shows, active or not
	Active     int // of those; programs that don't tell show all
	Holdings   int
	Managed    int          // holdings that Rolecall gave or adopted
	Rights     []RightCount // sorted by name, without the account itself
}

// RightCount is how many accounts hold a right.
type RightCount struct {
	Name    string
	Holders int
}

// Look reads everything and says what a run would do, as Plan does, for those who show it. It changes nothing.
func (e *Engine) Look(ctx context.Context) (*Outlook, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.outlook(e.MakePlan(s), ""), nil
}

// outlook is for Engine.Looked.
func (s *Snapshot) outlook(p *Plan, run string) *Outlook {
	o := &Outlook{At: s.Now, Run: run, People: s.People, Plan: p, Policy: s.Policy, Cuts: s.Memory.Facts(FactCut)}
	for _, r := range s.Readings {
		o.Programs = append(o.Programs, r.outlook(s.Memory.Program(r.Program.Name)))
	}
	slices.SortFunc(o.Programs, func(a, b ProgramOutlook) int { return strings.Compare(a.Name, b.Name) })
	return o
}

func (r *Reading) outlook(m *ProgramMemory) ProgramOutlook {
	o := ProgramOutlook{Name: r.Program.Name, Kind: r.Program.Kind, Revoke: r.Program.Revoke, Holdings: r.Count(), Accounts: len(r.held.Accounts())}
	o.Active = o.Accounts
	for n := range uint32(r.rights.Len()) {
		switch name, holders := r.rights.Name(n), r.held.Holders(n); name {
		case Exists:
		case Active:
			o.Active = holders
		default:
			if holders > 0 {
				o.Rights = append(o.Rights, RightCount{name, holders})
			}
		}
	}
	for i := range m.Rows {
		if m.Rows[i].Managed {
			o.Managed++
		}
	}
	slices.SortFunc(o.Rights, func(a, b RightCount) int { return strings.Compare(a.Name, b.Name) })
	return o
}
