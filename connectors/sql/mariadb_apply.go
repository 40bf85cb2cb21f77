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
		v, err := p.read(ctx, db, c.Account)
		a := v.account
		switch {
		case err != nil:
			return outcomeOf(err), err
		case a == nil && c.Grant:
			return engine.Refused, refuse("there is no account %q; it must be created first", c.Account)
		case a == nil:
			return engine.Already, nil
		case !p.isAccount(a.login):
			return engine.Refused, refuse("%q is no account of a person; see ignore", c.Account)
		case a.has(c.Entitlement) == c.Grant && (c.Grant || c.Entitlement != engine.Active || p.checkMine(a) != nil):
			return engine.Already, nil
		}
		statement, err := p.statement(v, c)
		if err != nil {
			return engine.Refused, err
		}
		return p.carryOut(ctx, db, v, c, statement)
	})
}

// carryOut makes the change, if it is needed, and ends sessions: before a drop, after which nothing would be left to do it again for, and
// after a lock, also one that was there, since it may have failed the first time.
func (p *MariaDB) carryOut(ctx context.Context, db *sqlx.Conn, v view, c engine.Call, statement string) (engine.Outcome, error) {
	a := v.account
	if !c.Grant && c.Entitlement == engine.Exists {
		if err := p.endSessions(ctx, db, a.login); err != nil {
			return engine.Failed, err
		}
	}
	outcome := engine.Already
	if a.has(c.Entitlement) != c.Grant {
		var err error
		if outcome, err = p.run(ctx, db, statement, c, a); err != nil {
			return outcome, err
		}
	}
	if c.Grant || c.Entitlement != engine.Active {
		return outcome, nil
	}
	return p.afterLock(ctx, db, v, outcome)
}

// afterLock ends sessions; where the lock was there already, and somebody may use another account of the login, they are that one's.
func (p *MariaDB) afterLock(ctx context.Context, db *sqlx.Conn, v view, outcome engine.Outcome) (engine.Outcome, error) {
	inUse := func(a *mariaAccount) bool { return !a.locked }
	if outcome == engine.Already && slices.ContainsFunc(v.others, inUse) {
		return outcome, nil
	}
	login := v.account.login
	err := p.endSessions(ctx, db, login)
	if err != nil {
		err = p.endSessions(ctx, p.db, login) // on another connection
	}
	switch {
	case err == nil:
		return outcome, nil
	case outcome == engine.Done:
		outcome = engine.Uncertain // it is locked
	default:
		outcome = engine.Failed
	}
	return outcome, fmt.Errorf("the account can't sign in any more, but its sessions go on: %w", err)
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
	case a.login == "root" || a.login == "mysql" || a.mighty:
		return refuse("the account %q can change rights itself; change it by hand", a.login+"@"+a.host)
	}
	return errors.Join(checkIdentifier("account", a.login), checkHost(a.host))
}

// mightyWithout says whether the account could change rights without that role, too.
func (v view) mightyWithout(role string) bool {
	roles := map[string]bool{}
	for name, one := range v.roles {
		roles[name] = one.mighty
	}
	rest := *v.account
	rest.roles = slices.DeleteFunc(slices.Clone(rest.roles), func(name string) bool { return name == role })
	return rest.mightyWith(roles)
}

// checkOthers refuses what would end sessions of an account that Rolecall must not change.
func checkOthers(v view) error {
	for _, a := range v.others {
		if a.mighty {
			return refuse("sessions of %q would end, too, which can change rights itself; change the two by hand, or rename one", a.login+"@"+a.host)
		}
	}
	return nil
}

// checkColumns refuses to revoke a privilege on a table while the account has it on columns, too, which MariaDB would take along.
func (v view) checkColumns(c engine.Call) error {
	for _, held := range v.account.holds {
		if !c.Grant && strings.HasPrefix(held, c.Entitlement+" (") {
			return refuse("a revoke would take %q along; revoke that by hand first", held)
		}
	}
	return nil
}

