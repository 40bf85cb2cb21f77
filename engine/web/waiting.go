package web

import (
	"context"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// waitingView is what the last run did not do, and why; and what is decided of it, as of now.
type waitingView struct {
	Seen    *engine.Outlook
	Items   []programItems // that wait for a decision
	N, More int            // how many there are; how many are not shown
	Choice  bool           // there are some that are not about whoever looks
	Decided []itemRow      // and not yet used
	Blocked list
	Later   list
	Tasks   []engine.Task
}

// itemRow is something that waits for somebody's decision, or was decided.
type itemRow struct {
	changeRow
	engine.Item
	Own bool // it is about whoever looks, who does not decide on it
}

// programItems are the items of one program.
type programItems struct {
	Program string
	Items   []itemRow
}

// list is changes by program, and how many are not shown.
type list struct {
	Groups []programChanges
	N      int
	More   int
}

func (s *Site) waiting(ctx context.Context, r asked) (view, error) {
	v := waitingView{Seen: s.Outlook()}
	items, err := s.Items(ctx)
	if err != nil {
		return view{}, err
	}
	v.sort(items, r.User)
	if v.Seen != nil {
		p := v.Seen.Plan
		v.Blocked, v.Later = waits(p, engine.Blocked), waits(p, engine.Scheduled)
	}
	if v.Tasks, err = s.Tasks(ctx); err != nil {
		return view{}, err
	}
	v.Tasks = slices.DeleteFunc(v.Tasks, func(t engine.Task) bool { return t.Done != "" })
	return view{"waiting", "Waiting", v}, nil
}

// sort groups what waits by program.
func (v *waitingView) sort(items []engine.Item, u User) {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b engine.Item) int { return strings.Compare(a.Change.Program, b.Change.Program) })
	for i := range items {
		row := itemRow{rowOf(&items[i].Change), items[i], u.Person != "" && items[i].Change.Person == u.Person}
		if row.Item.State != engine.Waiting {
			v.Decided = append(v.Decided, row)
			continue
		}
		if v.N++; v.N > shownOfRun {
			v.More++
			continue
		}
		if n := len(v.Items); n == 0 || v.Items[n-1].Program != row.changeRow.Program {
			v.Items = append(v.Items, programItems{Program: row.changeRow.Program})
		}
		v.Choice = v.Choice || !row.Own
		last := &v.Items[len(v.Items)-1]
		last.Items = append(last.Items, row)
	}
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
