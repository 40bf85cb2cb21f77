package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Statements read and change a program's own tables. Values are always parameters, written :account, :entitlement, :name,
// :person, or the name of an attribute of `create`.
type Statements struct {
	Accounts  string `yaml:"accounts"`  // SELECT with the column account, and if there are: active, name, kind, person, attributes
	Holdings  string `yaml:"holdings"`  // SELECT with the columns account and entitlement
	Catalogue string `yaml:"catalogue"` // SELECT with the column entitlement: all that exist; none: every name is a right
	Grant     string `yaml:"grant"`     // :account, :entitlement
	Revoke    string `yaml:"revoke"`    // :account, :entitlement
	Suspend   string `yaml:"suspend"`   // :account
	Resume    string `yaml:"resume"`    // :account
	Create    string `yaml:"create"`    // :name, :person, attributes
	Update    string `yaml:"update"`    // :account, :name, :person, attributes that are columns of accounts
	Delete    string `yaml:"delete"`    // :account
}

// Tables manages accounts and rights in a program's own tables. Each change is a transaction: is it needed, the
// statement, exactly one row, read back through the list, commit. Safe for concurrent use.
type Tables struct {
	db       *sqlx.DB
	dialect  dialect
	identity string
	s        Statements           // what reads is in the driver's form
	changes  map[string]statement // by the name of the key
	options  Options
	fit      atomic.Bool // the tables can take changes back
}

func newTables(s Statements, o Options, db *sqlx.DB, identity string) (engine.Connector, error) {
	for _, need := range [][2]string{{"accounts", s.Accounts}, {"holdings", s.Holdings}, {"grant", s.Grant}, {"revoke", s.Revoke}} {
		if strings.TrimSpace(need[1]) == "" {
			return nil, fmt.Errorf("statements.%s is missing", need[0])
		}
	}
	if (s.Suspend == "") != (s.Resume == "") || (s.Create == "") != (s.Delete == "") {
		return nil, errors.New("statements suspend and resume come together, and so do create and delete")
	}
	if s.Update != "" && s.Create == "" {
		return nil, errors.New("statements.update needs create and delete, too")
	}
	t := &Tables{db: db, dialect: dialectOf(db.DriverName()), identity: identity, options: o}
	if err := t.parse(s); err != nil {
		return nil, err
	}
	if s.Create != "" {
		return &creator{t}, nil
	}
	return t, nil
}

// parse finds mistakes before anything is called.
func (p *Tables) parse(s Statements) error {
	p.s, p.changes = s, map[string]statement{}
	for _, list := range []struct {
		name string
		text *string
	}{{"accounts", &p.s.Accounts}, {"holdings", &p.s.Holdings}, {"catalogue", &p.s.Catalogue}} {
		parsed, err := p.dialect.parse(*list.text, []string{})
		if err != nil {
			return fmt.Errorf("statements.%s %w", list.name, err)
		}
		*list.text = parsed.query
	}
	for _, change := range []struct {
		name, text string
		parameters []string
	}{
		{"grant", s.Grant, []string{"account", "entitlement"}}, {"revoke", s.Revoke, []string{"account", "entitlement"}},
		{"suspend", s.Suspend, []string{"account"}}, {"resume", s.Resume, []string{"account"}}, {"delete", s.Delete, []string{"account"}},
		{"create", s.Create, nil}, {"update", s.Update, nil},
	} {
		if change.text == "" {
			continue
		}
		parsed, err := p.dialect.parse(change.text, change.parameters)
		if err == nil {
			err = p.dialect.checkChange(parsed.query)
		}
		if err != nil {
			return fmt.Errorf("statements.%s %w", change.name, err)
		}
		p.changes[change.name] = parsed
	}
	return nil
}

// checkTables looks once whether the tables can take changes back.
func (p *Tables) checkTables(ctx context.Context) error {
	if p.fit.Load() {
		return nil
	}
	err := p.dialect.checkTables(ctx, p.db)
	p.fit.Store(err == nil)
	return err
}

// Close ends the connections; the program is not used afterwards.
func (p *Tables) Close() error { return p.db.Close() }

