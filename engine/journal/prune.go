package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// PruneOrder says what to prune.
type PruneOrder struct {
	Actor, Reason string
	Before        time.Time
	Heads         []audit.Head // of checkpoints from outside
	// Sign gives what the journal's key says of a snapshot; nil: there is no key.
	Sign func(now audit.Head, statement string) (string, error)
}

// PruneDone says what a pruning did.
type PruneDone struct {
	engine.Pruned
	Emptied int64    // records
	Kept    int64    // records among them that stay whole
	Resumed bool     // an earlier one was not finished
	Remains []string // where something may still be on the disk
}

// Statement is what the journal's key signs of a snapshot.
func Statement(p *engine.Pruning) string {
	return fmt.Sprintf("snapshot %d %d %s", p.UpTo, p.Lines, p.Root)
}

// UpTo is the last record from before a time, 0 if there is none.
func (s *Store) UpTo(ctx context.Context, before time.Time) (int64, error) {
	next, err := firstFrom(ctx, s.read, s.read.Rebind, ceiling(before))
	return next - 1, s.wrap("look for a time", err)
}

// Prune empties the records from before a time, after a record with a snapshot of what they come to. Numbers, times and hashes stay, and so
// all proofs. Everything is verified first, and once more as it will be. It goes step by step, and whoever calls it again goes on where it
// was interrupted.
func (s *Store) Prune(ctx context.Context, o PruneOrder) (done PruneDone, err error) {
	if s.options.ReadOnly {
		return done, ErrReadOnly
	}
	last, err := s.Pruned(ctx)
	if err != nil {
		return done, err
	}
	upTo, err := s.UpTo(ctx, o.Before)
	if err != nil {
		return done, err
	}
	switch {
	case last != nil && upTo <= last.UpTo:
		done.Resumed = true
	case upTo < 1:
		return done, fmt.Errorf("%w: no record is from before %s", engine.ErrNotPruned, o.Before.UTC().Format(time.RFC3339))
	default:
		engine.Failpoint("prune.before")
		if last, err = s.snapshot(ctx, &o, upTo); err != nil {
			return done, s.wrap("prune", err)
		}
	}
	done.Pruned = *last
	if err := s.empty(ctx, &done); err != nil {
		return done, s.wrap("prune", fmt.Errorf("it was interrupted, and goes on when it is begun again: %w", err))
	}
	engine.Failpoint("prune.after")
	done.Remains = s.dialect.forget(ctx, s)
	return done, nil
}

// snapshot writes the snapshot and the record of it.
func (s *Store) snapshot(ctx context.Context, o *PruneOrder, upTo int64) (*engine.Pruned, error) {
	p := &pruneWalk{upTo: upTo, random: s.options.Random}
	v, err := s.verify(ctx, func(w *walk) (err error) {
		w.prune = p
		return w.looks[0].use(func(t *sqlx.Tx) error {
			p.holds, err = readHolds(w.ctx, t, t.Rebind)
			return err
		})
	}, o.Heads...)
	switch {
	case err != nil || p.err != nil:
		return nil, errors.Join(err, p.err)
	case !v.OK():
		return nil, fmt.Errorf("%w: the journal is not what it was, see rolecall audit verify: %s", engine.ErrNotPruned, v.first())
	case !p.drawn || !v.Folded:
		return nil, fmt.Errorf("%w: the journal could not be read up to record %d", engine.ErrNotPruned, upTo)
	}
	pruning := engine.Pruning{Before: o.Before.UTC(), UpTo: upTo, Lines: int64(len(p.lines)), Kept: p.stretches()}
	if err := s.writeLines(ctx, upTo, p.lines); err != nil {
		return nil, err
	}
	engine.Failpoint("prune.torn.verify")
	if err := s.rehearse(ctx, &pruning, o.Heads); err != nil {
		return nil, err
	}
	if o.Sign != nil {
		if pruning.Signed, err = o.Sign(v.Tree.Head(), Statement(&pruning)); err != nil {
			return nil, err
		}
	}
	engine.Failpoint("prune.torn.record")
	return s.recordPruning(ctx, o, &pruning, v.Tree.Head())
}

// linesAtOnce bounds a transaction.
const linesAtOnce = 4096

