package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// An advisory lock of PostgreSQL, one for each schema, says that daemons are there: their connections share it, a restore
// has it alone. It ends with the session, so whoever crashed holds up nothing.
const (
	stayLock = 0x726f6c65 // "role"
	staying  = "SELECT pg_try_advisory_lock_shared(%d, current_schema()::regnamespace::oid::int4)"
	alone    = "SELECT pg_try_advisory_lock($1, current_schema()::regnamespace::oid::int4)"
	whoStays = `SELECT DISTINCT coalesce(host(a.client_addr), 'this machine') || ', backend ' || a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid = $1::int4::oid AND l.objid = current_schema()::regnamespace::oid AND l.objsubid = 2 ORDER BY 1`
)

// errRestoring is what a daemon is told while a backup takes the journal's place.
var errRestoring = errors.New("a backup is being restored into it; start again once that has ended")

// pool opens the connections of one of the store's two pools.
func (s *Store) pool(name, dsn string) (*sqlx.DB, error) {
	if name != "postgres" || !s.options.Stays {
		return sqlx.Open(name, dsn)
	}
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(sql.OpenDB(stayer{c}), name), nil
}

// stayer takes the lock for each connection anew, so that a daemon has it again as soon as it has reached the server again.
type stayer struct{ driver.Connector }

// Connect implements driver.Connector.
func (s stayer) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	switch got, err := shares(ctx, conn); {
	case err != nil:
		return nil, errors.Join(err, conn.Close())
	case !got:
		return nil, errors.Join(errRestoring, conn.Close())
	}
	return conn, nil
}

func shares(ctx context.Context, conn driver.Conn) (got bool, err error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return false, errors.New("the driver asks nothing")
	}
	rows, err := q.QueryContext(ctx, fmt.Sprintf(staying, stayLock), nil)
	if err != nil {
		return false, err
	}
	row := make([]driver.Value, 1)
	if err = rows.Next(row); err == nil {
		got, _ = row[0].(bool)
	}
	return got, errors.Join(err, rows.Close())
}

// alone sees that no daemon is there, and lets none in before release is called.
func (s *Store) alone(ctx context.Context) (release func() error, err error) {
	conn, err := s.read.Connx(ctx) // a connection of its own: the lock is its session's
	if err != nil {
		return nil, err
	}
	release = func() error { // back in the pool it would keep the lock
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock_all()")
		return errors.Join(err, conn.Close())
	}
	var got bool
	if err = conn.GetContext(ctx, &got, alone, stayLock); err == nil && !got {
		var who []string
		err = conn.SelectContext(ctx, &who, whoStays, stayLock)
		err = errors.Join(fmt.Errorf("%s: %w (%s)", s.place, ErrInUse, strings.Join(who, "; ")), err)
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}