// creator is the form of Tables that has a statement to create.
type creator struct{ *Tables }

// Create makes an account.
func (c *creator) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	return c.create(ctx, a)
}

// Describe reads the catalogue, if there is one.
func (p *Tables) Describe(ctx context.Context) (engine.Description, error) {
	d := engine.Description{Identity: p.identity, Accounts: p.s.Suspend != "", Lifecycle: p.s.Create != "", Rename: p.s.Update != "",
		Concurrency: maxConnections}
	if err := p.checkTables(ctx); err != nil {
		return d, p.explain(err)
	}
	if d.Lifecycle {
		d.Deletes = "whatever statements.delete removes"
	}
	if p.s.Catalogue == "" {
		return d, nil
	}
	var err error
	if d.Grantable, err = p.catalogue(ctx, p.db); err != nil {
		return d, p.explain(err)
	}
	return d, nil
}

// maxReasons why a list is not whole are enough.
const maxReasons = 10

// Holdings reads accounts and rights in one snapshot: first all accounts, then all rights.
func (p *Tables) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	tx, err := begin(ctx, p.db, p.dialect.read...)
	if err != nil {
		return proof, p.explain(err)
	}
	defer tx.end(ctx)
	var own error
	count := func(h engine.Holding) error {
		if !kept(h.Account) || !kept(h.Entitlement) {
			if len(proof.Reasons) < maxReasons {
				proof.Add(engine.ReasonMalformed, fmt.Sprintf("account %q, right %q: such a name is no UTF-8, or has a NUL; mend it, or leave it out of the lists", h.Account, h.Entitlement))
			}
			return nil
		}
		if own = yield(h); own == nil {
			proof.Count++
		}
		return own
	}
	err = p.listAll(ctx, tx, &proof, count)
	if own != nil {
		return proof, own
	}
	if err != nil {
		return proof, p.explain(err)
	}
	proof.Finished = p.options.Now()
	return proof, nil
}

func (p *Tables) listAll(ctx context.Context, tx *transaction, proof *engine.Proof, yield func(engine.Holding) error) error {
	accounts, err := p.listAccounts(ctx, tx, proof, yield)
	if err != nil {
		return err
	}
	catalogue, err := p.catalogue(ctx, tx)
	if err != nil {
		return err
	}
	strangers, unlisted := false, false
	err = p.listHoldings(ctx, tx, "", func(h engine.Holding) error {
		_, listed := slices.BinarySearch(catalogue, h.Entitlement)
		strangers, unlisted = strangers || !accounts[h.Account], unlisted || !listed
		return yield(h)
	})
	if err != nil {
		return err
	}
	return p.checkCollation(ctx, tx, proof, strangers, unlisted)
}

// catalogue gives the rights that exist, sorted; none if there is no such list.
func (p *Tables) catalogue(ctx context.Context, db sqlx.QueryerContext) ([]string, error) {
	names := []string{}
	if p.s.Catalogue == "" {
		return names, nil
	}
	err := sqlx.SelectContext(ctx, db, &names, "SELECT "+p.dialect.as("c.entitlement")+" FROM ("+p.s.Catalogue+"\n) AS c")
	slices.Sort(names)
	return names, err
}

// listAccounts also gives the ids.
func (p *Tables) listAccounts(ctx context.Context, tx *transaction, proof *engine.Proof, yield func(engine.Holding) error) (map[string]bool, error) {
	seen := map[string]bool{}
	err := p.eachAccount(ctx, tx, "", nil, func(a account) error {
		if seen[a.id] {
			proof.Add(engine.ReasonDuplicate, fmt.Sprintf("statements.accounts gives the account %q twice; make account unique", a.id))
			return nil
		}
		seen[a.id] = true
		for _, h := range p.holdings(a) {
			if err := yield(h); err != nil {
				return err
			}
		}
		return nil
	})
	return seen, err
}

func (p *Tables) holdings(a account) []engine.Holding {
	out := []engine.Holding{{Account: a.id, Entitlement: engine.Exists, Info: &a.info}}
	if a.active && p.s.Suspend != "" {
		out = append(out, engine.Holding{Account: a.id, Entitlement: engine.Active})
	}
	return out
}

