package engine

import (
	"cmp"
	"slices"
)

// estate is what people hold, as the journal knows it. Policy is about personal accounts alone, and so is has.
type estate struct {
	mem   *Memory
	known map[string]string // keys of the directory → those of the journal
	of    map[string]*programEstate
}

// programEstate is the part of one program.
type programEstate struct {
	accounts, rights map[string]uint32
	owner            map[uint32]Link   // the newest of an account, which alone counts
	personal         map[string]uint32 // by person
	held             Set
}

func estateOf(mem *Memory) *estate { return &estate{mem, mem.reKeyed(), map[string]*programEstate{}} }

// program is made when it is first asked for.
func (e *estate) program(name string) *programEstate {
	if p := e.of[name]; p != nil {
		return p
	}
	m := e.mem.Program(name)
	p := &programEstate{numbered(m.Accounts), numbered(m.Entitlements), map[uint32]Link{}, map[string]uint32{}, Set{}}
	for _, row := range m.Rows {
		if row.Seen {
			p.held.Add(row.Entitlement, row.Account)
		}
	}
	p.follow(m.Links, e.known)
	e.of[name] = p
	return p
}

func numbered(names []string) map[string]uint32 {
	out := make(map[string]uint32, len(names))
	for i, name := range names {
		out[name] = uint32(i)
	}
	return out
}

// follow takes links as plans do: an account whose id was given again is the newest person's.
func (p *programEstate) follow(links []Link, known map[string]string) {
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b Link) int { return a.Since.Compare(b.Since) })
	for _, l := range links {
		l.Person = cmp.Or(known[l.Person], l.Person)
		n, listed := p.accounts[l.Account]
		if !listed { // it holds nothing
			n = uint32(len(p.accounts))
			p.accounts[l.Account] = n
		}
		if before := p.owner[n].Person; p.personal[before] == n {
			delete(p.personal, before)
		}
		p.owner[n] = l
		if l.Kind == PersonalAccount {
			p.personal[l.Person] = n
		}
	}
}

// holds says whether somebody's personal account has a right.
func (e *estate) holds(person string, what Entitlement) bool {
	p := e.program(what.Program)
	account, is := p.personal[person]
	right, known := p.rights[what.Name]
	return is && known && p.held.Has(right, account)
}

// kindOf is what kind of account of somebody it is, "" if it is not theirs. Of several personal ones, policy is about the newest.
func (e *estate) kindOf(person, program, account string) string {
	p := e.program(program)
	n, known := p.accounts[account]
	l := p.owner[n]
	switch {
	case !known || l.Person != person:
		return ""
	case l.Kind == PersonalAccount && p.personal[person] != n:
		return "former"
	}
	return l.Kind
}

// there says whether an account has a right.
func (e *estate) there(program, account, right string) bool {
	p := e.program(program)
	a, known := p.accounts[account]
	r, known2 := p.rights[right]
	return known && known2 && p.held.Has(r, a)
}
