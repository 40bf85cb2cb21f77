package policies

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Answers of a Finding.
const (
	answerGives   = "gives"
	answerWould   = "would give"
	answerForbids = "forbids"
	answerAllows  = "allows"      // a conflict that this entitlement wins
	answerWeighs  = "would weigh" // a conflict, if anything gave this entitlement
	answerNo      = "does not match"
	answerUnknown = "unknown"
)

// Explain implements engine.Policy. Findings come strongest first: the state of the person where that decides alone, then
// blocks, conflicts, extras, rules.
func (p *Policy) Explain(person *engine.Person, now time.Time, e engine.Entitlement) []engine.Finding {
	s := p.pool.Get().(*scratch)
	defer p.give(s)
	p.begin(s, person, now)
	var out []engine.Finding
	out = append(out, explainState(person)...)
	out = append(out, p.explainBlocks(person, e)...)
	out = append(out, p.explainConflicts(person, now, e)...)
	out = append(out, p.explainExtras(s, e)...)
	out = append(out, p.explainRules(s, e)...)
	if len(out) == 0 {
		out = append(out, engine.Finding{Answer: answerNo, Text: "nothing in the policy gives " + e.String() + " to anybody"})
	}
	return subjunctive(out)
}

// subjunctive turns "gives" into "would give" below what overrides it or leaves it open; rules that are unknown come after
// those that give.
func subjunctive(findings []engine.Finding) []engine.Finding {
	overridden := false
	for i := range findings {
		f := &findings[i]
		if f.Answer == answerGives && overridden {
			f.Answer = answerWould
		}
		overridden = overridden || f.Answer == answerForbids || f.Answer == answerUnknown
	}
	return findings
}

func explainState(person *engine.Person) []engine.Finding {
	why := ""
	if person.StateWhy != "" {
		why = " (" + person.StateWhy + ")"
	}
	switch person.State {
	case engine.StateActive, engine.StateAway:
		return nil
	case engine.StateUnknown:
		return []engine.Finding{{Say: engine.Undecided, Answer: answerUnknown, Text: "whether " + person.Name() + " is active could not be seen" + why + entryOf(person)}}
	}
	return []engine.Finding{{Say: engine.Denied, Answer: answerForbids,
		Text: fmt.Sprintf("%s is %s%s, and only people who are active or away get anything%s", person.Name(), person.State, why, entryOf(person))}}
}

func entryOf(person *engine.Person) string {
	if person.Entry == "" {
		return ""
	}
	return "; entry " + person.Entry
}

func (p *Policy) explainBlocks(person *engine.Person, e engine.Entitlement) (out []engine.Finding) {
	for _, b := range p.defs.blocks {
		if person.Called(b.person) && covers(b.pattern, e) {
			out = append(out, engine.Finding{Say: engine.Denied, Answer: answerForbids, Place: b.place,
				Text: fmt.Sprintf("a block forbids %s to %s: %s; to be reviewed on %s", b.pattern, b.person, b.reason, b.review)})
		}
	}
	return out
}

// explainConflicts names the conflicts that list e and another entitlement that the policy also gives or may give. What the
// person holds is not known here, so existing and record are explained as for somebody who holds nothing.
func (p *Policy) explainConflicts(person *engine.Person, now time.Time, e engine.Entitlement) (out []engine.Finding) {
	verdicts := p.Decide(person, now, nil, nil)
	for _, c := range p.conflicts {
		if !slices.Contains(c.def.never, e) {
			continue
		}
		for i, n := range c.never {
			v, ok := verdictOf(verdicts, n)
			if ok && c.def.never[i] != e && v.Say != engine.Observed && (v.Rule >= 0 || v.Say == engine.Undecided) {
				out = append(out, p.explainConflict(c.def, verdicts, e, c.def.never[i]))
			}
		}
	}
	return out
}

