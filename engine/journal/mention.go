package journal

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// mention says that something occurs in a block of records. The table mention costs little, having a few rows for a block, and
// takes a search past all blocks that can't have what it looks for.
type mention struct {
	what, name string
	block      int64
}

const (
	mentionBlock = 1024 // records; never changed
	sinceMention = "since"
	runMention   = "run" // of which all blocks are known, those before since too
)

func blockOf(seq int64) int64 { return (seq - 1) / mentionBlock }

// named is what a record, or a query, names.
func named(run, actor, program string, entitlement *string, op engine.Op, outcome engine.Outcome) [6]mention {
	all := [6]mention{{what: runMention, name: run}, {what: "actor", name: actor}, {what: "program", name: program}, {what: "op", name: string(op)}, {what: "outcome", name: string(outcome)}}
	if program != "" && entitlement != nil {
		all[5] = mention{what: "right", name: program + "/" + *entitlement}
	}
	return all
}

func ruleMention(rule string) mention { return mention{what: "rule", name: rule} }

// mentions collects them. Many records name what the one before named.
type mentions struct {
	all   map[mention]bool
	last  [6]mention
	rules []string
	block int64
}

func (m *mentions) add(r *engine.Record) {
	block := blockOf(r.Seq)
	if m.all == nil || block != m.block {
		m.block, m.last, m.rules = block, [6]mention{}, nil
		if m.all == nil {
			m.all = map[mention]bool{}
		}
	}
	all := named(r.Run, r.Actor, r.Program, &r.Entitlement, r.Op, r.Outcome)
	for i, one := range all {
		if one != m.last[i] {
			m.put(one)
		}
	}
	m.last = all
	if len(r.Rules) > 0 && !slices.Equal(r.Rules, m.rules) {
		for _, rule := range r.Rules {
			m.put(ruleMention(rule))
		}
		m.rules = r.Rules
	}
}

func (m *mentions) put(one mention) {
	if one.name != "" {
		one.block = m.block
		m.all[one] = true
	}
}

// saveMentions writes them. They may be there: from records of the same block, or from some that are gone, of a journal that was cut off,
// and a cut goes on there.
func (b *batch) saveMentions() (write func() error) {
	r := newRows("tti").expect(len(b.mentions.all))
	for _, m := range slices.SortedFunc(maps.Keys(b.mentions.all), compareMentions) {
		r.add(m.what, m.name, m.block)
	}
	return func() error {
		return b.run("INSERT INTO mention (what, name, block) SELECT * FROM @rows r WHERE true ON CONFLICT (what, name, block) DO NOTHING", r)
	}
}

func compareMentions(a, b mention) int {
	return cmp.Or(strings.Compare(a.what, b.what), strings.Compare(a.name, b.name), cmp.Compare(a.block, b.block))
}

// span is a stretch of the journal, both ends included.
type span struct{ from, to int64 }

// spans are the stretches, oldest first, outside of which no record can be what q asks for; nil: everything is one. An index of the
// journal's own finds quicker what is of one person or account, and a run's blocks are few.
func (s *Store) spans(ctx context.Context, q *engine.Query) ([]span, error) {
	if q.Person != "" || q.Account != "" {
		return nil, nil
	}
	if q.Run != "" {
		blocks, err := s.blocks(ctx, mention{what: runMention, name: q.Run}, q)
		return stretches(0, [][]int64{blocks}), err
	}
	asked := named("", q.Actor, q.Program, q.Entitlement, q.Op, q.Outcome)
	var lists [][]int64
	for _, one := range append(asked[:], ruleMention(q.Rule)) {
		if one.name == "" {
			continue
		}
		blocks, err := s.blocks(ctx, one, q)
		if err != nil {
			return nil, err
		}
		lists = append(lists, blocks)
	}
	if lists == nil {
		return nil, nil
	}
	var since int64
	err := s.read.GetContext(ctx, &since, s.read.Rebind("SELECT coalesce(max(block), 0) FROM mention WHERE what = ?"), sinceMention)
	return stretches(since, lists), err
}

func (s *Store) blocks(ctx context.Context, one mention, q *engine.Query) (blocks []int64, err error) {
	const query = "SELECT block FROM mention WHERE what = ? AND name = ? AND block >= ? AND block <= ? ORDER BY block"
	last := int64(math.MaxInt64)
	if q.Before > 0 {
		last = blockOf(q.Before)
	}
	err = s.read.SelectContext(ctx, &blocks, s.read.Rebind(query), one.what, one.name, blockOf(q.After+1), last)
	return blocks, err
}

// stretches are the blocks that are in all lists, and all before since, of which nothing is known.
func stretches(since int64, lists [][]int64) []span {
	out := []span{}
	if since > 0 {
		out = append(out, span{1, since * mentionBlock})
	}
	for _, b := range lists[0] {
		everywhere := b >= since
		for _, list := range lists[1:] {
			_, found := slices.BinarySearch(list, b)
			everywhere = everywhere && found
		}
		switch n := len(out); {
		case !everywhere:
		case n > 0 && out[n-1].to == b*mentionBlock:
			out[n-1].to += mentionBlock
		default:
			out = append(out, span{b*mentionBlock + 1, (b + 1) * mentionBlock})
		}
	}
	return out
}

// within narrows a query to a span.
func (sp span) within(q engine.Query) engine.Query {
	q.After = max(q.After, sp.from-1)
	if q.Before == 0 || q.Before > sp.to+1 {
		q.Before = sp.to + 1
	}
	return q
}

// mentioned is compared from the block on from which all are there, runs in all blocks.
func (w *walk) mentioned() view {
	return func(ctx context.Context, t *sqlx.Tx) ([]string, error) {
		var since int64
		if err := t.GetContext(ctx, &since, t.Rebind("SELECT coalesce(max(block), 0) FROM mention WHERE what = ?"), sinceMention); err != nil {
			return nil, err
		}
		want := w.mentions.all
		maps.DeleteFunc(want, func(m mention, _ bool) bool { return m.block < since && m.what != runMention })
		return viewed[mention, bool]{
			what:  "mention",
			query: "SELECT what, name, block FROM mention WHERE what <> 'since' AND (what = 'run' OR block >= " + strconv.FormatInt(since, 10) + ")",
			scan: func(r *sqlx.Rows) (m mention, v bool, err error) {
				err = r.Scan(&m.what, &m.name, &m.block)
				return m, true, err
			},
			take: taking(want),
			rest: allOf(want),
		}.compare(ctx, t)
	}
}
