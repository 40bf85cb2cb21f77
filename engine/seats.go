package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Seat is one active account: what a program that is paid for by heads is paid for.
type Seat struct {
	Program string `json:"program"`
	Account string `json:"account"`
	Name    string `json:"name,omitempty"`   // as the program shows it
	Kind    string `json:"kind"`             // of the account
	Person  string `json:"person,omitempty"` // key; "" where it is nobody's, or not known

	Takes []string `json:"takes,omitempty"` // kinds of seats, sorted; one without a name where no kinds are told apart
}

// Seating is who sits where, and who waits.
type Seating struct {
	People    []Person       // sorted by key
	Seats     []Seat         // sorted by program, account
	Waiting   map[string]int // by program: people who should have an active account and have none
	Kinds     []SeatPlan     // of programs with seats or a price, by program, kind
	Unmanaged []Unmanaged    // what Rolecall neither gave nor adopted
	Proofs    []Proof        // directory first, then programs
}

// Seats reads everything and says who takes a seat in which program. It changes nothing.
func (e *Engine) Seats(ctx context.Context) (*Seating, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	plan := e.MakePlan(s)
	out := &Seating{People: s.People, Waiting: map[string]int{}, Kinds: plan.Seats, Unmanaged: plan.Unmanaged, Proofs: plan.Proofs}
	sortReadings(s.Readings)
	for _, r := range s.Readings {
		out.Seats = append(out.Seats, r.seats(s.Memory.Program(r.Program.Name))...)
	}
	for i := range plan.Changes {
		if c := &plan.Changes[i]; c.Op.Gives() && c.Op != OpAdopt && c.Right() == Active {
			out.Waiting[c.Program]++
		}
	}
	return out, nil
}

// seats are the active accounts; of a program that does not tell which are, all.
func (r *Reading) seats(m *ProgramMemory) (out []Seat) {
	person := make(map[string]string, len(m.Links))
	for _, l := range m.Links {
		person[l.Account] = l.Person
	}
	active, tells := r.rights.Find(Active)
	needs := r.needs()
	for _, n := range r.held.Accounts() {
		if r.Program.Describes.Accounts && (!tells || !r.held.Has(active, n)) {
			continue
		}
		s := Seat{Program: r.Program.Name, Account: r.accounts.Name(n), Kind: r.kind(n)}
		if s.Person = person[s.Account]; s.Person == "" && r.Program.Describes.Keyed {
			s.Person = s.Account
		}
		s.Takes = r.takes(n, needs)
		if info := r.info(n); info != nil {
			s.Name = cmp.Or(info.Display, info.Name)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Seat) int { return strings.Compare(a.Account, b.Account) })
	return out
}

// needs are the rights that need a seat of a kind, by kind.
func (r *Reading) needs() [][]uint32 {
	if r.Program.Seats == nil {
		return nil
	}
	out := make([][]uint32, len(r.Program.Seats.Kinds))
	for i := range out {
		for n := range uint32(r.rights.Len()) {
			if r.Program.Seats.Kinds[i].needs(r.rights.Name(n)) {
				out[i] = append(out[i], n)
			}
		}
	}
	return out
}

// takes names the kinds of seats that an active account takes.
func (r *Reading) takes(account uint32, needs [][]uint32) (out []string) {
	rest := ""
	for i := range needs {
		k := &r.Program.Seats.Kinds[i]
		if len(k.For) == 0 {
			rest = k.Name
		} else if slices.ContainsFunc(needs[i], func(right uint32) bool { return r.held.Has(right, account) }) {
			out = append(out, k.Name)
		}
	}
	if len(out) == 0 && slices.ContainsFunc(r.kindsOfSeats(), func(k SeatKind) bool { return len(k.For) == 0 }) {
		out = append(out, rest)
	}
	return out
}

func (r *Reading) kindsOfSeats() []SeatKind {
	if r.Program.Seats == nil {
		return nil
	}
	return r.Program.Seats.Kinds
}
