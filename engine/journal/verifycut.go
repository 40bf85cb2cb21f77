package journal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// cut is a pruning as a walk needs it: the fold goes on from the snapshot behind the last record that was pruned.
type cut struct {
	engine.Pruned
	snapshot *snapshot
	intents  map[int64]engine.Record // those that were kept
	last     int64                   // time of the record before
	whole    bool                    // the records are not emptied yet, and what ended is in the tables
	stays    string                  // accounts of which what ended stays in the tables
}

// covers says whether a record is one of those that were pruned, or stayed among them. A walk without a cut has a nil one.
func (c *cut) covers(seq int64) bool { return c != nil && seq <= c.UpTo }

// tenures leaves out what ended and is about to go.
func (c *cut) tenures() string {
	if c == nil || !c.whole {
		return ""
	}
	return fmt.Sprintf(" WHERE until_seq = 0 OR until_seq > %d OR account IN (%s)", c.UpTo, c.stays)
}

const newestPruning = "SELECT j.seq, j.public, j.personal FROM journal j WHERE j.kind = 'snapshot' AND j.personal IS NOT NULL AND %s ORDER BY j.seq DESC LIMIT 1"

// lastPruning reads the newest record of one; nil: nothing was pruned.
func lastPruning(ctx context.Context, q sqlx.QueryerContext) (*engine.Pruned, error) {
	var seq int64
	var publicText, personalText []byte
	err := q.QueryRowxContext(ctx, fmt.Sprintf(newestPruning, rare())).Scan(&seq, &publicText, &personalText)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := prunedBy(seq, publicText, personalText)
	if err != nil || p.UpTo < 1 || p.UpTo >= seq {
		return nil, fmt.Errorf("record %d says what was pruned, and can't be read; run audit verify: %w (%s)", seq, errSnapshot, fmt.Sprint(err))
	}
	return p, nil
}

// prunedBy reads the record of a pruning. It must be, byte for byte, what its meaning would be written as: the key has signed that.
func prunedBy(seq int64, publicText, personalText []byte) (*engine.Pruned, error) {
	r, who, err := load(publicText, personalText)
	if err != nil {
		return nil, err
	}
	p := &engine.Pruned{By: r.Actor, Reason: strings.Join(r.Why, "; "), Time: r.Time, Record: seq}
	if err := json.Unmarshal(r.Data, &p.Pruning); err != nil {
		return nil, err
	}
	data, err := encode(p.Pruning)
	text, wrong := storePersonal(&r)
	if err := cmp.Or(err, wrong); err != nil {
		return nil, err
	}
	if r.Seq != seq || !bytes.Equal(data, r.Data) || !bytes.Equal(text, personalText) || !bytes.Equal(storePublic(&r, who.Person, who.Account), publicText) {
		return nil, errors.New("it is not written as this program writes it")
	}
	p.Statement, err = stated(publicText, r, p.Pruning)
	return p, err
}

// Trusted says why the keys do not say what the record of a pruning says; nil: they do. That the checkpoint is of this journal is another
// question, see Continues.
func Trusted(keys audit.Keys, p *engine.Pruned) (audit.Checkpoint, error) {
	c, err := keys.Open([]byte(p.Signed))
	switch {
	case err != nil:
		return c, fmt.Errorf("record %d says that records were pruned, and the journal's key does not: %w", p.Record, err)
	case c.Size != p.Record-1 || !slices.Contains(c.Extra, p.Statement):
		return c, fmt.Errorf("record %d says that records were pruned, and the journal's key says something else", p.Record)
	}
	return c, nil
}

// stated is what the journal's key signs of the record of a pruning: the whole of it but for the signature, and so the number that it has.
func stated(publicText []byte, r engine.Record, p engine.Pruning) (text string, err error) {
	p.Signed = ""
	if r.Data, err = encode(p); err != nil {
		return "", err
	}
	personalText, err := storePersonal(&r)
	sum := sha256.Sum256(slices.Concat(publicText, []byte{0}, personalText))
	return "prune " + base64.StdEncoding.EncodeToString(sum[:]), err
}

// Pruned is the last pruning, nil if there was none.
func (s *Store) Pruned(ctx context.Context) (*engine.Pruned, error) {
	p, err := lastPruning(ctx, s.read)
	return p, s.wrap("read what was pruned", err)
}

