package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds of accounts. What is of none of these words counts as personal.
const (
	PersonalAccount = "personal"
	AdminAccount    = "admin"
	TestAccount     = "test"
	ServiceAccount  = "service" // of a machine: never matched to a person
	SharedAccount   = "shared"  // of several people: never matched to one
)

// AccountKinds are all of them.
func AccountKinds() []string {
	return []string{PersonalAccount, AdminAccount, TestAccount, ServiceAccount, SharedAccount}
}

// DeclaredAccount is what the configuration says of one account. It counts more than what the program says.
type DeclaredAccount struct {
	Kind   string
	Owner  string    // who answers for a service or shared account
	Review time.Time // when it should have been looked at again, zero: never
}

// nobodys: accounts of the kind belong to no single person.
func nobodys(kind string) bool { return kind == ServiceAccount || kind == SharedAccount }

// declared is what the configuration says of an account, by id or by name.
func (p *Program) declared(id string, info *AccountInfo) DeclaredAccount {
	d, ok := p.Accounts[id]
	if !ok && info != nil {
		d = p.Accounts[info.Name]
	}
	return d
}

// kind of an account, PersonalAccount if nobody says.
func (r *Reading) kind(account uint32) string {
	info := r.info(account)
	shown := ""
	if info != nil {
		shown = info.Kind
	}
	switch kind := cmp.Or(r.Program.declared(r.accounts.Name(account), info).Kind, shown); kind {
	case AdminAccount, TestAccount, ServiceAccount, SharedAccount:
		return kind
	}
	return PersonalAccount
}

// NobodysAccount is a service or shared account of a program.
type NobodysAccount struct {
	Program  string    `json:"program"`
	Account  string    `json:"account"`
	Name     string    `json:"name,omitempty"`
	Kind     string    `json:"kind"` // service, shared
	Owner    string    `json:"owner"`
	Review   time.Time `json:"review,omitzero"`
	Overdue  bool      `json:"overdue"`
	Missing  bool      `json:"missing"`  // declared, and not in the program's complete list
	Holdings []string  `json:"holdings"` // sorted entitlements
}

// NobodysAccounts lists the service and shared accounts of all programs, with what was read of each program. Read-only.
func (e *Engine) NobodysAccounts(ctx context.Context) (list []NobodysAccount, proofs []Proof, err error) {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, nil, err
	}
	readings := e.readPrograms(ctx, mem)
	sortReadings(readings)
	for _, r := range readings {
		list, proofs = append(list, r.nobodys(e.Now())...), append(proofs, r.Proof)
	}
	return list, proofs, ctx.Err()
}

func (r *Reading) nobodys(now time.Time) (list []NobodysAccount) {
	seen := map[string]bool{}
	for _, n := range r.held.Accounts() {
		info := r.info(n)
		seen[r.accounts.Name(n)] = true
		if info != nil {
			seen[info.Name] = true
		}
		if kind := r.kind(n); nobodys(kind) {
			d := r.Program.declared(r.accounts.Name(n), info)
			one := NobodysAccount{Program: r.Program.Name, Account: r.accounts.Name(n), Kind: kind, Holdings: r.holdings(n)}
			if info != nil {
				one.Name = cmp.Or(info.Display, info.Name)
			}
			list = append(list, one.owned(d, now))
		}
	}
	for account, d := range r.Program.Accounts {
		if nobodys(d.Kind) && !seen[account] {
			one := NobodysAccount{Program: r.Program.Name, Account: account, Kind: d.Kind, Missing: r.Proof.Complete(), Holdings: []string{}}
			list = append(list, one.owned(d, now))
		}
	}
	slices.SortFunc(list, func(a, b NobodysAccount) int { return strings.Compare(a.Account, b.Account) })
	return list
}

func (a NobodysAccount) owned(d DeclaredAccount, now time.Time) NobodysAccount {
	a.Owner, a.Review, a.Overdue = d.Owner, d.Review, d.overdue(now)
	return a
}

func (d DeclaredAccount) overdue(now time.Time) bool {
	return !d.Review.IsZero() && !now.Before(d.Review)
}

// holdings are the entitlements of one account, sorted, its existence apart.
func (r *Reading) holdings(account uint32) []string {
	out := []string{}
	for right := range uint32(r.rights.Len()) {
		if r.held.Has(right, account) && r.rights.Name(right) != Exists {
			out = append(out, Entitlement{r.Program.Name, r.rights.Name(right)}.String())
		}
	}
	slices.Sort(out)
	return out
}

// linkedNobodys: links never move, so an account that was somebody's before it was declared nobody's still follows that person.
func (p *programPlan) linkedNobodys() {
	for _, l := range p.links {
		n := l.number
		if i, owned := p.owner[n]; owned && nobodys(p.reading.kind(n)) && p.b.subjects[i].key == l.Person {
			p.b.warn("linked", p.program.Name, l.Person, fmt.Sprintf("the %s account %s of %s was linked to a person before it was declared so, and links never move: it is suspended when that person leaves; make another account for the service",
				p.reading.kind(n), quote(l.Account), p.program.Name))
		}
	}
}

// Reminder is the optional ability of a policy to say what should have been looked at again by now, one sentence each.
type Reminder interface {
	Reminders(now time.Time) []string
}

// remind tells of blocks and of service and shared accounts whose date of review is over. Nothing else follows from it.
func (b *builder) remind() {
	if !b.whole() {
		return
	}
	if r, ok := b.s.Policy.(Reminder); ok {
		for _, text := range r.Reminders(b.s.Now) {
			b.warn("review", "", "", text)
		}
	}
	for _, p := range b.programs {
		p.linkedNobodys()
		for account, d := range p.program.Accounts {
			if nobodys(d.Kind) && d.overdue(b.s.Now) {
				b.warn("review", p.program.Name, "", fmt.Sprintf("the %s account %s of %s, of %s, should have been looked at again by now; do so, and write the next date into accounts: of the program",
					d.Kind, quote(account), p.program.Name, d.Owner))
			}
		}
	}
}
