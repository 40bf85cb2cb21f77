package web

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// waitingView is what the last run did not do, and why; and what is decided of it, as of now.
type waitingView struct {
	Seen    *engine.Outlook
	Items   []programItems // that wait for a decision
	N, More int            // how many there are; how many come behind those that are shown
	Began   bool           // not with the first
	Further string         // address of those, "" if there are none
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
	State  engine.ChangeState
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
	v.sort(items, r, s.Now())
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

// sort groups what waits by program, as far as it is shown.
func (v *waitingView) sort(items []engine.Item, r asked, now time.Time) {
	page := firstOf[*engine.Item]{most: shownOfRun, after: [2]string{r.FormValue("after"), r.FormValue("key")}}
	for i := range items {
		item := &items[i]
		if item.State == engine.Waiting {
			v.N++
			page.add([2]string{item.Change.Program, item.ID}, item)
			continue
		}
		v.Decided = append(v.Decided, v.row(item, r.User, now))
	}
	v.Began, v.More = page.began(), page.seen
	shown, next := page.done()
	if v.More -= len(shown); next[1] != "" {
		v.Further = "/waiting?" + url.Values{"after": {next[0]}, "key": {next[1]}}.Encode()
	}
	for _, item := range shown {
		v.put(v.row(item, r.User, now))
	}
	slices.SortStableFunc(v.Decided, func(a, b itemRow) int { return strings.Compare(a.changeRow.Program, b.changeRow.Program) })
}

func (v *waitingView) row(item *engine.Item, u User, now time.Time) itemRow {
	return itemRow{changeRow: rowOf(&item.Change), Item: *item, Own: u.Person != "" && item.Change.Person == u.Person, Lent: u.lent(item.Change.Person), Escalated: v.Escalates.Since(item, now)}
}

func (v *waitingView) put(row itemRow) {
	if n := len(v.Items); n == 0 || v.Items[n-1].Program != row.changeRow.Program {
		v.Items = append(v.Items, programItems{Program: row.changeRow.Program})
	}
	v.Choice = v.Choice || !row.Own && !row.Lent
	last := &v.Items[len(v.Items)-1]
	last.Items = append(last.Items, row)
}

func waits(p *engine.Plan, state engine.ChangeState) (l list) {
	l.State = state
	for i := range p.Changes {
		if p.Changes[i].State == state {
			l.N++
		}
	}
	rows := changeRows(p.Changes, func(c *engine.Change) bool { return c.State == state }, shownOfRun)
	l.Groups, l.More = byProgram(rows), l.N-len(rows)
	return l
}
