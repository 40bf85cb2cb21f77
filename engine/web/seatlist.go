package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// shownSeats is how many people a page of those who wait for a seat shows.
const shownSeats = 50

// seatsView is who waits for a seat of one kind, for whom one is kept or who would make room, page by page.
type seatsView struct {
	Program, Kind, List string
	Seen                *engine.Outlook
	Rows                []engine.SeatClaim
	N                   int // in the whole list
	Began               bool
	More                string // address of the next page, "" if this is the last
}

// seatLists are the lists that there are of each kind of seat, the usual one first.
func seatLists() []string { return []string{"waiting", "kept", "displaced"} }

func (s *Site) seats(_ context.Context, r asked) (view, error) {
	v := seatsView{Seen: s.Outlook(), Program: r.PathValue("name"), Kind: r.FormValue("kind"), List: r.FormValue("list")}
	if v.List == "" {
		v.List = seatLists()[0]
	}
	if !slices.Contains(seatLists(), v.List) {
		return view{}, fmt.Errorf("%w: %q is no list of seats", errWrong, v.List)
	}
	title := "Seats in " + v.Program
	if v.Seen == nil {
		return view{"seats-page", title, v}, nil
	}
	plans := v.Seen.Plan.Seats
	i := slices.IndexFunc(plans, func(p engine.SeatPlan) bool {
		return p.Program == v.Program && p.Kind == v.Kind && p.Seats != engine.NoSeatLimit
	})
	if i < 0 {
		return view{}, fmt.Errorf("%w: there are no counted seats %q in %q", errNotThere, v.Kind, v.Program)
	}
	v.fill(&plans[i], r)
	return view{"seats-page", title, v}, nil
}

func (v *seatsView) fill(p *engine.SeatPlan, r asked) {
	all := map[string][]engine.SeatClaim{"waiting": p.Waiting, "kept": p.Kept, "displaced": p.Displaced}[v.List]
	page := firstOf[engine.SeatClaim]{most: shownSeats, after: [2]string{r.FormValue("after"), r.FormValue("key")}}
	for i := range all {
		page.add(v.keyOf(&all[i]), all[i])
	}
	v.N, v.Began = len(all), page.began()
	rows, next := page.done()
	if v.Rows = rows; next[1] != "" {
		on := v.filter()
		on.Set("after", next[0])
		on.Set("key", next[1])
		v.More = v.path() + "?" + on.Encode()
	}
}

func (v *seatsView) path() string { return "/programs/" + url.PathEscape(v.Program) + "/seats" }

func (v *seatsView) filter() url.Values {
	on := url.Values{"list": {v.List}}
	if v.Kind != "" {
		on.Set("kind", v.Kind)
	}
	return on
}

// First is the address of the first page.
func (v seatsView) First() string { return v.path() + "?" + v.filter().Encode() }

// keyOf is the order of a list, as the plan has it: who is next comes first.
func (v *seatsView) keyOf(c *engine.SeatClaim) [2]string {
	const middle = int64(1) << 62 // so that amounts of either sign are sorted as texts
	priority, since := int64(c.Priority), c.Since.UnixMicro()
	switch v.List {
	case "kept":
		return [2]string{fmt.Sprintf("%020d", middle+c.Joins.UnixMicro()), c.Person}
	case "displaced":
		return [2]string{fmt.Sprintf("%020d %020d", middle+priority, middle-since), c.Person}
	}
	return [2]string{fmt.Sprintf("%020d %t %020d", middle-priority, !c.Joiner, middle+since), c.Person}
}

// seatList are people of a list of seats, in its order.
type seatList struct {
	Claims []engine.SeatClaim `json:"claims"`
	Found  int                `json:"found"`          // in the whole list
	More   string             `json:"more,omitempty"` // the address of the next part; absent: this is the last
}

func seatListOf(v *seatsView) (out seatList, err error) {
	if v.Seen == nil {
		return out, errUnread()
	}
	if out = (seatList{Claims: each(v.Rows, same), Found: v.N}); v.More != "" {
		out.More = apiBase + v.More
	}
	return out, nil
}
