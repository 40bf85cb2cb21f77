package journal

import (
	"cmp"
	"context"
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
	Least         time.Duration // how long records stay at the least, by the journal's own times
	Heads         []audit.Head  // of checkpoints that the journal's key signed; one must cover all that is to go
	// Sign gives what the journal's key says of the record of the pruning, on the journal as it is then.
	Sign func(now audit.Head, statement string) (string, error)
	// Trust says why the record of an earlier pruning is not believed.
	Trust func(context.Context, *engine.Pruned) error
}

// PruneDone says what a pruning did.
type PruneDone struct {
	engine.Pruned
	Emptied int64    // records
	Kept    int64    // records among them that stay whole
	Already bool     // an earlier one did it, and nothing was left to do
	Remains []string // where something may still be on the disk
}

// UpTo is the last record from before a time, 0 if there is none.
func (s *Store) UpTo(ctx context.Context, before time.Time) (int64, error) {
	next, err := firstFrom(ctx, s.read, s.read.Rebind, ceiling(before))
	return next - 1, s.wrap("look for a time", err)
}

// pruneTime is how long a pruning may hold the head. Everything is read twice meanwhile.
const pruneTime = 6 * time.Hour

// Prune empties the records from before a time, behind a record with a snapshot of what they come to. Numbers, times and hashes stay, and so
// all proofs. It is one transaction, which holds the head: what is verified, signed and emptied is the same journal, two at once can't be,
// and of one that fails nothing is left.
func (s *Store) Prune(ctx context.Context, o PruneOrder) (done PruneDone, err error) {
	switch {
	case s.options.ReadOnly:
		return done, ErrReadOnly
	case o.Sign == nil || o.Trust == nil:
		return done, fmt.Errorf("%w: there is no key to sign it with, and nobody could tell it from records that were taken away", engine.ErrNotPruned)
	}
	engine.Failpoint("prune.before")
	err = s.lockedFor(ctx, pruneTime, func(t *tx, h *head) (err error) {
		if _, err = t.ExecContext(t.ctx, s.dialect.patient()); err == nil {
			done, err = (&pruning{tx: t, head: h, order: &o}).run()
		}
		return err
	})
	if err != nil {
		return PruneDone{}, s.wrap("prune", err)
	}
	engine.Failpoint("prune.after")
	done.Remains = s.dialect.forget(ctx, s)
	return done, nil
}

// pruning is one under way.
type pruning struct {
	*tx
	head  *head
	order *PruneOrder
	now   audit.Head // the journal, when it begins
	walk  pruneWalk
	root  string
}

func (p *pruning) run() (done PruneDone, err error) {
	last, err := lastPruning(p.ctx, p.tx)
	if err != nil {
		return done, err
	}
	next, err := firstFrom(p.ctx, p.tx, p.Rebind, ceiling(p.order.Before))
	switch {
	case err != nil:
		return done, err
	case last != nil && next-1 <= last.UpTo:
		return PruneDone{Pruned: *last, Already: true}, p.order.Trust(p.ctx, last)
	case next < 2:
		return done, fmt.Errorf("%w: no record is from before %s", engine.ErrNotPruned, p.order.Before.UTC().Format(time.RFC3339))
	}
	p.walk = pruneWalk{upTo: next - 1, random: p.store.options.Random, last: ceiling(p.order.Before)}
	if err := p.sure(); err != nil {
		return done, err
	}
	engine.Failpoint("prune.torn.verify")
	return p.write()
}

// sure finds out that everything is as it must be, and what the records come to.
func (p *pruning) sure() error {
	f, err := audit.ParseFrontier(p.head.Frontier)
	if err != nil {
		return err
	}
	p.now = f.Head()
	if err := p.draw(); err != nil {
		return err
	}
	if err := p.rehearse(); err != nil {
		return err
	}
	return p.still()
}

// draw verifies everything, from the content of the records on, and makes the snapshot of them.
func (p *pruning) draw() error {
	w := &p.walk
	v, err := p.store.verify(p.ctx, func(in *walk) (err error) {
		in.prune = w
		return in.looks[0].use(func(t *sqlx.Tx) error {
			w.holds, err = readHolds(in.ctx, t, t.Rebind)
			return err
		})
	}, p.order.Heads...)
	switch {
	case err != nil || w.err != nil:
		return errors.Join(err, w.err)
	case !v.OK():
		return fmt.Errorf("%w: the journal is not what it was, see rolecall audit verify: %s", engine.ErrNotPruned, v.first())
	case !w.drawn || !v.Folded || v.Tree.Head() != p.now:
		return fmt.Errorf("%w: the journal could not be read up to record %d", engine.ErrNotPruned, w.upTo)
	case v.Covered < w.upTo:
		return fmt.Errorf("%w: signed checkpoints cover %d records, and %d would go; any command that writes seals the journal", engine.ErrNotPruned, v.Covered, w.upTo)
	case v.Pruned != nil:
		err = p.order.Trust(p.ctx, v.Pruned)
	}
	return cmp.Or(err, w.oldEnough(p.order))
}

// rehearse verifies everything once more, from the snapshot on, as whoever comes after will have to.
func (p *pruning) rehearse() error {
	lines, rules := newSnapshot(p.walk.upTo), map[int64][]string{}
	for _, l := range p.walk.lines {
		if err := lines.add(l, rules); err != nil {
			return err
		}
	}
	p.root = lines.root()
	v, err := p.store.verify(p.ctx, func(w *walk) error {
		w.cut = &cut{Pruned: engine.Pruned{Pruning: p.said(), Record: lastSeq}, snapshot: lines, intents: map[int64]engine.Record{}, whole: true, stays: p.stays()}
		return nil
	}, p.order.Heads...)
	if err == nil && !v.OK() {
		err = fmt.Errorf("%w: the journal does not go on from its own snapshot; please report this: %s", engine.ErrNotPruned, v.first())
	}
	return err
}

