package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// shownAsOf is how many accounts a page shows of who had what: each line is told with its reason and whose decision it was.
const shownAsOf = 25

// hadRow is a line of who had what.
type hadRow struct {
	engine.Held
	Right  string // program/name
	Origin engine.Origin
}

// asOfView is who had what on a day, whoever they are. Everything that narrows it is in the address.
type asOfView struct {
	Filter   url.Values
	Programs []Program
	At       time.Time
	Rows     []hadRow
	Began    bool   // not with the first
	More     string // address of the next page, "" if this is the last
	After    string // account behind which it goes on, with its program
	Narrowed bool
}

func (s *Site) asOf(ctx context.Context, r asked) (view, error) {
	v := asOfView{Filter: url.Values{}, Programs: s.Programs(), Began: r.FormValue("after") != ""}
	for _, name := range []string{"on", "program", "entitlement"} {
		if text := r.FormValue(name); text != "" {
			v.Filter.Set(name, text)
		}
	}
	q, err := s.asOfQuery(v.Filter, r.FormValue("after"))
	if err != nil {
		return view{}, err
	}
	v.At, v.Narrowed = q.At, len(v.Filter) > 0 && v.Filter.Get("on") == "" || len(v.Filter) > 1
	held, err := s.Had(ctx, q)
	if err != nil {
		return view{}, err
	}
	held = v.cut(held)
	origins, err := engine.Origins(ctx, s.Journal(), held)
	if err != nil {
		return view{}, err
	}
	for i := range held {
		v.Rows = append(v.Rows, hadRow{held[i], rightOf(held[i].Program, held[i].Entitlement), origins[i]})
	}
	return view{"asof", "Who had what", v}, nil
}

// cut leaves what is shown, of one account more than that.
func (v *asOfView) cut(held []engine.Held) []engine.Held {
	n := 0
	for i := range held {
		if i > 0 && (held[i].Account != held[i-1].Account || held[i].Program != held[i-1].Program) {
			n++
		}
		if n < shownAsOf {
			continue
		}
		on := copied(v.Filter)
		v.After = held[i-1].Program + "/" + held[i-1].Account
		on.Set("after", v.After)
		v.More = "/asof?" + on.Encode()
		return held[:i]
	}
	return held
}

func (s *Site) asOfQuery(filter url.Values, after string) (q engine.AsOfQuery, err error) {
	q = engine.AsOfQuery{Program: filter.Get("program"), Accounts: shownAsOf + 1}
	if q.At, err = s.dayEnd(filter.Get("on")); err != nil {
		return q, err
	}
	if filter.Get("on") != "" { // the day is over then, and the next one has not begun
		q.At = q.At.Add(-time.Nanosecond)
	}
	if text := filter.Get("entitlement"); text != "" {
		e := engine.ParseEntitlement(text)
		if q.Program != "" && q.Program != e.Program {
			return q, fmt.Errorf("%w: %s is not of the program %s", errWrong, text, q.Program)
		}
		q.Program, q.Entitlement = e.Program, &e.Name
	}
	q.After[0], q.After[1], _ = strings.Cut(after, "/")
	return q, nil
}

// hadJSON is something that an account had.
type hadJSON struct {
	Program     string        `json:"program"`
	Account     string        `json:"account"`
	Entitlement string        `json:"entitlement"`      // program or program/name
	Person      string        `json:"person,omitempty"` // key, by the link at that time; absent: whose it was is not known
	Since       time.Time     `json:"since"`
	Until       time.Time     `json:"until,omitzero"` // absent: still
	Managed     bool          `json:"managed"`        // granted or adopted by Rolecall
	Rules       []string      `json:"rules"`          // that gave it
	Record      int64         `json:"record"`         // that began it
	Origin      engine.Origin `json:"origin"`         // by what role, job and entry, and by whose decision
}

// asOfList is who had what at one time, in the order of programs and accounts.
type asOfList struct {
	At   time.Time `json:"at"`
	Had  []hadJSON `json:"had"`
	More string    `json:"more,omitempty"` // the address of the next part; absent: this is the last
}

func asOfListOf(v *asOfView) (asOfList, error) {
	out := asOfList{At: v.At.UTC(), Had: each(v.Rows, func(h *hadRow) hadJSON {
		return hadJSON{h.Program, h.Account, engine.Entitlement{Program: h.Program, Name: h.Entitlement}.String(), h.Person, h.From.UTC(), h.Until.UTC(), h.Managed, each(h.Rules, same), h.Record, h.Origin}
	})}
	if v.More != "" {
		out.More = apiBase + v.More
	}
	return out, nil
}
