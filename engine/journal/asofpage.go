package journal

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// nextAccountsAt are the next accounts behind one, of all programs or of one, that held anything, or one right, once a record was written.
const (
	nextAccountsAt = `SELECT a.id FROM account a WHERE %s AND EXISTS (SELECT 1 FROM tenure t JOIN entitlement e ON e.id = t.entitlement
		WHERE t.account = a.id AND t.from_seq <= ? AND (t.until_seq = 0 OR t.until_seq > ?) AND (? = 0 OR e.name = ?)) ORDER BY a.program, a.name LIMIT ?`
	afterAccount   = "(a.program, a.name) > (?, ?)"
	afterInProgram = "a.program = ? AND a.name > ?"
)

// AsOfPage is AsOf for everybody or for one program, of so many accounts after one, in the order of the database: the last page costs as
// much as the first. Sorted by program and account.
func (s *Store) AsOfPage(ctx context.Context, q engine.AsOfQuery) (held []engine.Held, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		last, err := lastAt(ctx, t, q.At)
		if err != nil {
			return err
		}
		after, where := q.After, afterAccount
		if q.Program != "" {
			if where = afterInProgram; after[0] != q.Program {
				after = [2]string{q.Program, ""}
			}
		}
		one, name := 0, ""
		if q.Entitlement != nil {
			one, name = 1, *q.Entitlement
		}
		var accounts []int64
		if err := t.SelectContext(ctx, &accounts, t.Rebind(fmt.Sprintf(nextAccountsAt, where)), after[0], after[1], last, last, one, name, q.Accounts); err != nil {
			return err
		}
		for _, account := range accounts {
			if err := hadAt(ctx, t, last, account, q.Entitlement, &held); err != nil {
				return err
			}
		}
		return nil
	})
	return held, s.wrap("read who had what", err)
}

func hadAt(ctx context.Context, t *sqlx.Tx, last, account int64, entitlement *string, held *[]engine.Held) error {
	return each(t.QueryxContext(ctx, t.Rebind(tenuresAt+" AND t.account = ? ORDER BY e.name"), last, last, last, last, account))(func(r *sqlx.Rows) error {
		h, err := scanHeld(r)
		if entitlement == nil || h.Entitlement == *entitlement {
			*held = append(*held, h)
		}
		return err
	})
}
