package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// Seat is one account that takes a seat: what a program that is paid for by heads is paid for.
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

// seats are the accounts that take one: the active ones, of a program that does not tell which are, all, and suspended ones whose
// rights need a kind that counts them.
func (r *Reading) seats(m *ProgramMemory) (out []Seat) {
	person := make(map[string]string, len(m.Links))
	for _, l := range m.Links {
		person[l.Account] = l.Person
	}
	active, tells := r.rights.Find(Active)
	needs := r.needs()
	for _, n := range r.held.Accounts() {
		usable := !r.Program.Describes.Accounts || tells && r.held.Has(active, n)
		takes := r.takes(n, usable, needs)
		if !usable && len(takes) == 0 {
			continue
		}
		s := Seat{Program: r.Program.Name, Account: r.accounts.Name(n), Kind: r.kind(n), Takes: takes}
		if s.Person = person[s.Account]; s.Person == "" && r.Program.Describes.Keyed {
			s.Person = s.Account
		}
		if info := r.info(n); info != nil {
			s.Name = cmp.Or(info.Display, info.Name)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Seat) int { return strings.Compare(a.Account, b.Account) })
	return out
}

// needs are the accounts that hold a right which needs a seat of a kind, by kind.
func (r *Reading) needs() []*roaring.Bitmap {
	if r.Program.Seats == nil {
		return nil
	}
	out := make([]*roaring.Bitmap, len(r.Program.Seats.Kinds))
	for i := range out {
		out[i] = roaring.New()
		for n := range uint32(r.rights.Len()) {
			if row := r.held.row(n); row != nil && r.Program.Seats.Kinds[i].needs(r.rights.Name(n)) {
				out[i].Or(row)
			}
		}
	}
	return out
}

// takes names the kinds of seats that an account takes.
func (r *Reading) takes(account uint32, usable bool, needs []*roaring.Bitmap) (out []string) {
	if needs == nil {
		return nil
	}
	for i, takes := range r.Program.Seats.taken(usable, func(i int) bool { return needs[i].Contains(account) }) {
		if takes {
			out = append(out, r.Program.Seats.Kinds[i].Name)
		}
	}
	return out
}
