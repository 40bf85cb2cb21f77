package sql

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// Grant gives a right, or resumes the account.
func (p *Tables) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
}

// Revoke takes a right away, suspends the account or deletes it.
func (p *Tables) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: entitlement})
}

func (p *Tables) change(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	if !plain(c.Account) || !plain(c.Entitlement) {
		if !c.Grant {
			return engine.Already, nil // no such name can be kept
		}
		return engine.Refused, p.explain(refuse("names can't have control characters: %q, %q", c.Account, c.Entitlement))
	}
	return p.transact(ctx, func(tx *sqlx.Tx) (engine.Outcome, error) {
		has, err := p.has(ctx, tx, c)
		if err != nil {
			return "", err
		}
		if has == c.Grant {
			return engine.Already, nil
		}
		if err := p.exec(ctx, tx, p.statement(c), map[string]any{"account": c.Account, "entitlement": c.Entitlement}); err != nil {
			return "", err
		}
		if has, err = p.read(ctx, tx, c); err == nil && has != c.Grant {
			err = refuse("the statement changed one row, but the list does not show the change, so it was taken back")
		}
		return engine.Done, err
	})
}

// has says whether the account holds it now; a grant to nobody, or of something unknown, is refused.
func (p *Tables) has(ctx context.Context, tx *sqlx.Tx, c engine.Call) (bool, error) {
	a, err := p.account(ctx, tx, c.Account)
	switch {
	case err != nil:
		return false, err
	case a == nil && c.Grant:
		return false, refuse("there is no account %q; it must be created first", c.Account)
	case a == nil:
		return false, nil
	case p.statement(c) == "" && (!c.Grant || c.Entitlement != engine.Exists):
		return false, refuse("there is no statement for this change; add it to statements")
	}
	if c.Grant && c.Entitlement != engine.Active && c.Entitlement != engine.Exists {
		if err := p.checkCatalogue(ctx, tx, c.Entitlement); err != nil {
			return false, err
		}
	}
	return p.read(ctx, tx, c)
}

func (p *Tables) checkCatalogue(ctx context.Context, tx *sqlx.Tx, right string) error {
	if p.s.Catalogue == "" {
		return nil
	}
	n := 0
	query := "SELECT count(*) FROM (" + p.s.Catalogue + ") AS c WHERE CAST(c.entitlement AS text) = ?"
	if err := tx.GetContext(ctx, &n, tx.Rebind(query), right); err != nil {
		return err
	}
	if n == 0 {
		return refuse("there is no right %q", right)
	}
	return nil
}

// read looks through the list, as a later run will.
func (p *Tables) read(ctx context.Context, tx *sqlx.Tx, c engine.Call) (bool, error) {
	if c.Entitlement == engine.Active || c.Entitlement == engine.Exists {
		a, err := p.account(ctx, tx, c.Account)
		return a != nil && (c.Entitlement == engine.Exists || a.active), err
	}
	has := false
	err := p.listHoldings(ctx, tx, c.Account, func(h engine.Holding) error { has = has || h.Entitlement == c.Entitlement; return nil })
	return has, err
}

func (p *Tables) statement(c engine.Call) string {
	switch {
	case c.Entitlement == engine.Active && c.Grant:
		return p.s.Resume
	case c.Entitlement == engine.Active:
		return p.s.Suspend
	case c.Entitlement == engine.Exists && !c.Grant:
		return p.s.Delete
	case c.Entitlement == engine.Exists:
		return ""
	case c.Grant:
		return p.s.Grant
	}
	return p.s.Revoke
}

// create makes an account. It is found again by its name, in the columns name or account.
func (p *Tables) create(ctx context.Context, n engine.NewAccount) (id string, outcome engine.Outcome, err error) {
	if n.Name == "" || !plain(n.Name) || strings.TrimSpace(n.Name) != n.Name {
		return "", engine.Refused, p.explain(refuse("an account needs a name without control characters and spaces at the ends; this is %q", n.Name))
	}
	outcome, err = p.transact(ctx, func(tx *sqlx.Tx) (engine.Outcome, error) {
		old, err := p.named(ctx, tx, n.Name)
		if err != nil {
			return "", err
		}
		if len(old) > 0 {
			if id = old[0].id; len(old) == 1 && n.Person != "" && old[0].person == n.Person {
				return engine.Already, nil
			}
			return "", refuse("there is an account %q already, which was not made for this person; review it with adopt", n.Name)
		}
		values := map[string]any{}
		for name, value := range n.Attributes {
			values[name] = value
		}
		values["name"], values["person"] = n.Name, n.Person
		if err := p.exec(ctx, tx, p.s.Create, values); err != nil {
			return "", err
		}
		made, err := p.named(ctx, tx, n.Name)
		if err == nil && len(made) != 1 {
			err = refuse("after statements.create the list shows %d accounts of the name %q, so it was taken back", len(made), n.Name)
		}
		if err == nil {
			id = made[0].id
		}
		return engine.Done, err
	})
	if err != nil {
		id = ""
	}
	return id, outcome, err
}

func (p *Tables) named(ctx context.Context, tx *sqlx.Tx, name string) ([]account, error) {
	columns, err := p.columns(ctx, tx)
	if err != nil {
		return nil, err
	}
	where, args := "WHERE CAST(a.account AS text) = ?", []any{name}
	if slices.Contains(columns, "name") {
		where, args = where+" OR CAST(a.name AS text) = ?", []any{name, name}
	}
	var out []account
	err = p.eachAccount(ctx, tx, where, args, func(a account) error { out = append(out, a); return nil })
	return out, err
}

// columns are those of statements.accounts.
func (p *Tables) columns(ctx context.Context, tx *sqlx.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM ("+p.s.Accounts+") AS a WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return columns, errors.Join(err, rows.Err())
}

// exec runs one statement of the configuration, which must change exactly one row.
func (p *Tables) exec(ctx context.Context, tx *sqlx.Tx, statement string, values map[string]any) error {
	query, args, err := sqlx.Named(statement, values)
	if err != nil {
		return refuse("the statement names a parameter that this change does not have: %v", err)
	}
	result, err := tx.ExecContext(ctx, tx.Rebind(query), args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = refuse("the statement would have changed %d rows instead of one, so it was taken back", n)
	}
	return err
}

// transact commits what do did, if it did anything. Only a commit without an answer leaves something unknown.
func (p *Tables) transact(ctx context.Context, do func(tx *sqlx.Tx) (engine.Outcome, error)) (engine.Outcome, error) {
	tx, err := p.db.BeginTxx(ctx, nil)
	if err != nil {
		return engine.Failed, p.explain(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	outcome, err := do(tx)
	if err != nil {
		return outcomeOf(err), p.explain(err)
	}
	if outcome != engine.Done {
		return outcome, nil
	}
	engine.Failpoint("call.torn.sql")
	err = tx.Commit()
	var answered *pq.Error
	switch {
	case err == nil:
		return engine.Done, nil
	case errors.As(err, &answered):
		return outcomeOf(err), p.explain(err)
	}
	return engine.Uncertain, p.explain(err)
}

func plain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
