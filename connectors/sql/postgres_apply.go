package sql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// writeLock is the advisory lock on which changes wait for each other ("rolecall" in ASCII): PostgreSQL ends concurrent
// changes of one role with "tuple concurrently updated".
const writeLock = 0x726f6c6563616c6c

// maxName is the longest name of a role, in bytes (NAMEDATALEN − 1); PostgreSQL cuts longer ones silently.
const maxName = 63

// Grant gives a membership, or LOGIN.
func (p *Postgres) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	r := p.Apply(ctx, []engine.Call{{Grant: true, Account: account, Entitlement: entitlement}})[0]
	return r.Outcome, r.Err
}

// Revoke takes a membership away, or LOGIN and the running sessions with it, or drops the role.
func (p *Postgres) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	r := p.Apply(ctx, []engine.Call{{Account: account, Entitlement: entitlement}})[0]
	return r.Outcome, r.Err
}

// Create makes a role with LOGIN and without password. Its comment names the person.
func (p *Postgres) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	r := p.Apply(ctx, []engine.Call{{New: &a}})[0]
	return r.ID, r.Outcome, r.Err
}

// Apply makes all changes in one transaction. If PostgreSQL refuses, the halves are tried on their own, so that only what
// is wrong fails.
func (p *Postgres) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	if len(calls) == 0 {
		return nil
	}
	b := newBatch(p, calls)
	err := b.commit(ctx)
	var answered *pq.Error
	var refused refusal
	if err != nil && len(calls) > 1 && (errors.As(err, &answered) || errors.As(err, &refused)) && ctx.Err() == nil {
		half := len(calls) / 2
		return append(p.Apply(ctx, calls[:half]), p.Apply(ctx, calls[half:])...)
	}
	if err == nil {
		if err := b.endSessions(ctx); err != nil {
			b.fail(engine.Uncertain, err, func(i int) bool { return b.suspends(i) && b.results[i].Outcome == engine.Done }) // they are suspended
			b.fail(engine.Failed, err, b.suspends)
		}
		return b.results
	}
	outcome := outcomeOf(err)
	if b.unsure {
		outcome = engine.Uncertain
	}
	b.fail(outcome, err, func(i int) bool { return b.results[i].Outcome == "" || b.results[i].Outcome == engine.Done })
	return b.results
}

// fail gives one answer to some calls; what needed no change stays as it was answered.
func (b *batch) fail(outcome engine.Outcome, err error, which func(i int) bool) {
	for i := range b.results {
		if which(i) {
			b.results[i] = engine.Result{Outcome: outcome, Err: b.explain(err)}
		}
	}
}

// batch compares what is with what should be after all calls, and makes the difference in one go.
type batch struct {
	*Postgres
	calls    []engine.Call
	results  []engine.Result
	now      roles // what PostgreSQL says
	want     roles
	creating []string // names in order
	unsure   bool     // the commit was sent and not answered
}

type roles struct {
	byID   map[uint32]*role
	byName map[string]*role
}

type role struct {
	oid               uint32
	name              string
	login, super, own bool
	comment           string
	memberOf          map[string]bool
}

func (r roles) clone() roles {
	c := roles{byID: make(map[uint32]*role, len(r.byID)), byName: make(map[string]*role, len(r.byName))}
	for oid, old := range r.byID {
		one := *old
		one.memberOf = maps.Clone(old.memberOf)
		c.byID[oid], c.byName[one.name] = &one, &one
	}
	return c
}

func newBatch(p *Postgres, calls []engine.Call) *batch {
	return &batch{Postgres: p, calls: calls, results: make([]engine.Result, len(calls))}
}

func (b *batch) commit(ctx context.Context) error {
	tx, err := begin(ctx, b.db, "BEGIN")
	if err != nil {
		return err
	}
	defer tx.end(ctx)
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(writeLock)); err != nil {
		return err
	}
	if b.now, err = b.load(ctx, tx); err != nil {
		return err
	}
	b.want = b.now.clone()
	for i, c := range b.calls {
		outcome, err := b.decide(c)
		b.results[i] = engine.Result{Outcome: outcome, Err: err}
	}
	statements := b.statements()
	if statements == "" {
		return b.identify(b.now)
	}
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return err
	}
	done, err := b.load(ctx, tx)
	if err != nil {
		return err
	}
	if err := errors.Join(b.verify(done), b.identify(done)); err != nil {
		return err
	}
	b.unsure = true
	err = tx.commit(ctx)
	var answered *pq.Error
	if errors.As(err, &answered) {
		b.unsure = false
	}
	return err
}

