package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// Usage is what a journal says about the limits, and what it would propose.
type Usage struct {
	From     time.Time `json:"from"` // the first day; the first day of each program is left out, which provisions it
	Days     int       `json:"days"`
	Enough   bool      `json:"enough"` // so much history that a proposal means anything; else Proposed is what holds now
	Proposed Limits    `json:"-"`
	Uses     []Use     `json:"uses"` // by limit, then scope
}

// Use is how much of one limit was used in one scope: of each day the highest count within the limit's window, approved or not.
type Use struct {
	Limit   string    `json:"limit"` // "revoke: people", "revoke: holdings", "leavers", "grant"
	Scope   string    `json:"scope"` // "program wiki", "all programs together"
	Of      int       `json:"of"`    // holders now, which percent is taken of
	Usual   int       `json:"usual"` // on half of the days at most
	High    int       `json:"high"`  // on 95 of 100 days at most
	Most    int       `json:"most"`
	On      time.Time `json:"on,omitzero"` // the day of that
	Allowed int       `json:"allowed"`     // by today's limit
	Tripped int       `json:"tripped"`     // days on which today's limit would have tripped
	Would   int       `json:"would"`       // days on which the proposed one would have
	limit   int
	days    []int
}

// enoughUsage is how many days of history a proposal needs.
const enoughUsage = 14

// Usage reads the journal's intents. least are limits whose floors a proposal never goes below.
func (e *Engine) Usage(ctx context.Context, log Log, least Limits) (*Usage, error) {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, err
	}
	g, q := newGathering(e.Settings.Limits, e.Now()), Query{Kind: KindIntent}
	if p, err := PrunedOf(ctx, log); err != nil {
		return nil, err
	} else if p != nil { // what stayed among them is no history
		q.After = p.UpTo
	}
	if err := log.Records(ctx, q, func(r Record) error { g.charge(&r); return nil }); err != nil {
		return nil, err
	}
	return g.usage(mem, least), nil
}

// counter is one limit with what it counts.
type counter struct {
	name  string
	class Class
	by    counting
	of    func(*Limits) *Limit
}

func counters() []counter {
	return []counter{
		{"revoke: people", ChargeRevoke, people, func(l *Limits) *Limit { return &l.RevokePeople }},
		{"revoke: holdings", ChargeRevoke, holdings, func(l *Limits) *Limit { return &l.RevokeHoldings }},
		{"leavers", ChargeLeaver, people, func(l *Limits) *Limit { return &l.Leavers }},
		{"grant", ChargeGrant, holdings, func(l *Limits) *Limit { return &l.Grant }},
	}
}

func (g *gathering) usage(mem *Memory, least Limits) *Usage {
	u := &Usage{From: g.first, Proposed: g.limits, Uses: []Use{}}
	if !g.first.IsZero() {
		u.Days = int(dayOf(g.now).Sub(g.first)/(24*time.Hour)) + 1
	}
	u.Enough = u.Days >= enoughUsage
	for k, w := range g.windows {
		u.Uses = append(u.Uses, g.use(k, w, u, mem))
	}
	slices.SortFunc(u.Uses, func(a, b Use) int { return cmp.Or(cmp.Compare(a.limit, b.limit), cmp.Compare(a.Scope, b.Scope)) })
	for i, c := range g.counters {
		l := c.of(&u.Proposed)
		if u.Enough {
			*l = propose(*l, c.of(&least).Floor, u.Uses, i)
		}
		for n := range u.Uses {
			if u.Uses[n].limit == i {
				u.Uses[n].Would = over(u.Uses[n].days, l.Allowed(u.Uses[n].Of))
			}
		}
	}
	return u
}

func (g *gathering) use(k windowKey, w *window, u *Usage, mem *Memory) Use {
	c := g.counters[k.limit]
	use := Use{Limit: c.name, Scope: scope{kind: "all"}.String(), Of: holdersOf(mem, k.program, c.by), limit: k.limit, days: make([]int, u.Days)}
	if k.program != "" {
		use.Scope = scope{kind: "program", name: k.program}.String()
	}
	for day, n := range w.days {
		if i := int(day.Sub(g.first) / (24 * time.Hour)); i >= 0 && i < len(use.days) {
			use.days[i] = n
		}
		if n > use.Most || n == use.Most && day.After(use.On) {
			use.Most, use.On = n, day
		}
	}
	sorted := slices.Sorted(slices.Values(use.days))
	use.Usual, use.High = percentile(sorted, 50), percentile(sorted, 95)
	use.Allowed = c.of(&g.limits).Allowed(use.Of)
	use.Tripped = over(use.days, use.Allowed)
	return use
}

// percentile is the smallest of the values that so many of a hundred do not exceed.
func percentile(sorted []int, n int) int {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(float64(n*len(sorted))/100))-1)]
}

func over(days []int, allowed int) (n int) {
	for _, d := range days {
		if d > allowed {
			n++
		}
	}
	return n
}

// holdersOf counts who holds something now, or how much is held, as far as the journal knows.
func holdersOf(mem *Memory, program string, by counting) int {
	if program == "" {
		sum, most := 0, 0
		for name := range mem.Programs {
			n := holdersOf(mem, name, by)
			sum, most = sum+n, max(most, n)
		}
		if by == people { // the same people in each: as many as in the largest, at least
			return most
		}
		return sum
	}
	accounts, n := map[uint32]bool{}, 0
	for _, row := range mem.Program(program).Rows {
		if row.Seen {
			accounts[row.Account] = true
			n++
		}
	}
	if by == people {
		return len(accounts)
	}
	return n
}

// propose leaves a quarter of room above what 95 of 100 days needed: the floor for small scopes, the share for the others,
// and no more than the largest needed. Where nothing was used, or no scope is large enough to have a share, today's stays.
func propose(today Limit, least int, uses []Use, limit int) Limit {
	next, large, most := Limit{Floor: least, Window: today.Window}, false, 0
	for i := range uses {
		u := &uses[i]
		if u.limit != limit {
			continue
		}
		need := int(math.Ceil(1.25 * float64(u.High)))
		most = max(most, u.Most)
		if share := today.Percent * float64(u.Of) / 100; share <= float64(today.Floor) {
			next.Floor = max(next.Floor, need)
		} else {
			large, next.Cap = true, max(next.Cap, need)
			next.Percent = max(next.Percent, 1, math.Ceil(100*float64(need)/float64(u.Of)))
		}
	}
	if most == 0 {
		return today
	}
	if !large {
		next.Percent, next.Cap = today.Percent, today.Cap
	}
	next.Percent, next.Cap = min(next.Percent, 100), max(next.Cap, next.Floor)
	return next
}
