package sql

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Grant gives a role or a privilege, or unlocks the account.
func (p *MariaDB) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
}

// Revoke takes a role or a privilege away, or locks the account and ends its sessions, or drops it.
func (p *MariaDB) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: entitlement})
}

func (p *MariaDB) change(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	return p.connected(ctx, func(db *sqlx.Conn) (engine.Outcome, error) {
		a, err := p.read(ctx, db, c.Account)
		switch {
		case err != nil:
			return outcomeOf(err), err
		case a == nil && c.Grant:
			return engine.Refused, refuse("there is no account %q; it must be created first", c.Account)
		case a == nil:
			return engine.Already, nil
		case a.has(c.Entitlement) == c.Grant && (c.Grant || c.Entitlement != engine.Active || p.checkMine(a) != nil):
			return engine.Already, nil
		}
		statement, err := p.statement(ctx, db, a, c)
		if err != nil {
			return outcomeOf(err), err
		}
		return p.carryOut(ctx, db, a, c, statement)
	})
}

// carryOut makes the change, if it is needed, and ends sessions: before a drop, after which nothing would be left to do it again for, and
// after a lock, also one that was there, since it may have failed the first time.
func (p *MariaDB) carryOut(ctx context.Context, db *sqlx.Conn, a *mariaAccount, c engine.Call, statement string) (engine.Outcome, error) {
	if !c.Grant && c.Entitlement == engine.Exists {
		if err := p.endSessions(ctx, db, a.login); err != nil {
			return engine.Failed, err
		}
	}
	outcome := engine.Already
	if a.has(c.Entitlement) != c.Grant {
		var err error
		if outcome, err = p.run(ctx, db, statement, c.Account, func(a *mariaAccount) bool { return a.has(c.Entitlement) == c.Grant }); err != nil {
			return outcome, err
		}
	}
	if !c.Grant && c.Entitlement == engine.Active {
		if err := p.endSessions(ctx, db, a.login); err != nil {
			return engine.Failed, fmt.Errorf("the account can't sign in any more, but its sessions go on: %w", err)
		}
	}
	return outcome, nil
}

// connected gives do one connection: a statement must be read back where it was made.
func (p *MariaDB) connected(ctx context.Context, do func(db *sqlx.Conn) (engine.Outcome, error)) (engine.Outcome, error) {
	if _, err := p.ask(ctx); err != nil {
		return outcomeOf(err), p.explain(err)
	}
	db, err := p.db.Connx(ctx)
	if err != nil {
		return engine.Failed, p.explain(err)
	}
	defer db.Close()
	outcome, err := do(db)
	if err != nil {
		err = p.explain(err)
	}
	return outcome, err
}

// has says whether the account holds it; one that is not there holds nothing.
func (a *mariaAccount) has(entitlement string) bool {
	switch {
	case a == nil:
		return false
	case entitlement == engine.Exists:
		return true
	case entitlement == engine.Active:
		return !a.locked
	}
	_, found := slices.BinarySearch(a.holds, entitlement)
	return found
}

// checkMine refuses accounts that Rolecall must not change.
func (p *MariaDB) checkMine(a *mariaAccount) error {
	switch {
	case a.login == p.own():
		return refuse("Rolecall itself signs in as %q; change it by hand", a.login)
	case a.login == "root" || a.login == "mysql" || a.mighty():
		return refuse("the account %q can change rights itself; change it by hand", a.login+"@"+a.host)
	}
	return errors.Join(checkIdentifier("account", a.login), checkHost(a.host))
}

// statement makes a change. Every name in it was checked, and is quoted.
func (p *MariaDB) statement(ctx context.Context, db sqlx.QueryerContext, a *mariaAccount, c engine.Call) (string, error) {
	if err := p.checkMine(a); err != nil {
		return "", err
	}
	account := quoteAccount(a.login, a.host)
	switch {
	case c.Entitlement == engine.Exists:
		return "DROP USER " + account, nil
	case c.Entitlement == engine.Active && c.Grant:
		return "ALTER USER " + account + " ACCOUNT UNLOCK", nil
	case c.Entitlement == engine.Active:
		return "ALTER USER " + account + " ACCOUNT LOCK", nil
	}
	what, err := p.right(ctx, db, c.Entitlement)
	if err != nil {
		return "", err
	}
	if c.Grant {
		return "GRANT " + what + " TO " + account, nil
	}
	return "REVOKE " + what + " FROM " + account, nil
}

