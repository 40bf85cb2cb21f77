package journal

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

const (
	// accountsOfOne are the accounts that were somebody's and nobody else's.
	accountsOfOne = `SELECT DISTINCT l.account FROM link l WHERE l.person = ? AND NOT EXISTS (SELECT 1 FROM link o WHERE o.account = l.account AND o.person <> l.person)`
	// wholeRecordsOf are the records about somebody, or about such an account, that are not blanked yet.
	wholeRecordsOf = `SELECT seq, salt, personal FROM journal WHERE (person = ? OR account <> 0 AND account IN (` + accountsOfOne + `)) AND personal IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?`
	// blankRecord leaves what the leaf is the hash of, but for the texts.
	blankRecord = "UPDATE journal SET salt = NULL, personal = NULL, commitment = ? WHERE seq = ?"
)

// Number implements engine.Blanker.
func (s *Store) Number(ctx context.Context, person string) (string, error) {
	var id int64
	err := s.read.GetContext(ctx, &id, s.read.Rebind("SELECT id FROM person WHERE key = ?"), person)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return blanked(id), s.wrap("look for somebody", err)
}

// Blank implements engine.Blanker. All of it is one transaction. Every process forgets the numbers of names then, and whoever leads
// is deposed: what it planned may name somebody who has no name any more.
func (s *Store) Blank(ctx context.Context, g engine.Guard, person string, records []engine.Record) (n int, err error) {
	if s.options.ReadOnly {
		return 0, ErrReadOnly
	}
	q := &request{guard: g, records: make([]engine.Record, len(records)), sealed: make([]sealed, len(records))}
	if err := sealAll(q, records, s.options.Random); err != nil {
		return 0, err
	}
	err = s.locked(ctx, func(t *tx, h *head) error {
		b := &batch{tx: t, head: h, names: s.names, intended: map[string]bool{}}
		if err := b.write([]*request{q}); err != nil {
			return err
		}
		if q.err != nil {
			return q.err
		}
		if n, err = t.blank(person, h); err != nil {
			return err
		}
		_, err := t.ExecContext(t.ctx, fmt.Sprintf("UPDATE head SET epoch = epoch + %d", muchLater))
		return err
	})
	s.fresh.clear()
	if err != nil {
		return 0, s.wrap("blank somebody", err)
	}
	return n, s.wrap("blank somebody", s.dialect.forget(ctx, s.write))
}

// blank deletes what is personal of one person. The salt goes too, so that nobody can try texts against the commitment.
func (t *tx) blank(person string, h *head) (n int, err error) {
	if err := t.erasing(); err != nil {
		return 0, err
	}
	var id int64
	if err := t.GetContext(t.ctx, &id, t.Rebind("SELECT id FROM person WHERE key = ?"), person); err != nil {
		return 0, err
	}
	for after, more := int64(0), true; more && err == nil; {
		var blankedNow int
		if after, blankedNow, err = t.blankPortion(id, after); err == nil {
			n, more = n+blankedNow, blankedNow == page
		}
	}
	if err != nil {
		return 0, err
	}
	for _, change := range []struct {
		text string
		args []any
	}{
		{"UPDATE account SET name = '#' || CAST(id AS TEXT) WHERE id IN (" + accountsOfOne + ")", []any{id}},
		{"UPDATE link SET until_seq = ?, until_time = ? WHERE person = ? AND until_seq = 0", []any{h.Size, h.Time, id}},
		{"UPDATE person SET key = ? WHERE id = ?", []any{blanked(id), id}},
	} {
		if _, err := t.ExecContext(t.ctx, t.Rebind(change.text), change.args...); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// blankPortion blanks the next records behind one, and gives the last of them.
func (t *tx) blankPortion(person, after int64) (last int64, n int, err error) {
	var rows []struct {
		Seq            int64
		Salt, Personal string
	}
	if err := t.SelectContext(t.ctx, &rows, t.Rebind(wholeRecordsOf), person, person, after, page); err != nil {
		return after, 0, err
	}
	for _, r := range rows {
		salt, err := base64.StdEncoding.Strict().DecodeString(r.Salt)
		if err != nil || len(salt) != audit.SaltSize {
			return after, 0, fmt.Errorf("the salt of record %d can't be read; run audit verify", r.Seq)
		}
		commitment := audit.Commitment([audit.SaltSize]byte(salt), []byte(r.Personal))
		if _, err := t.ExecContext(t.ctx, t.Rebind(blankRecord), base64.StdEncoding.EncodeToString(commitment[:]), r.Seq); err != nil {
			return after, 0, err
		}
		after = r.Seq
	}
	return after, len(rows), nil
}

// erasing has the database overwrite what is deleted from now on, where it does not by itself.
func (t *tx) erasing() error {
	if text := t.store.dialect.erases(); text != "" {
		_, err := t.ExecContext(t.ctx, text)
		return err
	}
	return nil
}

// forget takes what was deleted out of the files beside the database.
func (sqliteDialect) forget(ctx context.Context, db *sqlx.DB) error {
	_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func (sqliteDialect) erases() string { return "PRAGMA secure_delete = ON" } // sqlite.org/pragma.html#pragma_secure_delete

// forget leaves it to the server: autovacuum frees old rows, and the server's administrator decides how long its log is kept.
func (postgresDialect) forget(context.Context, *sqlx.DB) error { return nil }
func (postgresDialect) erases() string                         { return "" }
