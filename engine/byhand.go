package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ByHand is a program that people change: no call is made. Its open intents are tasks, and an intent ends when somebody ticks its
// task off. What it lists is as old as its proof says (Started), for which it declares a lag: what was ticked off since counts.
type ByHand interface {
	Hand() HandTerms
}

// HandTerms is what people need to know besides the change.
type HandTerms struct {
	Due     time.Duration // how long they have; 0: no alarm
	Leavers time.Duration // the same where somebody has left or was cut off; 0: Due
	Link    string        // where to do it
	How     string        // what to do there
}

// ErrNotYetMade refuses to tick off what needs an account that is not there.
var ErrNotYetMade = errors.New("the account is still to be made; tick that task off first")

// NoticeOverdue is the code of the alarm about tasks that nobody has ticked off in time.
const NoticeOverdue = "task-overdue"

// due is when an intent is to be done by; zero: whenever.
func (h HandTerms) due(i *Intent) (by time.Time) {
	most := h.Due
	if i.Repeatable() {
		most = cmp.Or(h.Leavers, h.Due)
	}
	if most <= 0 {
		return by
	}
	return i.Time.Add(most)
}

// ByHandNames are the programs that people change.
func ByHandNames(programs []Program) (names []string) {
	for i := range programs {
		if _, people := programs[i].Connector.(ByHand); people {
			names = append(names, programs[i].Name)
		}
	}
	return names
}

// HandTasks are open intents of programs that people change: leavers and people cut off first, then the oldest.
func HandTasks(intents []Intent, programs []Program) []Task {
	var open []Intent
	terms := map[string]HandTerms{}
	for i := range programs {
		if hand, ok := programs[i].Connector.(ByHand); ok {
			terms[programs[i].Name] = hand.Hand()
		}
	}
	for _, i := range intents {
		if _, ok := terms[i.Change.Program]; ok && !bornWith(&i.Change) {
			open = append(open, i)
		}
	}
	slices.SortFunc(open, func(a, b Intent) int {
		return cmp.Or(order([]Intent{a})-order([]Intent{b}), cmp.Compare(a.Seq, b.Seq))
	})
	out := make([]Task, 0, len(open))
	for n := range open {
		out = append(out, handTask(&open[n], terms[open[n].Change.Program]))
	}
	return out
}

func handTask(i *Intent, h HandTerms) Task {
	c := &i.Change
	t := Task{ID: handID(i), Program: c.Program, Person: c.Person, Text: handText(c), Since: i.Time, Why: c.Why, Link: h.Link, How: h.How, Urgent: i.Repeatable()}
	if by := h.due(i); !by.IsZero() {
		t.Due = &by
	}
	return t
}

func handID(i *Intent) string { return "t" + strconv.FormatInt(i.Seq, 10) }

// handText says what is to be done, in words of people.
func handText(c *Change) string {
	account, _ := ProposedName(c.Account)
	who := quote(cmp.Or(account, c.Account))
	if c.Name != "" && c.Name != account {
		who += " (" + c.Name + ")"
	}
	switch right := c.Right(); {
	case c.Op == OpCreate && c.New != nil && len(c.New.Attributes) > 0:
		return fmt.Sprintf("create the account %s in %s, with %s", who, c.Program, attributesText(c.New.Attributes))
	case right == Exists || right == Active:
		return fmt.Sprintf("%s the account %s in %s", c.Op, who, c.Program)
	case c.Op.Gives():
		return fmt.Sprintf("give %s to the account %s in %s", quote(right), who, c.Program)
	case c.Op.Takes():
		return fmt.Sprintf("take %s from the account %s in %s", quote(right), who, c.Program)
	}
	return fmt.Sprintf("%s the account %s in %s", c.Op, who, c.Program)
}

func attributesText(attributes map[string]string) string {
	var out []string
	for name, value := range attributes {
		out = append(out, name+" "+quote(value))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// handDone records that somebody did what an intent says; ok is false where the id is of none.
func (e *Engine) handDone(ctx context.Context, mem *Memory, actor, id, note string) (ok bool, err error) {
	for n := range mem.Open {
		i := &mem.Open[n]
		at := slices.IndexFunc(e.Programs, func(p Program) bool { return p.Name == i.Change.Program })
		if at < 0 || handID(i) != id {
			continue
		}
		if _, byHand := e.Programs[at].Connector.(ByHand); !byHand {
			continue
		}
		if i.Change.Proposed && i.Change.Op != OpCreate {
			return true, ErrNotYetMade
		}
		if c := &i.Change; c.Op.Takes() && e.isOwn(actor, c.Person, c.Login) { // who keeps it would be believed
			return true, e.refuse(ctx, actor, ErrOwnAccess, c, nil)
		}
		if e.isTheirs(ctx, mem, actor, i.Change.Person, i.Change.Login) {
			return true, e.refuse(ctx, actor, ErrOwnAccess, &i.Change, id)
		}
		records := []Record{e.handOutcome(&e.Programs[at], i, actor, note)}
		for k := range mem.Open { // an account is born active
			if o := &mem.Open[k]; i.Change.Op == OpCreate && bornWith(&o.Change) && o.Change.Program == i.Change.Program && o.Change.Account == i.Change.Account {
				active := e.handOutcome(&e.Programs[at], o, actor, note)
				active.Account = records[0].Account
				records = append(records, active)
			}
		}
		return true, e.ended(ctx, records)
	}
	return false, nil
}

// bornWith: who makes an account makes an active one, so that this is no task of its own.
func bornWith(c *Change) bool {
	return c.Proposed && c.Op != OpCreate && c.Op.Gives() && c.Right() == Active
}

// ForPeople counts the changes of a plan that are tasks.
func ForPeople(p *Plan, programs []Program) (n int) {
	for i := range p.Changes {
		c := &p.Changes[i]
		at := slices.IndexFunc(programs, func(p Program) bool { return p.Name == c.Program })
		if at < 0 || c.State != Ready || c.Op == OpAdopt || bornWith(c) {
			continue
		}
		if _, byHand := programs[at].Connector.(ByHand); byHand {
			n++
		}
	}
	return n
}

// handOutcome is the outcome of a change that a person made.
func (e *Engine) handOutcome(p *Program, i *Intent, actor, note string) Record {
	w := &worker{e: e, p: p, report: Report{Outcomes: map[Outcome]int{}}}
	result := Result{Outcome: Done}
	if i.Change.Op == OpCreate {
		result.ID, _ = ProposedName(i.Change.Account) // accounts are known by their names
	}
	r := w.outcome(*i, i.Change, result)
	r.Actor, r.Why = actor, []string{note}
	return r
}

// people says whether people change the program.
func (p *programPlan) people() bool {
	_, people := p.program.Connector.(ByHand)
	return people
}

// watchHand alarms of tasks that nobody has ticked off in time.
func (p *programPlan) watchHand() {
	hand, ok := p.program.Connector.(ByHand)
	if !ok {
		return
	}
	terms, late, first := hand.Hand(), 0, time.Time{}
	for n := range p.b.s.Memory.Open {
		i := &p.b.s.Memory.Open[n]
		by := terms.due(i)
		if i.Change.Program != p.program.Name || by.IsZero() || p.b.s.Now.Before(by) {
			continue
		}
		if late++; first.IsZero() || by.Before(first) {
			first = by
		}
	}
	if late > 0 {
		p.b.alarm(NoticeOverdue, p.program.Name, "", fmt.Sprintf("%s of %s should have been done by hand, the first by %s; see rolecall tasks list", plural(late, "task", "tasks"), p.program.Name, day(first)))
	}
}
