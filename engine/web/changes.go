package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// changeRow is a change as people read it.
type changeRow struct {
	engine.Change
	Sign  string // +, − or ~: colour alone says nothing
	Class string // gives, takes, alters
	Right string
	Who   string
	Says  string // why it is not simply done, "" if it is
}

// changeRows are the changes that are wanted, up to most of them; 0: all.
func changeRows(changes []engine.Change, wanted func(*engine.Change) bool, most int) (out []changeRow) {
	for i := range changes {
		if c := &changes[i]; wanted(c) {
			out = append(out, rowOf(c))
			if len(out) == most {
				break
			}
		}
	}
	return out
}

func rowOf(c *engine.Change) changeRow {
	r := changeRow{Change: *c, Sign: "~", Class: "alters", Right: rightOf(c.Program, c.Right()), Who: cmp.Or(c.Name, c.Login, c.Person, c.Account)}
	switch {
	case c.Op.Gives():
		r.Sign, r.Class = "+", "gives"
	case c.Op.Takes():
		r.Sign, r.Class = "−", "takes"
	}
	switch c.State {
	case engine.NeedsApproval:
		r.Says = "waits for an approval"
	case engine.Blocked:
		r.Says = "blocked"
	case engine.Scheduled:
		r.Says = "later"
	}
	if r.Says != "" && c.Reason != "" {
		r.Says += ": " + c.Reason
	}
	return r
}

// rightOf is an entitlement as people read it: that an account exists is not called by its reserved name.
func rightOf(program, name string) string {
	if name == engine.Exists {
		return program + " (the account)"
	}
	return engine.Entitlement{Program: program, Name: name}.String()
}

// programChanges are the changes of one program.
type programChanges struct {
	Program string
	Changes []changeRow
}

// byProgram groups what is sorted by program.
func byProgram(rows []changeRow) (out []programChanges) {
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(r changeRow) bool { return r.Program != rows[0].Program })
		if n < 0 {
			n = len(rows)
		}
		out = append(out, programChanges{rows[0].Program, rows[:n]})
		rows = rows[n:]
	}
	return out
}

// byPerson groups changes by whose they are, sorted by name.
func byPerson(rows []changeRow) (out []programChanges) {
	at := map[string]int{}
	for _, r := range rows {
		n, known := at[r.Person]
		if !known {
			n = len(out)
			at[r.Person] = n
			out = append(out, programChanges{Program: r.Who})
		}
		out[n].Changes = append(out[n].Changes, r)
	}
	slices.SortStableFunc(out, func(a, b programChanges) int { return strings.Compare(a.Program, b.Program) })
	return out
}
