package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
)

// faults is a driver between a SQLite store and its database that fails as it is told. Its functions are set before they may be
// called, and nil ones do nothing.
type faults struct {
	mu      sync.Mutex // what follows is called one at a time: who verifies reads on several connections
	real    driver.Driver
	dsn     string
	connect func() error                      // before a connection is made
	query   func(text string) (string, error) // may change a statement, or be its error
	commit  func(t driver.Tx) error           // in the place of a commit
}

// faulty puts it into a store.
func faulty(t *testing.T, s *Store, f *faults) {
	t.Helper()
	f.real, f.dsn = s.write.Driver(), "file:"+s.path+"?"+sqliteOptions(s.options)
	for _, pool := range []**sqlx.DB{&s.write, &s.read} {
		old := *pool
		*pool = sqlx.NewDb(sql.OpenDB(f), "sqlite")
		t.Cleanup(func() { old.Close() })
	}
	clear(s.statements)
}

// Connect implements driver.Connector.
func (f *faults) Connect(context.Context) (driver.Conn, error) {
	if f.connect != nil {
		f.mu.Lock()
		err := f.connect()
		f.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
	conn, err := f.real.Open(f.dsn)
	return &faultyConn{conn, f}, err
}

// Driver implements driver.Connector.
func (f *faults) Driver() driver.Driver { return f.real }

func (f *faults) say(text string) (string, error) {
	if f.query == nil {
		return text, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.query(text)
}

type faultyConn struct {
	driver.Conn
	f *faults
}

func (c *faultyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	text, err := c.f.say(text)
	if err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (c *faultyConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	text, err := c.f.say(text)
	if err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

func (c *faultyConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	text, err := c.f.say(text)
	if err != nil {
		return nil, err
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
}

func (c *faultyConn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	t, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return faultyTx{t, c.f}, err
}

type faultyTx struct {
	driver.Tx
	f *faults
}

func (t faultyTx) Commit() error {
	if t.f.commit == nil {
		return t.Tx.Commit()
	}
	return t.f.commit(t.Tx)
}
