package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// resolveAccounts finds who is who in one program. An existing link always wins; only a claimant without a link waits.
func (p *programPlan) resolveAccounts() {
	p.account = make([]uint32, len(p.b.subjects))
	for i := range p.account {
		p.account[i] = none
	}
	links := byAge(p.numberLinks())
	newest := p.newest(links)
	next := int32(0) // both lists are sorted by person, but where links go by age
	for _, l := range links {
		if newest == nil || newest[l.Account] == l.Person {
			next = p.followLink(l, next)
		}
	}
	p.proposedBefore()
	if p.program.Describes.Keyed {
		p.keyed()
	} else if p.program.Match != "" {
		p.match()
	}
}

// numberedLink is a link with the number of its account.
type numberedLink struct {
	*Link
	number uint32
}

// numberLinks numbers the accounts of the links, and tells whether their age matters: where an account is in two of them, or,
// after a re-keying, a person has two of a kind.
func (p *programPlan) numberLinks() (links []numberedLink, aged bool) {
	links = make([]numberedLink, len(p.mem.Links))
	for i := range links {
		l := &p.mem.Links[i]
		links[i] = numberedLink{l, p.reading.accounts.Number(l.Account)}
	}
	seen := make([]bool, p.reading.accounts.Len())
	for i := range links {
		twice := i > 0 && links[i-1].Person == links[i].Person && links[i-1].Kind == links[i].Kind // they are sorted by both
		aged = aged || twice || seen[links[i].number]
		seen[links[i].number] = true
	}
	p.links = links
	return links, aged
}

// byAge has older links first, where that matters.
func byAge(links []numberedLink, aged bool) []numberedLink {
	if !aged {
		return links
	}
	links = slices.Clone(links)
	slices.SortStableFunc(links, func(a, b numberedLink) int { return a.Since.Compare(b.Since) })
	return links
}

// newest says whose each account is, in a plan for one person, where nobody else is there to own it.
func (p *programPlan) newest(links []numberedLink) map[string]string {
	if p.b.s.Person == "" {
		return nil
	}
	out := make(map[string]string, len(links))
	for _, l := range links {
		out[l.Account] = l.Person
	}
	return out
}

// followLink takes one link for true. It looks for the person at next first, and gives where the next one may be.
func (p *programPlan) followLink(l numberedLink, next int32) int32 {
	i, ok := next, int(next) < len(p.b.subjects) && p.b.subjects[next].key == l.Person
	if !ok {
		if i, ok = p.b.index[l.Person]; !ok {
			return next
		}
	}
	n := l.number
	if other, taken := p.owner[n]; taken && other != i { // the account was deleted and its id given again: the newest link counts
		if p.account[other] == n { // else it was an account besides the personal one
			p.account[other] = none
			delete(p.linked, other)
		}
	}
	p.owner[n] = i
	if l.Kind != PersonalAccount {
		p.others[otherAccount{i, l.Kind}] = true
		return i
	}
	p.linked[i] = true
	p.account[i] = n
	return i + 1
}

// proposedBefore follows open intents to accounts that are about to exist, and what reading back found out about them.
func (p *programPlan) proposedBefore() {
	for _, r := range p.b.records {
		if r.Program == p.program.Name && r.Op == OpCreate && r.Outcome == Done {
			l := Link{Person: r.Person, Account: r.Account, Kind: PersonalAccount} // as the journal will know it
			p.followLink(numberedLink{&l, p.reading.accounts.Number(r.Account)}, 0)
		}
	}
	for _, i := range p.b.s.Memory.Open {
		if i.Change.Program == p.program.Name && i.Change.Proposed && !p.settled[i.Seq] {
			n := p.reading.accounts.Number(i.Change.Account)
			if i.Change.New != nil {
				p.news[n] = i.Change.New
			}
			p.own(i.Change.Person, n)
		}
	}
}

// own makes an account somebody's who has none, or one that is gone: who came back has a link to the former one.
func (p *programPlan) own(person string, account uint32) {
	i, ok := p.b.index[person]
	if _, taken := p.owner[account]; !ok || taken || p.account[i] != none && !p.gone(p.account[i]) {
		return
	}
	p.account[i], p.owner[account] = account, i
}

// keyed: the program knows people by the directory's own keys.
func (p *programPlan) keyed() {
	holders := p.sets.Actual.accounts()
	for i := range p.b.subjects {
		if p.account[i] == none {
			n := p.reading.accounts.Number(p.b.subjects[i].keyNow())
			if _, taken := p.owner[n]; taken {
				continue // somebody linked it to another person, and links never move
			}
			p.account[i], p.owner[n] = n, int32(i)
			if holders.Contains(n) {
				p.link(i, n)
			}
		}
	}
}

