package sql

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// MariaDB manages the accounts of a MariaDB server. An account is a 'login'@'host' that is neither ignored nor anonymous nor MariaDB's
// own; it is active while it is not locked. Its id is login@host: there is nothing else that stays, so an account that is renamed by
// hand is another one. Its rights are the roles that were granted to it, and its privileges, one for each object ("SELECT on shop").
// All are listed; roles that match `rights`, and privileges that are named in `privileges`, can be changed. Accounts that could change
// rights themselves, and the one that Rolecall signs in as, are never changed. MariaDB commits each statement about accounts by itself:
// a change is one statement, and is read back. Safe for concurrent use.
type MariaDB struct {
	db             *sqlx.DB
	identity       string
	rights, ignore []string
	privileges     map[string]privilege
	host           string // of new accounts
	signIn         string // clause of CREATE USER before the impossible password; "" or ending in OR
	options        Options
	server         atomic.Pointer[mariaServer]
}

// mariaServer is what is asked for once.
type mariaServer struct {
	own string // login that Rolecall has
	all string // SELECT of everything, made for the columns that this version has
}

// ways to sign in without a password of MariaDB's.
var ways = []string{"unix_socket", "pam", "gssapi", "named_pipe"}

func newMariaDB(c Config, o Options, db *sqlx.DB, identity string) (*MariaDB, error) {
	p := &MariaDB{db: db, identity: identity, rights: c.Rights, ignore: c.Ignore, privileges: map[string]privilege{}, host: strings.ToLower(c.Host), options: o}
	if len(c.Rights)+len(c.Privileges) == 0 {
		return nil, errors.New("rights is missing; name the roles that may be granted, or patterns such as app_*, or privileges")
	}
	if p.host == "" {
		p.host = "%"
	}
	if err := checkHost(p.host); err != nil {
		return nil, err
	}
	for _, pattern := range slices.Concat(c.Rights, c.Ignore) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	for _, text := range c.Privileges {
		one, err := parsePrivilege(text)
		if err != nil {
			return nil, err
		}
		p.privileges[text] = one
	}
	if c.SignIn != "" {
		if !slices.Contains(ways, c.SignIn) {
			return nil, fmt.Errorf("sign_in %q is unknown; write one of %s, or leave it out: then nobody can sign in before an administrator sets a password", c.SignIn, strings.Join(ways, ", "))
		}
		p.signIn = c.SignIn + " OR "
	}
	return p, nil
}

// Close ends the connections; the program is not used afterwards.
func (p *MariaDB) Close() error { return p.db.Close() }

// Canonical folds the host: MariaDB tells logins apart by case, and hosts not.
func (p *MariaDB) Canonical(account, entitlement string) (string, string) {
	if login, host, ok := splitAccount(account); ok {
		account = login + "@" + strings.ToLower(host)
	}
	return account, entitlement
}

// Describe lists the roles and privileges that may be granted.
func (p *MariaDB) Describe(ctx context.Context) (engine.Description, error) {
	d := engine.Description{Identity: p.identity, Accounts: true, Lifecycle: true, Concurrency: maxConnections, Grantable: []string{},
		Deletes: "the account, with its rights; views and routines that run in its name stop working"}
	if _, err := p.learn(ctx); err != nil { // again: by now it may be another one
		return d, p.explain(err)
	}
	if err := p.checkOwn(ctx, p.db, createUser); err != nil {
		return d, p.explain(err)
	}
	err := p.list(ctx, p.db, " WHERE host = ''", nil, func(a *mariaAccount) error {
		if a.role && p.isRole(a.login) {
			d.Grantable = append(d.Grantable, a.login)
		}
		return nil
	})
	if err != nil {
		return d, p.explain(err)
	}
	for name := range p.privileges {
		d.Grantable = append(d.Grantable, name)
	}
	slices.Sort(d.Grantable)
	return d, nil
}

// isRole says whether a role of that name is a right. What looks like a privilege is none.
func (p *MariaDB) isRole(name string) bool {
	return matches(p.rights, name) && !ambiguous(name) && !strings.EqualFold(name, "PUBLIC") && !strings.EqualFold(name, "NONE")
}

func (p *MariaDB) isAccount(login string) bool {
	return login != "" && login != "mariadb.sys" && !matches(p.ignore, login)
}

// ask finds out once what the server is.
func (p *MariaDB) ask(ctx context.Context) (*mariaServer, error) {
	if known := p.server.Load(); known != nil {
		return known, nil
	}
	return p.learn(ctx)
}

