package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// head is the head row.
type head struct {
	Size, Epoch, Control, Runs, Time, People, Accounts, Entitlements, Rulesets int64
	Frontier                                                                   string
}

const selectHead = "SELECT size, epoch, control, runs, time, people, accounts, entitlements, rulesets, frontier FROM head"

// schemaNow is the version of the schema: another program may have changed it since this one opened the journal.
const schemaNow = "SELECT max(version_id) FROM goose_db_version"

// turn lets one transaction of the process write at a time. A Mutex would have those that wait outlast their context.
type turn chan struct{}

func (t turn) begin(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("another transaction of this process does not end: %w", ctx.Err())
	}
}

func (t turn) end() { <-t }

// writeTime is how long one transaction may take, waiting for its turn and for the head lock included: a lock that somebody
// else never lets go holds nobody up for longer.
const writeTime = time.Minute

// locked runs do in a writing transaction that has locked the head row, and commits unless do fails.
func (s *Store) locked(ctx context.Context, do func(*tx, *head) error) error {
	return s.lockedFor(ctx, s.writeTime, do)
}

func (s *Store) lockedFor(ctx context.Context, span time.Duration, do func(*tx, *head) error) error {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	if err := s.writing.begin(ctx); err != nil {
		return err
	}
	defer s.writing.end()
	engine.Failpoint("transaction.before")
	conn, err := s.write.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	inner, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	t := &tx{inner, conn, s, ctx}
	var h head
	err = t.GetContext(ctx, &h, selectHead+s.dialect.head())
	for _, step := range []func() error{func() error { return s.current(t) }, func() error { return s.recognise(t, &h) }, func() error { return do(t, &h) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return errors.Join(ctx.Err(), err, inner.Rollback()) // a server says only that it was told to stop
	}
	engine.Failpoint("transaction.torn")
	err = inner.Commit()
	engine.Failpoint("transaction.after")
	return err
}

// current refuses to write into a schema that is newer than this program: it would leave out what the newer one relies on.
func (s *Store) current(t *tx) error {
	var have int64
	if err := t.GetContext(t.ctx, &have, schemaNow); err != nil {
		return err
	}
	want, err := s.latest()
	if err == nil && have > want {
		err = newerError(have, want)
	}
	return err
}

// save writes the head row back; the epoch is Lead's alone.
func (t *tx) saveHead(h *head) error {
	r := newRows("iiiiiiiit")
	r.add(h.Size, h.Control, h.Runs, h.Time, h.People, h.Accounts, h.Entitlements, h.Rulesets, h.Frontier)
	return t.run(`UPDATE head SET size = r.column1, control = r.column2, runs = r.column3, time = r.column4, people = r.column5,
		accounts = r.column6, entitlements = r.column7, rulesets = r.column8, frontier = r.column9 FROM @rows r`, r)
}

// grow adds leaves to the tree of the head.
func (h *head) grow(leaves []audit.Hash) ([]audit.Node, error) {
	f, err := audit.ParseFrontier(h.Frontier)
	if err != nil {
		return nil, err
	}
	f, nodes := f.Append(leaves...)
	h.Frontier = f.String()
	return nodes, nil
}
