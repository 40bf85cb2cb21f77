package journal

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// shape is a table with its columns.
type shape struct {
	table   string
	columns []string
}

// shapes lists the journal's tables, as a SQLite file with this program's schema has them.
func shapes(ctx context.Context, q sqlx.QueryerContext) (out []shape, err error) {
	var tables []string
	const query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE 'goose~_%' ESCAPE '~' ORDER BY name"
	if err := sqlx.SelectContext(ctx, q, &tables, query); err != nil {
		return nil, err
	}
	for _, table := range tables {
		s := shape{table: table}
		if err := sqlx.SelectContext(ctx, q, &s.columns, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// refill puts what another journal of the same schema holds in the place of all that this one holds, in one transaction; one
// of the two is a SQLite file. check is asked about the head once it is locked, nil: nothing.
func (s *Store) refill(ctx context.Context, from *sqlx.Tx, check func(*head) error) error {
	to, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = to.Rollback() }() // nothing is left of it after a commit
	var h head
	if err := to.GetContext(ctx, &h, selectHead+s.dialect.head()); err != nil {
		return err
	}
	if check != nil {
		if err := check(&h); err != nil {
			return err
		}
	}
	lite := to
	if s.dialect.copies() {
		lite = from
	}
	all, err := shapes(ctx, lite)
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := s.refillTable(ctx, from, to, one); err != nil {
			return fmt.Errorf("table %s: %w", one.table, err)
		}
	}
	return to.Commit()
}

func (s *Store) refillTable(ctx context.Context, from, to *sqlx.Tx, one shape) error {
	if _, err := to.ExecContext(ctx, "DELETE FROM "+one.table); err != nil {
		return err
	}
	insert := "INSERT INTO " + one.table + " (" + strings.Join(one.columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(one.columns)-1) + ")"
	if s.dialect.copies() {
		//lint:ignore SA1019 as in copy.go
		insert = pq.CopyIn(one.table, one.columns...) //nolint:staticcheck // as in copy.go
	}
	into, err := to.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	err = each(from.QueryxContext(ctx, "SELECT "+strings.Join(one.columns, ", ")+" FROM "+one.table))(func(r *sqlx.Rows) error {
		values, err := r.SliceScan()
		if err != nil {
			return err
		}
		_, err = into.ExecContext(ctx, values...)
		return err
	})
	if err == nil && s.dialect.copies() {
		_, err = into.ExecContext(ctx)
	}
	if closing := into.Close(); err == nil {
		err = closing
	}
	return err
}
