package engine

import (
	"cmp"
	"fmt"
	"slices"
)

func whyLines(s *Snapshot, plan *Plan, r *Reading, who *Person, absent bool) (out []WhyLine) {
	mem, account := s.Memory.Program(r.Program.Name), ""
	for _, l := range mem.Links {
		if l.Person == who.Key && l.Kind == PersonalAccount {
			account = l.Account
		}
	}
	for _, right := range concerning(s, r, account) {
		e := Entitlement{r.Program.Name, right}
		line := WhyLine{Entitlement: e.String(), Account: account, Wanted: "no"}
		if !absent { // of somebody who is not there it is not known either what is missing
			line.Findings = s.Policy.Explain(who, s.Now, e)
		}
		for _, f := range line.Findings {
			line.Wanted = stronger(line.Wanted, f.Say, f.Answer)
		}
		line.Holds = holds(r, account, right)
		line.remember(mem)
		line.Kept = plan.asked.kept[line.Entitlement]
		line.next(plan, who.Key)
		out = append(out, line)
	}
	out = implied(out)
	for i := range out {
		out[i].override(&plan.asked, r.Program, who, absent)
	}
	return out
}

// next finds what the plan has for the entitlement.
func (l *WhyLine) next(plan *Plan, person string) {
	for i := range plan.Changes {
		if c := &plan.Changes[i]; c.Person == person && c.Entitlement == l.Entitlement {
			l.Change = c
		}
	}
}

// override puts on top what decides besides policy.
func (l *WhyLine) override(by *asked, p *Program, who *Person, absent bool) {
	account := ParseEntitlement(l.Entitlement).Name == Active
	switch {
	case by.standing == cutOff && (account || absent):
		l.decided("forbidden", Finding{Say: Denied, Answer: "forbids", Text: by.why + "; it ends with: rolecall cut " + who.Key + " --lift"})
	case by.standing == cutOff: // rights stay; the account is what is suspended
	case by.standing == leaver && absent:
		l.decided("forbidden", Finding{Say: Denied, Answer: "forbids", Text: who.Key + " has left: " + by.why})
	case absent:
		l.decided("unknown", Finding{Say: Undecided, Answer: "unknown", Text: cmp.Or(by.why, who.StateWhy)})
	case by.standing == unseen && l.Wanted != "forbidden" && who.State != StateUnknown:
		l.decided("unknown", Finding{Say: Undecided, Answer: "unknown", Text: by.why})
	case account && l.Wanted == "yes" && who.State == StateAway && p.Away == "suspend":
		l.decided("no", Finding{Say: Denied, Answer: "forbids", Text: fmt.Sprintf("%s is away (%s), and %s suspends the accounts of those (away: suspend)", who.Name(), who.StateWhy, p.Name)})
	}
}

func (l *WhyLine) decided(wanted string, f Finding) {
	for i := range l.Findings {
		if l.Findings[i].Answer == "gives" {
			l.Findings[i].Answer = "would give"
		}
	}
	l.Wanted, l.Findings = wanted, append([]Finding{f}, l.Findings...)
}

// implied: the account itself is wanted as soon as anything in the program is.
func implied(lines []WhyLine) []WhyLine {
	answers := map[string]string{"yes": "gives", "unknown": "unknown", "observed": "would give"}
	for i := range lines {
		if l := &lines[i]; ParseEntitlement(l.Entitlement).Name == Active && l.Wanted == "no" {
			for _, wanted := range []string{"yes", "unknown", "observed"} {
				k := slices.IndexFunc(lines, func(other WhyLine) bool { return other.Wanted == wanted })
				if k >= 0 {
					l.Wanted, l.Findings = wanted, []Finding{{Answer: answers[wanted], Text: lines[k].Entitlement + " needs the account"}}
					break
				}
			}
		}
	}
	return lines
}

// concerning lists the rights worth a line: those of the catalogue, those held, and the account of whoever has one.
func concerning(s *Snapshot, r *Reading, account string) []string {
	var out []string
	for _, e := range s.Policy.Entitlements() {
		if e.Program == r.Program.Name {
			out = append(out, e.Name)
		}
	}
	if _, ok := r.rights.Find(Active); ok && account != "" {
		out = append(out, Active)
	}
	if n, ok := r.accounts.Find(account); ok {
		for right := range uint32(r.rights.Len()) {
			if r.held.Has(right, n) && r.rights.Name(right) != Exists {
				out = append(out, r.rights.Name(right))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func stronger(now string, say Say, answer string) string {
	switch {
	case say == Denied && answer != "does not match":
		return "forbidden"
	case now == "forbidden":
		return now
	case say == Desired && answer == "gives":
		return "yes"
	case say == Undecided && now == "no":
		return "unknown"
	case say == Observed && answer == "would give" && now == "no":
		return "observed"
	}
	return now
}

func holds(r *Reading, account, right string) string {
	n, ok := r.accounts.Find(account)
	e, ok2 := r.rights.Find(right)
	switch {
	case ok && ok2 && r.held.Has(e, n):
		return "yes"
	case !r.Proof.Complete():
		return "unknown"
	}
	return "no"
}

func (l *WhyLine) remember(m *ProgramMemory) {
	name := ParseEntitlement(l.Entitlement).Name
	for _, row := range m.Rows {
		if row.Managed && m.Accounts[row.Account] == l.Account && m.Entitlements[row.Entitlement] == name {
			l.Managed, l.Since = true, unixTime(row.Since)
		}
	}
}
