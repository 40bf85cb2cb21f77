package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// vanished are the people whom the journal knows and the directory does not show.
type vanished struct {
	keys   []string // sorted
	lines  map[string]*ReKeyLine
	traits map[string]map[string]bool // key → "mail ann@example.com"
	linked map[string]bool            // everybody with an account
}

func gatherVanished(s *Snapshot) *vanished {
	v := &vanished{lines: map[string]*ReKeyLine{}, traits: map[string]map[string]bool{}, linked: map[string]bool{}}
	here := map[string]bool{}
	for i := range s.People {
		here[s.People[i].Key] = true
	}
	for _, r := range s.Readings {
		for _, l := range s.Memory.Program(r.Program.Name).Links {
			v.linked[l.Person] = true
			if f, ok := s.Memory.Fact(FactKey{Kind: FactAbsent, Person: l.Person}); here[l.Person] || ok && !f.Until.IsZero() {
				continue
			}
			line := v.line(l.Person)
			line.Accounts = append(line.Accounts, Entitlement{r.Program.Name, l.Account}.String())
			v.account(r, l)
		}
	}
	slices.Sort(v.keys)
	return v
}

func (v *vanished) line(key string) *ReKeyLine {
	if v.lines[key] == nil {
		v.keys = append(v.keys, key)
		v.lines[key], v.traits[key] = &ReKeyLine{Person: key, Accounts: []string{}}, map[string]bool{}
	}
	return v.lines[key]
}

// account takes what an account says of its person.
func (v *vanished) account(r *Reading, l Link) {
	v.trait(l.Person, "login", l.Account)
	v.trait(l.Person, "mail", l.Account)
	n, ok := r.accounts.Find(l.Account)
	info := r.info(n)
	if !ok || info == nil {
		return
	}
	v.trait(l.Person, "login", info.Name)
	v.trait(l.Person, "mail", info.Name)
	v.trait(l.Person, "name", info.Display)
	for name, value := range info.Attributes {
		if kind := traitOf(name); kind != "" && value != l.Person {
			v.trait(l.Person, kind, value)
		}
	}
}

// traitOf says what an attribute tells of who somebody is, "" if nothing.
func traitOf(attribute string) string {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(attribute)) {
	case "employeenumber", "employeeid", "employee", "number":
		return "number"
	case "mail", "email":
		return "mail"
	case "login", "uid", "username":
		return "login"
	case "name", "displayname", "cn":
		return "name"
	}
	return ""
}

func (v *vanished) trait(person, kind, value string) {
	if value != "" {
		v.traits[person][kind+" "+strings.ToLower(value)] = true
	}
}

// called takes the names that people had when they were last given something.
func (v *vanished) called(ctx context.Context, log Log) error {
	for _, kind := range []Kind{KindIntent, KindAdopt} {
		err := log.Records(ctx, Query{Kind: kind, Newest: true}, func(r Record) error {
			line := v.lines[r.Person]
			if line == nil || line.Login != "" && line.Name != "" {
				return nil
			}
			d, err := parseIntentData(r.Data)
			if err != nil {
				return nil // of a form that this program does not know: it tells nothing
			}
			line.Login, line.Name = cmp.Or(line.Login, d.Login), cmp.Or(line.Name, d.Name)
			v.trait(r.Person, "login", d.Login)
			v.trait(r.Person, "name", d.Name)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// review pairs those who vanished with those whom nobody knows.
func (v *vanished) review(s *Snapshot) *ReKeying {
	out := &ReKeying{Source: s.Proof.Source, Proof: s.Proof, Lines: []ReKeyLine{}, Others: []Candidate{}}
	by, fresh := map[string][]int{}, []int{}
	for i := range s.People {
		if p := &s.People[i]; !v.linked[p.Key] && p.State != StateLeft {
			fresh = append(fresh, i)
			for _, t := range traitsOf(p) {
				by[t] = append(by[t], i)
			}
		}
	}
	claims := map[string]int{}
	for _, key := range v.keys {
		line := v.lines[key]
		v.match(line, s.People, by)
		for _, c := range line.People {
			claims[c.Person]++
		}
		slices.Sort(line.Accounts)
		out.Lines = append(out.Lines, *line)
	}
	for i := range out.Lines {
		if l := &out.Lines[i]; len(l.People) == 1 && claims[l.People[0].Person] > 1 {
			l.Sure = Ambiguous
		}
	}
	for _, i := range fresh {
		if p := &s.People[i]; claims[p.Key] == 0 {
			out.Others = append(out.Others, candidateOf(p))
		}
	}
	order := []Sureness{Certain, Possible, Ambiguous, Nobody}
	slices.SortStableFunc(out.Lines, func(x, y ReKeyLine) int { return slices.Index(order, x.Sure) - slices.Index(order, y.Sure) })
	return out
}

func candidateOf(p *Person) Candidate {
	return Candidate{Person: p.Key, Login: p.Login(), Name: p.Name()}
}

// traitsOf lists what the directory tells of who somebody is.
func traitsOf(p *Person) (out []string) {
	for _, a := range p.Attributes {
		kind := traitOf(a.Name)
		for _, value := range a.Values {
			if t := kind + " " + strings.ToLower(value); kind != "" && value != "" && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// match keeps those with whom most agrees. It is certain if a number agrees, or two of login, mail and name: each alone
// changes hands.
func (v *vanished) match(line *ReKeyLine, people []Person, by map[string][]int) {
	agree := map[int]map[string]bool{}
	for t := range v.traits[line.Person] {
		kind, _, _ := strings.Cut(t, " ")
		for _, i := range by[t] {
			if agree[i] == nil {
				agree[i] = map[string]bool{}
			}
			agree[i][kind] = true
		}
	}
	most, best := 0, []int{}
	for i, kinds := range agree {
		n := len(kinds)
		if kinds["number"] {
			n += 10
		}
		switch {
		case n > most:
			most, best = n, []int{i}
		case n == most:
			best = append(best, i)
		}
	}
	line.Sure = Nobody
	slices.Sort(best)
	for _, i := range best {
		line.People = append(line.People, candidateOf(&people[i]))
	}
	switch {
	case len(best) > 1:
		line.Sure = Ambiguous
	case len(best) == 1 && most > 1:
		line.Sure = Certain
	case len(best) == 1:
		line.Sure = Possible
	}
	if len(best) == 1 {
		for _, kind := range []string{"number", "login", "mail", "name"} {
			if agree[best[0]][kind] {
				line.By = append(line.By, kind)
			}
		}
	}
}
