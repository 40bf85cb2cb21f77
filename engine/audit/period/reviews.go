package period

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Line is a line of a review of access as it was at the end of the period, and the record that made it so.
type Line struct {
	engine.ReviewLine
	Seq int64
	Of  engine.Review
}

// reviews are those that were ever begun, by name.
type reviews map[string]*review

type review struct {
	is    engine.Review
	seq   int64            // of the record that began or closed it
	lines map[string]*Line // by id
}

// reviewed keeps what a review came to. What can't be read has no part in it.
func (b *Builder) reviewed(r *engine.Record) {
	switch r.Kind {
	case engine.KindReview:
		var is engine.Review
		if json.Unmarshal(r.Data, &is) != nil {
			return
		}
		one := b.reviewOf(is.Name)
		one.is, one.seq = is, r.Seq
	case engine.KindLine:
		var l engine.ReviewLine
		if json.Unmarshal(r.Data, &l) == nil && b.reviews[l.Review] != nil {
			b.reviews[l.Review].lines[l.ID] = &Line{ReviewLine: l, Seq: r.Seq}
		}
	}
}

// lineDecision is a decision of a reviewer; a line that was put up, or ended by itself, is none.
func lineDecision(r *engine.Record, d *Decision) (decided bool) {
	var l engine.ReviewLine
	if json.Unmarshal(r.Data, &l) != nil || l.State != engine.LineKept && l.State != engine.LineRevoked {
		return false
	}
	d.What, d.Until = string(l.State), l.Until
	return true
}

// endReviews lists the lines of the reviews that were under way in the period.
func (b *Builder) endReviews() {
	for _, name := range sorted(b.reviews) {
		r := b.reviews[name]
		if !r.is.Closed.IsZero() && r.is.Closed.Before(b.out.From) {
			continue
		}
		if n := r.is.Orphans + r.is.Gone; n > 0 {
			b.gaps.add(Gap{Code: "in-no-line", N: n, Record: r.seq, What: "holdings within the scope of the review " + name + " that were nobody's, or of people who were not there any more, so that nobody was asked about them"})
		}
		for _, id := range sorted(r.lines) {
			l := r.lines[id]
			l.Of = r.is
			b.out.Lines = append(b.out.Lines, *l)
			if l.State == engine.LineOpen {
				b.gaps.add(Gap{Code: "not-reviewed", N: 1, Record: l.Seq, What: "lines of the review " + name + " that nobody had decided on by the end of the period; the last one is named"})
			}
		}
	}
	slices.SortStableFunc(b.out.Lines, func(x, y Line) int {
		return cmp.Or(strings.Compare(x.Review, y.Review), strings.Compare(x.Name, y.Name), strings.Compare(x.Person, y.Person), strings.Compare(x.Entitlement, y.Entitlement), strings.Compare(x.Account, y.Account))
	})
}
