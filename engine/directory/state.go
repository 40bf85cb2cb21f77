package directory

import (
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// verdict is the state of one job, with what decided it.
type verdict struct {
	state engine.State
	why   string
}

// decide sets the person's state from the states of all jobs: left only when every job has ended, unknown when any could
// not be told. Jobs that have ended or not begun give nothing while another one counts, so they are taken away then.
func (b *builder) decide(p *engine.Person) {
	zone := b.zone(p)
	var best verdict
	verdicts := make([]verdict, len(p.Jobs))
	for i := range p.Jobs {
		verdicts[i] = b.judge(p, &p.Jobs[i], zone)
		if i == 0 || rank(verdicts[i].state) > rank(best.state) {
			best = verdicts[i]
		}
	}
	p.State, p.StateWhy, p.Marked = best.state, best.why, best.state == engine.StateLeft
	if best.state == engine.StateActive || best.state == engine.StateAway {
		jobs := p.Jobs[:0]
		for i, j := range p.Jobs {
			if s := verdicts[i].state; s == engine.StateActive || s == engine.StateAway {
				jobs = append(jobs, j)
			}
		}
		p.Jobs = jobs
	}
}

// rank orders the states of several jobs: what can't be told outweighs all, then what gives most.
func rank(s engine.State) int {
	switch s {
	case engine.StateUnknown:
		return 5
	case engine.StateActive:
		return 4
	case engine.StateAway:
		return 3
	case engine.StateUpcoming:
		return 2
	}
	return 1
}

// judge decides one job. What says outright that somebody has left goes first: nothing else that is unreadable in the
// entry may hide it. Whatever is unknown of the rest then makes the state unknown, never active.
func (b *builder) judge(p *engine.Person, job *engine.Job, zone *time.Location) verdict {
	start, badStart := b.date(b.cfg.Dates.Start, p, job)
	end, badEnd := b.date(b.cfg.Dates.End, p, job)
	if !start.open() {
		job.Start = start.start(zone).Add(-b.cfg.Dates.Lead)
	}
	if !end.open() {
		job.End = end.end(zone)
	}
	left := b.test(engine.StateLeft, p, job)
	switch {
	case left == engine.Yes:
		return verdict{engine.StateLeft, b.expression(engine.StateLeft) + " holds"}
	case !job.End.IsZero() && !b.now.Before(job.End):
		return verdict{engine.StateLeft, fmt.Sprintf("%s %s is over", b.cfg.Dates.End, shown(end))}
	case left == engine.Unknown:
		return verdict{engine.StateUnknown, b.expression(engine.StateLeft) + " needs what could not be seen"}
	case badEnd != "" || badStart != "":
		return verdict{engine.StateUnknown, strings.TrimSpace(badEnd + " " + badStart)}
	}
	return b.present(p, job, start)
}

// expression shows an expression as it was written, where the configuration told.
func (b *builder) expression(s engine.State) string {
	if text := b.cfg.Texts[s]; text != "" {
		return s.String() + ": " + text
	}
	return "the expression for " + s.String()
}

// present decides between upcoming, away and active.
func (b *builder) present(p *engine.Person, job *engine.Job, start when) verdict {
	if !job.Start.IsZero() && b.now.Before(job.Start) {
		return verdict{engine.StateUpcoming, fmt.Sprintf("%s %s is to come", b.cfg.Dates.Start, shown(start))}
	}
	for _, s := range []engine.State{engine.StateUpcoming, engine.StateAway} {
		switch b.test(s, p, job) {
		case engine.Yes:
			return verdict{s, b.expression(s) + " holds"}
		case engine.Unknown:
			return verdict{engine.StateUnknown, b.expression(s) + " needs what could not be seen"}
		}
	}
	if b.cfg.States[engine.StateActive] != nil && b.test(engine.StateActive, p, job) != engine.Yes {
		return verdict{engine.StateUnknown, "no expression for a state is true"}
	}
	return verdict{engine.StateActive, "no mark and no date says otherwise"}
}

func (b *builder) test(s engine.State, p *engine.Person, job *engine.Job) engine.Tri {
	if c := b.cfg.States[s]; c != nil {
		return c(p, job, b.now)
	}
	return engine.No
}

func shown(w when) string {
	if w.day.IsZero() {
		return w.instant.Format(time.RFC3339)
	}
	return w.day.Format(time.DateOnly)
}

// zone gives the place whose midnights count for a person, and notes it on the person. A zone that nobody knows is
// named, and the company's counts.
func (b *builder) zone(p *engine.Person) *time.Location {
	company := b.cfg.Zone.Company
	if company == nil {
		company = time.UTC
	}
	value := p.Attributes.First(b.cfg.Zone.Attribute)
	if b.cfg.Zone.Attribute != "" && value == "" && len(p.Jobs) == 1 {
		value = p.Jobs[0].Attributes.First(b.cfg.Zone.Attribute)
	}
	if value == "" {
		return company
	}
	if f, err := folded(value); err == nil && b.sites[f] != "" {
		value = b.sites[f]
	}
	loc, known := b.zones[value]
	if !known {
		if value != "Local" { // that would be the machine's own
			loc, _ = time.LoadLocation(value)
		}
		b.zones[value] = loc
	}
	if loc == nil {
		b.notice(engine.ReasonMalformed, p.Entry+": "+quote(value)+" is no time zone; an IANA name such as Europe/Berlin is one, or name the site under zone")
		return company
	}
	p.Zone = value
	return loc
}
