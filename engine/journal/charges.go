package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// What many charges have in common comes as one text, parts by a character that no name has before the last one.
const selectCharges = `SELECT time, person * 4294967296 + account,
	class || '\x1f' || program || '\x1f' || source || '\x1f' || approved || '\x1f' || cause || '\x1f' || entitlement
	FROM journal WHERE class <> '' AND seq >= ? ORDER BY seq`

// readCharges comes after the links, which name most of the people.
func (b *builders) readCharges(ctx context.Context, t *sqlx.Tx, since time.Time) (engine.Charges, error) {
	accounts := make([]string, len(b.accounts))
	for id := range b.accounts {
		accounts[id] = b.accounts[id].name
	}
	charges := engine.NewCharges(b.people, accounts)
	kinds, unnamed := map[string]uint32{}, map[int64]bool{}
	first, err := firstFrom(ctx, t, t.Rebind, micros(since))
	if err != nil {
		return charges, err
	}
	err = each(t.QueryxContext(ctx, t.Rebind(strings.ReplaceAll(selectCharges, `\x1f`, "\x1f")), first))(func(r *sqlx.Rows) error {
		var at, who int64
		var kind string
		if err := r.Scan(&at, &who, &kind); err != nil {
			return err
		}
		n, ok := kinds[kind]
		if !ok {
			k, err := chargeKind(kind)
			if err != nil {
				return err
			}
			n = charges.Kind(k)
			kinds[kind] = n
		}
		person, account := who>>32, who&(1<<32-1)
		if person != 0 && b.people[person] == "" {
			unnamed[person] = true
		}
		charges.AddRow(at, uint32(person), uint32(account), n)
		return nil
	})
	if err != nil {
		return charges, err
	}
	return charges, b.namePeople(ctx, t, unnamed)
}

func chargeKind(text string) (engine.ChargeKind, error) {
	p := strings.SplitN(text, "\x1f", 6)
	if len(p) != 6 {
		return engine.ChargeKind{}, fmt.Errorf("a charge can't be read: %q", text)
	}
	return engine.ChargeKind{Class: engine.Class(p[0]), Program: p[1], Source: p[2], Approved: p[3] != "0", Cause: engine.Cause(p[4]), Entitlement: p[5]}, nil
}

// namePeople finds the keys of people without a link: a few singly, many by reading all.
func (b *builders) namePeople(ctx context.Context, t *sqlx.Tx, unnamed map[int64]bool) error {
	if len(unnamed) > 1000 {
		return each(t.QueryxContext(ctx, "SELECT id, key FROM person"))(func(r *sqlx.Rows) error {
			var id int64
			var key string
			err := r.Scan(&id, &key)
			if unnamed[id] {
				b.people[id] = key
			}
			return err
		})
	}
	for id := range unnamed {
		err := t.GetContext(ctx, &b.people[id], t.Rebind("SELECT key FROM person WHERE id = ?"), id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // whose key was deleted is charged like nobody
			return err
		}
	}
	return nil
}
