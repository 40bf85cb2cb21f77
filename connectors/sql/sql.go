// Package sql manages accounts and rights that are kept in a database, in two forms.
//
// With `preset: postgres` the accounts are the roles of a PostgreSQL cluster and the rights are memberships in other
// roles; with `preset: mariadb` they are the accounts of a MariaDB server, its roles and privileges. Without a preset the program's own tables are read and changed by statements of the configuration, in PostgreSQL,
// MariaDB (or MySQL) or SQLite.
package sql

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	Preset     string        `yaml:"preset"`     // postgres or mariadb, or nothing: statements
	URL        string        `yaml:"url"`        // postgres://user@host:port/database?sslmode=…, mariadb://user@host:port/database?ca=…, without password; or sqlite:path
	Password   engine.Secret `yaml:"password"`   // none: peer, certificate or trust (PostgreSQL), unix_socket (MariaDB)
	Rights     []string      `yaml:"rights"`     // preset: patterns (path.Match) of the roles that are rights and may be granted
	Ignore     []string      `yaml:"ignore"`     // preset: patterns of roles (postgres) or logins (mariadb) that are neither accounts nor rights
	Privileges []string      `yaml:"privileges"` // preset mariadb: privileges that may be granted, such as SELECT on shop, or on shop.orders
	Host       string        `yaml:"host"`       // preset mariadb: where new accounts may sign in from; % (anywhere) unless set
	SignIn     string        `yaml:"sign_in"`    // preset mariadb: how new accounts sign in: unix_socket, pam, gssapi, named_pipe; not before a password is set unless set
	Statements Statements    `yaml:"statements"` // without preset
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program string           // name, for proofs and messages
	Dir     string           // where a relative SQLite path starts
	Secret  engine.Resolve   // reads the password at each sign-in
	Now     func() time.Time // the clock
	Dial    Dial             // connects to the server; nil: a net.Dialer
}

// Open checks the configuration. The database is called only when something is read or changed.
func Open(c Config, o Options) (engine.Connector, error) {
	p, err := open(c, o)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	return p, nil
}

func open(c Config, o Options) (engine.Connector, error) {
	db, identity, err := openDatabase(c, o)
	if err != nil {
		return nil, err
	}
	p, err := onDatabase(c, o, db, identity)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return p, nil
}

func onDatabase(c Config, o Options, db *sqlx.DB, identity string) (engine.Connector, error) {
	if c.Preset != "" && c.Statements != (Statements{}) {
		return nil, fmt.Errorf("preset: %s has its own statements; remove statements, or the preset", c.Preset)
	}
	if c.Preset != "mariadb" && len(c.Privileges)+len(c.Host)+len(c.SignIn) > 0 {
		return nil, errors.New("privileges, host and sign_in belong to preset: mariadb")
	}
	switch c.Preset {
	case "postgres":
		return newPostgres(c, o, db, identity)
	case "mariadb":
		return newMariaDB(c, o, db, identity)
	case "":
		if len(c.Rights)+len(c.Ignore) > 0 {
			return nil, errors.New("rights and ignore belong to a preset; list the rights with statements.catalogue")
		}
		return newTables(c.Statements, o, db, identity)
	}
	return nil, fmt.Errorf("preset %q is unknown; write postgres or mariadb, or leave it out and give statements", c.Preset)
}

// schemes of the databases; a preset belongs to one of them.
var schemes = map[string]string{"postgres://": "postgres", "postgresql://": "postgres", "mariadb://": "mariadb", "mysql://": "mariadb", "sqlite:": "sqlite"}

func openDatabase(c Config, o Options) (db *sqlx.DB, identity string, err error) {
	database := ""
	for scheme, of := range schemes {
		if strings.HasPrefix(c.URL, scheme) && len(c.URL) > len(scheme) {
			database = of
		}
	}
	switch {
	case database == "":
		return nil, "", errors.New("url is not of the form postgres://user@host/database, mariadb://user@host/database or sqlite:path")
	case (c.Preset == "postgres" || c.Preset == "mariadb") && c.Preset != database:
		return nil, "", fmt.Errorf("preset: %s needs a url of the form %s://user@host", c.Preset, c.Preset)
	case database == "postgres":
		return openPostgres(c, o)
	case database == "mariadb":
		return openMariaDB(c, o)
	}
	path := strings.TrimPrefix(c.URL, "sqlite:")
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	db, err = openSQLite(path)
	return db, "sql:sqlite:" + path, err
}
