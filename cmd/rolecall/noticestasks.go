package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// newTasks are the changes that people are to make, by program, those of leavers and of people who are cut off first. Each is told once,
// and those that are overdue once more, as an alarm.
func (s *system) newTasks(ctx context.Context, _ time.Time) (out []toldThing, err error) {
	all, err := tasks(ctx, s)
	for n := range all {
		t := &all[n]
		turn := map[bool]int{true: 0, false: 1}[t.Urgent]
		out = append(out, single("tasks", fmt.Sprintf("%s\n%d\n%20s", t.Program, turn, strings.TrimPrefix(t.ID, "t")), s.taskLine(t)))
	}
	return out, err
}

func (s *system) taskLine(t *engine.Task) notify.Line {
	text := t.Text
	if t.Urgent {
		text = "first: " + text + ", since that person has left or is cut off"
	}
	if t.Due != nil {
		text += ", by " + t.Due.In(zone(s.cfg)).Format("2006-01-02 15:04")
	}
	if owner := s.ownerOf(t.Program); owner != "" {
		text += " (owner: " + owner + ")"
	}
	return notify.Line{Text: text + "; tick it off: rolecall tasks done " + t.ID, Program: t.Program, Person: t.Person, Since: t.Since, Link: s.link("waiting")}
}

// ownerOf is who answers for a program, as the configuration says.
func (s *system) ownerOf(program string) string {
	if p := s.cfg.Programs[program]; p != nil {
		return p.Owner
	}
	return ""
}

// handTasks adds what is new to the letter of a program's owner. A task about the owner is for somebody else to make.
func (p *post) handTasks(ctx context.Context) error {
	if !p.cfg.Notices.People.TellsOwner() {
		return nil
	}
	all, err := tasks(ctx, p.system)
	slices.SortStableFunc(all, func(a, b engine.Task) int { return strings.Compare(a.Program, b.Program) })
	owners := map[string]*engine.Person{}
	for n := range all {
		t := &all[n]
		to, looked := owners[t.Program]
		if !looked {
			to = p.called(p.ownerOf(t.Program))
			owners[t.Program] = to
		}
		if to != nil && p.may(to) && t.Person != to.Key {
			p.task(to, t)
		}
	}
	return err
}

func (p *post) task(to *engine.Person, t *engine.Task) {
	key := p.itemKey(to.Key, "task", t.Program, t.ID)
	if _, known := p.told[key]; known {
		p.asked[key] = true
		return
	}
	l := p.letterTo(to)
	l.facts = append(l.facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: to.Key, Key: key}, Since: p.now.UTC(), Until: p.now.Add(4 * newsFor).UTC()})
	l.Tasks = append(l.Tasks, p.taskLine(t).Text)
}

// called is the one person of a name that a configuration uses, nil if there are none or several.
func (p *post) called(name string) (one *engine.Person) {
	for i := range p.o.People {
		of := &p.o.People[i]
		if name == "" || !slices.ContainsFunc(of.Names(), func(n string) bool { return strings.EqualFold(n, name) }) {
			continue
		}
		if one != nil {
			return nil
		}
		one = of
	}
	return one
}
