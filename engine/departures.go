package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Departure is how long one account of somebody who left or was cut off lived on.
type Departure struct {
	Person  string    `json:"person"`
	Login   string    `json:"login,omitempty"`
	Name    string    `json:"name,omitempty"`
	Program string    `json:"program"`
	Account string    `json:"account"`
	Cause   Cause     `json:"cause"`
	Decided time.Time `json:"decided"`        // when the first removal was recorded
	Ended   time.Time `json:"ended,omitzero"` // when the last of them was in effect; zero: not yet
	Open    int       `json:"open"`           // removals whose end is not recorded
	Last    Outcome   `json:"last,omitempty"` // of the last that did not work out
	Removed int       `json:"removed"`        // removals in effect
}

// Departures reads from the journal whom the leavers' and cut people's access was taken from since a time, sorted by name,
// then program. A removal that was withdrawn, since a later run would not make it again, counts for nothing.
func Departures(ctx context.Context, log Log, since time.Time) ([]Departure, error) {
	d := departures{by: map[[3]string]*departure{}, of: map[int64]removal{}}
	for _, kind := range []Kind{KindIntent, KindOutcome} {
		if err := log.Records(ctx, Query{Kind: kind, From: since}, d.take); err != nil {
			return nil, err
		}
	}
	out := make([]Departure, 0, len(d.by))
	for _, one := range d.by {
		if one.settle(); one.Open > 0 || one.Removed > 0 {
			out = append(out, one.Departure)
		}
	}
	slices.SortFunc(out, func(a, b Departure) int {
		return cmp.Or(strings.Compare(cmp.Or(a.Name, a.Login, a.Person), cmp.Or(b.Name, b.Login, b.Person)), strings.Compare(a.Person, b.Person), strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account))
	})
	return out, nil
}

type departures struct {
	by map[[3]string]*departure // person, program, account
	of map[int64]removal        // by open intent
}

type departure struct {
	Departure
	rights map[string]Outcome // what the last removal of each came to; "" while it is open
}

type removal struct {
	from  *departure
	right string
}

func (d *departures) take(r Record) error {
	if r.Kind == KindOutcome {
		d.ended(r)
		return nil
	}
	if r.Cause != CauseMarked && r.Cause != CauseAbsent && r.Cause != CauseCut || !r.Op.Takes() {
		return nil
	}
	key := [3]string{r.Person, r.Program, r.Account}
	one := d.by[key]
	if one == nil {
		one = &departure{Departure{Person: r.Person, Program: r.Program, Account: r.Account, Cause: r.Cause, Decided: r.Time}, map[string]Outcome{}}
		if i, _, err := IntentOf(r); err == nil { // else it was blanked
			one.Login, one.Name = i.Change.Login, i.Change.Name
		}
		d.by[key] = one
	}
	one.rights[r.Entitlement] = ""
	d.of[r.Seq] = removal{one, r.Entitlement}
	return nil
}

func (d *departures) ended(r Record) {
	one, known := d.of[r.Of]
	if !known || r.Outcome == Uncertain || r.Outcome == Halted { // read back before it ends
		return
	}
	delete(d.of, r.Of)
	one.from.rights[one.right] = r.Outcome
	if r.Outcome == Done || r.Outcome == Already {
		one.from.Ended = r.Time
	}
}

// settle counts. What failed or was refused is as open as what was not tried: a later run tries again.
func (d *departure) settle() {
	for _, right := range slices.Sorted(maps.Keys(d.rights)) {
		switch o := d.rights[right]; o {
		case Done, Already:
			d.Removed++
		case Withdrawn:
		default:
			d.Open++
			d.Last = cmp.Or(o, d.Last)
		}
	}
	if d.Open > 0 {
		d.Ended = time.Time{}
	}
}
