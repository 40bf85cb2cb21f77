package journal

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"math"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

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
	Approved                 int64
}

// row is a row of the table journal, and what can be known of it alone.
type row struct {
	columns
	record audit.Record
	unread bool          // the stored leaf is no hash
	told   engine.Record // what its content says; means nothing if it breaks
	wrong  []string      // where columns and names differ from it
	breaks bool          // it can't be folded
	empty  bool          // it was emptied, as it may be
}

const selectStored = `SELECT seq, time, kind, run, person, program, account, entitlement, op, outcome, intent, cause, class, source, approved,
	public, salt, personal, commitment, leaf FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`

const (
	firstSeq, lastSeq = int64(math.MinInt64), int64(math.MaxInt64)
	portionsAhead     = 6
)

// portion is a page of rows that some look reads.
type portion struct {
	after, upTo int64
	rows        []row
	err         error
	done        chan struct{}
}

// rows gives all rows in order. All looks read ahead, a page each, as long as the pages are full, as those of an untouched journal are.
func (w *walk) rows() iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		r := w.startReading()
		defer r.stop()
		for p := r.next(); p != nil; p = r.next() {
			for i := range p.rows {
				if !yield(&p.rows[i], nil) {
					return
				}
			}
			if p.err != nil {
				yield(nil, p.err)
				return
			}
			r.free = append(r.free, p.rows)
		}
	}
}

// reading hands portions out to the looks and takes them back in order.
type reading struct {
	todo    chan *portion
	readers sync.WaitGroup
	flying  []*portion
	free    [][]row // of portions that are done with
	after   int64   // of the next portion
	gap     bool    // a page was not full: the next one begins where it ended
	over    bool
}

func (w *walk) startReading() *reading {
	r := &reading{todo: make(chan *portion, portionsAhead), after: firstSeq}
	for _, l := range w.looks {
		d := &decoder{spelling: newSpelling(), strict: base64.StdEncoding.Strict(), names: &w.names, cut: w.cut, joins: w.joins}
		r.readers.Go(func() {
			for p := range r.todo {
				p.err = w.ctx.Err()
				if p.err == nil {
					p.err = l.use(func(t *sqlx.Tx) error { return p.read(w.ctx, t, d) })
				}
				close(p.done)
			}
		})
	}
	return r
}

func (r *reading) stop() {
	close(r.todo)
	r.readers.Wait()
}

// next is nil after the last portion.
func (r *reading) next() *portion {
	if r.over {
		return nil
	}
	for len(r.flying) < portionsAhead && !r.gap {
		upTo := max(r.after, 0) + page
		r.start(r.after, upTo)
		r.after = upTo
	}
	p := r.flying[0]
	r.flying = r.flying[1:]
	<-p.done
	switch {
	case p.upTo < lastSeq && len(p.rows) == page: // as it should be
	case p.err != nil || p.upTo == lastSeq && len(p.rows) < page:
		r.over = true
	default:
		r.gap, r.flying = true, nil
		last := p.after
		if len(p.rows) > 0 {
			last = p.rows[len(p.rows)-1].Seq
		}
		r.start(last, lastSeq)
	}
	return p
}

func (r *reading) start(after, upTo int64) {
	p := &portion{after: after, upTo: upTo, done: make(chan struct{})}
	if n := len(r.free); n > 0 {
		p.rows, r.free = r.free[n-1][:0], r.free[:n-1]
	} else {
		p.rows = make([]row, 0, page)
	}
	r.flying = append(r.flying, p)
	r.todo <- p
}

func (p *portion) read(ctx context.Context, t *sqlx.Tx, d *decoder) error {
	if d.joins && p.readJoined(ctx, t, d) {
		return nil
	}
	p.rows = p.rows[:0]
	if err := p.readColumns(ctx, t, d); err != nil || !d.joins {
		return err
	}
	return p.sayBytes(ctx, t)
}

func (p *portion) readColumns(ctx context.Context, t *sqlx.Tx, d *decoder) error {
	return each(t.QueryxContext(ctx, t.Rebind(selectStored), p.after, p.upTo, page))(func(r *sqlx.Rows) error {
		n := len(p.rows)
		p.rows = append(p.rows, row{})
		if err := d.scan(r, &p.rows[n]); err != nil {
			after := p.after
			if n > 0 {
				after = p.rows[n-1].Seq
			}
			p.rows = p.rows[:n] // half of it would look as if it were moved
			return fmt.Errorf("the first record after number %d can't be read; was it changed in the database? %w", max(after, 0), err)
		}
		return nil
	})
}

// decoder reads rows for one goroutine.
type decoder struct {
	*spelling
	strict *base64.Encoding
	names  *tableNames
	cut    *cut
	joins  bool // the database can join columns, see selectJoined
}

