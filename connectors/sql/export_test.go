package sql

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Session is the connector's own way to its database.
func Session(p any) *sqlx.DB {
	switch p := p.(type) {
	case *creator:
		return p.db
	case *MariaDB:
		return p.db
	}
	return nil
}

// Silent makes a statement that MariaDB answers and that does nothing, as if it gave an account a right.
func Silent(ctx context.Context, p engine.Connector, account, right string) (engine.Outcome, error) {
	m := p.(*MariaDB)
	return m.connected(ctx, func(db *sqlx.Conn) (engine.Outcome, error) {
		return m.run(ctx, db, "DO 1", account, func(a *mariaAccount) bool { return a.has(right) })
	})
}

// Affected runs a statement there, and gives the rows that it counts.
func Affected(ctx context.Context, p any, statement string) (int64, error) {
	result, err := Session(p).ExecContext(ctx, statement)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
