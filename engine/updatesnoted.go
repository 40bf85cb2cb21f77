package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func noted(m map[string][]uint32, name string, account uint32) map[string][]uint32 {
	if m == nil {
		m = map[string][]uint32{}
	}
	m[name] = append(m[name], account)
	return m
}

// noteUntaken tells once per attribute which accounts show another value than they were given, and no values: a run's record is never
// blanked. A notice of one account alone is about its person.
func (p *programPlan) noteUntaken() {
	const most = 3
	for _, name := range slices.Sorted(maps.Keys(p.untaken)) {
		accounts := p.untaken[name]
		var names []string
		for _, account := range accounts {
			names = append(names, quote(p.reading.info(account).Name))
		}
		slices.Sort(names)
		who := strings.Join(names[:min(most, len(names))], ", ")
		if more := len(names) - most; more > 0 {
			who += fmt.Sprintf(" and %d more", more)
		}
		person, see := "", "; for one person see: rolecall why PERSON"
		if len(accounts) == 1 {
			person, see = p.personOf(accounts[0]), ""
		}
		p.b.warn(NoticeUpdate, p.program.Name, person, p.untakenText(name, plural(len(accounts), "account", "accounts"), who)+see)
		p.answerUntaken(name, accounts)
	}
}

func (p *programPlan) untakenText(name, accounts, who string) string {
	return fmt.Sprintf("%s of %s of %s (%s) was set to what the directory's entry says, and %s shows another value: it makes that of it, or somebody else sets it; it is not tried again until one of the two changes",
		name, accounts, p.program.Name, who, p.program.Name)
}

// answerUntaken tells whoever is asked about of their own account: a notice names the first few.
func (p *programPlan) answerUntaken(name string, accounts []uint32) {
	for _, account := range accounts {
		if person := p.personOf(account); person != "" && person == p.b.s.ask {
			text := p.untakenText(name, plural(1, "account", "accounts"), quote(p.reading.info(account).Name))
			p.b.plan.asked.untaken = append(p.b.plan.asked.untaken, Notice{Program: p.program.Name, Person: person, Text: text})
		}
	}
}

// carried are the attributes that a rename changes along with the name: those that are kept up to date, and no others:
// what the list does not show is unknown, and what was given once is not given again.
func (p *programPlan) carried(s *subject, account uint32) (to map[string]string) {
	for _, name := range p.program.Update {
		have, shown := p.reading.info(account).Attributes[name]
		if want := p.wanted(s, name); shown && want != "" && len(want) <= mostValue && (have == want || !p.given(account, name, want, have)) {
			to = with(to, name, want)
		}
	}
	return to
}
