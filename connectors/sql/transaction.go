package sql

import (
	"context"
	"database/sql/driver"

	"github.com/jmoiron/sqlx"
)

// transaction has a connection of its own, and begins and ends by statements: the drivers ask for BEGIN, COMMIT and ROLLBACK without a
// context, and wait for ever where no answer comes.
type transaction struct {
	*sqlx.Conn
	sent      bool // a statement that changes
	committed bool
	ended     bool
}

func begin(ctx context.Context, pool *sqlx.DB, statements ...string) (*transaction, error) {
	db, err := pool.Connx(ctx)
	if err != nil {
		return nil, err
	}
	tx := &transaction{Conn: db}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			tx.end(ctx)
			return nil, err
		}
	}
	return tx, nil
}

func (tx *transaction) commit(ctx context.Context) error {
	_, err := tx.ExecContext(ctx, "COMMIT")
	tx.committed = err == nil
	return err
}

// end takes back what was not committed, and gives up the connection where that can't be said: the database takes it back then.
func (tx *transaction) end(ctx context.Context) {
	if tx.ended {
		return
	}
	tx.ended = true
	if !tx.committed {
		if _, err := tx.ExecContext(ctx, "ROLLBACK"); err != nil {
			_ = tx.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	_ = tx.Close()
}
