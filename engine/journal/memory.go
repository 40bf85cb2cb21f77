package journal

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Memory implements engine.Journal: one consistent snapshot, read from the views.
func (s *Store) Memory(ctx context.Context, since time.Time) (m *engine.Memory, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		m, err = readMemory(ctx, t, since)
		return err
	})
	return m, s.wrap("read what is remembered", err)
}

// reading runs do in a transaction that sees one state of everything.
func (s *Store) reading(ctx context.Context, do func(*sqlx.Tx) error) error {
	t, err := s.read.BeginTxx(ctx, s.dialect.snapshot())
	if err != nil {
		return err
	}
	return errors.Join(do(t), t.Rollback())
}

func readMemory(ctx context.Context, t *sqlx.Tx, since time.Time) (*engine.Memory, error) {
	var h head
	if err := t.GetContext(ctx, &h, selectHead); err != nil {
		return nil, err
	}
	facts, err := readFacts(ctx, t)
	if err != nil {
		return nil, err
	}
	m := engine.NewMemory(facts)
	m.Seq, m.Control, m.Epoch, m.Runs, m.Time = h.Size, h.Control, h.Epoch, int(h.Runs), instant(h.Time)
	if m.Open, err = readOpen(ctx, t); err != nil {
		return nil, err
	}
	b := newBuilders(&h)
	if m.Programs, err = b.readPrograms(ctx, t); err != nil {
		return nil, err
	}
	m.Charges, err = b.readCharges(ctx, t, since)
	return m, err
}

func readFacts(ctx context.Context, t *sqlx.Tx) (facts []engine.Fact, err error) {
	err = each(t.QueryxContext(ctx, "SELECT * FROM fact"))(func(r *sqlx.Rows) error {
		f, err := scanFact(r)
		facts = append(facts, f)
		return err
	})
	return facts, err
}

const (
	selectIntents = "SELECT j.public, j.personal, " + stateOfIntent + fromIntents
	stateOfIntent = "a.name AS account, o.repeatable, o.uncertain, o.claimed, o.lease, o.attempts"
	fromIntents   = " FROM open_intent o JOIN journal j ON j.seq = o.seq JOIN account a ON a.id = o.account"
)

func readOpen(ctx context.Context, t *sqlx.Tx) (open []engine.Intent, err error) {
	err = each(t.QueryxContext(ctx, selectIntents+" ORDER BY o.seq"))(func(r *sqlx.Rows) error {
		row, err := scanIntent(r)
		if err != nil {
			return err
		}
		i, err := row.intent()
		open = append(open, i)
		return err
	})
	return open, err
}

// intentRow is an intent's record, parsed or as it is stored, and what has become of it since.
type intentRow struct {
	record                                          engine.Record
	publicText, personalText                        []byte // nil: record is there
	account                                         string
	repeatable, uncertain, claimed, lease, attempts int64
}

// columns are those of stateOfIntent.
func (r *intentRow) columns() []any {
	return []any{&r.account, &r.repeatable, &r.uncertain, &r.claimed, &r.lease, &r.attempts}
}

func scanIntent(r *sqlx.Rows) (*intentRow, error) {
	var i intentRow
	return &i, r.Scan(append([]any{&i.publicText, &i.personalText}, i.columns()...)...)
}

func (r *intentRow) intent() (i engine.Intent, err error) {
	if r.publicText != nil {
		if r.record, _, err = load(r.publicText, r.personalText); err != nil {
			return i, err
		}
	}
	i, _, err = engine.IntentOf(r.record)
	if r.account != i.Change.Account { // the program has given the proposed account its id
		i.Change.Account, i.Change.Proposed = r.account, false
	}
	i.Halted = r.repeatable == 0 && i.Repeatable()
	i.Unknown, i.Claimed, i.Lease, i.Attempts = r.uncertain != 0, instant(r.claimed), instant(r.lease), int(r.attempts)
	return i, err
}