func (p *Policy) explainConflict(c *conflict, verdicts []engine.Verdict, e, other engine.Entitlement) engine.Finding {
	f := engine.Finding{Say: engine.Desired, Answer: answerWeighs, Rule: c.name, Place: c.place}
	if n, ok := p.number(e); ok {
		switch v, ok := verdictOf(verdicts, n); {
		case !ok:
		case v.Say == engine.Denied:
			f.Say, f.Answer = engine.Denied, answerForbids
		case v.Say == engine.Undecided:
			f.Say, f.Answer = engine.Undecided, answerUnknown
		default:
			f.Answer = answerAllows
		}
	}
	f.Text = fmt.Sprintf("conflict %s: never both %s and %s; %s", c.name, e, other, c.standing())
	if c.reason != "" {
		f.Text += ": " + c.reason
	}
	return f
}

func verdictOf(verdicts []engine.Verdict, entitlement int32) (engine.Verdict, bool) {
	i, ok := slices.BinarySearchFunc(verdicts, entitlement, func(v engine.Verdict, n int32) int { return int(v.Entitlement - n) })
	if !ok {
		return engine.Verdict{}, false
	}
	return verdicts[i], true
}

func (p *Policy) explainExtras(s *scratch, e engine.Entitlement) (out []engine.Finding) {
	today := p.zones.today(s.person, s.now)
	for _, x := range p.defs.extras {
		if !s.person.Called(x.person) || x.grant != e {
			continue
		}
		f := engine.Finding{Say: engine.Desired, Answer: answerGives, Rule: x.name(), Place: x.place}
		switch {
		case today > x.until:
			f.Answer, f.Text = answerNo, fmt.Sprintf("an extra ended on %s", x.until)
		case today < x.from:
			f.Answer, f.Text = answerNo, fmt.Sprintf("an extra begins on %s", x.from)
		default:
			f.Text = fmt.Sprintf("an extra gives it until %s", x.until)
		}
		f.Text += ": " + x.reason
		out = append(out, f)
	}
	return out
}

// explainRules sorts what gives before what is unknown before what does not match.
func (p *Policy) explainRules(s *scratch, e engine.Entitlement) []engine.Finding {
	n, ok := p.number(e)
	if !ok {
		return nil
	}
	var yes, unknown, no []engine.Finding
	for _, i := range p.givers[n] {
		switch f, answer := p.explainRule(s, &p.matchers[i]); answer {
		case engine.Yes:
			yes = append(yes, f)
		case engine.Unknown:
			unknown = append(unknown, f)
		default:
			no = append(no, f)
		}
	}
	return slices.Concat(yes, unknown, no)
}

// explainRule takes the answer of the job that comes nearest; the others are told only if none matches.
func (p *Policy) explainRule(s *scratch, m *matcher) (engine.Finding, engine.Tri) {
	f := engine.Finding{Rule: m.def.name, Place: m.def.place}
	var texts []string
	best := engine.No
	for _, job := range p.jobsToExplain(s) {
		answer, text := p.explainJob(s, m, job)
		text += p.jobName(s, job)
		if answer == engine.Yes || answer == engine.Unknown && best == engine.No {
			best, texts = answer, nil
		}
		if answer == best {
			texts = append(texts, text)
		}
		if best == engine.Yes {
			break
		}
	}
	if texts == nil {
		texts = []string{"no job is in force on " + s.now.In(s.zone).Format(time.DateOnly)}
	}
	f.Text = strings.Join(texts, "; ") + entryOf(s.person)
	f.Say, f.Answer = sayOf(best, m.def.mode)
	if best == engine.Yes && m.def.reason != "" {
		f.Text += ": " + m.def.reason
	}
	return f, best
}

func sayOf(answer engine.Tri, mode string) (engine.Say, string) {
	switch {
	case answer == engine.Unknown:
		return engine.Undecided, answerUnknown
	case answer == engine.No:
		return engine.Desired, answerNo
	case mode == modeObserve:
		return engine.Observed, answerWould
	}
	return engine.Desired, answerGives
}

