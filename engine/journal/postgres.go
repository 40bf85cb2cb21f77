package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"

	"github.com/lib/pq"
)

type postgresDialect struct{}

func (postgresDialect) name() string      { return "postgres" }
func (postgresDialect) portion(n int) int { return n }
func (postgresDialect) text(query, types string, _ int) string {
	return arraysText(query, types)
}
func (postgresDialect) values(r *rows, _, _ int) []any { return r.arrays() }
func (postgresDialect) copies() bool                   { return true }
func (postgresDialect) joins() bool                    { return false }
func (postgresDialect) head() string                   { return " FOR UPDATE" }
func (postgresDialect) patient() string                { return "SET LOCAL " + idleTime + " = 0" }

// A claim changes each row once, and no column that an index has: with room on the same page the indexes stay as they are.
func (postgresDialect) layout() string { return "ALTER TABLE open_intent SET (fillfactor = 45)" }
func (postgresDialect) contains(column string) string {
	return `position(? IN lower(` + column + ` COLLATE "C")) > 0` // the C collation knows ASCII letters only, as SQLite does
}
func (postgresDialect) holds(column string) string { return "position(? IN " + column + ") > 0" }
func (postgresDialect) exists() string {
	return "SELECT count(*) FROM pg_class WHERE oid = to_regclass('goose_db_version')"
}
func (postgresDialect) snapshot() *sql.TxOptions {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

// explain says what to do about what PostgreSQL reports; the codes are those of its documentation's appendix A.
func (postgresDialect) explain(err error) string {
	var e *pq.Error
	var lost *net.OpError
	switch {
	case errors.As(err, &e):
	case errors.As(err, &lost), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server can't be reached or broke off the connection; look whether it runs"
	default:
		return ""
	}
	switch e.Code {
	case "53100":
		return "the server's disk is full; free some space, nothing was written"
	case "53300":
		return "the server has no connection left; raise max_connections or end other clients"
	case "25006", "0A000": // a standby is told to BEGIN READ WRITE
		return "the server takes no writes; is it a standby?"
	case "28P01", "28000":
		return "the server refuses the user or password"
	case "3D000":
		return "the database does not exist; create it with createdb"
	case "42501":
		return "the user lacks a right on the tables or the schema"
	case "57P01", "57P02", "57P03":
		return "the server is stopping or starting; try again"
	}
	if e.Code.Class() == "XX" {
		return "the server reports damage; look at its log and restore from a backup"
	}
	return ""
}

// idleTime bounds how long a process that stands still, or was cut off from the network, in the middle of a transaction holds
// the head: the server takes it from it then, and its transaction fails.
const idleTime = "idle_in_transaction_session_timeout"

// openPostgres opens a postgres:// URL. Everything the writer does finds rows by key; without statistics (a new table)
// PostgreSQL would choose scans and stay with them, hence the settings.
func openPostgres(ctx context.Context, address *url.URL, o Options) (*Store, error) {
	q := address.Query()
	if o.ReadOnly {
		q.Set("default_transaction_read_only", "on")
	}
	if !q.Has("connect_timeout") {
		q.Set("connect_timeout", "10")
	}
	reading := *address
	reading.RawQuery = q.Encode()
	for _, setting := range []string{"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"} {
		q.Set(setting, "off")
	}
	if !q.Has(idleTime) {
		q.Set(idleTime, "30s")
	}
	writing := *address
	writing.RawQuery = q.Encode()
	s := &Store{options: o, dialect: postgresDialect{}, place: address.Redacted()}
	if err := s.connect("postgres", writing.String(), func() error { return s.write.PingContext(ctx) }); err != nil {
		return nil, err
	}
	if err := s.read.Close(); err != nil {
		return nil, err
	}
	if err := s.connectReader("postgres", reading.String()); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		return s, nil
	}
	version, err := s.version(ctx)
	if err != nil || version > 0 {
		return s, err
	}
	return openEmpty(ctx, o)
}

// redact is an address fit for messages.
func redact(store string) string {
	if u, err := url.Parse(store); err == nil {
		return u.Redacted()
	}
	return fmt.Sprintf("%.12s…", store)
}
