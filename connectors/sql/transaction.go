package sql

import (
	"context"
	"database/sql/driver"

	"github.com/jmoiron/sqlx"
)

// transaction has a connection of its own, and ends by a statement: MariaDB's driver asks for COMMIT and ROLLBACK without a context, and
// waits for ever where no answer comes.
type transaction struct {
	*sqlx.Conn
	sent      bool // a statement that changes
	committed bool
	ended     bool
}

func (p *Tables) begin(ctx context.Context, statements ...string) (*transaction, error) {
	db, err := p.db.Connx(ctx)
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
