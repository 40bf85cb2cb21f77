package journal

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// nextAccounts are the accounts of a program, after a name, that hold anything now.
const nextAccounts = `SELECT a.name FROM account a WHERE a.program = ? AND a.name > ?
	AND EXISTS (SELECT 1 FROM tenure t WHERE t.account = a.id AND t.until_seq = 0) ORDER BY a.name LIMIT ?`

// Holders is what accounts of a program hold now, whoever gave it: of so many accounts after one, in the order of the database;
// "" begins. Sorted by account. It goes by keys, so that the last page costs as much as the first.
func (s *Store) Holders(ctx context.Context, program, after string, accounts int) (held []engine.Held, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		var names []string
		if err := t.SelectContext(ctx, &names, t.Rebind(nextAccounts), program, after, accounts); err != nil {
			return err
		}
		for _, name := range names {
			if err := holdsNow(ctx, t, program, name, &held); err != nil {
				return err
			}
		}
		return nil
	})
	return held, s.wrap("read who holds anything in "+program, err)
}

func holdsNow(ctx context.Context, t *sqlx.Tx, program, account string, held *[]engine.Held) error {
	const now = int64(1) << 62 // after every record
	return each(t.QueryxContext(ctx, t.Rebind(tenuresAt+" AND a.program = ? AND a.name = ? ORDER BY e.name"), now, now, now, now, program, account))(func(r *sqlx.Rows) error {
		h, err := scanHeld(r)
		*held = append(*held, h)
		return err
	})
}
