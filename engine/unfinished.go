package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// unfinished is what is still open of one person in a program.
type unfinished struct {
	since time.Time
	why   string
}

// watchOpen tells of leavers, and of people cut off, whose access could not be taken for long: it becomes a task, which ends
// by itself. What waits for an approval, and what revoke: never keeps, is told of elsewhere.
func (p *programPlan) watchOpen() {
	open := p.unfinished()
	for f := range p.b.s.Memory.each(FactLeaving) {
		if f.Program != p.program.Name {
			continue
		}
		i, known := p.b.index[f.Person]
		if u, is := open[f.Person]; is {
			open[f.Person] = unfinished{f.Since, u.why}
		} else if known && p.b.subjects[i].standing != unseen {
			p.b.clear(f.FactKey)
		}
	}
	for person, u := range open {
		if u.since.IsZero() { // it is only about to begin
			continue
		}
		p.b.set(Fact{FactKey: FactKey{Kind: FactLeaving, Program: p.program.Name, Person: person}, Since: u.since})
		if most := p.b.s.Settings.Alarms.Unfinished; most == 0 || p.b.s.Now.Sub(u.since) < most {
			continue
		}
		s := &p.b.subjects[p.b.index[person]]
		text := fmt.Sprintf("%s is out and still has access to %s, which is to be taken since %s", p.subjectName(s), p.program.Name, day(u.since))
		p.b.alarm(NoticeUnfinished, p.program.Name, person, text+": "+u.why)
		if p.people() { // it is a task already
			continue
		}
		p.b.task(NoticeUnfinished, p.program.Name, person, text+"; take it by hand if it can't wait")
	}
}

// unfinished lists by person what is not settled yet, since when and why; the time is zero for what this plan begins.
func (p *programPlan) unfinished() map[string]unfinished {
	open := map[string]unfinished{}
	note := func(person string, since time.Time, why string) {
		u, is := open[person]
		if !is || u.since.IsZero() || !since.IsZero() && since.Before(u.since) {
			open[person] = unfinished{since, cmp.Or(why, u.why)}
		}
	}
	for i := range p.changes() {
		c := &p.changes()[i]
		out := c.Cause == CauseMarked || c.Cause == CauseAbsent || c.Cause == CauseCut
		if !out || c.Op == OpDelete || c.Person == "" || c.State == Scheduled || c.State == NeedsApproval || strings.HasPrefix(c.Reason, "rejected") {
			continue
		}
		since, why := p.begun(c)
		note(c.Person, since, why)
	}
	for i := range p.b.s.Memory.Open {
		o := &p.b.s.Memory.Open[i]
		if o.Change.Program == p.program.Name && o.Repeatable() && o.Change.Op != OpDelete && !o.Claimed.IsZero() && !p.settled[o.Seq] && o.Change.Person != "" {
			note(o.Change.Person, o.Time, "nobody knows yet what became of the call")
		}
	}
	return open
}

// begun is since when a change is tried, and why it is not done; a zero time if it is new.
func (p *programPlan) begun(c *Change) (since time.Time, why string) {
	if f, ok := p.failing(c.Op, c.right, c.account); ok {
		return f.Since, f.Text
	}
	if i, ok := p.waitingIntent(c); ok {
		if p.people() {
			return i.Time, "nobody has ticked the task off; see rolecall tasks list"
		}
		return i.Time, "the call was not made yet"
	}
	if c.State == Blocked {
		return p.b.s.Now, c.Reason
	}
	return time.Time{}, ""
}
