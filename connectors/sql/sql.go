// Package sql manages accounts and rights that are kept in a database, in two forms.
//
// With `preset: postgres` the accounts are the roles of a PostgreSQL cluster and the rights are memberships in other
// roles. Without a preset the program's own tables are read and changed by statements of the configuration, in PostgreSQL,
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
	Preset     string        `yaml:"preset"`     // postgres, or nothing: statements
	URL        string        `yaml:"url"`        // postgres://user@host:port/database?sslmode=…, without password; or sqlite:path
	Password   engine.Secret `yaml:"password"`   // for PostgreSQL; none: peer, certificate or trust
	Rights     []string      `yaml:"rights"`     // preset: patterns (path.Match) of the roles that are rights and may be granted
	Ignore     []string      `yaml:"ignore"`     // preset: patterns of roles that are neither accounts nor rights
	Statements Statements    `yaml:"statements"` // without preset
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program string           // name, for proofs and messages
	Dir     string           // where a relative SQLite path starts
	Secret  engine.Resolve   // reads the password at each sign-in
	Now     func() time.Time // the clock
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
	switch c.Preset {
	case "postgres":
		if c.Statements != (Statements{}) {
			return nil, errors.New("preset: postgres has its own statements; remove statements, or the preset")
		}
		return newPostgres(c, o, db, identity)
	case "":
		if len(c.Rights)+len(c.Ignore) > 0 {
			return nil, errors.New("rights and ignore belong to preset: postgres; list the rights with statements.catalogue")
		}
		return newTables(c.Statements, o, db, identity)
	}
	return nil, fmt.Errorf("preset %q is unknown; write postgres, or leave it out and give statements", c.Preset)
}

func openDatabase(c Config, o Options) (db *sqlx.DB, identity string, err error) {
	if path, ok := strings.CutPrefix(c.URL, "sqlite:"); ok && c.Preset == "" && path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.Dir, path)
		}
		db, err = openSQLite(path)
		return db, "sql:sqlite:" + path, err
	}
	if strings.HasPrefix(c.URL, "postgres://") || strings.HasPrefix(c.URL, "postgresql://") {
		return openPostgres(c, o)
	}
	if strings.HasPrefix(c.URL, "mariadb://") || strings.HasPrefix(c.URL, "mysql://") {
		return openMariaDB(c, o)
	}
	return nil, "", errors.New("url is not of the form postgres://user@host/database, mariadb://user@host/database or sqlite:path")
}
