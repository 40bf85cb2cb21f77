package web

import (
	"context"
	"slices"
	"strings"
	"time"

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

	Delegations []delegationRow
	InPlace     []engine.Delegation // whoever looks decides only in the place of these
	Escalates   engine.Escalation
}

// itemRow is something that waits for somebody's decision, or was decided.
type itemRow struct {
	changeRow
	engine.Item
	Own       bool      // it is about whoever looks, who does not decide on it
	Lent      bool      // it is about somebody whom they stand in for
	Escalated time.Time // since when it is told to others, zero: it is not
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
	if s.Escalates != nil {
		v.Escalates = s.Escalates()
	}
	v.sort(items, r.User, s.Now())
	if v.Delegations, err = s.delegationRows(ctx, r.User); err != nil {
		return view{}, err
	}
	if r.User.Permission < Approver {
		v.InPlace = r.User.StandsFor
	}
	if v.Seen != nil && sees(r.User) {
		p := v.Seen.Plan
		v.Blocked, v.Later = waits(p, engine.Blocked), waits(p, engine.Scheduled)
	}
	if sees(r.User) {
		v.Tasks, err = s.tasks(ctx)
	}
	return view{"waiting", "Waiting", v}, err
}

// sort groups what waits by program.
func (v *waitingView) sort(items []engine.Item, u User, now time.Time) {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b engine.Item) int { return strings.Compare(a.Change.Program, b.Change.Program) })
	for i := range items {
		row := itemRow{changeRow: rowOf(&items[i].Change), Item: items[i], Own: u.Person != "" && items[i].Change.Person == u.Person, Lent: u.lent(items[i].Change.Person),
			Escalated: v.Escalates.Since(&items[i], now)}
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
		v.Choice = v.Choice || !row.Own && !row.Lent
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