// writeLines puts the lines into the table; of former tries nothing is left.
func (s *Store) writeLines(ctx context.Context, upTo int64, lines []Stored) error {
	for n := int64(0); n == 0 || n < int64(len(lines)); n += linesAtOnce {
		err := s.locked(ctx, func(t *tx, _ *head) error {
			if err := t.dropDrafts(n == 0); err != nil {
				return err
			}
			for i := n; i < min(n+linesAtOnce, int64(len(lines))); i++ {
				l := &lines[i]
				if _, err := t.ExecContext(t.ctx, t.Rebind("INSERT INTO snapshot (upto, n, public, salt, personal) VALUES (?, ?, ?, ?, ?)"), upTo, i+1, l.Public, null(l.Salt), null(l.Personal)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		engine.Failpoint("prune.torn.lines")
	}
	return nil
}

func null(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// dropDrafts deletes the lines that no record speaks of.
func (t *tx) dropDrafts(yes bool) error {
	if !yes {
		return nil
	}
	if err := t.erasing(); err != nil {
		return err
	}
	last, err := lastPruning(t.ctx, t)
	if err != nil {
		return err
	}
	upTo := int64(0)
	if last != nil {
		upTo = last.UpTo
	}
	_, err = t.ExecContext(t.ctx, t.Rebind("DELETE FROM snapshot WHERE upto <> ?"), upTo)
	return err
}

// rehearse verifies everything once more, from the snapshot on, as whoever comes after will have to.
func (s *Store) rehearse(ctx context.Context, p *engine.Pruning, heads []audit.Head) error {
	lines, err := readSnapshot(ctx, s.read, s.read.Rebind, p.UpTo)
	if err != nil {
		return err
	}
	if p.Root = lines.root(); lines.lines != p.Lines {
		return fmt.Errorf("%w: the snapshot was taken away while it was written; try again", engine.ErrNotPruned)
	}
	v, err := s.verify(ctx, func(w *walk) error {
		w.cut = &cut{Pruned: engine.Pruned{Pruning: *p, Record: lastSeq}, snapshot: lines, intents: map[int64]engine.Record{}}
		return nil
	}, heads...)
	if err == nil && !v.OK() {
		err = fmt.Errorf("%w: the journal does not go on from its own snapshot; please report this: %s", engine.ErrNotPruned, v.first())
	}
	return err
}

// recordPruning writes the record from which on records may be empty, if the journal still is what was verified.
func (s *Store) recordPruning(ctx context.Context, o *PruneOrder, p *engine.Pruning, verified audit.Head) (*engine.Pruned, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	q := &request{guard: engine.Free, records: make([]engine.Record, 1), sealed: make([]sealed, 1)}
	if err := sealAll(q, []engine.Record{{Kind: engine.KindSnapshot, Actor: o.Actor, Why: []string{o.Reason}, Data: data}}, s.options.Random); err != nil {
		return nil, err
	}
	err = s.locked(ctx, func(t *tx, h *head) error {
		if err := t.still(p, verified); err != nil {
			return err
		}
		b := &batch{tx: t, head: h, names: s.names, intended: map[string]bool{}}
		if err := b.write([]*request{q}); err != nil {
			return err
		}
		return q.err
	})
	if err != nil {
		return nil, err
	}
	r := q.records[0]
	return &engine.Pruned{Pruning: *p, By: r.Actor, Reason: o.Reason, Time: r.Time, Record: r.Seq}, nil
}

// still refuses to say that records may be empty where something is not any more as it was verified.
func (t *tx) still(p *engine.Pruning, verified audit.Head) error {
	f, err := audit.FrontierAt(verified.Size, runs{t.ctx, t.Tx})
	if err == nil && f.Head() != verified {
		err = fmt.Errorf("%w: it was replaced by another one meanwhile", engine.ErrNotPruned)
	}
	for _, one := range []struct {
		wrong, query string
		args         []any
		want         int64
	}{
		{"a change from that time is open; wait until it is made", "SELECT count(*) FROM open_intent WHERE seq <= ?", []any{p.UpTo}, 0},
		{"somebody was blanked, or put under a legal hold, meanwhile; try again", "SELECT count(*) FROM journal j WHERE j.kind IN ('blank', 'hold', 'snapshot') AND j.seq > ? AND " + rare(), []any{verified.Size}, 0},
		{"the snapshot is not there any more; try again", "SELECT count(*) FROM snapshot WHERE upto = ?", []any{p.UpTo}, p.Lines},
		{"acting is stopped since the journal came from a backup", "SELECT count(*) FROM fact WHERE kind = 'restored'", nil, 0},
	} {
		var n int64
		if err == nil {
			err = t.GetContext(t.ctx, &n, t.Rebind(one.query), one.args...)
		}
		if err == nil && n != one.want {
			err = fmt.Errorf("%w: %s", engine.ErrNotPruned, one.wrong)
		}
	}
	return err
}

// blocksAtOnce are emptied in one transaction.
const blocksAtOnce = 8

// empty does what the record of a pruning allows, as far as it is not done yet.
func (s *Store) empty(ctx context.Context, done *PruneDone) error {
	last := blockOf(done.UpTo)
	for block := int64(0); block <= last; block += blocksAtOnce {
		var emptied, kept int64
		err := s.locked(ctx, func(t *tx, _ *head) (err error) {
			emptied, kept, err = t.emptyBlocks(done, block, min(block+blocksAtOnce-1, last))
			return err
		})
		if err != nil {
			return err
		}
		done.Emptied, done.Kept = done.Emptied+emptied, done.Kept+kept
		engine.Failpoint("prune.torn.rows")
	}
	engine.Failpoint("prune.torn.views")
	return s.locked(ctx, func(t *tx, _ *head) error {
		if err := t.dropDrafts(true); err != nil {
			return err
		}
		_, err := t.ExecContext(t.ctx, t.Rebind("DELETE FROM tenure WHERE until_seq <> 0 AND until_seq <= ?"), done.UpTo)
		return err
	})
}

// emptyBlocks empties some blocks of the index. Nobody who is under a legal hold now loses anything, whatever was so when the snapshot
// was made.
func (t *tx) emptyBlocks(done *PruneDone, from, to int64) (emptied, kept int64, err error) {
	now, err := lastPruning(t.ctx, t)
	if err != nil || now == nil || now.Record != done.Record { // the journal was replaced, or somebody else prunes
		return 0, 0, errors.Join(err, fmt.Errorf("%w: the journal was replaced by another one meanwhile", engine.ErrNotPruned))
	}
	if err := t.erasing(); err != nil {
		return 0, 0, err
	}
	held, err := readHolds(t.ctx, t, t.Rebind)
	if err != nil {
		return 0, 0, err
	}
	for block := from; block <= to; block++ {
		n, left, err := t.emptyBlock(&done.Pruning, held, block)
		if err != nil {
			return 0, 0, err
		}
		emptied, kept = emptied+n, kept+left
	}
	return emptied, kept, nil
}

const emptyRecords = `UPDATE journal SET kind = '', run = '', person = 0, program = '', account = 0, entitlement = '', op = '', outcome = '', intent = 0, cause = '', class = '',
	source = '', approved = 0, public = '', salt = NULL, personal = NULL, commitment = NULL WHERE seq > ? AND seq <= ? AND kind <> '' AND seq NOT IN (`

func (t *tx) emptyBlock(p *engine.Pruning, held *holds, block int64) (emptied, kept int64, err error) {
	first, last := block*mentionBlock, min((block+1)*mentionBlock, p.UpTo)
	var rows []struct {
		Seq, Person, Account int64
		Personal             []byte
	}
	err = t.SelectContext(t.ctx, &rows, t.Rebind("SELECT seq, person, account, personal FROM journal WHERE seq > ? AND seq <= ? AND kind <> ''"), first, last)
	if err != nil {
		return 0, 0, err
	}
	stay := []string{"-1"}
	for _, r := range rows {
		if p.Keeps(r.Seq) || held.match(r.Person, r.Account, r.Personal) {
			stay = append(stay, strconv.FormatInt(r.Seq, 10))
		}
	}
	kept = int64(len(stay) - 1)
	if emptied = int64(len(rows)) - kept; emptied == 0 {
		return 0, kept, nil
	}
	if _, err := t.ExecContext(t.ctx, t.Rebind(emptyRecords+strings.Join(stay, ", ")+")"), first, last); err != nil {
		return 0, 0, err
	}
	return emptied, kept, t.mentionAnew(block)
}

// mentionAnew leaves of a block in the index what its records still name.
func (t *tx) mentionAnew(block int64) error {
	var left mentions
	err := each(t.QueryxContext(t.ctx, t.Rebind("SELECT public, personal FROM journal WHERE seq > ? AND seq <= ? AND kind <> '' ORDER BY seq"), block*mentionBlock, (block+1)*mentionBlock))(func(r *sqlx.Rows) error {
		var publicText, personalText []byte
		if err := r.Scan(&publicText, &personalText); err != nil {
			return err
		}
		record, _, err := load(publicText, personalText)
		left.add(&record)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(t.ctx, t.Rebind("DELETE FROM mention WHERE block = ? AND what <> ?"), block, sinceMention); err != nil {
		return err
	}
	b := &batch{tx: t, mentions: left}
	return b.saveMentions()
}