// match links people to accounts that carry their immutable key, in any read: a cut or a leaver must not miss an account
// that policy never wanted.
func (p *programPlan) match() {
	personal, others := p.byMatch()
	for i := range p.b.subjects {
		value := p.matchValue(i)
		if len(others) > 0 {
			p.matchOthers(int32(i), others[value])
		}
		if p.account[i] != none {
			continue
		}
		found := personal[value]
		switch {
		case len(found) == 1 && p.free(found[0]):
			p.account[i], p.owner[found[0]] = found[0], int32(i)
			p.link(i, found[0])
		case len(found) > 0:
			p.waits[int32(i)] = fmt.Sprintf("%s of %s names the person in %s, one of which may belong to somebody else; link one with: rolecall adopt %s",
				p.program.Match, p.program.Name, plural(len(found), "account", "accounts"), p.program.Name)
			p.b.warn("ambiguous", p.program.Name, p.b.subjects[i].key, p.waits[int32(i)])
		}
	}
}

// byMatch sorts accounts by what match: compares: those that policy is about, and the admin and test accounts. Service and
// shared ones are nobody's, whatever they carry.
func (p *programPlan) byMatch() (personal, others map[string][]uint32) {
	personal, others = map[string][]uint32{}, map[string][]uint32{}
	for i, info := range p.reading.infos {
		n := uint32(i)
		if info == nil {
			continue
		}
		v := info.Attributes[p.program.Match]
		if v == "" {
			continue
		}
		switch kind := p.reading.kind(n); {
		case kind == PersonalAccount:
			personal[v] = append(personal[v], n)
		case !nobodys(kind):
			others[v] = append(others[v], n)
		}
	}
	return personal, others
}

// otherAccount is somebody's account besides the personal one.
type otherAccount struct {
	subject int32
	kind    string
}

// matchOthers links somebody's admin and test accounts, so that a cut or a leaver misses none; policy gives them nothing.
func (p *programPlan) matchOthers(i int32, found []uint32) {
	slices.SortFunc(found, func(x, y uint32) int { return strings.Compare(p.reading.accounts.Name(x), p.reading.accounts.Name(y)) })
	for _, n := range found {
		key := otherAccount{i, p.reading.kind(n)}
		if !p.free(n) {
			continue
		}
		p.owner[n] = i // of several of one kind as well: whoever leaves or is cut off keeps none
		if p.others[key] {
			p.b.warn("ambiguous", p.program.Name, p.b.subjects[i].key, fmt.Sprintf("the %s account %s of %s names the person, who has another one there",
				key.kind, quote(p.reading.accounts.Name(n)), p.program.Name))
			continue
		}
		p.others[key] = true
		p.recordLink(i, n, key.kind)
	}
}

func (p *programPlan) matchValue(i int) string {
	s := &p.b.subjects[i]
	if p.program.MatchWith == nil {
		return s.key
	}
	if s.person == nil {
		return ""
	}
	v, _ := p.program.MatchWith(s.person)
	return v
}

func (p *programPlan) free(account uint32) bool {
	_, taken := p.owner[account]
	return !taken
}

// link records whose account it is, once.
func (p *programPlan) link(i int, account uint32) {
	if p.linked[int32(i)] {
		return
	}
	p.linked[int32(i)] = true
	p.recordLink(int32(i), account, PersonalAccount)
}

func (p *programPlan) recordLink(i int32, account uint32, kind string) {
	p.b.records = append(p.b.records, Record{Kind: KindLink, Person: p.b.subjects[i].key, Program: p.program.Name,
		Account: p.reading.accounts.Name(account), Entitlement: kind, Why: []string{"certain match"}})
}

func (p *programPlan) holdsAnything(account uint32) bool {
	for _, row := range p.sets.Actual.of {
		if row != nil && row.has(account) {
			return true
		}
	}
	return false
}

