package sql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// everything makes one statement of all tables, since MariaDB locks what one statement reads, and has no snapshot of these. Roles
// come first, then accounts in order, each before what it holds.
func everything(columns []string) string {
	var each []string
	for _, column := range columns {
		each = append(each, "IF("+quoteName(column)+" = 'Y', '"+strings.ReplaceAll(column, "'", "")+"', NULL)")
	}
	return `SELECT * FROM (
		SELECT 0 AS part, User AS login, Host AS host, coalesce(JSON_VALUE(Priv, '$.access'), '0') AS a, coalesce(JSON_VALUE(Priv, '$.account_locked'), '0') AS b,
			coalesce(JSON_VALUE(Priv, '$.is_role'), '0') AS c FROM mysql.global_priv
		UNION ALL SELECT 1, User, Host, Role, Admin_option, '' FROM mysql.roles_mapping
		UNION ALL SELECT 2, User, Host, Db, CONCAT_WS(',', ` + strings.Join(each, ", ") + `), '' FROM mysql.db
		UNION ALL SELECT 3, User, Host, CONCAT(Db, '.', Table_name), Table_priv, '' FROM mysql.tables_priv
		UNION ALL SELECT 4, User, Host, CONCAT(Db, '.', Table_name), Column_priv, Column_name FROM mysql.columns_priv
		UNION ALL SELECT 5, User, Host, CONCAT(Db, '.', Routine_name), Proc_priv, Routine_type FROM mysql.procs_priv
		UNION ALL SELECT 6, User, Host, Proxied_user, Proxied_host, '' FROM mysql.proxies_priv
	) AS x`
}

const (
	inOrder = ` ORDER BY host <> '', CAST(login AS BINARY), CAST(host AS BINARY), part` // a role has no host
	ofLogin = ` WHERE login = ? OR host = ''`                                           // with all roles; ignores spaces at the end: the caller compares
)

// mariaAccount is one account with all that it holds.
type mariaAccount struct {
	login, host string
	access      uint64
	locked      bool
	role        bool
	holds       []string // sorted, each once
	roles       []string // among these, as MariaDB spells them
	mighty      bool     // could change rights, by itself or by a role
}

// list gives roles, then accounts in order.
func (p *MariaDB) list(ctx context.Context, db sqlx.QueryerContext, where string, args []any, yield func(*mariaAccount) error) error {
	server, err := p.ask(ctx)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, server.all+where+inOrder, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	l := lister{yield: yield}
	var now *mariaAccount
	for rows.Next() {
		var part int
		var login, host, a, b, c string
		if err := rows.Scan(&part, &login, &host, &a, &b, &c); err != nil {
			return err
		}
		if part == 0 {
			if err := l.finish(now); err != nil {
				return err
			}
			if now, err = startAccount(login, host, a, b, c); err != nil {
				return err
			}
		} else if now != nil && now.login == login && now.host == host { // rows without an account mean nothing to MariaDB either
			now.add(part, a, b, c)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := l.finish(now); err != nil {
		return err
	}
	return l.flush()
}

func startAccount(login, host, access, locked, role string) (*mariaAccount, error) {
	n, err := strconv.ParseUint(access, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("mysql.global_priv says that the access of %s@%s is %q, which is no number", login, host, access)
	}
	a := &mariaAccount{login: login, host: host, access: n, locked: truth(locked), role: truth(role)}
	for _, name := range globalPrivileges(n) {
		a.holds = append(a.holds, name+" on "+onAll)
	}
	return a, nil
}

func truth(text string) bool { return text == "1" || text == "true" }

func (a *mariaAccount) add(part int, x, y, z string) {
	switch part {
	case 1:
		a.roles = append(a.roles, x)
		if ambiguous(x) {
			x = "role " + x
		}
		if a.holds = append(a.holds, x); y == "Y" {
			a.holds = append(a.holds, x+adminOption)
		}
		return
	case 2:
		x = onEntry(x)
	case 4:
		x += " (" + z + ")"
	case 5:
		x = strings.ToLower(z) + " " + x
	case 6:
		a.holds = append(a.holds, "PROXY on "+x+"@"+y)
		return
	}
	for _, name := range privilegesIn(y) {
		a.holds = append(a.holds, name+" on "+x)
	}
}

// lister holds roles back until all are known.
type lister struct {
	yield  func(*mariaAccount) error
	roles  []*mariaAccount
	mighty map[string]bool // roles; nil: not all are known yet
}

func (l *lister) finish(a *mariaAccount) error {
	if a == nil {
		return nil
	}
	slices.Sort(a.holds)
	a.holds = slices.Compact(a.holds)
	if a.role && l.mighty == nil {
		l.roles = append(l.roles, a)
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	a.mighty = a.mightyWith(l.mighty)
	return l.yield(a)
}

func (l *lister) flush() error {
	if l.mighty != nil {
		return nil
	}
	l.mighty = mightyRoles(l.roles)
	for _, role := range l.roles {
		role.mighty = l.mighty[role.login]
		if err := l.yield(role); err != nil {
			return err
		}
	}
	return nil
}
