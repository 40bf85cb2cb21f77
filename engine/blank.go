package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Blanker is what a journal can besides: deleting what is personal in its records.
type Blanker interface {
	// Blank writes the records and, in the same transaction, deletes the personal part of all records about a person and of those of
	// the person's accounts, with the names by which the tables know both. Public parts and leaves stay, so that every proof stays. It
	// gives how many records it was. ErrStale as for Append.
	Blank(ctx context.Context, g Guard, person string, records []Record) (int, error)
	// Number is how a person and their records are called once they are blanked, "" for somebody of whom nothing is recorded.
	Number(ctx context.Context, person string) (string, error)
}

// Blanking is the Data of a KindBlank record.
type Blanking struct {
	Person string    `json:"person"` // as the records show it from then on, "#12"
	Last   time.Time `json:"last"`   // of the newest record that was blanked
}

// BlankOrder is what somebody wants blanked.
type BlankOrder struct {
	Actor, Person, Reason string
	After                 time.Duration // the newest record about the person must be older
}

// ErrNotBlanked says why nothing was blanked.
var ErrNotBlanked = errors.New("nothing was blanked")

// Blank deletes what the records know of somebody who is gone: nothing in the directory, no account in any program, nothing that waits
// for anybody, and no legal hold. What is decided about them and still counts, such as a cut or a block, must be ended first, since it
// could not be found any more. It can't be undone.
func (e *Engine) Blank(ctx context.Context, log Log, o BlankOrder) (Blanking, int, error) {
	if strings.TrimSpace(o.Reason) == "" {
		return Blanking{}, 0, ErrNoReason
	}
	journal, can := e.Journal.(Blanker)
	if !can {
		return Blanking{}, 0, fmt.Errorf("%w: this journal can't", ErrNotBlanked)
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return Blanking{}, 0, err
	}
	if err := e.gone(ctx, mem, o.Person); err != nil {
		return Blanking{}, 0, err
	}
	b := Blanking{}
	if b.Person, err = journal.Number(ctx, o.Person); err != nil || b.Person == "" {
		return b, 0, errors.Join(err, fmt.Errorf("%w: %s", ErrUnknownPerson, quote(o.Person)))
	}
	ends, err := mem.loose(o.Person, e.Now())
	if err != nil {
		return b, 0, err
	}
	if b.Last, err = newest(ctx, log, o.Person); err != nil {
		return b, 0, err
	}
	if age := e.Now().Sub(b.Last); age < o.After {
		return b, 0, fmt.Errorf("%w: the newest record about %s is of %s, and %s are waited for", ErrNotBlanked, quote(o.Person), b.Last.Format(time.DateOnly), plural(int(o.After/(24*time.Hour)), "day", "days"))
	}
	data, err := json.Marshal(b)
	if err != nil {
		return b, 0, err
	}
	n, err := journal.Blank(ctx, Guard{Control: mem.Control}, o.Person, []Record{
		{Kind: KindNote, Actor: o.Actor, Person: o.Person, Clear: ends}, // itself blanked: it names them
		{Kind: KindBlank, Actor: o.Actor, Why: []string{o.Reason}, Data: data},
	})
	return b, n, err
}

// gone says why somebody is not: whom the directory shows would be in the next records again. What an incomplete read does not show may
// be there.
func (e *Engine) gone(ctx context.Context, mem *Memory, person string) error {
	var there *Person
	proof, err := e.Directory.People(ctx, func(p Person) error {
		if mem.Known(p.Key) == person && p.State != StateLeft {
			there = &p
		}
		return ctx.Err()
	})
	switch {
	case err != nil:
		return fmt.Errorf("%w, since the directory can't be read: %w", ErrNotBlanked, err)
	case there != nil:
		return fmt.Errorf("%w: %s is in the directory (%s)", ErrNotBlanked, quote(person), there.State)
	case !proof.Complete():
		return fmt.Errorf("%w, since the directory was not read completely and may have %s: %s", ErrNotBlanked, quote(person), proof.Reasons[0].Detail)
	}
	return nil
}

// newest is when something was last recorded about somebody.
func newest(ctx context.Context, log Log, person string) (at time.Time, err error) {
	err = log.Records(ctx, Query{Person: person, Newest: true, Limit: 1}, func(r Record) error {
		at = r.Time
		return nil
	})
	return at, err
}

// passing are the kinds of facts that only serve what somebody has, or had: they mean nothing for who has nothing.
func passing() []string {
	return []string{FactUndesired, FactMissing, FactAbsent, FactSuspended, FactTaken, FactContested, FactFailing, FactUndone, FactFormer, FactWaiting, FactLeaving, FactReKeyed, FactExpiry}
}

// loose are the facts that end with somebody of whom nothing is left; the error names what is.
func (m *Memory) loose(person string, now time.Time) (ends []FactKey, err error) {
	mine := m.accountsOf(person)
	if err := m.nothingOf(person, mine); err != nil {
		return nil, err
	}
	for _, kind := range m.FactKinds() {
		for _, f := range m.Facts(kind) {
			if !about(&f, person, mine) {
				continue
			}
			over := f.Kind == FactExtra && now.After(f.Until.AddDate(0, 0, 2)) // in whatever zone
			if !over && !slices.Contains(passing(), f.Kind) {
				return nil, fmt.Errorf("%w: %s", ErrNotBlanked, stands(person, &f))
			}
			ends = append(ends, f.FactKey)
		}
	}
	return ends, nil
}

// accountsOf are somebody's accounts, program and account.
func (m *Memory) accountsOf(person string) map[[2]string]bool {
	mine := map[[2]string]bool{}
	for name, p := range m.Programs {
		for _, l := range p.Links {
			if l.Person == person {
				mine[[2]string{name, l.Account}] = true
			}
		}
	}
	return mine
}

// nothingOf names what somebody still has, or what is being done about it.
func (m *Memory) nothingOf(person string, mine map[[2]string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(m.Programs)) {
		p := m.Programs[name]
		for i := range p.Rows {
			if account := p.Accounts[p.Rows[i].Account]; mine[[2]string{name, account}] {
				return fmt.Errorf("%w: %s still has the account %s in %s; delete it there first", ErrNotBlanked, quote(person), quote(account), name)
			}
		}
	}
	for i := range m.Open {
		if c := &m.Open[i].Change; c.Person == person || mine[[2]string{c.Program, c.Account}] {
			return fmt.Errorf("%w: a change for %s is under way in %s; wait until it is made", ErrNotBlanked, quote(person), c.Program)
		}
	}
	return nil
}

// about says whether a fact is of somebody, or of an account of theirs, or names them in its data.
func about(f *Fact, person string, mine map[[2]string]bool) bool {
	name, _ := json.Marshal(person) // a text
	return f.Person == person || f.Key == person || mine[[2]string{f.Program, f.Account}] || bytes.Contains(f.Data, name)
}

// stands says what still counts of somebody.
func stands(person string, f *Fact) string {
	switch f.Kind {
	case FactHold:
		return quote(person) + " is under a legal hold; end it first, if it is over: rolecall person hold … --lift"
	case FactCut:
		return quote(person) + " is cut off, and would not be if they came back; lift it first: rolecall cut … --lift"
	}
	return fmt.Sprintf("something is still decided about %s (%s)", quote(person), f.Kind)
}