// propose gives a proposed account to everybody who should have something and has no account.
func (p *programPlan) propose() {
	if len(p.needs) == 0 {
		return
	}
	taken := p.takenNames()
	proposed := map[string][]int32{}
	for _, i := range slices.Sorted(maps.Keys(p.needs)) {
		if p.waits[i] != "" {
			continue
		}
		name, wait := p.proposeFor(&p.b.subjects[i])
		if wait == "" && p.promised(name, i) {
			wait = fmt.Sprintf("the account %s is being made for somebody else; give one of them another name in the directory", quote(name))
		}
		if who := p.linkedTo(name, i); wait == "" && who != "" {
			wait = fmt.Sprintf("the account %s may belong to somebody else: it is linked to %s, and missing; give one of them another name in the directory", quote(name), who)
		}
		if wait == "" && p.underWay(name) {
			wait = fmt.Sprintf("a change of a former account %s is not over yet", quote(name))
		}
		if wait == "" && taken[name] {
			wait = fmt.Sprintf("an account %s is there already and nobody knows whose; review it with: rolecall adopt %s", quote(name), p.program.Name)
		}
		if wait != "" {
			p.waits[i] = wait
			continue
		}
		proposed[name] = append(proposed[name], i)
	}
	defer func() { p.needs = maps.Collect(maps.All(p.needs)) }() // a map that was big stays big
	for _, name := range slices.Sorted(maps.Keys(proposed)) {
		who := proposed[name]
		if len(who) > 1 {
			for _, i := range who {
				p.waits[i] = fmt.Sprintf("%d people would get the account %s; give one of them another name in the directory", len(who), quote(name))
			}
			continue
		}
		p.adoptProposal(who[0], name)
	}
}

// promised: an account of that name is about to be made for another person.
func (p *programPlan) promised(name string, i int32) bool {
	n, ok := p.reading.accounts.Find(ProposedPrefix + name)
	who, owned := p.owner[n]
	return ok && owned && who != i
}

// underWay: somebody has claimed a change of the account that had this name. A lease of the new one would not hold for it.
func (p *programPlan) underWay(name string) bool {
	return slices.ContainsFunc(p.b.s.Memory.Open, func(i Intent) bool {
		return i.Change.Program == p.program.Name && i.Change.Account == name && !i.Claimed.IsZero() && !p.settled[i.Seq]
	})
}

// linkedTo is who else has a link to the account of that name, although it is not there: somebody removed it, and it may come
// back. An existing link wins until it is known that Rolecall deleted the account, or nothing is managed there any more.
func (p *programPlan) linkedTo(name string, i int32) string {
	n, ok := p.reading.accounts.Find(name)
	who, owned := p.owner[n]
	if !ok || !owned || who == i || p.gone(n) || p.sets.Actual.Has(p.exists, n) {
		return ""
	}
	return p.subjectName(&p.b.subjects[who])
}

func (p *programPlan) takenNames() map[string]bool {
	taken := map[string]bool{}
	for _, n := range p.sets.Actual.Accounts() {
		taken[p.reading.accounts.Name(n)] = true
		if info := p.reading.info(n); info != nil {
			taken[info.Name] = true
		}
	}
	return taken
}

func (p *programPlan) proposeFor(s *subject) (name, wait string) {
	if !p.program.Describes.Lifecycle || p.program.Create == nil {
		return "", "there is no account for the person in " + p.program.Name + ", and Rolecall is not to create one (set create:, or make it by hand and link it with: rolecall adopt " + p.program.Name + ")"
	}
	name, missing := p.program.Create(s.person)
	if missing != "" || name == "" {
		key := FactKey{Kind: FactWaiting, Person: s.key, Program: p.program.Name}
		f, ok := p.b.s.Memory.Fact(key)
		if !ok {
			f = Fact{FactKey: key, Since: p.b.s.Now, Text: missing}
		}
		p.b.set(f)
		return "", fmt.Sprintf("waiting for %s since %s", cmp.Or(missing, "a name"), day(f.Since))
	}
	if _, reserved := ProposedName(name); reserved { // the program's list could not be believed any more
		return "", "the account would be called " + quote(name) + ", and what begins with " + ProposedPrefix + " can't be told from an account that is only proposed; change the person's entry or create:"
	}
	return name, ""
}

func (p *programPlan) adoptProposal(i int32, name string) {
	s := &p.b.subjects[i]
	n := p.reading.accounts.Number(ProposedPrefix + name)
	p.account[i], p.owner[n] = n, i
	p.b.clear(FactKey{Kind: FactWaiting, Person: s.key, Program: p.program.Name})
	p.news[n] = &NewAccount{Name: name, Person: s.key, Attributes: p.fill(s.person)}
	for _, right := range p.needs[i] {
		p.sets.Desired.Add(right, n)
		if p.exists != none {
			p.sets.Desired.Add(p.exists, n)
		}
		if p.active != none {
			p.sets.Desired.Add(p.active, n)
		}
	}
	delete(p.needs, i)
}

func (p *programPlan) fill(person *Person) map[string]string {
	out := map[string]string{}
	for name, t := range p.program.Attributes {
		if v, missing := t(person); missing == "" && v != "" {
			out[name] = v
		}
	}
	if p.program.Match != "" && p.program.MatchWith == nil {
		out[p.program.Match] = person.Key
	}
	return out
}
