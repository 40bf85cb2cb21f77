package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	_ "modernc.org/sqlite" // registers the driver

	"github.com/rolecall/rolecall/engine"
)

// maxConnections to one database: one list, one change and some single reads at a time.
const maxConnections = 4

// openPostgres keeps the password out of the URL, and with it out of every message.
func openPostgres(c Config, o Options) (*sqlx.DB, string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, "", errors.New("url can't be read; write postgres://user@host:port/database")
	}
	if err := checkPassword(u, c.Password); err != nil {
		return nil, "", err
	}
	cfg, err := pq.NewConfig(c.URL)
	if err != nil {
		return nil, "", fmt.Errorf("url can't be used: %w", err)
	}
	if err := demandTLS(&cfg, u.Query().Has("sslmode")); err != nil {
		return nil, "", err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 30 * time.Second
	}
	cfg.ApplicationName = "rolecall"
	db := sqlx.NewDb(sql.OpenDB(&signIn{cfg: cfg, password: c.Password, resolve: o.Secret, dial: o.Dial}), "postgres")
	db.SetMaxOpenConns(maxConnections)
	db.SetConnMaxIdleTime(time.Minute)
	identity := "sql:postgres://" + net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	if c.Preset == "" { // roles belong to the cluster, tables to a database
		identity += "/" + cfg.Database
	}
	return db, identity, nil
}

// checkPassword lets no password stand in the url.
func checkPassword(u *url.URL, password engine.Secret) error {
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return errors.New("url holds a password; take it out and refer to it with password: {file: …}")
	}
	if password.IsZero() {
		return nil
	}
	if err := password.Check(); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	return nil
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// demandTLS lets a password travel unprotected only within this machine.
func demandTLS(cfg *pq.Config, chosen bool) error {
	if strings.HasPrefix(cfg.Host, "/") || thisMachine(cfg.Host) {
		if !chosen {
			cfg.SSLMode = pq.SSLModeDisable
		}
		return nil
	}
	if !chosen {
		cfg.SSLMode = pq.SSLModeVerifyFull
	}
	if cfg.SSLMode != pq.SSLModeVerifyFull {
		return fmt.Errorf("sslmode=%s does not verify who answers at %s; use verify-full", cfg.SSLMode, cfg.Host)
	}
	return nil
}

// signIn asks for the password at each connection, so that a changed one is seen.
type signIn struct {
	cfg      pq.Config
	password engine.Secret
	resolve  engine.Resolve
	dial     Dial
}

// Connect implements driver.Connector.
func (s *signIn) Connect(ctx context.Context) (driver.Conn, error) {
	cfg := s.cfg
	if !s.password.IsZero() {
		password, err := s.resolve(s.password)
		if err != nil {
			return nil, err
		}
		cfg.Password = password
	}
	c, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL at %s:%d: the settings can't be used", cfg.Host, cfg.Port)
	}
	d := &dialer{dial: s.dial}
	c.Dialer(d)
	defer d.signedIn()
	defer context.AfterFunc(ctx, d.drop)() // the driver looks at it no longer once it has dialled
	return c.Connect(ctx)
}

// Driver implements driver.Connector.
func (s *signIn) Driver() driver.Driver { return &pq.Driver{} }

// openSQLite opens an existing file. Writers wait for each other for up to 10 s.
func openSQLite(path string) (*sqlx.DB, error) {
	q := url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	db, err := sqlx.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConnections)
	return db, nil
}