// number is a BIGINT on its way from the database; database/sql would use reflection.
type number int64

// Scan implements sql.Scanner.
func (n *number) Scan(from any) error {
	v, ok := from.(int64)
	if *n = number(v); !ok {
		return fmt.Errorf("a number is %v, a %[1]T", from)
	}
	return nil
}

func (d *decoder) scan(from *sqlx.Rows, r *row) error {
	var salt, commitment *string
	var leaf string
	c := &r.columns
	err := from.Scan((*number)(&c.Seq), (*number)(&c.Time), &c.Kind, &c.Run, (*number)(&c.Person), &c.Program, (*number)(&c.Account),
		&c.Entitlement, &c.Op, &c.Outcome, (*number)(&c.Intent), &c.Cause, &c.Class, &c.Source, (*number)(&c.Approved),
		&r.record.Public, &salt, &r.record.Personal, &commitment, &leaf)
	if err != nil {
		return err
	}
	r.record.Seq = c.Seq
	r.record.Salt, r.record.Commitment = d.bytes(salt), d.bytes(commitment)
	raw, err := d.strict.DecodeString(leaf)
	if r.unread = err != nil || len(raw) != len(r.record.Leaf); !r.unread { // no record gives an empty hash, so it will be found
		r.record.Leaf = audit.Hash(raw)
	}
	d.compare(r)
	return nil
}

// bytes decodes what is there; what can't be decoded stays as it is, and is found for its length or content.
func (d *decoder) bytes(text *string) []byte {
	if text == nil {
		return nil
	}
	raw, err := d.strict.DecodeString(*text)
	if err != nil {
		return []byte(*text)
	}
	return raw
}

// compare holds the columns and the names that the numbers stand for against the content.
func (d *decoder) compare(r *row) {
	if len(r.record.Public) == 0 {
		d.emptied(r)
		return
	}
	if d.cut.covers(r.Seq) && !d.cut.Keeps(r.Seq) && !d.cut.whole {
		r.say("record %d was pruned, and is there again", r.Seq)
	}
	told, who, err := d.load(r.record.Public, r.record.Personal)
	if err != nil {
		r.breaks = true
		r.say("record %d can't be read: %v", r.Seq, err)
		return
	}
	blanked := r.record.Personal == nil
	source := ""
	switch {
	case !told.Kind.Charges():
	case blanked:
		source = r.Source // it is in what was blanked, so nothing is left to compare it with
	default:
		if source, err = engine.IntentSource(&told); err != nil {
			r.breaks = true
			r.say("record %d can't be read: %v", r.Seq, err)
		}
	}
	want := columns{Seq: who.Seq, Time: who.Time, Kind: who.Kind, Run: who.Run, Person: who.Person, Program: who.Program, Account: who.Account,
		Entitlement: who.Entitlement, Op: who.Op, Outcome: who.Outcome, Intent: who.Of, Cause: who.Cause, Class: who.Class, Source: source, Approved: bit(who.Approved)}
	if r.columns != want {
		r.say("record %d: its columns say %v, its content %v", r.Seq, r.columns, want)
	}
	person, account := d.names.people[r.Person], d.names.accounts[r.Account]
	if blanked { // public says what it did, and the tables have names of their own for whom
		told.Person, told.Account, told.Data = person, account.name, []byte("{}")
		r.told = told
		return
	}
	if told.Person != "" && person != told.Person || told.Account != "" && account != (name{told.Program, told.Account}) {
		r.say("record %d names %q and %q, but its numbers stand for %q and %q", r.Seq, told.Person, told.Account, person, account.name)
	} else {
		told.Person, told.Account = d.known(told.Person, person), d.known(told.Account, account.name)
	}
	r.told = told
}

// emptied looks at a record of which only number, time and hash are left.
func (d *decoder) emptied(r *row) {
	if !d.cut.covers(r.Seq) || d.cut.Keeps(r.Seq) {
		r.breaks = true
		r.say("record %d was emptied, and no record says that it may be", r.Seq)
		return
	}
	r.empty, r.record.Emptied = true, true
	if r.columns != (columns{Seq: r.Seq, Time: r.Time}) || r.record.Personal != nil || r.record.Salt != nil || r.record.Commitment != nil {
		r.say("record %d was emptied, but not all of it", r.Seq)
	}
	if r.unread {
		r.say("the hash of record %d can't be read", r.Seq)
	}
}

// known is the text, of two that are equal unless it is empty, that is in memory anyway.
func (*decoder) known(text, known string) string {
	if text == "" {
		return ""
	}
	return known
}

func (r *row) say(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}
