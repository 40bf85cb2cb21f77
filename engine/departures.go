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
	d := departures{by: map[[3]string]*departure{}, of: map[int64]*removal{}}
	if err := log.Records(ctx, Query{From: since}, d.take); err != nil {
		return nil, err
	}
	out := make([]Departure, 0, len(d.all))
	for _, one := range d.all {
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
	all []*departure
	by  map[[3]string]*departure // the newest by person, program, account
	of  map[int64]*removal       // by open intent
}

type departure struct {
	Departure
	rights map[string]*removal // the newest removal of each right
	back   bool                // something was given again since: the next removal is another departure
}

type removal struct {
	from    *departure
	outcome Outcome // "" while it is open
	over    bool    // it ended for another reason than its own: the cut was lifted, a later run would not make it
}

func (d *departures) take(r Record) error {
	key := [3]string{r.Person, r.Program, r.Account}
	switch {
	case r.Kind == KindOutcome:
		d.ended(r)
	case r.Kind == KindLift:
		d.lifted(r.Person)
	case r.Kind != KindIntent:
	case r.Op.Gives():
		if one := d.by[key]; one != nil {
			one.back = true
		}
	case r.Op.Takes() && (r.Cause == CauseMarked || r.Cause == CauseAbsent || r.Cause == CauseCut):
		d.began(key, r)
	}
	return nil
}

func (d *departures) began(key [3]string, r Record) {
	one := d.by[key]
	if one == nil || one.back {
		one = &departure{Departure: Departure{Person: r.Person, Program: r.Program, Account: r.Account, Cause: r.Cause, Decided: r.Time}, rights: map[string]*removal{}}
		if i, _, err := IntentOf(r); err == nil { // else it was blanked
			one.Login, one.Name = i.Change.Login, i.Change.Name
		}
		d.by[key] = one
		d.all = append(d.all, one)
	}
	one.rights[r.Entitlement] = &removal{from: one}
	d.of[r.Seq] = one.rights[r.Entitlement]
}

// lifted ends what a cut had not done yet: nobody wants it any more.
func (d *departures) lifted(person string) {
	for _, one := range d.all {
		if one.Person != person || one.Cause != CauseCut {
			continue
		}
		for _, r := range one.rights {
			r.over = r.over || r.outcome != Done && r.outcome != Already
		}
	}
}

func (d *departures) ended(r Record) {
	one, known := d.of[r.Of]
	if !known || r.Outcome == Uncertain || r.Outcome == Halted { // read back before it ends
		return
	}
	delete(d.of, r.Of)
	one.outcome, one.over = r.Outcome, one.over || r.Outcome == Withdrawn
	if r.Outcome == Done || r.Outcome == Already {
		one.from.Ended = r.Time
	}
}

// settle counts. What failed or was refused is as open as what was not tried: a later run tries again.
func (d *departure) settle() {
	for _, right := range slices.Sorted(maps.Keys(d.rights)) {
		switch r := d.rights[right]; {
		case r.outcome == Done || r.outcome == Already:
			d.Removed++
		case !r.over:
			d.Open++
			d.Last = cmp.Or(r.outcome, d.Last)
		}
	}
	if d.Open > 0 {
		d.Ended = time.Time{}
	}
}
