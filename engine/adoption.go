package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sureness says how well an existing account and a person fit.
type Sureness string

// The grades of an adoption. Only Certain needs no review: it rests on an immutable id.
const (
	Certain   Sureness = "certain"
	Possible  Sureness = "possible"  // one account and one person agree on a name or an address, which may both change hands
	Ambiguous Sureness = "ambiguous" // several fit
	Nobody    Sureness = "nobody"    // no person fits: an orphan, a service or a shared account
	Linked    Sureness = "linked"    // settled already
)

// Adoption is the review of the accounts that a program had before Rolecall.
type Adoption struct {
	Program string         `json:"program"`
	Proof   Proof          `json:"proof"`
	Lines   []AdoptionLine `json:"lines"` // sorted by sureness, then account
}

// AdoptionLine is one account.
type AdoptionLine struct {
	Account  string      `json:"account"`
	Name     string      `json:"name,omitempty"`
	Kind     string      `json:"kind"`
	Owner    string      `json:"owner,omitempty"` // of a service or shared account
	Sure     Sureness    `json:"sure"`
	By       string      `json:"by,omitempty"` // what agrees: login, mail, name
	People   []Candidate `json:"people,omitempty"`
	Holdings []string    `json:"holdings"` // sorted rights
}

// Candidate is a person an account may belong to.
type Candidate struct {
	Person string `json:"person"`
	Login  string `json:"login,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Adoption compares a program's accounts with the people of the directory. Read-only.
func (e *Engine) Adoption(ctx context.Context, program string) (*Adoption, error) {
	if err := e.knows(program); err != nil || program == "" {
		return nil, cmp.Or(err, errors.New("name the program to adopt"))
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range s.Readings {
		if r.Program.Name == program {
			return adoption(s, r), nil
		}
	}
	return nil, fmt.Errorf("%s was not read", program)
}

func adoption(s *Snapshot, r *Reading) *Adoption {
	a := &Adoption{Program: r.Program.Name, Proof: r.Proof}
	mem := s.Memory.Program(r.Program.Name)
	owner := map[string]string{}
	linked := map[string]map[string]bool{PersonalAccount: {}, AdminAccount: {}, TestAccount: {}} // kind → person
	for _, l := range mem.Links {
		owner[l.Account] = l.Person
		if has := linked[l.Kind]; has != nil {
			has[l.Person] = true
		}
	}
	by := map[string]map[string][]Candidate{}
	for kind, has := range linked {
		by[kind] = peopleBy(s.People, has)
	}
	claims := map[string]int{}
	for _, n := range r.held.Accounts() {
		line := adoptionLine(r, n, by[r.kind(n)])
		if p, ok := owner[line.Account]; ok {
			line.Sure, line.By, line.People = Linked, "", []Candidate{{Person: p}}
		}
		for _, c := range line.People {
			claims[line.Kind+" "+c.Person]++
		}
		a.Lines = append(a.Lines, line)
	}
	for i := range a.Lines { // one person, two accounts: which is it?
		if l := &a.Lines[i]; l.Sure == Possible && claims[l.Kind+" "+l.People[0].Person] > 1 {
			l.Sure = Ambiguous
		}
	}
	order := []Sureness{Certain, Possible, Ambiguous, Nobody, Linked}
	slices.SortFunc(a.Lines, func(x, y AdoptionLine) int {
		return cmp.Or(slices.Index(order, x.Sure)-slices.Index(order, y.Sure), strings.Compare(x.Account, y.Account))
	})
	return a
}

// peopleBy indexes those without an account by what may agree; the key begins with the attribute's name.
func peopleBy(people []Person, linked map[string]bool) map[string][]Candidate {
	out := map[string][]Candidate{}
	for i := range people {
		p := &people[i]
		if linked[p.Key] || p.State == StateLeft {
			continue
		}
		c := Candidate{Person: p.Key, Login: p.Login(), Name: p.Name()}
		for _, key := range []string{p.Key, p.NewKey} {
			if key != "" {
				out["key "+key] = append(out["key "+key], c)
			}
		}
		for _, a := range []string{"login", "mail", "name"} {
			if v := strings.ToLower(p.Attributes.First(a)); v != "" {
				out[a+" "+v] = append(out[a+" "+v], c)
			}
		}
	}
	return out
}

func adoptionLine(r *Reading, n uint32, by map[string][]Candidate) AdoptionLine {
	l := AdoptionLine{Account: r.accounts.Name(n), Kind: r.kind(n), Sure: Nobody, Holdings: r.holdings(n)}
	keys := []string{"login " + l.Account, "mail " + l.Account}
	if info := r.info(n); info != nil {
		l.Name = cmp.Or(info.Display, info.Name)
		if r.Program.Match != "" {
			keys = append([]string{"key " + info.Attributes[r.Program.Match]}, keys...)
		}
		keys = append(keys, "mail "+info.Attributes["mail"], "login "+info.Attributes["login"], "login "+info.Name, "mail "+info.Name, "name "+info.Display)
	}
	if nobodys(l.Kind) {
		l.Owner = r.Program.declared(l.Account, r.info(n)).Owner
		return l
	}
	for _, k := range keys {
		attribute, value, _ := strings.Cut(k, " ")
		if attribute != "key" {
			value = strings.ToLower(value)
		}
		found := by[attribute+" "+value]
		if value == "" || len(found) == 0 {
			continue
		}
		l.By, l.People, l.Sure = attribute, found, Possible
		if attribute == "key" {
			l.Sure = Certain
		}
		if len(found) > 1 {
			l.Sure = Ambiguous
		}
		return l
	}
	return l
}

// Pairing is a reviewed decision that an account is somebody's.
type Pairing struct {
	Account string `json:"account"`
	Person  string `json:"person"` // key
	Kind    string `json:"kind"`   // as the program showed it; "": personal, unless the configuration says otherwise
}

// Adopt links accounts to people as reviewed. Nothing is changed in the program; with the next run, what policy gives
// them anyway becomes managed. A link never moves: an account, or a person with one of its kind, that has one is refused, and
// nothing is written. So is a service or shared account, which is nobody's.
func (e *Engine) Adopt(ctx context.Context, actor, program, reason string, pairs []Pairing) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	person, account := map[[2]string]string{}, map[string]string{}
	for _, l := range mem.Program(program).Links {
		person[[2]string{l.Person, l.Kind}], account[l.Account] = l.Account, l.Person
	}
	var records []Record
	var errs []error
	for _, p := range pairs {
		kind := e.kindOf(program, p)
		switch {
		case !slices.Contains(AccountKinds(), kind):
			errs = append(errs, fmt.Errorf("the account %s of %s has no kind %s; there are %s", quote(p.Account), program, quote(kind), strings.Join(AccountKinds(), ", ")))
		case nobodys(kind):
			errs = append(errs, fmt.Errorf("the account %s of %s is a %s account, which is nobody's", quote(p.Account), program, kind))
		}
		if a, ok := person[[2]string{p.Person, kind}]; ok {
			errs = append(errs, fmt.Errorf("person %s has the account %s in %s already", quote(p.Person), quote(a), program))
		}
		if o, ok := account[p.Account]; ok {
			errs = append(errs, fmt.Errorf("the account %s of %s belongs to person %s already, and links never move", quote(p.Account), program, quote(o)))
		}
		person[[2]string{p.Person, kind}], account[p.Account] = p.Account, p.Person
		records = append(records, Record{Kind: KindLink, Actor: actor, Person: p.Person, Program: program, Account: p.Account, Entitlement: kind, Why: []string{reason}})
	}
	if err := errors.Join(errs...); err != nil || len(records) == 0 {
		return err
	}
	return e.Journal.Append(ctx, Guard{Control: mem.Control}, records)
}

func (e *Engine) kindOf(program string, p Pairing) string {
	for i := range e.Programs {
		if one := &e.Programs[i]; one.Name == program {
			return cmp.Or(one.declared(p.Account, nil).Kind, p.Kind, PersonalAccount)
		}
	}
	return cmp.Or(p.Kind, PersonalAccount)
}
