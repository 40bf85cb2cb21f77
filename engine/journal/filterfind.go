package journal

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// mostCells bounds what a search reads of the filters: further grams of long words hardly rule out anything more.
const mostCells = 30

// wordCells are cells that a block has in which all words of a query stand.
func wordCells(words string) (cells []uint32) {
	fields := strings.Fields(words)
	for _, word := range fields {
		var of []uint32
		for _, gram := range wordGrams(lowerASCII(inner(word)), max(1, mostCells/filterHashes/len(fields))) {
			all := cellsOf(gram)
			of = append(of, all[:]...)
		}
		cells = append(cells, of...)
	}
	slices.Sort(cells)
	return slices.Compact(cells)
}

// wordGrams are at most n grams of a word, those that are most likely to be rare.
func wordGrams(word string, n int) (out []string) {
	var all []string
	for piece := range pieces([]byte(word)) {
		sizes := grams()
		fit := slices.DeleteFunc(sizes[:], func(size int) bool { return size > len(piece) })
		for _, size := range fit[max(0, len(fit)-2):] {
			for i := 0; i+size <= len(piece); i++ {
				all = append(all, string(piece[i:i+size]))
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	shorter := slices.IndexFunc(append(all, ""), func(gram string) bool { return len(gram) < len(all[0]) })
	if shorter > n { // from all over the word
		for i := range n {
			out = append(out, all[i*(shorter-1)/max(1, n-1)])
		}
		return out
	}
	return all[:min(n, len(all))]
}

// worded leaves of spans, nil: everything, those in which all words may stand. An index of the journal's own finds quicker what is of one
// person, account or rare kind, and a run's blocks are few.
func (s *Store) worded(ctx context.Context, q *engine.Query, spans []span) ([]span, error) {
	cells := wordCells(q.Words)
	if len(cells) == 0 || q.Person != "" || q.Account != "" || q.Run != "" || q.Kind != "" && !slices.Contains(frequent(), q.Kind) {
		return spans, nil
	}
	all, err := s.segments(ctx, s.read, q.After, q.Before)
	if err != nil || len(all) == 0 {
		return spans, err
	}
	masks, err := s.masks(ctx, all, cells)
	return meet(spans, maskSpans(all[0].segment, masks)), err
}

// segments are the whole segments that have records between two, in order; before 0: up to the end.
func (s *Store) segments(ctx context.Context, from sqlx.QueryerContext, after, before int64) (all []filterOf, err error) {
	var size int64
	if err := sqlx.GetContext(ctx, from, &size, "SELECT size FROM head"); err != nil {
		return nil, err
	}
	first, end := max(0, segmentOf(after+1)), size/filterRecords
	if before > 0 {
		end = min(end, segmentOf(max(1, before-1))+1)
	}
	var ends []int64
	for n := first; n < end; n++ {
		ends = append(ends, filterOf{segment: n}.last())
	}
	err = each(from.QueryxContext(ctx, "SELECT seq, leaf FROM journal WHERE seq IN ("+numbers(ends)+") ORDER BY seq"))(func(r *sqlx.Rows) error {
		var seq int64
		var leaf string
		err := r.Scan(&seq, &leaf)
		all = append(all, filterOf{segmentOf(seq), leaf})
		return err
	})
	if err == nil && len(all) != len(ends) { // records are missing: everything is read
		all = nil
	}
	return all, err
}

// masks says for each segment in which of its blocks all cells are. What a row does not rule out, or no row, may be there.
func (s *Store) masks(ctx context.Context, all []filterOf, cells []uint32) ([]uint16, error) {
	masks := slices.Repeat([]uint16{math.MaxUint16}, len(all))
	in := map[int64][]uint32{}
	for _, cell := range cells {
		in[int64(cell/filterRow)] = append(in[int64(cell/filterRow)], cell%filterRow)
	}
	query := "SELECT CAST(part AS BIGINT), CAST(segment AS BIGINT), bits FROM word_filter WHERE part IN (" + numbers(sortedKeys(in)) + ") AND segment >= ? AND segment <= ?"
	first := all[0].segment
	return masks, each(s.read.QueryxContext(ctx, s.read.Rebind(query), first, all[len(all)-1].segment))(func(r *sqlx.Rows) error {
		var part, segment int64
		var bits string
		if err := r.Scan(&part, &segment, &bits); err != nil {
			return err
		}
		if _, row, ok := readFilter(all[segment-first], part, bits); ok {
			for _, cell := range in[part] {
				masks[segment-first] &= binary.BigEndian.Uint16(row[2*cell:])
			}
		}
		return nil
	})
}

// maskSpans are the blocks of the masks, the first one's segment being first, and all that is before and behind.
func maskSpans(first int64, masks []uint16) []span {
	blocks := []int64{}
	for i, mask := range masks {
		for b := range int64(filterBlocks) {
			if mask>>b&1 == 1 {
				blocks = append(blocks, (first+int64(i))*filterBlocks+b)
			}
		}
	}
	out := stretches(0, [][]int64{blocks})
	if first > 0 {
		out = append([]span{{1, first * filterRecords}}, out...)
	}
	return append(out, span{(first+int64(len(masks)))*filterRecords + 1, math.MaxInt64 - 1})
}

// meet is what is in both, a nil: everything.
func meet(a, b []span) []span {
	if a == nil {
		return b
	}
	out := []span{}
	for len(a) > 0 && len(b) > 0 {
		if from, to := max(a[0].from, b[0].from), min(a[0].to, b[0].to); from <= to {
			out = append(out, span{from, to})
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}
