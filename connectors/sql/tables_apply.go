package sql

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
		return engine.Refused, p.explain(refuse("names can't have control characters: %q, %q", c.Account, c.Entitlement))
	}
	held := func(tx *transaction) (map[string]bool, error) { return p.held(ctx, tx, c.Account) }
	return transact(ctx, p, held, func(tx *transaction, before map[string]bool) (engine.Outcome, error) {
		if before[c.Entitlement] == c.Grant {
			return engine.Already, nil
		}
		if err := p.allowed(ctx, tx, before, c); err != nil {
			return "", err
		}
		if err := p.exec(ctx, tx, p.statement(c), map[string]any{"account": c.Account, "entitlement": c.Entitlement}); err != nil {
			return "", err
		}
		after, err := held(tx)
		if err == nil {
			err = compare(c, before, after)
		}
		return engine.Done, err
	})
}

// held is all that the account holds, through the list, as a later run will see it; nil if it is not there.
func (p *Tables) held(ctx context.Context, tx *transaction, id string) (map[string]bool, error) {
	a, err := p.account(ctx, tx, id)
	if err != nil || a == nil {
		return nil, err
	}
	out := map[string]bool{engine.Exists: true, engine.Active: a.active}
	err = p.listHoldings(ctx, tx, id, func(h engine.Holding) error { out[h.Entitlement] = true; return nil })
	return out, err
}

// compare refuses a change that the list does not show, and one that gives or takes more than it should, as triggers may. A resume may
// bring rights back into the list, and a suspend may hide them.
func compare(c engine.Call, before, after map[string]bool) error {
	if after[c.Entitlement] != c.Grant {
		return refuse("the statement changed one row, but the list does not show the change, so it was taken back")
	}
	ends := !c.Grant && (c.Entitlement == engine.Active || c.Entitlement == engine.Exists)
	for _, right := range slices.Sorted(maps.Keys(before)) {
		if before[right] && !after[right] && right != c.Entitlement && !ends {
			return refuse("the statement took %q, too, so it was taken back; if only one can be held, revoke that first", right)
		}
	}
	for _, right := range slices.Sorted(maps.Keys(after)) {
		if after[right] && !before[right] && right != c.Entitlement && c.Entitlement != engine.Active {
			return refuse("the statement gave %q, too, so it was taken back; is there a trigger?", right)
		}
	}
	return nil
}

// allowed refuses a change that can't be made: to nobody, of something unknown, or without a statement.
func (p *Tables) allowed(ctx context.Context, tx *transaction, before map[string]bool, c engine.Call) error {
	switch {
	case before == nil:
		return refuse("there is no account %q; it must be created first", c.Account)
	case p.statement(c) == "":
		return refuse("there is no statement for this change; add it to statements")
	case c.Grant && c.Entitlement != engine.Active:
		return p.checkCatalogue(ctx, tx, c.Entitlement)
	}
	return nil
}

func (p *Tables) checkCatalogue(ctx context.Context, tx *transaction, right string) error {
	if p.s.Catalogue == "" {
		return nil
	}
	n := 0
	query := "SELECT count(*) FROM (" + p.s.Catalogue + "\n) AS c WHERE " + p.dialect.is("c.entitlement")
	if err := tx.GetContext(ctx, &n, query, right); err != nil {
		return err
	}
	if n == 0 {
		return refuse("there is no right %q", right)
	}
	return nil
}

// statement names the one that makes a change; "" where there is none.
func (p *Tables) statement(c engine.Call) string {
	what := "revoke"
	switch {
	case c.Entitlement == engine.Exists && c.Grant: // create has another call
		return ""
	case c.Entitlement == engine.Exists:
		what = "delete"
	case c.Entitlement == engine.Active && c.Grant:
		what = "resume"
	case c.Entitlement == engine.Active:
		what = "suspend"
	case c.Grant:
		what = "grant"
	}
	if _, written := p.changes[what]; !written {
		return ""
	}
	return what
}

