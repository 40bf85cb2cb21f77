package journal

import (
	"context"
	"fmt"
	"iter"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// Verification is what Verify found.
type Verification struct {
	audit.Report
	// Wrong lists where the searchable columns, the views and the store's own checkpoints differ from what the records say, at
	// most mostWrong lines.
	Wrong []string
	// Folded says that the views were compared with the fold of the records; it is false when the records themselves are at fault.
	Folded bool
	// People and Accounts are how many were blanked, and Left how many of their links and tenures could not be compared, since the records
	// can't be read that they come from.
	People, Accounts, Left int
	// Pruned is the last pruning, nil if there was none: the views before it can't be told any more.
	Pruned *engine.Pruned
}

// OK says that nothing is wrong.
func (v *Verification) OK() bool { return v.Fault == nil && len(v.Wrong) == 0 }

// mostWrong bounds a report: who has damaged one table may have damaged all.
const mostWrong = 20

// Verify recomputes all leaves and the tree, compares them with the head row, the stored nodes and the given heads, those
// of checkpoints from outside; and compares columns, views and the store's own checkpoints with what the records say. All of one state.
func (s *Store) Verify(ctx context.Context, heads ...audit.Head) (v Verification, err error) {
	return s.verify(ctx, nil, heads...)
}

// verify asks prepare, unless it is nil, to change the walk before it begins.
func (s *Store) verify(ctx context.Context, prepare func(*walk) error, heads ...audit.Head) (v Verification, err error) {
	pages := make(chan error, 1)
	go func() { pages <- s.checkPages(ctx) }()
	err = s.looking(ctx, func(looks []*look, h *head) error {
		w := newWalk(ctx, looks, s.dialect.joins(), &v)
		stored, err := audit.ParseFrontier(h.Frontier)
		if err != nil {
			v.Wrong = append(v.Wrong, err.Error())
			return nil
		}
		if err := w.readNames(); err != nil {
			return err
		}
		if err := w.readSeals(); err != nil {
			return err
		}
		if err := w.readCut(); err != nil {
			return err
		}
		if prepare != nil {
			if err := prepare(w); err != nil {
				return err
			}
		}
		if err := w.readBlanks(); err != nil {
			return err
		}
		v.Report, err = audit.Verify(w.records(), audit.Against{Heads: heads, Stored: &stored, Nodes: w})
		if err != nil || v.Fault != nil || w.broken {
			return err
		}
		v.Folded = true
		w.blanks.done(w, h)
		w.cut.explained(w)
		return w.compareViews(h)
	})
	if damaged := <-pages; damaged != nil {
		return Verification{}, s.wrap("verify", damaged)
	}
	return v, s.wrap("verify", err)
}

// checkPages looks at every page of the file, if the store is one.
func (s *Store) checkPages(ctx context.Context) error {
	if s.path == "" {
		return nil
	}
	return checkPages(ctx, s.read)
}

// walk goes through all records once.
type walk struct {
	ctx      context.Context
	looks    []*look
	joins    bool // see selectJoined
	fold     *engine.Fold
	tenures  *engine.Tenures
	linked   map[linkBegun]linkView
	newest   map[engine.LinkKey]int64 // the record that made the current link
	seals    seals
	mentions mentions
	broken   bool // the fold could not go on
	names    tableNames
	blanks   blanks
	cut      *cut       // what was pruned, nil: nothing
	prune    *pruneWalk // what is about to be, nil: nothing
	v        *Verification
}

func newWalk(ctx context.Context, looks []*look, joins bool, v *Verification) *walk {
	return &walk{ctx: ctx, looks: looks, joins: joins, fold: engine.FoldOnly(), tenures: engine.NewTenures(), linked: map[linkBegun]linkView{}, newest: map[engine.LinkKey]int64{}, v: v}
}

func (w *walk) wrong(format string, args ...any) {
	if len(w.v.Wrong) < mostWrong {
		w.v.Wrong = append(w.v.Wrong, fmt.Sprintf(format, args...))
	}
}

// Run implements audit.Runs.
func (w *walk) Run(level int, from, n int64) (hashes []audit.Hash, err error) {
	err = w.looks[0].use(func(t *sqlx.Tx) error {
		hashes, err = runs{w.ctx, t}.Run(level, from, n)
		return err
	})
	return hashes, err
}

func (w *walk) records() iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for row, err := range w.rows() {
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			w.seal(row)
			w.take(row)
			if !yield(row.record, nil) {
				return
			}
		}
		w.unreached()
	}
}

// take folds one record in.
func (w *walk) take(row *row) {
	for _, line := range row.wrong {
		w.wrong("%s", line)
	}
	if w.broken = w.broken || row.breaks; w.broken {
		return
	}
	if w.cut.covers(row.Seq) {
		w.before(row)
	} else if err := w.fold.Apply(row.told); err != nil {
		w.broken = true
		w.wrong("%v", err)
		return
	} else {
		w.mentions.add(&row.told)
		w.tenures.Follow(w.fold, row.told)
		w.link(&row.told)
		w.blanks.take(w, row)
	}
	w.prune.take(w, row)
}