// readSnapshot reads the lines of one.
func readSnapshot(ctx context.Context, t sqlx.QueryerContext, bind func(string) string, upTo int64) (*snapshot, error) {
	s, rules := newSnapshot(upTo), map[int64][]string{}
	err := each(t.QueryxContext(ctx, bind("SELECT public, salt, personal, commitment, n FROM snapshot WHERE upto = ? ORDER BY n"), upTo))(func(r *sqlx.Rows) error {
		var n int64
		l, err := scanLine(r, &n)
		if err != nil {
			return err
		}
		if n != s.lines+1 { // blankings know lines by number
			return fmt.Errorf("%w: line %d has the number %d", errSnapshot, s.lines+1, n)
		}
		return s.add(l, rules)
	})
	return s, err
}

func scanLine(r *sqlx.Rows, more ...any) (l Stored, err error) {
	var salt, personal, commitment *string
	err = r.Scan(append([]any{&l.Public, &salt, &personal, &commitment}, more...)...)
	l.Salt, l.Personal, l.Commitment = text(salt), text(personal), text(commitment)
	return l, err
}

// readCut finds what was pruned. A snapshot that is not the one of the record is reported, and nothing is folded then.
func (w *walk) readCut() error {
	return w.looks[0].use(func(t *sqlx.Tx) error {
		p, err := lastPruning(w.ctx, t)
		if err == nil {
			err = w.strayLines(t, p)
		}
		if err != nil || p == nil {
			if errors.Is(err, errSnapshot) { // a fault of the journal
				w.broken = true
				w.wrong("%v", err)
				return nil
			}
			return err
		}
		w.v.Pruned = p
		w.pledged(p)
		return w.readLines(t, p)
	})
}

// strayLines finds lines of no snapshot: no root vouches for them, and they would be searched for logins, and be blanked.
func (w *walk) strayLines(t *sqlx.Tx, p *engine.Pruned) error {
	var upTo, n int64
	if p != nil {
		upTo = p.UpTo
	}
	err := t.GetContext(w.ctx, &n, t.Rebind("SELECT count(*) FROM snapshot WHERE upto <> ?"), upTo)
	if n > 0 {
		w.wrong("the table snapshot has %d lines that are of no pruning", n)
	}
	return err
}

// pledged wants the record of a pruning to have what the key says of it, and that to be of the journal in front of the record. Whose key
// it is must be asked by those who have one.
func (w *walk) pledged(p *engine.Pruned) {
	c, err := audit.Claimed([]byte(p.Signed))
	if err != nil || c.Size != p.Record-1 || !slices.Contains(c.Extra, p.Statement) {
		w.wrong("record %d says that records were pruned, and has no signature of that", p.Record)
		return
	}
	n, _ := slices.BinarySearchFunc(w.seals.notes, c.Size, func(n StoredCheckpoint, size int64) int { return cmp.Compare(n.Size, size) })
	w.seals.notes = slices.Insert(w.seals.notes, n, StoredCheckpoint{c.Size, p.Signed})
}

func (w *walk) readLines(t *sqlx.Tx, p *engine.Pruned) error {
	s, err := readSnapshot(w.ctx, t, t.Rebind, p.UpTo)
	w.cut = &cut{Pruned: *p, snapshot: s, intents: map[int64]engine.Record{}}
	switch {
	case err != nil && !errors.Is(err, errSnapshot):
		return err
	case err != nil:
		w.wrong("the snapshot that record %d speaks of was changed: %v", p.Record, err)
	case s.lines != p.Lines:
		w.wrong("the snapshot that record %d speaks of has %d lines instead of %d: it was changed", p.Record, s.lines, p.Lines)
	case s.root() != p.Root:
		w.wrong("the snapshot that record %d speaks of is another one: a line of it was changed", p.Record)
	case s.position.Seq != p.UpTo:
		w.wrong("the snapshot that record %d speaks of is of %d records instead of %d", p.Record, s.position.Seq, p.UpTo)
	default:
		return nil
	}
	w.broken = true
	return nil
}