// right is the middle of GRANT and REVOKE.
func (p *MariaDB) right(ctx context.Context, db sqlx.QueryerContext, name string) (string, error) {
	if one, ok := p.privileges[name]; ok {
		return one.what + " ON " + one.target(), nil
	}
	if !p.isRole(name) {
		return "", refuse("%q is not among the rights that may be changed; see rights and privileges", name)
	}
	if err := checkIdentifier("role", name); err != nil {
		return "", err
	}
	var role *mariaAccount
	err := p.list(ctx, db, onlyOne, []any{name, ""}, func(a *mariaAccount) error {
		if a.role && a.login == name {
			role = a
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case role == nil:
		return "", refuse("there is no role %q", name)
	case role.mighty():
		return "", refuse("who has the role %q can change rights; grant it by hand", name)
	}
	return quoteName(name), nil
}

// run makes one statement, which commits by itself, and reads back. Without an answer nothing is known.
func (p *MariaDB) run(ctx context.Context, db *sqlx.Conn, statement, account string, shows func(*mariaAccount) bool) (engine.Outcome, error) {
	_, err := db.ExecContext(ctx, statement)
	switch {
	case err == nil:
	case answered(err):
		return outcomeOf(err), err
	case errors.Is(err, driver.ErrBadConn): // before anything was sent
		return engine.Failed, err
	default:
		return engine.Uncertain, err
	}
	a, err := p.read(ctx, db, account)
	if err == nil && !shows(a) {
		err = errors.New("MariaDB says that it was done, but does not show it")
	}
	if err != nil {
		return engine.Uncertain, err
	}
	return engine.Done, nil
}

// endSessions ends what the login has running: who is in stays in. MariaDB does not tell which account of the same login a session
// belongs to, so all of them end; who may still sign in does so again. Without CONNECTION ADMIN the statement ends nothing, and
// mostly says nothing, so the right is looked up.
func (p *MariaDB) endSessions(ctx context.Context, db *sqlx.Conn, login string) error {
	may := false
	err := db.QueryRowxContext(ctx, `SELECT coalesce(max(CAST(JSON_VALUE(Priv, '$.access') AS UNSIGNED) & ? <> 0), 0) FROM mysql.global_priv WHERE CONCAT(User, '@', Host) = CURRENT_USER()`, connectionAdmin).Scan(&may)
	if err == nil && !may {
		err = fmt.Errorf("CONNECTION ADMIN is needed to end them, granted to %s itself", p.own())
	}
	if err == nil {
		_, err = db.ExecContext(ctx, "KILL CONNECTION USER "+quoteName(login))
	}
	return err
}

// Create makes an account that nobody can sign in to with a password, until an administrator sets one.
func (p *MariaDB) Create(ctx context.Context, n engine.NewAccount) (id string, outcome engine.Outcome, err error) {
	id = n.Name + "@" + p.host
	outcome, err = p.connected(ctx, func(db *sqlx.Conn) (engine.Outcome, error) {
		if err := p.checkNew(n); err != nil {
			return engine.Refused, err
		}
		mark := markOf(id, n.Person)
		made, err := p.madeFor(ctx, db, n.Name, mark)
		switch {
		case err != nil:
			return outcomeOf(err), err
		case made == "mine":
			return engine.Already, nil
		case made != "":
			return engine.Refused, refuse("there is an account %q already, which was not made for this person; review it with adopt", id)
		}
		return p.run(ctx, db, "CREATE USER "+quoteAccount(n.Name, p.host)+" IDENTIFIED VIA "+p.signIn+"mysql_native_password USING '"+mark+"'", id,
			func(a *mariaAccount) bool { return a != nil })
	})
	if err != nil {
		id = ""
	}
	return id, outcome, err
}

func (p *MariaDB) checkNew(n engine.NewAccount) error {
	switch {
	case !utf8.ValidString(n.Person):
		return refuse("the person's key is no text")
	case !p.isAccount(n.Name), n.Name == "root", n.Name == "mysql", n.Name == p.own(), strings.EqualFold(n.Name, "PUBLIC"):
		return refuse("%q would be no account of a person; see ignore", n.Name)
	}
	return checkIdentifier("account", n.Name)
}

// markOf is a password hash (SHA-1 of SHA-1, MariaDB's mysql_native_password) that no password is known for, since it is the begin of
// a SHA-256; it tells for whom the account was made, so that a call whose answer was lost can be made again.
func markOf(id, person string) string {
	sum := sha256.Sum256([]byte("rolecall: made for\x00" + person + "\x00" + id))
	return fmt.Sprintf("*%X", sum[:20])
}

// madeFor says whether the account is there: "" if not, "mine" with the mark.
func (p *MariaDB) madeFor(ctx context.Context, db sqlx.QueryerContext, login, mark string) (string, error) {
	rows, err := db.QueryContext(ctx, `SELECT User, IF(INSTR(Priv, ?) > 0, 'mine', 'other') FROM mysql.global_priv WHERE User = ? AND Host = ?`, mark, login, p.host)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	found := ""
	for rows.Next() {
		var name, whose string
		if err := rows.Scan(&name, &whose); err != nil {
			return "", err
		}
		if name == login { // not one with spaces at the end
			found = whose
		}
	}
	return found, rows.Err()
}