// create makes an account. It is found again by its name, in the columns name or account.
func (p *Tables) create(ctx context.Context, n engine.NewAccount) (id string, outcome engine.Outcome, err error) {
	if !goodName(n.Name) {
		return "", engine.Refused, p.explain(badName(n.Name))
	}
	named := func(tx *transaction) ([]account, error) { return p.named(ctx, tx, n.Name) }
	outcome, err = transact(ctx, p, named, func(tx *transaction, old []account) (engine.Outcome, error) {
		if len(old) > 0 {
			if id = old[0].id; len(old) == 1 && n.Person != "" && old[0].person == n.Person {
				return engine.Already, nil
			}
			return "", refuse("there is an account %q already, which was not made for this person; review it with adopt", n.Name)
		}
		if err := p.exec(ctx, tx, "create", values(n)); err != nil {
			return "", err
		}
		made, err := named(tx)
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

func (p *Tables) named(ctx context.Context, tx *transaction, name string) ([]account, error) {
	columns, err := p.columns(ctx, tx)
	if err != nil {
		return nil, err
	}
	where := p.dialect.is("a.account")
	if slices.Contains(columns, "name") {
		where = p.dialect.is("a.account", "a.name")
	}
	var out []account
	err = p.eachAccount(ctx, tx, "WHERE "+where, []any{name}, func(a account) error { out = append(out, a); return nil })
	return out, err
}

// columns are those of statements.accounts.
func (p *Tables) columns(ctx context.Context, tx *transaction) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM ("+p.s.Accounts+"\n) AS a WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	return columns, errors.Join(err, rows.Err())
}

// exec runs one statement of the configuration, which must change exactly one row.
func (p *Tables) exec(ctx context.Context, tx *transaction, what string, values map[string]any) error {
	tx.sent = true
	statement := p.changes[what]
	args, err := statement.args(values)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, statement.query, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = refuse("the statement would have changed %d rows instead of one, so it was taken back", n)
	}
	return err
}

// transact commits what do did, if it did anything. Only a commit without an answer leaves something unknown, and what MariaDB did not
// take back: see reads what do may change, before it and then.
func transact[T any](ctx context.Context, p *Tables, see func(*transaction) (T, error), do func(tx *transaction, before T) (engine.Outcome, error)) (engine.Outcome, error) {
	if err := p.checkTables(ctx); err != nil {
		return outcomeOf(err), p.explain(err)
	}
	tx, err := begin(ctx, p.db, p.dialect.change)
	if err != nil {
		return engine.Failed, p.explain(err)
	}
	defer tx.end(ctx)
	before, err := see(tx)
	if err != nil {
		return outcomeOf(err), p.explain(err)
	}
	outcome, err := do(tx, before)
	if err != nil {
		tx.end(ctx)
		if notBack := p.back(ctx, tx, func(tx *transaction) (bool, error) { now, err := see(tx); return reflect.DeepEqual(now, before), err }); notBack != nil {
			return engine.Uncertain, p.explain(errors.Join(err, notBack))
		}
		return outcomeOf(err), p.explain(err)
	}
	if outcome != engine.Done {
		return outcome, nil
	}
	engine.Failpoint("call.torn.sql")
	err = tx.commit(ctx)
	switch {
	case err == nil:
		return engine.Done, nil
	case answered(err):
		return outcomeOf(err), p.explain(err)
	}
	return engine.Uncertain, p.explain(err)
}

// back looks whether all is as it was: a view, or another database, may hide tables from checkTables.
func (p *Tables) back(ctx context.Context, tx *transaction, same func(*transaction) (bool, error)) error {
	if !tx.sent || p.dialect.name != "MariaDB" {
		return nil
	}
	again, err := begin(ctx, p.db, p.dialect.read...)
	if err != nil {
		return err
	}
	defer again.end(ctx)
	is, err := same(again)
	if err == nil && !is {
		err = errors.New("but the database did not take all of it back; keep the tables with ENGINE=InnoDB, those behind views, too")
	}
	return err
}

// kept says whether a journal can keep the name.
func kept(name string) bool { return utf8.ValidString(name) && strings.IndexByte(name, 0) < 0 }

func plain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// Update changes the name and attributes of an account. Each value must show in a column of statements.accounts, so that it can be
// told whether it is needed, and whether it was done.
func (p *Tables) Update(ctx context.Context, id string, to engine.NewAccount) (engine.Outcome, error) {
	switch {
	case p.s.Update == "":
		return engine.Refused, p.explain(refuse("there is no statement for this change; add update to statements"))
	case !plain(id):
		return engine.Refused, p.explain(refuse("there is no account %q", id))
	case !goodName(to.Name):
		return engine.Refused, p.explain(badName(to.Name))
	}
	look := func(tx *transaction) (*account, error) { return p.account(ctx, tx, id) }
	return transact(ctx, p, look, func(tx *transaction, now *account) (engine.Outcome, error) {
		if now == nil {
			return "", refuse("there is no account %q", id)
		}
		if differs, err := p.differs(ctx, tx, now, to); err != nil || differs == "" {
			return engine.Already, err
		}
		values := values(to)
		values["account"] = id
		if err := p.exec(ctx, tx, "update", values); err != nil {
			return "", err
		}
		now, err := look(tx)
		if err != nil {
			return "", err
		}
		if now == nil {
			return "", refuse("after statements.update the account %q is gone from the list, so it was taken back", id)
		}
		differs, err := p.differs(ctx, tx, now, to)
		if err == nil && differs != "" {
			err = refuse("after statements.update the list does not show the new %s, so it was taken back", differs)
		}
		return engine.Done, err
	})
}

// differs names a column that is not as it should be; "" if there is none.
func (p *Tables) differs(ctx context.Context, tx *transaction, a *account, to engine.NewAccount) (string, error) {
	columns, err := p.columns(ctx, tx)
	if err != nil {
		return "", err
	}
	want := maps.Clone(to.Attributes)
	if want == nil {
		want = map[string]string{}
	}
	want["name"] = to.Name
	for _, column := range slices.Sorted(maps.Keys(want)) {
		if !slices.Contains(columns, column) {
			return "", refuse("an update needs the column %q in statements.accounts, to see whether it is so already", column)
		}
		if a.info.Attributes[column] != want[column] {
			return column, nil
		}
	}
	return "", nil
}

// values are the parameters of create and update.
func values(a engine.NewAccount) map[string]any {
	values := map[string]any{}
	for name, value := range a.Attributes {
		values[name] = value
	}
	values["name"], values["person"] = a.Name, a.Person
	return values
}

func goodName(name string) bool {
	return name != "" && plain(name) && strings.TrimSpace(name) == name
}

func badName(name string) error {
	return refuse("an account needs a name without control characters and spaces at the ends; this is %q", name)
}
