package journal

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Known is what the tables say of one person: everything but the records.
type Known struct {
	Links []KnownLink   // all there ever were, by program, kind and time
	Held  []engine.Held // every interval through which an account had something while it was the person's
	Facts []engine.Fact // that hold of the person, or of an account that is or was the person's
}

// KnownLink is an account by which a program knows, or knew, somebody.
type KnownLink struct {
	Program string    `json:"program"`
	Kind    string    `json:"kind"`
	Account string    `json:"account"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"` // zero: still
}

const (
	linksOf = `SELECT l.program, l.kind, a.name, l.from_time, l.until_time FROM link l JOIN person p ON p.id = l.person JOIN account a ON a.id = l.account
		WHERE p.key = ? ORDER BY l.program, l.kind, l.from_seq`
	heldBy = `SELECT a.program, a.name, e.name, CAST(? AS TEXT), t.from_time, t.until_time, t.managed, s.rules, t.from_seq
		FROM tenure t JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement JOIN ruleset s ON s.id = t.rules
		WHERE t.account IN (SELECT l.account FROM link l JOIN person p ON p.id = l.person WHERE p.key = ?) ORDER BY a.program, a.name, t.from_seq, e.name`
	factsOf = `SELECT * FROM fact WHERE person = ? OR account <> '' AND (program, account) IN
		(SELECT a.program, a.name FROM link l JOIN person p ON p.id = l.person JOIN account a ON a.id = l.account WHERE p.key = ?)
		ORDER BY kind, program, account, entitlement, key`
)

// Known gives what the tables say of the person with this key. Links never move, so what an account had is its person's.
func (s *Store) Known(ctx context.Context, person string) (k Known, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		person, err := keyOf(ctx, t, person)
		if err != nil {
			return err
		}
		err = each(t.QueryxContext(ctx, t.Rebind(linksOf), person))(func(r *sqlx.Rows) error {
			var l KnownLink
			var from, until int64
			err := r.Scan(&l.Program, &l.Kind, &l.Account, &from, &until)
			l.From, l.Until, l.Account = instant(from), instant(until), engine.ShownName(l.Account)
			k.Links = append(k.Links, l)
			return err
		})
		if err != nil {
			return err
		}
		err = each(t.QueryxContext(ctx, t.Rebind(heldBy), person, person))(func(r *sqlx.Rows) error {
			h, err := scanHeld(r)
			k.Held = append(k.Held, h)
			return err
		})
		if err != nil {
			return err
		}
		return each(t.QueryxContext(ctx, t.Rebind(factsOf), person, person))(func(r *sqlx.Rows) error {
			f, err := scanFact(r)
			k.Facts = append(k.Facts, f)
			return err
		})
	})
	return k, s.wrap("read what is known of somebody", err)
}

// keyOf is the name by which the table knows a person who is named by a number, as what was blanked is; everybody else's stays. Somebody who is
// really called so goes first.
func keyOf(ctx context.Context, t *sqlx.Tx, person string) (string, error) {
	if !strings.HasPrefix(person, "#") {
		return person, nil
	}
	var n int
	err := t.GetContext(ctx, &n, t.Rebind("SELECT count(*) FROM person WHERE key = ?"), person)
	if err != nil || n > 0 {
		return person, err
	}
	return blankedKey(person), nil
}

// blankedKey is the key in the table for "#12".
func blankedKey(person string) string {
	if id, err := strconv.ParseInt(strings.TrimPrefix(person, "#"), 10, 64); err == nil {
		return engine.BlankedName(id)
	}
	return person
}
