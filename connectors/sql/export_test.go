package sql

import (
	"context"

	"github.com/jmoiron/sqlx"
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

// Affected runs a statement there, and gives the rows that it counts.
func Affected(ctx context.Context, p any, statement string) (int64, error) {
	result, err := Session(p).ExecContext(ctx, statement)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
