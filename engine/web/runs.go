package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// runRow is one run as the journal has it.
type runRow struct {
	Seq     int64
	Run     string
	Time    time.Time
	Actor   string
	Proofs  []engine.Proof
	Notices []engine.Notice
	Summary summary
	Policy  string
	Held    json.RawMessage // what it did not do, see heldLine
	Blanked bool
}

// summary counts the changes of a run: those made by operation, and those that were not.
type summary struct {
	Grant     int `json:"grant"`
	Revoke    int `json:"revoke"`
	Adopt     int `json:"adopt"`
	Create    int `json:"create"`
	Update    int `json:"update"`
	Rename    int `json:"rename"`
	Suspend   int `json:"suspend"`
	Resume    int `json:"resume"`
	Delete    int `json:"delete"`
	Approval  int `json:"approval"`  // wait for an approval
	Blocked   int `json:"blocked"`   // can't be made yet
	Scheduled int `json:"scheduled"` // are to be made later
	Unchanged int `json:"unchanged"` // holdings that are as they should be
	People    int `json:"people"`    // that were seen
}

// Given and Taken count the changes that the run decided.
func (r runRow) Given() int { return r.Summary.Grant + r.Summary.Create + r.Summary.Resume }

// Taken counts what the run took away.
func (r runRow) Taken() int { return r.Summary.Revoke + r.Summary.Suspend + r.Summary.Delete }

// Complete says whether all sources were read completely.
func (r runRow) Complete() bool {
	for i := range r.Proofs {
		if !r.Proofs[i].Complete() {
			return false
		}
	}
	return true
}

func (s *Site) lastRuns(ctx context.Context, q engine.Query) (out []runRow, err error) {
	q.Kind, q.Newest = engine.KindRun, true
	err = s.Journal().Records(ctx, q, func(r engine.Record) error {
		row := runRow{Seq: r.Seq, Run: r.Run, Time: r.Time, Actor: r.Actor}
		switch err := json.Unmarshal(r.Data, &row); {
		case len(r.Data) == 0 || errors.As(err, new(*json.SyntaxError)):
			row.Blanked = true
		case err != nil:
			return err
		}
		out = append(out, row)
		return nil
	})
	return out, err
}

type runsView struct {
	Runs []runRow
	More int64 // go on before this record; 0: there are no more
	Next time.Time

	Pruned string // what is not there any more, of the last page

	Frozen int // held as an undo left it
}

// shownRuns is how many runs a page shows.
const shownRuns = 50

func (s *Site) runs(ctx context.Context, r asked) (view, error) {
	before, err := number(r, "before")
	if err != nil {
		return view{}, err
	}
	v := runsView{Next: s.Next()}
	if v.Runs, err = s.lastRuns(ctx, engine.Query{Before: before, Limit: shownRuns + 1}); err != nil && !errors.Is(err, engine.ErrPruned) { // what stayed is shown
		return view{}, err
	}
	if len(v.Runs) > shownRuns {
		v.Runs = v.Runs[:shownRuns]
		v.More = v.Runs[shownRuns-1].Seq
	} else if v.Pruned, err = s.pruned(ctx); err != nil {
		return view{}, err
	}
	v.Frozen, err = s.frozen(ctx)
	return view{"runs", "Runs", v}, err
}

type runView struct {
	runRow
	By      string // program or person
	Groups  []programChanges
	Money   []engine.Money   // of the newest run: what its changes come to in a month
	Newest  bool             // the last look here was this run's
	Waiting []programChanges // what it did not do; of an older run what its record says of that
	Shown   int              // how many these are
	Unsaid  int              // that were blocked or due later, beyond those
	Open    int              // of those shown
	Left    int              // of all: not at their end yet
	More    int64            // go on behind this record; 0: these are the last
	After   int64            // the page begins behind this record
}

// Decided is how many changes the run began.
func (v runView) Decided() int {
	s := &v.Summary
	return s.Grant + s.Revoke + s.Create + s.Update + s.Rename + s.Suspend + s.Resume + s.Delete
}

// Further is the address of the next page, "" if this is the last.
func (v runView) Further() string {
	if v.More == 0 {
		return ""
	}
	on := url.Values{"after": {strconv.FormatInt(v.More, 10)}}
	if v.By != "" {
		on.Set("by", v.By)
	}
	return "/runs/" + url.PathEscape(v.Run) + "?" + on.Encode()
}

// Made is how many of these came to their end.
func (v runView) Made() int { return max(0, v.Decided()-v.Left) }

// shownOfRun is how many changes of a run are shown.
const shownOfRun = 500

func (s *Site) run(ctx context.Context, r asked) (view, error) {
	name := r.PathValue("run")
	runs, err := s.lastRuns(ctx, engine.Query{Run: name, Limit: 1})
	if err != nil {
		return view{}, err
	}
	if len(runs) == 0 {
		return view{}, fmt.Errorf("%w: there is no run %q", errNotThere, name)
	}
	v := runView{runRow: runs[0], By: r.FormValue("by")}
	if v.After, err = number(r, "after"); err != nil {
		return view{}, err
	}
	if v.Left, err = s.Begun(ctx, name); err != nil {
		return view{}, err
	}
	rows, err := s.did(ctx, &v)
	if err != nil {
		return view{}, err
	}
	group := byProgram
	if v.By == "person" {
		group = byPerson
	}
	s.priced(name, rows)
	waiting, err := s.keptBack(&v)
	v.Groups, v.Waiting, v.Shown = group(rows), group(waiting), len(waiting)
	return view{"run", "Run " + name, v}, err
}