// namedRoles looks up accounts by number ($1) or name ($2) and rights by name ($3); of rights, what they are members of and their
// comments matter to no call. Each look-up is a query of its own, so that the planner takes the index: it would read all roles and
// comments for a few hundred (OFFSET 0 keeps it from joining them after all).
const namedRoles = `SELECT r.oid, r.rolname, r.rolcanlogin, r.rolsuper, r.rolname = current_user,
		CASE WHEN account THEN coalesce((SELECT d.description FROM pg_shdescription d WHERE d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass), '') ELSE '' END,
		CASE WHEN account THEN ARRAY(SELECT (SELECT g.rolname::text FROM pg_roles g WHERE g.oid = m.roleid) FROM pg_auth_members m WHERE m.member = r.oid) ELSE '{}' END
	FROM (SELECT oid, bool_or(account) AS account FROM (SELECT unnest($1::oid[]) AS oid, true AS account
			UNION ALL SELECT (SELECT n.oid FROM pg_roles n WHERE n.rolname = t.name), true FROM unnest($2::name[]) t (name)
			UNION ALL SELECT (SELECT n.oid FROM pg_roles n WHERE n.rolname = t.name), false FROM unnest($3::name[]) t (name)) each GROUP BY oid) named
	CROSS JOIN LATERAL (SELECT * FROM pg_roles a WHERE a.oid = named.oid OFFSET 0) r`

// load reads the roles that the calls name.
func (b *batch) load(ctx context.Context, tx *transaction) (roles, error) {
	var ids []int64
	var accounts, rights []string
	for _, c := range b.calls {
		if c.New != nil {
			accounts = append(accounts, c.New.Name)
		} else if oid, ok := parseOID(c.Account); ok {
			ids = append(ids, int64(oid))
			if utf8.ValidString(c.Entitlement) && !strings.ContainsRune(c.Entitlement, 0) {
				rights = append(rights, c.Entitlement)
			}
		}
	}
	slices.Sort(ids)
	out := roles{byID: map[uint32]*role{}, byName: map[string]*role{}}
	rows, err := tx.QueryContext(ctx, namedRoles, pq.Array(slices.Compact(ids)), pq.Array(goodNames(accounts)), pq.Array(goodNames(rights)))
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		r := &role{memberOf: map[string]bool{}}
		var memberOf []string
		if err := rows.Scan(&r.oid, &r.name, &r.login, &r.super, &r.own, &r.comment, pq.Array(&memberOf)); err != nil {
			return out, err
		}
		for _, m := range memberOf {
			r.memberOf[m] = true
		}
		out.byID[r.oid], out.byName[r.name] = r, r
	}
	return out, rows.Err()
}

// goodNames sorts names and leaves out what no role can be called.
func goodNames(names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return checkName(n) != nil })
}

// decide answers one call as the roles will be after the calls before it.
func (b *batch) decide(c engine.Call) (engine.Outcome, error) {
	if c.New != nil {
		return b.decideNew(c.New)
	}
	oid, _ := parseOID(c.Account)
	r := b.want.byID[oid]
	if r != nil && !b.isAccount(r.name) {
		r = nil
	}
	switch {
	case r == nil && c.Grant:
		return engine.Refused, b.explain(refuse("there is no account %q; it must be created first", c.Account))
	case r == nil:
		return engine.Already, nil
	case c.Entitlement == engine.Exists && c.Grant,
		c.Entitlement == engine.Active && c.Grant == r.login,
		c.Entitlement != engine.Active && c.Entitlement != engine.Exists && c.Grant == r.memberOf[c.Entitlement]:
		return engine.Already, nil
	case r.super || r.own:
		return engine.Refused, b.explain(refuse("role %q is a superuser, or the one that Rolecall signs in as; change it by hand", r.name))
	case c.Entitlement == engine.Exists:
		delete(b.want.byID, oid)
		return engine.Done, nil
	case c.Entitlement == engine.Active:
		r.login = c.Grant
		return engine.Done, nil
	}
	return b.decideRight(r, c)
}

func (b *batch) decideRight(r *role, c engine.Call) (engine.Outcome, error) {
	right := b.want.byName[c.Entitlement]
	switch {
	case !b.isRight(c.Entitlement):
		return engine.Refused, b.explain(refuse("role %q is not among the rights that may be changed; see rights", c.Entitlement))
	case right == nil:
		return engine.Refused, b.explain(refuse("there is no role %q", c.Entitlement))
	case right.super:
		return engine.Refused, b.explain(refuse("role %q is a superuser; grant it by hand", c.Entitlement))
	}
	if c.Grant {
		r.memberOf[c.Entitlement] = true
	} else {
		delete(r.memberOf, c.Entitlement)
	}
	return engine.Done, nil
}

