package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// shownChanges is how many changes a page of them shows.
const shownChanges = 100

// changesView is what the last look means to change, page by page. Everything that narrows it is in the address.
type changesView struct {
	Seen     *engine.Outlook
	Filter   url.Values
	Programs []Program
	States   []engine.ChangeState
	Groups   []programChanges
	N        int // that the filters let through
	Began    bool
	More     string // address of the next page, "" if this is the last
}

func changeStates() []engine.ChangeState {
	return []engine.ChangeState{engine.Ready, engine.NeedsApproval, engine.Blocked, engine.Scheduled}
}

func (s *Site) changes(_ context.Context, r asked) (view, error) {
	v := changesView{Seen: s.Outlook(), Filter: url.Values{}, Programs: s.Programs(), States: changeStates()}
	for _, name := range []string{"program", "state"} {
		if text := r.FormValue(name); text != "" {
			v.Filter.Set(name, text)
		}
	}
	program, state := v.Filter.Get("program"), engine.ChangeState(v.Filter.Get("state"))
	if state != "" && !slices.Contains(v.States, state) {
		return view{}, fmt.Errorf("%w: %q is no state of a change", errWrong, state)
	}
	if v.Seen == nil {
		return view{"changes-page", "About to change", v}, nil
	}
	page := firstOf[*engine.Change]{most: shownChanges, after: [2]string{r.FormValue("after"), r.FormValue("key")}}
	for i := range v.Seen.Plan.Changes {
		c := &v.Seen.Plan.Changes[i]
		if program == "" || c.Program == program {
			if state == "" || c.State == state {
				v.N++
				page.add(keyOfChange(c), c)
			}
		}
	}
	v.fill(&page)
	return view{"changes-page", "About to change", v}, nil
}

func (v *changesView) fill(page *firstOf[*engine.Change]) {
	shown, next := page.done()
	v.Began = page.began()
	var rows []changeRow
	for _, c := range shown {
		rows = append(rows, rowOf(c))
	}
	if v.Groups = byProgram(rows); next[1] != "" {
		on := copied(v.Filter)
		on.Set("after", next[0])
		on.Set("key", next[1])
		v.More = "/changes?" + on.Encode()
	}
}

// keyOfChange is the order of changes: by program, and in it by what tells them apart.
func keyOfChange(c *engine.Change) [2]string {
	return [2]string{c.Program, strings.Join([]string{c.Account, c.Right(), string(c.Op), c.Person}, "\n")}
}

// changeList are changes that the last look means to make.
type changeList struct {
	Changes []engine.Change `json:"changes"`        // in the order of programs and accounts
	Found   int             `json:"found"`          // that the filters let through
	More    string          `json:"more,omitempty"` // the address of the next part; absent: this is the last
}

func changeListOf(v *changesView) (out changeList, err error) {
	if v.Seen == nil {
		return out, errUnread()
	}
	out = changeList{Changes: []engine.Change{}, Found: v.N}
	for _, g := range v.Groups {
		out.Changes = append(out.Changes, each(g.Changes, changeOf)...)
	}
	if v.More != "" {
		out.More = apiBase + v.More
	}
	return out, nil
}