// priced adds what the newest run's changes cost. Intents don't record it: of older runs it is not known any more.
func (s *Site) priced(run string, rows []changeRow) {
	seen := s.Outlook()
	if seen == nil || seen.Run != run {
		return
	}
	at := map[[4]string]int{}
	for i := range rows {
		at[nameOfChange(&rows[i].Change)] = i
	}
	for i := range seen.Plan.Changes {
		c := &seen.Plan.Changes[i]
		if len(c.Costs) == 0 || c.State != engine.Ready {
			continue
		}
		if n, is := at[nameOfChange(c)]; is {
			rows[n].Costs = c.Costs
		}
	}
}

func nameOfChange(c *engine.Change) [4]string {
	return [4]string{string(c.Op), c.Program, c.Account, c.Right()}
}

// keptBack is what a run did not do: of the newest one all that was seen, of others what they recorded.
func (s *Site) keptBack(v *runView) ([]changeRow, error) {
	if seen := s.Outlook(); seen != nil && seen.Run == v.Run {
		v.Newest, v.Money = true, seen.Plan.Money
		return changeRows(seen.Plan.Changes, func(c *engine.Change) bool { return c.State != engine.Ready }, shownOfRun), nil
	}
	rows, err := s.heldRows(v.Held)
	v.Unsaid = max(0, v.Summary.Blocked+v.Summary.Scheduled-len(rows))
	return rows, err
}

// heldLine is a line of a run's record about what became neither an intent nor an approval item.
type heldLine struct {
	Op                                    engine.Op
	Program, Entitlement, Account, Person string
	State                                 engine.ChangeState
	Reason                                string
	Due                                   *time.Time
}

func (s *Site) heldRows(data json.RawMessage) (rows []changeRow, err error) {
	var held []heldLine
	if len(data) > 0 {
		err = json.Unmarshal(data, &held)
	}
	for _, l := range held {
		_, proposed := engine.ProposedName(l.Account)
		rows = append(rows, rowOf(&engine.Change{Op: l.Op, Program: l.Program, Entitlement: engine.Entitlement{Program: l.Program, Name: l.Entitlement}.String(), Account: l.Account, Proposed: proposed,
			Person: l.Person, Name: s.nameOf(l.Person), State: l.State, Reason: l.Reason, Due: l.Due}))
	}
	slices.SortStableFunc(rows, func(a, b changeRow) int { return strings.Compare(a.Program, b.Program) })
	return rows, err
}

// outcomesRead is how many outcomes are looked through for what became of the changes that are shown.
const outcomesRead = 20000

// errEnough ends a reading.
var errEnough = errors.New("enough")

// did are the changes of a run with what became of them so far.
func (s *Site) did(ctx context.Context, v *runView) (rows []changeRow, err error) {
	decided, err := s.decided(ctx, v)
	if err != nil {
		return nil, err
	}
	at := map[int64]int{} // of open intents
	for i := range decided {
		change, _, err := engine.IntentOf(decided[i])
		if err != nil {
			continue // blanked: what is left of it is in the journal's own page
		}
		row := rowOf(&change.Change)
		if row.Says = "recorded"; decided[i].Kind == engine.KindIntent {
			row.Says = "open"
			at[decided[i].Seq] = len(rows)
		}
		rows = append(rows, row)
	}
	err = s.became(ctx, rows, at)
	v.Open = len(at)
	slices.SortStableFunc(rows, func(a, b changeRow) int { return strings.Compare(a.Program, b.Program) })
	return rows, err
}

// decided are the records of the changes that a page of a run shows, in their order.
func (s *Site) decided(ctx context.Context, v *runView) (out []engine.Record, err error) {
	for _, kind := range []engine.Kind{engine.KindIntent, engine.KindAdopt} {
		err := s.Journal().Records(ctx, engine.Query{Run: v.Run, Kind: kind, After: v.After, Limit: shownOfRun + 1}, func(r engine.Record) error {
			out = append(out, r)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b engine.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(out) > shownOfRun {
		out = out[:shownOfRun]
		v.More = out[shownOfRun-1].Seq
	}
	return out, nil
}

// became finds the ends of intents, and takes those out of open. A later run may have recorded them: what was read back, or
// withdrawn.
func (s *Site) became(ctx context.Context, rows []changeRow, open map[int64]int) error {
	if len(open) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(open)))
	err := s.Journal().Records(ctx, engine.Query{Kind: engine.KindOutcome, After: first, Limit: outcomesRead}, func(r engine.Record) error {
		n, known := open[r.Of]
		if !known || r.Outcome == engine.Uncertain || r.Outcome == engine.Halted { // read back before it ends
			return nil
		}
		rows[n].Says = string(r.Outcome)
		if delete(open, r.Of); len(open) == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
