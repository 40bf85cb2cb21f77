package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// openMariaDB keeps the password out of the URL, and with it out of every message. Of the driver's settings only socket and ca can be
// chosen: the others weaken it.
func openMariaDB(c Config, o Options) (*sqlx.DB, string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, "", errors.New("url can't be read; write mariadb://user@host:port/database")
	}
	if err := checkPassword(u, c.Password); err != nil {
		return nil, "", err
	}
	cfg, err := mariaDBSettings(u, o.Dir)
	if err != nil {
		return nil, "", err
	}
	identity := "sql:mariadb://" + cfg.Addr
	if c.Preset == "" { // accounts belong to the server, tables to a database
		if cfg.DBName == "" {
			return nil, "", errors.New("url names no database; write mariadb://user@host:port/database")
		}
		identity += "/" + cfg.DBName
	} else {
		// Without NO_AUTO_CREATE_USER a grant to an account that was dropped meanwhile makes one that needs no password.
		cfg.Params["sql_mode"] = "'NO_AUTO_CREATE_USER,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	}
	if err := cfg.Apply(mysql.BeforeConnect(askPassword(c.Password, o.Secret))); err != nil {
		return nil, "", err
	}
	cfg.DialFunc = o.Dial
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, "", fmt.Errorf("url can't be used: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(patient{connector, cfg.Timeout}), "mysql")
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(time.Minute)
	return db, identity, nil
}

// patient waits so long for the whole sign-in: a server of another kind waits for the client to speak first, and for ever.
type patient struct {
	driver.Connector
	most time.Duration
}

// Connect implements driver.Connector.
func (p patient) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.most)
	defer cancel()
	return p.Connector.Connect(ctx)
}

// askPassword asks at each connection, so that a changed one is seen.
func askPassword(password engine.Secret, resolve engine.Resolve) func(context.Context, *mysql.Config) error {
	return func(_ context.Context, cfg *mysql.Config) (err error) {
		if !password.IsZero() {
			cfg.Passwd, err = resolve(password)
		}
		return err
	}
}

func mariaDBSettings(u *url.URL, dir string) (*mysql.Config, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	cfg.Collation = "utf8mb4_bin" // texts that are compared with each other are the same or not
	cfg.Params = map[string]string{
		"sql_mode":          "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')", // what does not fit is refused, not cut
		"sql_select_limit":  "18446744073709551615",                     // lists are whole; DEFAULT is what the server is set to
		"lock_wait_timeout": "20",                                       // else a day: long after the call was given up
	}
	cfg.ClientFoundRows = true // rows that match, as in the other databases
	cfg.Timeout, cfg.Logger = 30*time.Second, &mysql.NopLogger{}
	if cfg.User == "" {
		return nil, errors.New("url names no user; write mariadb://user@host:port/database")
	}
	for name, values := range u.Query() {
		if (name != "socket" && name != "ca") || len(values) != 1 || values[0] == "" {
			return nil, fmt.Errorf("url has the parameter %q; there are socket (path of a Unix socket) and ca (file with the authority's certificate), once each", name)
		}
	}
	if socket := u.Query().Get("socket"); socket != "" {
		if u.Query().Has("ca") {
			return nil, errors.New("url has both socket and ca; nothing is encrypted on a socket")
		}
		cfg.Net, cfg.Addr = "unix", socket
		return cfg, nil
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	if u.Hostname() == "" {
		return nil, errors.New("url names no host; write mariadb://user@host:port/database")
	}
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	return cfg, demandMariaDBTLS(cfg, u, dir)
}

// demandMariaDBTLS lets nothing travel unprotected but within this machine.
func demandMariaDBTLS(cfg *mysql.Config, u *url.URL, dir string) error {
	ca := u.Query().Get("ca")
	if ca == "" && thisMachine(u.Hostname()) {
		return nil
	}
	cfg.TLS = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if ca == "" {
		return nil
	}
	if !filepath.IsAbs(ca) {
		ca = filepath.Join(dir, ca)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	cfg.TLS.RootCAs = x509.NewCertPool()
	if !cfg.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca: %s holds no certificate; it must be in PEM", ca)
	}
	return nil
}
