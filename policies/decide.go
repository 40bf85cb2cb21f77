package policies

import (
	"math/bits"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// scratch is the working memory of one decision; it is pooled, so that a decision allocates nothing.
type scratch struct {
	view
	epochPerson uint64   // stamps roles held in every job
	held        []uint64 // role → epoch at which it was held
	unseen      []uint64 // role → epoch of the person for whom it could not be seen
	tried       []uint64 // matcher → epoch of the job in which it was tried
	base, mine  []int32  // roles of the person, and of the job alone, that rules name
	hidden      []int32  // roles of rules that could not be seen

	said    []saying // by entitlement
	touched []uint64 // bits of entitlements with something said
}

type saying struct {
	rank   rank
	rule   int32
	record bool
}

func (p *Policy) newScratch() *scratch {
	return &scratch{
		view: newView(p.slots),
		held: make([]uint64, len(p.roleNames)), unseen: make([]uint64, len(p.roleNames)), tried: make([]uint64, len(p.matchers)),
		said: make([]saying, len(p.entitlements)), touched: make([]uint64, (len(p.entitlements)+63)/64),
	}
}

// Decide implements engine.Policy: block > conflict > extra > rule.
func (p *Policy) Decide(person *engine.Person, now time.Time, has func(entitlement int32) bool, out []engine.Verdict) []engine.Verdict {
	switch person.State {
	case engine.StateActive, engine.StateAway:
	case engine.StateUnknown:
		return p.undecided(out)
	default:
		return out
	}
	s := p.pool.Get().(*scratch)
	p.sayAll(s, person, now, has)
	out = s.emit(out)
	p.give(s)
	return out
}

// give puts a scratch back that remembers nobody.
func (p *Policy) give(s *scratch) {
	s.person, s.job = nil, nil
	p.pool.Put(s)
}

func (p *Policy) undecided(out []engine.Verdict) []engine.Verdict {
	for i := range p.entitlements {
		out = append(out, engine.Verdict{Entitlement: int32(i), Rule: -1, Say: engine.Undecided})
	}
	return out
}

func (p *Policy) sayAll(s *scratch, person *engine.Person, now time.Time, has func(int32) bool) {
	p.begin(s, person, now)
	p.sayRules(s)
	if len(p.people) > 0 {
		login := person.Login()
		p.sayPerson(s, person.Key)
		if person.NewKey != "" {
			p.sayPerson(s, person.NewKey)
		}
		if login != "" && login != person.Key && login != person.NewKey {
			p.sayPerson(s, login)
		}
	}
	for i := range p.conflicts {
		p.sayConflict(s, &p.conflicts[i], has)
	}
}

// begin notes which of the rules' roles the person holds in every job, and which could not be seen.
func (p *Policy) begin(s *scratch, person *engine.Person, now time.Time) {
	s.epoch++
	s.epochPerson = s.epoch
	s.person, s.job, s.now, s.zone = person, nil, now, p.zones.company
	if person.Zone != "" {
		s.zone = p.zones.of(person)
	}
	s.base, s.hidden = s.base[:0], s.hidden[:0]
	for _, role := range person.Roles {
		if n, ok := p.roles[role]; ok {
			s.held[n] = s.epoch
			s.base = append(s.base, n)
		}
	}
	for _, role := range person.Missing {
		p.hide(s, role)
	}
}

func (p *Policy) hide(s *scratch, role string) {
	if n, ok := p.roles[role]; ok {
		s.hideRole(n)
	}
	if source, all := allOf(role); all {
		for _, n := range p.bySource[source] {
			s.hideRole(n)
		}
	}
}

// allOf reads "source:*".
func allOf(role string) (source string, ok bool) {
	if n := len(role); n > 2 && role[n-2:] == ":*" {
		return role[:n-2], true
	}
	return "", false
}

func (s *scratch) hideRole(n int32) {
	if s.unseen[n] != s.epochPerson {
		s.unseen[n] = s.epochPerson
		s.hidden = append(s.hidden, n)
	}
}

// sayRules tries the rules within each job in force; what they say is united.
func (p *Policy) sayRules(s *scratch) {
	jobs := s.person.Jobs
	if len(jobs) == 0 {
		p.sayJob(s)
	}
	for i := range jobs {
		if inForce(&jobs[i], s.now) {
			s.job = &jobs[i]
			p.sayJob(s)
		}
	}
}

func inForce(j *engine.Job, now time.Time) bool {
	return !now.Before(j.Start) && (j.End.IsZero() || now.Before(j.End))
}

// sayJob first notes all roles of the job, then tries the rules that any of them could make match.
func (p *Policy) sayJob(s *scratch) {
	s.epoch++
	s.mine = s.mine[:0]
	if s.job != nil {
		for _, role := range s.job.Roles {
			if n, ok := p.roles[role]; ok && s.held[n] != s.epochPerson {
				s.held[n] = s.epoch
				s.mine = append(s.mine, n)
			}
		}
	}
	for _, roles := range [...][]int32{s.base, s.mine, s.hidden} {
		for _, n := range roles {
			p.try(s, p.triggers[n])
		}
	}
	for i := range p.byValue {
		p.try(s, p.byValue[i].candidates(&s.view))
	}
	p.try(s, p.always)
}

func (p *Policy) try(s *scratch, matchers []int32) {
	for _, i := range matchers {
		if s.tried[i] == s.epoch {
			continue
		}
		s.tried[i] = s.epoch
		m := &p.matchers[i]
		switch m.match(s) {
		case engine.Yes:
			s.sayEach(m.gives, m.rank, m.rule)
		case engine.Unknown:
			if m.rank != observed { // what would only be shown withholds nothing
				s.sayEach(m.gives, undecided, m.rule)
			}
		}
	}
}

// match is the rule's answer within one job: a conjunction of its clauses in Kleene's logic.
func (m *matcher) match(s *scratch) engine.Tri {
	result := s.anyOf(m.any)
	if result == engine.No {
		return engine.No
	}
	for _, n := range m.all {
		switch s.has(n) {
		case engine.No:
			return engine.No
		case engine.Unknown:
			result = engine.Unknown
		}
	}
	for _, n := range m.none {
		switch s.has(n) {
		case engine.Yes:
			return engine.No
		case engine.Unknown:
			result = engine.Unknown
		}
	}
	if m.when == nil {
		return result
	}
	when, _ := m.when.eval(&s.view)
	if when == engine.Yes {
		return result
	}
	return when
}

func (s *scratch) anyOf(roles []int32) engine.Tri {
	result := tri(len(roles) == 0)
	for _, n := range roles {
		switch s.has(n) {
		case engine.Yes:
			return engine.Yes
		case engine.Unknown:
			result = engine.Unknown
		}
	}
	return result
}

func (s *scratch) has(n int32) engine.Tri {
	switch {
	case s.held[n] == s.epoch || s.held[n] == s.epochPerson:
		return engine.Yes
	case s.unseen[n] == s.epochPerson:
		return engine.Unknown
	}
	return engine.No
}

func (s *scratch) sayEach(entitlements []int32, r rank, rule int32) {
	for _, e := range entitlements {
		s.say(e, r, rule)
	}
}

// say keeps the highest rank, and among equals the first rule.
func (s *scratch) say(e int32, r rank, rule int32) {
	was := &s.said[e]
	if r > was.rank || r == was.rank && rule < was.rule {
		was.rank, was.rule = r, rule
		s.touched[e>>6] |= 1 << (e & 63)
	}
}

// deny keeps the rule that would give it.
func (s *scratch) deny(e int32) {
	was := &s.said[e]
	if was.rank == nothing {
		was.rule = -1
	}
	was.rank = denied
	s.touched[e>>6] |= 1 << (e & 63)
}

// sayPerson adds the extras in force and the blocks of one person by name.
func (p *Policy) sayPerson(s *scratch, name string) {
	d, ok := p.people[name]
	if !ok {
		return
	}
	today := dateOf(s.now.In(s.zone))
	for _, x := range d.extras {
		if x.from <= today && today <= x.until {
			s.say(x.entitlement, given, x.rule)
		}
	}
	for _, e := range d.blocks {
		s.deny(e)
	}
}

// emit appends what was said in order of the entitlements and leaves the scratch clean.
func (s *scratch) emit(out []engine.Verdict) []engine.Verdict {
	for w, word := range s.touched {
		for ; word != 0; word &= word - 1 {
			e := int32(w<<6 + bits.TrailingZeros64(word))
			out = append(out, s.said[e].verdict(e))
			s.said[e] = saying{}
		}
		s.touched[w] = 0
	}
	return out
}

func (x saying) verdict(e int32) engine.Verdict {
	v := engine.Verdict{Entitlement: e, Rule: x.rule, Say: engine.Desired}
	switch {
	case x.rank == nothing: // held against a conflict that only records, and given by nothing
		v.Rule, v.Say = -1, engine.Recorded
	case x.rank == denied:
		v.Say = engine.Denied
	case x.rank == undecided:
		v.Say = engine.Undecided
	case x.rank == observed:
		v.Say = engine.Observed
	case x.record:
		v.Say = engine.Recorded
	}
	return v
}