// said is what the record of the pruning says, but for the signature.
func (p *pruning) said() engine.Pruning {
	return engine.Pruning{Before: p.order.Before.UTC(), UpTo: p.walk.upTo, Lines: int64(len(p.walk.lines)), Root: p.root, Kept: p.walk.stretches()}
}

// still refuses what would go wrong later.
func (p *pruning) still() error {
	for _, one := range []struct {
		wrong, query string
		args         []any
	}{
		{"a change from that time is open; wait until it is made", "SELECT count(*) FROM open_intent WHERE seq <= ?", []any{p.walk.upTo}},
		{"acting is stopped since the journal came from a backup", "SELECT count(*) FROM fact WHERE kind = 'restored'", nil},
	} {
		var n int64
		if err := p.GetContext(p.ctx, &n, p.Rebind(one.query), one.args...); err != nil || n > 0 {
			return cmp.Or(err, fmt.Errorf("%w: %s", engine.ErrNotPruned, one.wrong))
		}
	}
	return nil
}

// write puts the snapshot and the record of it in, and empties what that allows.
func (p *pruning) write() (done PruneDone, err error) {
	if err = p.erasing(); err == nil {
		err = p.writeLines()
	}
	if err != nil {
		return done, err
	}
	engine.Failpoint("prune.torn.lines")
	if done.Pruned, err = p.record(); err != nil {
		return done, err
	}
	engine.Failpoint("prune.torn.record")
	for block := range blockOf(done.UpTo) + 1 {
		emptied, kept, err := p.emptyBlock(&done.Pruning, block)
		if err != nil {
			return done, err
		}
		done.Emptied, done.Kept = done.Emptied+emptied, done.Kept+kept
	}
	engine.Failpoint("prune.torn.rows")
	_, err = p.ExecContext(p.ctx, p.Rebind("DELETE FROM tenure WHERE until_seq <> 0 AND until_seq <= ? AND account NOT IN ("+p.stays()+")"), done.UpTo)
	engine.Failpoint("prune.torn.views")
	return done, err
}

// stays are the accounts of people under a legal hold: what they had stays.
func (p *pruning) stays() string {
	return numbers(append([]int64{-1}, sortedKeys(p.walk.holds.accounts)...))
}

// linesAtOnce bounds a statement.
const linesAtOnce = 4096

// writeLines puts the lines into the table, in the place of those of an earlier snapshot.
func (p *pruning) writeLines() error {
	if _, err := p.ExecContext(p.ctx, "DELETE FROM snapshot"); err != nil {
		return err
	}
	r := newRows("iittt")
	for i, l := range p.walk.lines {
		r.add(p.walk.upTo, int64(i+1), l.Public, l.Salt, l.Personal)
		if r.len() < linesAtOnce && i < len(p.walk.lines)-1 {
			continue
		}
		if err := p.tx.run("INSERT INTO snapshot (upto, n, public, salt, personal) SELECT column1, column2, column3, NULLIF(column4, ''), NULLIF(column5, '') FROM @rows r", r); err != nil {
			return err
		}
		r.empty()
	}
	return nil
}

// record writes the record from which on records may be empty, and has it signed with the place where it stands.
func (p *pruning) record() (said engine.Pruned, err error) {
	b := &batch{tx: p.tx, head: p.head, names: p.store.names, intended: map[string]bool{}, clock: p.store.options.Now()}
	r := engine.Record{Kind: engine.KindSnapshot, Actor: p.order.Actor, Why: []string{p.order.Reason}, Seq: p.head.Size + 1, Time: instant(journalTime(p.head.Time, micros(b.clock)))}
	pruned := p.said()
	statement, err := stated(storePublic(&r, 0, 0), r, pruned)
	if err != nil {
		return said, err
	}
	if pruned.Signed, err = p.order.Sign(p.now, statement); err != nil {
		return said, err
	}
	if r.Data, err = encode(pruned); err != nil {
		return said, err
	}
	q := &request{guard: engine.Free, records: make([]engine.Record, 1), sealed: make([]sealed, 1)}
	if err := sealAll(q, []engine.Record{r}, p.store.options.Random); err != nil {
		return said, err
	}
	if err := b.write([]*request{q}); err != nil || q.err != nil {
		return said, cmp.Or(err, q.err)
	}
	return engine.Pruned{Pruning: pruned, By: r.Actor, Reason: p.order.Reason, Time: r.Time, Record: r.Seq, Statement: statement}, nil
}

const emptyRecords = `UPDATE journal SET kind = '', run = '', person = 0, program = '', account = 0, entitlement = '', op = '', outcome = '', intent = 0, cause = '', class = '',
	source = '', approved = 0, public = '', salt = NULL, personal = NULL, commitment = NULL WHERE seq > ? AND seq <= ? AND kind <> '' AND seq NOT IN (`

func (t *tx) emptyBlock(p *engine.Pruning, block int64) (emptied, kept int64, err error) {
	first, last := block*mentionBlock, min((block+1)*mentionBlock, p.UpTo)
	var rows []int64
	err = t.SelectContext(t.ctx, &rows, t.Rebind("SELECT seq FROM journal WHERE seq > ? AND seq <= ? AND kind <> ''"), first, last)
	if err != nil {
		return 0, 0, err
	}
	stay := []string{"-1"}
	for _, seq := range rows {
		if p.Keeps(seq) {
			stay = append(stay, strconv.FormatInt(seq, 10))
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
	write := b.saveMentions()
	return write()
}
