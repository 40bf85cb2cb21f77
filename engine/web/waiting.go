package web

import (
	"context"

	"github.com/rolecall/rolecall/engine"
)

// waitingView is what the last run did not do, and why.
type waitingView struct {
	Seen      *engine.Outlook
	Approvals list
	Blocked   list
	Later     list
	Tasks     []engine.Task
}

// list is changes by program, and how many are not shown.
type list struct {
	Groups []programChanges
	N      int
	More   int
}

func (s *Site) waiting(context.Context, asked) (view, error) {
	v := waitingView{Seen: s.Outlook()}
	if v.Seen != nil {
		p := v.Seen.Plan
		v.Approvals, v.Blocked, v.Later = waits(p, engine.NeedsApproval), waits(p, engine.Blocked), waits(p, engine.Scheduled)
		for _, t := range v.Seen.Tasks {
			if t.Done == "" {
				v.Tasks = append(v.Tasks, t)
			}
		}
	}
	return view{"waiting", "Waiting", v}, nil
}

func waits(p *engine.Plan, state engine.ChangeState) (l list) {
	for i := range p.Changes {
		if p.Changes[i].State == state {
			l.N++
		}
	}
	rows := changeRows(p.Changes, func(c *engine.Change) bool { return c.State == state }, shownOfRun)
	l.Groups, l.More = byProgram(rows), l.N-len(rows)
	return l
}
