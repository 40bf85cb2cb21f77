package journal

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// filterCheck makes the word filters anew that are there, for one that was changed hides records from a search. Rows that a search does not
// believe, as they are damaged or of other records, hide nothing.
type filterCheck struct {
	there map[int64]bool // segments that have rows
	made  *wordFilter
	at    int64 // the segment that is being made
	sums  map[int64][]filterSum
	of    map[int64]filterOf
}

func (w *walk) readFilters() error {
	c := &w.filters
	*c = filterCheck{there: map[int64]bool{}, made: newWordFilter(), at: -1, sums: map[int64][]filterSum{}, of: map[int64]filterOf{}}
	return w.looks[0].use(func(t *sqlx.Tx) error {
		var all []int64
		err := t.SelectContext(w.ctx, &all, "SELECT DISTINCT CAST(segment AS BIGINT) FROM word_filter")
		for _, segment := range all {
			c.there[segment] = true
		}
		return err
	})
}

func (c *filterCheck) take(row *row) {
	segment := segmentOf(row.Seq)
	if row.Seq < 1 || !c.there[segment] {
		return
	}
	if c.at != segment {
		c.made.reset()
		c.at = segment
	}
	c.made.add(row.Seq, row.record.Public, row.record.Personal)
	if row.Seq%filterRecords != 0 {
		return
	}
	of := filterOf{segment, base64.StdEncoding.EncodeToString(row.record.Leaf[:])}
	c.of[segment], c.sums[segment] = of, make([]filterSum, filterParts)
	for part := range int64(filterParts) {
		c.sums[segment][part], _ = c.made.row(of, part)
	}
}

func (w *walk) filtered() view {
	if len(w.filters.there) == 0 {
		return func(context.Context, *sqlx.Tx) ([]string, error) { return nil, nil }
	}
	return func(ctx context.Context, t *sqlx.Tx) (wrong []string, err error) {
		c, changed := &w.filters, map[int64]bool{}
		err = each(t.QueryxContext(ctx, "SELECT CAST(part AS BIGINT), CAST(segment AS BIGINT), bits FROM word_filter"))(func(r *sqlx.Rows) error {
			var part, segment int64
			var bits string
			if err := r.Scan(&part, &segment, &bits); err != nil {
				return err
			}
			is := c.sums[segment]
			if part < 0 || part >= int64(len(is)) {
				return nil // no search reads it
			}
			if sum, _, ok := readFilter(c.of[segment], part, bits); ok && sum != is[part] {
				changed[segment] = true
			}
			return nil
		})
		for _, segment := range sortedKeys(changed) {
			of := c.of[segment]
			wrong = append(wrong, fmt.Sprintf("the filter for words of the records %d to %d was changed, and a search may miss some; DELETE FROM word_filter is enough, rolecall serve makes them anew",
				of.after()+1, of.last()))
		}
		return wrong, err
	}
}
