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

// Run makes a statement of another effect, as if it were the change.
func Run(ctx context.Context, p engine.Connector, statement string, c engine.Call) (engine.Outcome, error) {
	m := p.(*MariaDB)
	return m.connected(ctx, func(db *sqlx.Conn) (engine.Outcome, error) {
		v, err := m.read(ctx, db, c.Account)
		if err != nil {
			return engine.Failed, err
		}
		return m.run(ctx, db, statement, c, v.account)
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