// before takes a record in that the fold does not begin with.
func (w *walk) before(row *row) {
	c := w.cut
	if row.Time < c.last {
		w.wrong("record %d is from before the one in front of it", row.Seq)
	}
	c.last = row.Time
	if !row.empty {
		w.mentions.add(&row.told)
		w.blanks.take(w, row)
		if row.told.Kind == engine.KindIntent {
			c.intents[row.Seq] = row.told
		}
	}
	if row.Seq == c.UpTo {
		w.goOn()
	}
}

// goOn begins the fold with the snapshot.
func (w *walk) goOn() {
	c := w.cut
	s := c.snapshot
	position, err := s.whole(func(seq int64) (engine.Record, bool) { r, ok := c.intents[seq]; return r, ok })
	if err != nil {
		w.broken = true
		w.wrong("%v", err)
		return
	}
	if last := micros(position.Time); last != c.last {
		w.wrong("record %d has another time than the snapshot says", c.UpTo)
	}
	w.fold = engine.FoldOnlyAt(position)
	w.tenures.Open, w.tenures.Closed = s.tenures, s.ended
	w.linked, w.newest = s.linked, s.newest
	if w.blanks.any {
		clear(w.blanks.set)
		for key, n := range s.facts {
			w.blanks.set[key] = [2]int64{0, n}
		}
	}
	sameNames(w, "person", s.names.people, w.names.people)
	sameNames(w, "account", s.names.accounts, w.names.accounts)
	sameNames(w, "entitlement", s.names.rights, w.names.rights)
	sameNames(w, "list of rules", s.names.rules, w.names.rules)
}

func sameNames[V comparable](w *walk, what string, said, have map[int64]V) {
	for _, id := range sortedKeys(said) {
		if now, ok := have[id]; !ok || now != said[id] {
			w.wrong("%s %d is called %q, and the snapshot says %q", what, id, fmt.Sprint(now), fmt.Sprint(said[id]))
		}
	}
}

// explained says which lines were blanked that no blanking since names.
func (c *cut) explained(w *walk) {
	if c == nil {
		return
	}
	people, accounts, lines := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	for _, b := range w.blanks.all {
		if b.seq < c.Record {
			continue
		}
		for _, id := range b.People {
			people[id] = true
		}
		for _, a := range b.Accounts {
			accounts[a.Number] = true
		}
		for _, n := range b.Lines {
			lines[n] = true
		}
	}
	in := c.snapshot.blankedIn
	for _, one := range []struct {
		what    string
		blanked []int64
		named   map[int64]bool
	}{{"the name of person", in.people, people}, {"the name of account", in.accounts, accounts}, {"the fact in line", in.facts, lines}} {
		for _, id := range one.blanked {
			if !one.named[id] {
				w.wrong("%s %d is blanked in the snapshot of record %d, and no record says that it was", one.what, id, c.Record)
			}
		}
	}
	for _, n := range sortedKeys(lines) {
		if !slices.Contains(in.facts, n) {
			w.wrong("a record says that the fact in line %d of the snapshot of record %d was blanked, and it is there", n, c.Record)
		}
	}
}

// blankingAt is a blanking with the number of its record.
type blankingAt struct {
	seq int64
	engine.Blanking
}

func (w *walk) readBlankings() (all []blankingAt, err error) {
	err = w.looks[0].use(func(t *sqlx.Tx) error {
		return each(t.QueryxContext(w.ctx, "SELECT j.seq, j.public, j.personal FROM journal j WHERE j.kind = 'blank' AND j.personal IS NOT NULL AND "+rare()+" ORDER BY j.seq"))(func(rows *sqlx.Rows) error {
			var publicText, personalText []byte
			b := blankingAt{}
			if err := rows.Scan(&b.seq, &publicText, &personalText); err != nil {
				return err
			}
			r, _, err := load(publicText, personalText)
			if err == nil {
				_ = json.Unmarshal(r.Data, &b.Blanking) // said when its record comes
			}
			all = append(all, b)
			return nil
		})
	})
	return all, err
}

// later takes out what blankings leave whose records come later: a snapshot would bring it back.
func (b *blanks) later(w *walk) {
	seq, _, _, _ := w.fold.Head()
	for i := range b.all {
		if b.all[i].seq > seq {
			b.takeOut(w, &b.all[i].Blanking)
		}
	}
}
