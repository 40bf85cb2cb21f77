package directory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// row is one of several entries that came with the same key.
type row struct {
	own   engine.Attributes
	job   engine.Job
	place string
}

// gather makes one person of the entries that share a key: several jobs where the source has a row for each, else nobody
// that is acted on. It looks at all of them at once, in an order of its own, so that the source's order decides nothing.
func (b *builder) gather() {
	for _, at := range slices.Sorted(maps.Keys(b.more)) {
		p := b.people[at]
		rows := append([]row{{p.Attributes, p.Jobs[0], p.Entry}}, b.more[at]...)
		entry := placesOf(rows)
		slices.SortFunc(rows, compareRows)
		p.Attributes, p.Entry, p.Jobs = rows[0].own, rows[0].place, p.Jobs[:0]
		for _, r := range rows {
			p.Jobs = append(p.Jobs, r.job)
		}
		if other := b.stranger(rows); other != "" {
			b.twice[p.Key] = other
			b.against(engine.ReasonDuplicate, fmt.Sprintf("the key %s is in %s and in %s; nothing is done for either until one goes",
				quote(p.Key), p.Entry, other))
			continue
		}
		for _, r := range rows[1:] {
			p.Attributes = b.agree(p, r)
		}
		p.Entry = entry
	}
	b.byKey, b.more = nil, nil
}

// placesOf names the rows of one person, as they stand in the source.
func placesOf(rows []row) string {
	const most = 3
	var places []string
	for _, r := range rows[:min(most, len(rows))] {
		places = append(places, r.place)
	}
	text := strings.Join(places, " and ")
	if more := len(rows) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func compareRows(x, y row) int {
	return cmp.Or(strings.Compare(spell(x.own), spell(y.own)), compareJobs(x.job, y.job))
}

// stranger gives the place of a row that is not the same person's as the first: any, where people have one entry, or one
// with another login.
func (b *builder) stranger(rows []row) string {
	for _, r := range rows[1:] {
		if !b.rows || r.own.First("login") != rows[0].own.First("login") {
			return r.place
		}
	}
	return ""
}

// agree compares the person's own attributes with those of a further row. What two rows say differently is unknown.
func (b *builder) agree(p *engine.Person, r row) engine.Attributes {
	out := slices.Clone(p.Attributes)
	for _, a := range b.cfg.Attributes {
		x, y := out.Get(a.Name), r.own.Get(a.Name)
		if a.Job || x.Unknown || !y.Unknown && slices.Equal(x.Values, y.Values) {
			continue
		}
		b.notice(engine.ReasonDuplicate, fmt.Sprintf("%s and %s say different things about %s of %s; declare it with `job: true` if it may differ",
			p.Entry, r.place, a.Name, quote(p.Key)))
		out = out.With(engine.Attribute{Name: a.Name, Unknown: true})
	}
	return out
}