// listHoldings gives the rights of one account, or of all for "".
func (p *Tables) listHoldings(ctx context.Context, tx *transaction, only string, yield func(engine.Holding) error) error {
	query, args := "SELECT "+p.dialect.as("h.account")+", "+p.dialect.as("h.entitlement")+" FROM ("+p.s.Holdings+"\n) AS h", []any(nil)
	if only != "" {
		query, args = query+" WHERE "+p.dialect.is("h.account"), []any{only}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h engine.Holding
		if err := rows.Scan(&h.Account, &h.Entitlement); err != nil {
			return err
		}
		if h.Entitlement == engine.Active || h.Entitlement == engine.Exists {
			return fmt.Errorf("statements.holdings gives the account %q a right of the name %q, which is reserved", h.Account, h.Entitlement)
		}
		if err := yield(h); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Account reads one account.
func (p *Tables) Account(ctx context.Context, id string) ([]engine.Holding, error) {
	if !kept(id) {
		return nil, nil
	}
	tx, err := begin(ctx, p.db, p.dialect.read...)
	if err != nil {
		return nil, p.explain(err)
	}
	defer tx.end(ctx)
	var out []engine.Holding
	found, err := p.account(ctx, tx, id)
	if err != nil {
		return nil, p.explain(err)
	}
	if found == nil {
		return nil, nil
	}
	out = p.holdings(*found)
	if err := p.listHoldings(ctx, tx, id, func(h engine.Holding) error { out = append(out, h); return nil }); err != nil {
		return nil, p.explain(err)
	}
	return out, nil
}

// account is one row of statements.accounts.
type account struct {
	id, person string
	active     bool
	info       engine.AccountInfo
}

// account finds one account; nil if it is not there.
func (p *Tables) account(ctx context.Context, tx *transaction, id string) (found *account, err error) {
	err = p.eachAccount(ctx, tx, "WHERE "+p.dialect.is("a.account"), []any{id}, func(a account) error { found = &a; return nil })
	return found, err
}

func (p *Tables) eachAccount(ctx context.Context, tx *transaction, where string, args []any, yield func(account) error) error {
	rows, err := tx.QueryxContext(ctx, "SELECT a.*, "+p.dialect.as("a.account")+" AS "+idColumn+" FROM ("+p.s.Accounts+"\n) AS a "+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return err
		}
		a, err := readAccount(row)
		if err != nil {
			return err
		}
		if err := yield(a); err != nil {
			return err
		}
	}
	return rows.Err()
}

// idColumn is the account in the only form that is compared: what the driver makes of the column itself may differ (char(n), ZEROFILL).
const idColumn = "rolecall_account"

func readAccount(row map[string]any) (account, error) {
	text := map[string]string{}
	for column, value := range row {
		switch v := value.(type) {
		case nil:
		case []byte:
			text[column] = string(v)
		default:
			text[column] = fmt.Sprint(v)
		}
	}
	text["account"] = text[idColumn]
	delete(text, idColumn)
	a := account{id: text["account"], person: text["person"], info: engine.AccountInfo{Name: text["name"], Kind: text["kind"], Attributes: text}}
	if a.id == "" {
		return a, errors.New("statements.accounts gives a row without account; name the column account, and leave out rows without one")
	}
	if a.info.Name == "" {
		a.info.Name = a.id
	}
	switch active := strings.ToLower(text["active"]); active {
	case "true", "t", "yes", "1":
		a.active = true
	case "false", "f", "no", "0":
	case "":
		if _, has := row["active"]; has {
			return a, fmt.Errorf("statements.accounts does not say whether the account %q is active; give true or false", a.id)
		}
		a.active = true
	default:
		return a, fmt.Errorf("statements.accounts says that active is %q for the account %q; give true or false", active, a.id)
	}
	return a, nil
}

func (p *Tables) explain(err error) error {
	return fmt.Errorf("program %s, %s: %w", p.options.Program, p.identity, err)
}
