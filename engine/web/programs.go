package web

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// ProgramRow is a program with what was seen in it.
type ProgramRow struct {
	Program
	engine.ProgramOutlook
	Seen      bool // by the last run
	Free      int  // seats that nobody takes; only where Seats is said
	Pending   int  // changes that are decided or wait
	Unmanaged int  // holdings
	Paused    string
}

// Title is the name; both of what it is made from have one.
func (r ProgramRow) Title() string { return r.Program.Name }

// programRows are sorted by name.
func (s *Site) programRows(o *engine.Outlook, paused []engine.Fact) (out []ProgramRow) {
	pending, unmanaged := map[string]int{}, map[string]int{}
	for i := range o.Plan.Changes {
		pending[o.Plan.Changes[i].Program]++
	}
	for i := range o.Plan.Unmanaged {
		unmanaged[o.Plan.Unmanaged[i].Program]++
	}
	for _, p := range s.Programs() {
		r := ProgramRow{Program: p, Pending: pending[p.Name], Unmanaged: unmanaged[p.Name]}
		if i, ok := slices.BinarySearchFunc(o.Programs, p.Name, func(p engine.ProgramOutlook, name string) int { return strings.Compare(p.Name, name) }); ok {
			r.ProgramOutlook, r.Seen = o.Programs[i], true
			r.Free = p.Seats - r.Active
		}
		for _, f := range paused {
			if f.Program == p.Name || f.Program == "" {
				r.Paused = f.Text
			}
		}
		out = append(out, r)
	}
	return out
}

type programsView struct {
	Seen     *engine.Outlook
	Programs []ProgramRow
	Cost     []Money
}

func (s *Site) programs(ctx context.Context, _ asked) (view, error) {
	v := programsView{Seen: s.Outlook()}
	if v.Seen != nil {
		paused, err := s.Paused(ctx)
		if err != nil {
			return view{}, err
		}
		v.Programs = s.programRows(v.Seen, paused)
		v.Cost = costs(v.Programs)
	}
	return view{"programs", "Programs", v}, nil
}

type programView struct {
	Seen *engine.Outlook
	ProgramRow
	Changes   []changeRow
	More      int // changes that are not shown
	Strangers []engine.Unmanaged
	Others    int               // unmanaged ones that are not shown
	Seating   []engine.SeatPlan // by kind, where seats are counted
	Leads     []Lead
	Declared  []DeclaredAccount
	Holders   []holderRow // the first of them
	All       bool        // there are no more
	History   []eventRow
	Pruned    string // what is not there any more, where the history is all that is left
	Pausing   pausing
}

// pausing is what can be paused or resumed: a program, or everything.
type pausing struct {
	Program string // "": everything
	Paused  bool
}

// shownOfProgram is how many lines of each list of a program are shown.
const shownOfProgram = 100

func (s *Site) program(ctx context.Context, r asked) (view, error) {
	name := r.PathValue("name")
	v := programView{Seen: s.Outlook()}
	if v.Seen == nil {
		return view{"program", name, v}, nil
	}
	paused, err := s.Paused(ctx)
	if err != nil {
		return view{}, err
	}
	rows := s.programRows(v.Seen, paused)
	i := slices.IndexFunc(rows, func(r ProgramRow) bool { return r.Title() == name })
	if i < 0 {
		return view{}, fmt.Errorf("%w: there is no program %q", errNotThere, name)
	}
	v.ProgramRow, v.Pausing = rows[i], pausingOf(name, paused)
	v.Changes = changeRows(v.Seen.Plan.Changes, func(c *engine.Change) bool { return c.Program == name }, shownOfProgram)
	v.More = v.Pending - len(v.Changes)
	for _, u := range v.Seen.Plan.Unmanaged {
		if u.Program == name && len(v.Strangers) < shownOfProgram {
			v.Strangers = append(v.Strangers, u)
		}
	}
	v.Others = v.Unmanaged - len(v.Strangers)
	for _, k := range v.Seen.Plan.Seats {
		if k.Program == name && k.Seats != engine.NoSeatLimit {
			v.Seating = append(v.Seating, k)
		}
	}
	v.Leads, v.Declared = s.Leads(name), rows[i].Declared
	if v.Holders, v.All, err = s.holderRows(ctx, name, "", shownAtFirst); err != nil {
		return view{}, err
	}
	v.History, v.Pruned, err = s.history(ctx, engine.Query{Program: name, Newest: true, Limit: shownHistory})
	return view{"program", name, v}, err
}

func pausingOf(program string, paused []engine.Fact) pausing {
	return pausing{program, slices.ContainsFunc(paused, func(f engine.Fact) bool { return f.Program == program })}
}
