package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/rolecall/rolecall/engine"
)

// eventRow is one record of the journal as people read it.
type eventRow struct {
	engine.Record
	Right string // program/name, or the program
}

func (s *Site) events(ctx context.Context, q engine.Query) (out []eventRow, err error) {
	err = s.Journal().Records(ctx, q, func(r engine.Record) error {
		out = append(out, eventOf(r))
		return nil
	})
	return out, err
}

// history is the newest records, and what was pruned where these are all that is left.
func (s *Site) history(ctx context.Context, q engine.Query) (out []eventRow, pruned string, err error) {
	out, err = s.events(ctx, q)
	if err == nil && len(out) < q.Limit {
		pruned, err = s.pruned(ctx)
	}
	return out, pruned, err
}

func eventOf(r engine.Record) eventRow {
	r.Why = r.Says()
	e := eventRow{Record: r, Right: r.Program}
	if r.Program != "" && (r.Op != "" || r.Entitlement != "") {
		e.Right = rightOf(r.Program, r.Entitlement)
	}
	return e
}

// auditView is a page of the journal. Everything that narrows it is in the address.
type auditView struct {
	Filter   url.Values
	Kinds    []engine.Kind
	Outcomes []engine.Outcome
	Ops      []engine.Op
	Events   []eventRow
	More     string // address of the next page, "" if this is the last
	Exports  []exportLink
	Pruned   string // what is not there any more, on the last page
}

// pruned says what was pruned of the journal, "" if nothing was.
func (s *Site) pruned(ctx context.Context) (string, error) {
	p, err := engine.PrunedOf(ctx, s.Journal())
	if err != nil || p == nil {
		return "", err
	}
	return p.String(), nil
}

// shownEvents is how many records a page shows.
const shownEvents = 100

func (s *Site) audit(ctx context.Context, r asked) (view, error) {
	filter := filterOf(r)
	q, err := s.query(filter)
	if err != nil {
		return view{}, err
	}
	if q.Before, err = number(r, "before"); err != nil {
		return view{}, err
	}
	v := auditView{Filter: filter, Kinds: engine.Kinds(), Outcomes: engine.Outcomes(), Ops: engine.Ops(), Exports: s.exportLinks(filter)}
	if v.Events, err = s.events(ctx, q); err != nil && !errors.Is(err, engine.ErrPruned) { // what stayed is shown
		return view{}, err
	}
	if len(v.Events) > shownEvents {
		v.Events = v.Events[:shownEvents]
		on := copied(filter)
		on.Set("before", strconv.FormatInt(v.Events[shownEvents-1].Seq, 10))
		v.More = "/audit?" + on.Encode()
	} else if v.Pruned, err = s.pruned(ctx); err != nil {
		return view{}, err
	}
	return view{"audit", "Audit", v}, nil
}

// filterOf is what narrows the journal in an address.
func filterOf(r asked) url.Values {
	filter := url.Values{}
	for _, name := range []string{"q", "person", "program", "entitlement", "account", "run", "rule", "actor", "kind", "op", "outcome", "from", "to"} {
		if text := r.FormValue(name); text != "" {
			filter.Set(name, text)
		}
	}
	return filter
}

func copied(v url.Values) url.Values {
	out := url.Values{}
	for name, list := range v {
		out[name] = slices.Clone(list)
	}
	return out
}

// query is what a filter asks the journal for. A word that no record can have is refused: an empty page would be taken for
// "there was nothing".
func (s *Site) query(filter url.Values) (q engine.Query, err error) {
	q = engine.Query{Words: filter.Get("q"), Person: filter.Get("person"), Program: filter.Get("program"), Account: filter.Get("account"), Run: filter.Get("run"), Rule: filter.Get("rule"),
		Actor: filter.Get("actor"), Kind: engine.Kind(filter.Get("kind")), Op: engine.Op(filter.Get("op")), Outcome: engine.Outcome(filter.Get("outcome")),
		Newest: true, Limit: shownEvents + 1}
	_, err = wordsOf(q.Words)
	switch {
	case err != nil:
		return q, err
	case q.Kind != "" && !slices.Contains(engine.Kinds(), q.Kind):
		return q, fmt.Errorf("%w: %q is no kind of record", errWrong, q.Kind)
	case q.Op != "" && !slices.Contains(engine.Ops(), q.Op):
		return q, fmt.Errorf("%w: %q is no operation", errWrong, q.Op)
	case q.Outcome != "" && !slices.Contains(engine.Outcomes(), q.Outcome):
		return q, fmt.Errorf("%w: %q is no outcome", errWrong, q.Outcome)
	}
	if text := filter.Get("entitlement"); text != "" {
		e := engine.ParseEntitlement(text)
		if q.Program != "" && q.Program != e.Program {
			return q, fmt.Errorf("%w: %s is not of the program %s", errWrong, text, q.Program)
		}
		q.Program, q.Entitlement = e.Program, &e.Name
	}
	if text := filter.Get("from"); text != "" {
		if q.From, err = s.dayEnd(text); err != nil {
			return q, err
		}
		q.From = q.From.In(s.Zone()).AddDate(0, 0, -1)
	}
	if text := filter.Get("to"); text != "" {
		q.To, err = s.dayEnd(text)
	}
	return q, err
}

// number is a record's number in the address, 0 if there is none.
func number(r asked, name string) (int64, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: %q is no number of a record", errWrong, text)
	}
	return n, nil
}

type eventView struct {
	eventRow
	Pretty  string // Data, indented
	Led     []eventRow
	Proof   *Proof   // nil: it can't be made
	Blanked *Blanked // nil: it was not
}

func (s *Site) event(ctx context.Context, r asked) (view, error) {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return view{}, fmt.Errorf("%w: %q is no number of a record", errNotThere, r.PathValue("seq"))
	}
	list, err := s.events(ctx, engine.Query{After: seq - 1, Before: seq + 1, Limit: 1})
	if err != nil {
		return view{}, err
	}
	if len(list) == 0 {
		return view{}, fmt.Errorf("%w: there is no record %d", errNotThere, seq)
	}
	v := eventView{eventRow: list[0], Pretty: indented(list[0].Data), Proof: s.prove(ctx, r.URL.Path, seq)}
	if v.Blanked, err = s.blankedOf(ctx, v.Person); err != nil {
		return view{}, err
	}
	if v.Of > 0 {
		if v.Led, err = s.events(ctx, engine.Query{After: v.Of - 1, Before: v.Of + 1, Limit: 1}); err != nil {
			return view{}, err
		}
	}
	return view{"event", "Record " + strconv.FormatInt(seq, 10), v}, nil
}