// statement makes a change. Every name in it was checked, and is quoted.
func (p *MariaDB) statement(v view, c engine.Call) (string, error) {
	a := *v.account
	if !c.Grant { // a role that became mighty can be taken again
		a.mighty = v.mightyWithout(c.Entitlement)
	}
	if err := p.checkMine(&a); err != nil {
		return "", err
	}
	if !c.Grant && (c.Entitlement == engine.Exists || c.Entitlement == engine.Active) {
		if err := checkOthers(v); err != nil {
			return "", err
		}
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
	what, err := p.right(v, c)
	if err != nil {
		return "", err
	}
	if c.Grant {
		return "GRANT " + what + " TO " + account, nil
	}
	return "REVOKE " + what + " FROM " + account, nil
}

// right is the middle of GRANT and REVOKE.
func (p *MariaDB) right(v view, c engine.Call) (string, error) {
	name := c.Entitlement
	if one, ok := p.privileges[name]; ok {
		return one.what + " ON " + one.target(), v.checkColumns(c)
	}
	if !p.isRole(name) {
		return "", refuse("%q is not among the rights that may be changed; see rights and privileges", name)
	}
	if err := checkIdentifier("role", name); err != nil {
		return "", err
	}
	switch role := v.roles[name]; {
	case role == nil:
		return "", refuse("there is no role %q", name)
	case role.mighty && c.Grant:
		return "", refuse("who has the role %q can change rights; grant it by hand", name)
	}
	return quoteName(name), nil
}

// run makes one statement, which commits by itself, and reads back, also after an error: the tables of accounts take nothing back, and
// MariaDB writes one after the other. Without an answer nothing is known.
func (p *MariaDB) run(ctx context.Context, db *sqlx.Conn, statement string, c engine.Call, before *mariaAccount) (engine.Outcome, error) {
	_, err := db.ExecContext(ctx, statement)
	switch {
	case errors.Is(err, driver.ErrBadConn): // before anything was sent
		return engine.Failed, err
	case err != nil && !answered(err):
		return engine.Uncertain, err
	}
	v, reading := p.read(ctx, db, c.Account)
	switch {
	case reading != nil:
		return engine.Uncertain, errors.Join(err, reading)
	case err != nil && v.account.same(before):
		return outcomeOf(err), err
	case err != nil:
		return engine.Uncertain, fmt.Errorf("MariaDB says that it was not done, but the account is another one: %w", err)
	case v.account.has(c.Entitlement) != c.Grant:
		return engine.Uncertain, errors.New("MariaDB says that it was done, but does not show it")
	}
	if err := v.account.changedElse(before, c); err != nil {
		return engine.Uncertain, err
	}
	return engine.Done, nil
}

// same says whether nothing changed.
func (a *mariaAccount) same(b *mariaAccount) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.locked == b.locked && slices.Equal(a.holds, b.holds)
}

// changedElse finds what came or went besides.
func (a *mariaAccount) changedElse(before *mariaAccount, c engine.Call) error {
	if a == nil || before == nil {
		return nil
	}
	not := func(name string) bool { return name == c.Entitlement }
	if was, is := slices.DeleteFunc(slices.Clone(before.holds), not), slices.DeleteFunc(slices.Clone(a.holds), not); !slices.Equal(was, is) {
		return fmt.Errorf("the account held %q, and then %q: somebody changed it at the same time, or the change did more than it should", was, is)
	}
	return nil
}

// session is one connection, or any.
type session interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

// endSessions ends what the login has running: who is in stays in. MariaDB does not tell which account of the same login a session
// belongs to, so all of them end; who may still sign in does so again. Without CONNECTION ADMIN the statement ends nothing, and
// mostly says nothing, so the right is looked up.
func (p *MariaDB) endSessions(ctx context.Context, db session, login string) error {
	err := p.checkOwn(ctx, db, 0)
	if err == nil {
		_, err = db.ExecContext(ctx, "KILL CONNECTION USER "+quoteName(login))
	}
	return err
}

// checkOwn demands the right to end sessions, if the account that signs in has the other one; 0: in any case.
func (p *MariaDB) checkOwn(ctx context.Context, db sqlx.QueryerContext, with uint64) error {
	var access uint64
	err := db.QueryRowxContext(ctx, `SELECT coalesce(max(CAST(JSON_VALUE(Priv, '$.access') AS UNSIGNED)), 0) FROM mysql.global_priv WHERE CONCAT(User, '@', Host) = CURRENT_USER()`).Scan(&access)
	if err == nil && (with == 0 || access&with != 0) && access&connectionAdmin == 0 {
		err = errors.New("CONNECTION ADMIN is needed to end sessions, granted to the account that signs in itself, not to a role")
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
		return p.run(ctx, db, "CREATE USER "+quoteAccount(n.Name, p.host)+" IDENTIFIED VIA "+p.signIn+"mysql_native_password USING '"+mark+"'",
			engine.Call{Grant: true, Account: id, Entitlement: engine.Exists}, nil)
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
