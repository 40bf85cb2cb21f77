package journal

import (
	"context"
	"slices"
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
	// Logins are those by which records knew the person that were pruned.
	Logins []string
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
		err = each(t.QueryxContext(ctx, t.Rebind(factsOf), person, person))(func(r *sqlx.Rows) error {
			f, err := scanFact(r)
			k.Facts = append(k.Facts, f)
			return err
		})
		if err != nil {
			return err
		}
		k.Logins, err = loginsOf(ctx, t, person)
		return err
	})
	return k, s.wrap("read what is known of somebody", err)
}

func loginsOf(ctx context.Context, t *sqlx.Tx, person string) (logins []string, err error) {
	var ids []int64
	if err := t.SelectContext(ctx, &ids, t.Rebind("SELECT id FROM person WHERE key = ?"), person); err != nil {
		return nil, err
	}
	for _, id := range ids {
		more, err := readLogins(ctx, t, t.Rebind, id)
		if logins = append(logins, more...); err != nil {
			return nil, err
		}
	}
	return logins, nil
}

// PersonByLogin is the key of somebody whom only records that were pruned knew by a login; "": nobody.
func (s *Store) PersonByLogin(ctx context.Context, login string) (key string, err error) {
	query := "SELECT personal FROM snapshot WHERE public LIKE '{\"what\":\"person\"%' AND personal IS NOT NULL AND " + s.dialect.holds("personal") + " ORDER BY n"
	err = each(s.read.QueryxContext(ctx, s.read.Rebind(query), quoted(login)))(func(r *sqlx.Rows) error {
		var text []byte
		var n snapName
		if err := r.Scan(&text); err != nil {
			return err
		}
		err := strict(text, &n)
		if slices.Contains(n.Logins, login) {
			key = n.Name
		}
		return err
	})
	return key, s.wrap("look for a login", err)
}

// Naming are the facts that hold, of something or somebody else, in which one of the names stands.
func (s *Store) Naming(ctx context.Context, names []string, theirs func(engine.FactKey) bool) (facts []engine.Fact, err error) {
	err = each(s.read.QueryxContext(ctx, "SELECT * FROM fact ORDER BY kind, program, account, entitlement, person, key"))(func(r *sqlx.Rows) error {
		f, err := scanFact(r)
		if err != nil || theirs(f.FactKey) {
			return err
		}
		text, err := encode(fact{factKey(f.FactKey), 0, 0, 0, f.Text, f.Data})
		if slices.ContainsFunc(names, func(name string) bool { return HasName(string(text), name) }) {
			facts = append(facts, f)
		}
		return err
	})
	return facts, s.wrap("look for names in facts", err)
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
