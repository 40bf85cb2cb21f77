package journal

import (
	"context"
	"encoding/base64"
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
	// Folded says that the views were compared with the fold of the records. That needs all records: it is false when
	// some are blanked or when the records themselves are at fault.
	Folded bool
}

// OK says that nothing is wrong.
func (v *Verification) OK() bool { return v.Fault == nil && len(v.Wrong) == 0 }

// mostWrong bounds a report: who has damaged one table may have damaged all.
const mostWrong = 20

// Verify recomputes all leaves and the tree, compares them with the head row, the stored nodes and the given heads, those
// of checkpoints from outside; and compares columns, views and the store's own checkpoints with what the records say. All of one snapshot.
func (s *Store) Verify(ctx context.Context, heads ...audit.Head) (v Verification, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		w := newWalk(ctx, t, &v)
		var h head
		if s.path != "" {
			if err := checkPages(ctx, t); err != nil {
				return err
			}
		}
		if err := t.GetContext(ctx, &h, selectHead); err != nil {
			return err
		}
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
		v.Report, err = audit.Verify(w.records(), audit.Against{Heads: heads, Stored: &stored, Nodes: runs{ctx, t}})
		if err != nil || v.Fault != nil || v.Blanked > 0 || w.broken {
			return err
		}
		v.Folded = true
		return w.compareViews(&h)
	})
	return v, s.wrap("verify", err)
}

// walk goes through all records once.
type walk struct {
	ctx     context.Context
	tx      *sqlx.Tx
	fold    *engine.Fold
	tenures *engine.Tenures
	linked  map[linkBegun]linkView
	newest  map[engine.LinkKey]int64 // the record that made the current link
	seals   seals
	broken  bool // the fold could not go on
	names   tableNames
	v       *Verification
}

func newWalk(ctx context.Context, t *sqlx.Tx, v *Verification) *walk {
	return &walk{ctx: ctx, tx: t, fold: engine.NewFold(), tenures: engine.NewTenures(), linked: map[linkBegun]linkView{}, newest: map[engine.LinkKey]int64{}, v: v}
}

func (w *walk) wrong(format string, args ...any) {
	if len(w.v.Wrong) < mostWrong {
		w.v.Wrong = append(w.v.Wrong, fmt.Sprintf(format, args...))
	}
}

// storedRow is a row of the table journal.
type storedRow struct {
	columns
	Public           []byte
	Salt, Commitment *string
	Personal         []byte
	Leaf             string
}

// columns are those that repeat what the content says, for searching.
type columns struct {
	Seq, Time                int64
	Kind, Run                string
	Person                   int64
	Program                  string
	Account                  int64
	Entitlement, Op, Outcome string
	Intent                   int64
	Cause, Class, Source     string
	Approved                 bool
}

const selectStored = "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"

func (w *walk) records() iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for last := int64(-1 << 62); ; {
			var rows []storedRow
			if err := w.tx.SelectContext(w.ctx, &rows, w.tx.Rebind(selectStored), last, page); err != nil {
				yield(audit.Record{}, err)
				return
			}
			for i := range rows {
				last = rows[i].Seq
				w.seal(&rows[i])
				w.take(&rows[i])
				if !yield(rows[i].record()) {
					return
				}
			}
			if len(rows) < page {
				w.unreached()
				return
			}
		}
	}
}

func (r *storedRow) record() (out audit.Record, err error) {
	out = audit.Record{Seq: r.Seq, Public: r.Public, Personal: r.Personal}
	if out.Leaf, err = parseHash(r.Leaf); err != nil {
		out.Leaf, err = audit.Hash{}, nil // no record gives this hash, so it will be found
	}
	for from, to := range map[*string]*[]byte{r.Salt: &out.Salt, r.Commitment: &out.Commitment} {
		if from == nil {
			continue
		}
		if *to, err = base64.StdEncoding.Strict().DecodeString(*from); err != nil {
			*to, err = []byte(*from), nil // of the wrong length or content: found too
		}
	}
	return out, err
}

// take compares the columns of one record with its content and folds it in.
func (w *walk) take(row *storedRow) {
	r, who, err := load(row.Public, row.Personal)
	if err != nil {
		w.broken = true
		w.wrong("record %d can't be read: %v", row.Seq, err)
		return
	}
	source := ""
	switch {
	case !r.Kind.Charges():
	case row.Personal == nil:
		source = row.Source // it is in what was blanked, so nothing is left to compare it with
	default:
		source, _ = engine.IntentSource(&r) // an empty one differs
	}
	want := columns{Seq: who.Seq, Time: who.Time, Kind: who.Kind, Run: who.Run, Person: who.Person, Program: who.Program, Account: who.Account,
		Entitlement: who.Entitlement, Op: who.Op, Outcome: who.Outcome, Intent: who.Of, Cause: who.Cause, Class: who.Class, Source: source, Approved: who.Approved}
	if row.columns != want {
		w.wrong("record %d: its columns say %v, its content %v", row.Seq, row.columns, want)
	}
	if row.Personal == nil {
		w.broken = true
		return
	}
	person, account := w.names.people[row.Person], w.names.accounts[row.Account]
	if r.Person != "" && person != r.Person || r.Account != "" && account != (name{r.Program, r.Account}) {
		w.wrong("record %d names %q and %q, but its numbers stand for %q and %q", row.Seq, r.Person, r.Account, person, account.name)
	}
	if w.broken {
		return
	}
	if err := w.fold.Apply(r); err != nil {
		w.broken = true
		w.wrong("%v", err)
		return
	}
	w.tenures.Follow(w.fold, r)
	w.link(&r)
}