func (p *Policy) jobsToExplain(s *scratch) []*engine.Job {
	if len(s.person.Jobs) == 0 {
		return []*engine.Job{nil}
	}
	var jobs []*engine.Job
	for i := range s.person.Jobs {
		if inForce(&s.person.Jobs[i], s.now) {
			jobs = append(jobs, &s.person.Jobs[i])
		}
	}
	return jobs
}

func (p *Policy) jobName(s *scratch, job *engine.Job) string {
	if job == nil || len(s.person.Jobs) < 2 {
		return ""
	}
	for _, name := range []string{"title", "department"} {
		if v := job.Attributes.First(name); v != "" {
			return " (as " + v + ")"
		}
	}
	for i := range s.person.Jobs {
		if job == &s.person.Jobs[i] {
			return fmt.Sprintf(" (job %d)", i+1)
		}
	}
	return ""
}

// explainJob says of one job what matched, or else all that is missing, or else all that could not be seen.
func (p *Policy) explainJob(s *scratch, m *matcher, job *engine.Job) (engine.Tri, string) {
	s.epoch++
	s.job = job
	var yes, no, unknown []string
	note := func(answer engine.Tri, text string) {
		switch answer {
		case engine.Yes:
			yes = append(yes, text)
		case engine.No:
			no = append(no, text)
		default:
			unknown = append(unknown, text)
		}
	}
	noteRoles(s.person, job, m.def, note)
	if m.when != nil {
		note(explainCondition(m.when, &s.view))
	}
	switch {
	case len(no) > 0:
		return engine.No, strings.Join(no, ", and ")
	case len(unknown) > 0:
		return engine.Unknown, strings.Join(unknown, ", and ")
	case len(yes) == 0:
		return engine.Yes, "matches everybody"
	}
	return engine.Yes, strings.Join(yes, ", and ")
}

func noteRoles(person *engine.Person, job *engine.Job, r *rule, note func(engine.Tri, string)) {
	if len(r.any) > 0 {
		note(explainAny(person, job, r.any))
	}
	for _, role := range r.all {
		note(roleText(person.HasRole(job, role), role))
	}
	for _, role := range r.none {
		switch person.HasRole(job, role) {
		case engine.Yes:
			note(engine.No, "has role "+role+", which the rule leaves out")
		case engine.Unknown:
			note(engine.Unknown, "whether role "+role+", which the rule leaves out, is held could not be seen")
		}
	}
}

func roleText(answer engine.Tri, role string) (engine.Tri, string) {
	switch answer {
	case engine.Yes:
		return answer, "has role " + role
	case engine.No:
		return answer, "lacks role " + role
	}
	return answer, "role " + role + " could not be seen"
}

func explainAny(person *engine.Person, job *engine.Job, roles []string) (engine.Tri, string) {
	var hidden []string
	for _, role := range roles {
		switch person.HasRole(job, role) {
		case engine.Yes:
			return engine.Yes, "has role " + role
		case engine.Unknown:
			hidden = append(hidden, role)
		}
	}
	switch {
	case len(hidden) > 0:
		return engine.Unknown, "role " + strings.Join(hidden, " or ") + " could not be seen"
	case len(roles) == 1:
		return engine.No, "lacks role " + roles[0]
	}
	return engine.No, "lacks all of the roles " + strings.Join(roles, ", ")
}

func explainCondition(c *condition, v *view) (engine.Tri, string) {
	answer, err := c.eval(v)
	text := oneLine(c.text)
	switch {
	case err != nil:
		return engine.Unknown, err.Error()
	case answer == engine.Yes:
		return answer, "condition " + text + " holds" + c.values(v)
	case answer == engine.No:
		return answer, "condition " + text + " does not hold" + c.values(v)
	}
	return answer, "condition " + text + " could not be decided: " + strings.Join(c.unseen(v), ", ") + " could not be seen"
}