func (p *MariaDB) learn(ctx context.Context) (*mariaServer, error) {
	var version, user string
	var folds int
	if err := p.db.QueryRowxContext(ctx, `SELECT VERSION(), CURRENT_USER(), @@lower_case_table_names`).Scan(&version, &user, &folds); err != nil {
		return nil, err
	}
	if !strings.Contains(version, "MariaDB") {
		return nil, refuse("the server is no MariaDB (it says %q); its accounts are kept differently", version)
	}
	for name, one := range p.privileges {
		if on := one.database + one.table; folds != 0 && on != strings.ToLower(on) {
			return nil, refuse("the server keeps names of databases and tables in small letters; write the privilege %q so", name)
		}
	}
	columns, err := p.privilegeColumns(ctx)
	if err != nil {
		return nil, err
	}
	login, _, _ := splitAccount(user)
	known := &mariaServer{own: login, all: everything(columns)}
	p.server.Store(known)
	return known, nil
}

// privilegeColumns of this version. Whoever may not see all of them gets an error, and not a part.
func (p *MariaDB) privilegeColumns(ctx context.Context) ([]string, error) {
	rows, err := p.db.QueryContext(ctx, `SELECT * FROM mysql.db LIMIT 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return slices.DeleteFunc(columns, func(name string) bool { return !strings.HasSuffix(name, "_priv") }), errors.Join(err, rows.Err())
}

// Holdings reads everything in one statement and streams it by login and host.
func (p *MariaDB) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	var own error
	err := p.list(ctx, p.db, "", nil, func(a *mariaAccount) error {
		for _, h := range p.holdings(a) {
			if own = yield(h); own != nil {
				return own
			}
			proof.Count++
		}
		return nil
	})
	if own != nil {
		return proof, own
	}
	if err != nil {
		return proof, p.explain(err)
	}
	proof.Finished = p.options.Now()
	return proof, nil
}

// Account reads one account.
func (p *MariaDB) Account(ctx context.Context, id string) ([]engine.Holding, error) {
	v, err := p.read(ctx, p.db, id)
	if err != nil {
		return nil, p.explain(err)
	}
	if v.account == nil {
		return nil, nil
	}
	return p.holdings(v.account), nil
}

// view is what a change of one account is decided on.
type view struct {
	account *mariaAccount   // nil: it is not there
	others  []*mariaAccount // of the same login
	roles   map[string]*mariaAccount
}

// read finds one account, also one that is ignored.
func (p *MariaDB) read(ctx context.Context, db sqlx.QueryerContext, id string) (view, error) {
	v := view{roles: map[string]*mariaAccount{}}
	login, host, ok := splitAccount(id)
	if !ok || !kept(id) {
		return v, nil
	}
	err := p.list(ctx, db, ofLogin, []any{login}, func(a *mariaAccount) error {
		switch {
		case a.role:
			v.roles[a.login] = a
		case a.login == login && a.host == host:
			v.account = a
		case a.login == login:
			v.others = append(v.others, a)
		}
		return nil
	})
	return v, err
}

func (p *MariaDB) holdings(a *mariaAccount) []engine.Holding {
	if a.role || !p.isAccount(a.login) {
		return nil
	}
	id := a.login + "@" + a.host
	out := []engine.Holding{{Account: id, Entitlement: engine.Exists, Info: p.info(a)}}
	if !a.locked {
		out = append(out, engine.Holding{Account: id, Entitlement: engine.Active})
	}
	for _, name := range a.holds {
		out = append(out, engine.Holding{Account: id, Entitlement: name})
	}
	return out
}

func (p *MariaDB) info(a *mariaAccount) *engine.AccountInfo {
	info := &engine.AccountInfo{Name: a.login + "@" + a.host, Attributes: map[string]string{"login": a.login, "host": a.host}}
	if a.host == p.host {
		info.Name = a.login
	}
	info.Attributes["name"] = info.Name
	switch {
	case a.login == "root" || a.login == "mysql" || a.login == p.own():
		info.Kind = "service"
	case a.mighty:
		info.Kind = "admin"
	}
	return info
}

// own is the login that Rolecall has.
func (p *MariaDB) own() string {
	if known := p.server.Load(); known != nil {
		return known.own
	}
	return ""
}

func (p *MariaDB) explain(err error) error {
	return fmt.Errorf("program %s, %s: %w", p.options.Program, p.identity, err)
}
