package journal

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// tenuresAt lists what existed after the record @seq, each with the newest link that the account had then.
const tenuresAt = `SELECT a.program, a.name, e.name, coalesce((SELECT p.key FROM link l JOIN person p ON p.id = l.person
		WHERE l.account = t.account AND l.from_seq <= ? AND (l.until_seq = 0 OR l.until_seq > ?) ORDER BY l.from_seq DESC LIMIT 1), ''),
		t.from_time, t.until_time, t.managed, s.rules, t.from_seq
	FROM tenure t JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement JOIN ruleset s ON s.id = t.rules
	WHERE t.from_seq <= ? AND (t.until_seq = 0 OR t.until_seq > ?)`

// AsOf implements engine.AsOf.
func (s *Store) AsOf(ctx context.Context, at time.Time, person, program, account string) (held []engine.Held, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		held, err = readAsOf(ctx, t, at, person, program, account)
		return err
	})
	slices.SortFunc(held, func(a, b engine.Held) int {
		return compareHeld(engine.Held3{Program: a.Program, Account: a.Account, Entitlement: a.Entitlement}, engine.Held3{Program: b.Program, Account: b.Account, Entitlement: b.Entitlement})
	})
	return held, s.wrap("read who had what", err)
}

func readAsOf(ctx context.Context, t *sqlx.Tx, at time.Time, person, program, account string) (held []engine.Held, err error) {
	last, err := lastAt(ctx, t, at)
	if err != nil {
		return nil, err
	}
	query, args := tenuresAt, []any{last, last, last, last}
	if person != "" {
		key, err := keyOf(ctx, t, person)
		if err != nil {
			return nil, err
		}
		query += " AND t.account IN (SELECT l.account FROM link l JOIN person p ON p.id = l.person WHERE p.key = ?)"
		args = append(args, key)
	}
	if program != "" {
		query, args = query+" AND a.program = ?", append(args, program)
	}
	if account != "" {
		query, args = query+" AND a.name = ?", append(args, account)
	}
	err = each(t.QueryxContext(ctx, t.Rebind(query), args...))(func(r *sqlx.Rows) error {
		h, err := scanHeld(r)
		if err == nil && (person == "" || person == h.Person) { // not somebody else's by then
			held = append(held, h)
		}
		return err
	})
	return held, err
}

// lastAt is the last record up to a time; what was before records were pruned is not known.
func lastAt(ctx context.Context, t *sqlx.Tx, at time.Time) (int64, error) {
	next, err := firstFrom(ctx, t, t.Rebind, floor(at)+1)
	if err != nil {
		return 0, err
	}
	if p, err := lastPruning(ctx, t); err != nil || p != nil && next-1 < p.UpTo {
		return 0, cmp.Or(err, error(p))
	}
	return next - 1, nil
}

func scanHeld(r *sqlx.Rows) (h engine.Held, err error) {
	var from, until, managed int64
	var rules string
	if err := r.Scan(&h.Program, &h.Account, &h.Entitlement, &h.Person, &from, &until, &managed, &rules, &h.Record); err != nil {
		return h, err
	}
	h.Account, h.Person = engine.ShownName(h.Account), engine.ShownName(h.Person)
	h.From, h.Until, h.Managed = instant(from), instant(until), managed != 0
	h.Rules, err = parseRules(rules)
	return h, err
}

// floor and ceiling are an instant in whole microseconds, never after it and never before it.
func floor(t time.Time) int64 { return t.Truncate(time.Microsecond).UnixMicro() }

func ceiling(t time.Time) int64 {
	if floor(t) == t.Add(time.Microsecond-1).Truncate(time.Microsecond).UnixMicro() {
		return floor(t)
	}
	return floor(t) + 1
}