func (b *batch) decideNew(a *engine.NewAccount) (engine.Outcome, error) {
	if err := checkName(a.Name); err != nil {
		return engine.Refused, b.explain(err)
	}
	comment := commentPrefix + a.Person
	if !b.isAccount(a.Name) {
		return engine.Refused, b.explain(refuse("a role of the name %q would be no account; see rights and ignore", a.Name))
	}
	if !utf8.ValidString(a.Person) || strings.ContainsFunc(a.Person, unicode.IsControl) {
		return engine.Refused, b.explain(refuse("the person's key can't be kept in a comment"))
	}
	if r := b.want.byName[a.Name]; r != nil {
		if a.Person != "" && r.comment == comment {
			return engine.Already, nil
		}
		return engine.Refused, b.explain(refuse("there is a role %q already, which was not made for this person; review it with adopt", a.Name))
	}
	b.want.byName[a.Name] = &role{name: a.Name, login: true, comment: comment, memberOf: map[string]bool{}}
	b.creating = append(b.creating, a.Name)
	return engine.Done, nil
}

// statements makes what is into what should be, in a fixed order. Every identifier is quoted and was checked before.
func (b *batch) statements() string {
	var s strings.Builder
	for _, name := range b.creating {
		fmt.Fprintf(&s, "CREATE ROLE %s LOGIN;", pq.QuoteIdentifier(name))
		fmt.Fprintf(&s, "COMMENT ON ROLE %s IS %s;", pq.QuoteIdentifier(name), pq.QuoteLiteral(b.want.byName[name].comment))
	}
	for _, oid := range b.sorted() {
		now, want := b.now.byID[oid], b.want.byID[oid]
		name := pq.QuoteIdentifier(now.name)
		if want == nil {
			fmt.Fprintf(&s, "DROP ROLE %s;", name)
			continue
		}
		if more := minus(want.memberOf, now.memberOf); len(more) > 0 {
			fmt.Fprintf(&s, "GRANT %s TO %s;", strings.Join(more, ","), name)
		}
		if less := minus(now.memberOf, want.memberOf); len(less) > 0 {
			fmt.Fprintf(&s, "REVOKE %s FROM %s;", strings.Join(less, ","), name)
		}
		if want.login != now.login {
			fmt.Fprintf(&s, "ALTER ROLE %s %s;", name, map[bool]string{true: "LOGIN", false: "NOLOGIN"}[want.login])
		}
	}
	return s.String()
}

// minus gives the quoted names in a but not in b, sorted.
func minus(a, b map[string]bool) []string {
	var out []string
	for name := range a {
		if !b[name] {
			out = append(out, pq.QuoteIdentifier(name))
		}
	}
	slices.Sort(out)
	return out
}

func (b *batch) sorted() []uint32 {
	ids := make([]uint32, 0, len(b.now.byID))
	for oid := range b.now.byID {
		ids = append(ids, oid)
	}
	slices.Sort(ids)
	return ids
}

// verify reads back before the commit. From PostgreSQL 16 on REVOKE takes only what the same grantor gave, and says
// nothing else.
func (b *batch) verify(done roles) error {
	for _, oid := range b.sorted() {
		want, got := b.want.byID[oid], done.byID[oid]
		if want == nil && got == nil {
			continue
		}
		if want == nil || got == nil || got.name != want.name || got.login != want.login ||
			len(minus(got.memberOf, want.memberOf))+len(minus(want.memberOf, got.memberOf)) > 0 {
			return refuse("role %q is not as it should be after the change, so the change was taken back; another role may have granted the membership", b.now.byID[oid].name)
		}
	}
	return nil
}

// identify fills in the ids of accounts that were created, now or before.
func (b *batch) identify(done roles) error {
	for i, c := range b.calls {
		if r := &b.results[i]; c.New != nil && r.Err == nil {
			made := done.byName[c.New.Name]
			if made == nil {
				return refuse("role %q is not there after it was created", c.New.Name)
			}
			r.ID = strconv.FormatUint(uint64(made.oid), 10)
		}
	}
	return nil
}

func (b *batch) suspends(i int) bool {
	c := b.calls[i]
	return c.New == nil && !c.Grant && c.Entitlement == engine.Active && b.results[i].Err == nil
}

// endSessions ends what suspended accounts have running: without LOGIN nobody signs in, but who is in stays in. It is
// done again when the account was suspended already, since it may have failed the first time.
func (b *batch) endSessions(ctx context.Context) error {
	var ids []int64
	for i, c := range b.calls {
		oid, _ := parseOID(c.Account)
		if r := b.now.byID[oid]; b.suspends(i) && r != nil && b.isAccount(r.name) && !r.super && !r.own {
			ids = append(ids, int64(oid))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := b.db.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = ANY($1)`, pq.Array(ids))
	if err != nil {
		return fmt.Errorf("the account can't sign in any more, but its sessions go on (the right pg_signal_backend is needed to end them): %w", err)
	}
	return nil
}

// checkName accepts what PostgreSQL keeps letter for letter.
func checkName(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return refuse("a role needs a name without control characters and spaces at the ends; this is %q", name)
	case len(name) > maxName:
		return refuse("the name %q is longer than PostgreSQL's %d bytes", name, maxName)
	}
	return nil
}
