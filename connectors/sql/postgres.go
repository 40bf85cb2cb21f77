package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Postgres manages the roles of a PostgreSQL cluster. An account is a role that is neither a right, nor ignored, nor one
// of PostgreSQL's own (pg_…); it is active while it has LOGIN. Its id is the role's oid, so that a rename moves nothing;
// oids survive pg_upgrade, but not a restore from pg_dumpall, after which accounts are adopted anew. The rights of an
// account are the roles that it is a direct member of: all are listed, those that match `rights` can be changed.
// Superusers and the role that Rolecall signs in as are never changed. Safe for concurrent use: changes wait for each
// other on an advisory lock, also between processes.
type Postgres struct {
	db             *sqlx.DB
	identity       string
	rights, ignore []string
	options        Options
}

func newPostgres(c Config, o Options, db *sqlx.DB, identity string) (*Postgres, error) {
	if len(c.Rights) == 0 {
		return nil, errors.New("rights is missing; name the roles that may be granted, or patterns such as app_*")
	}
	for _, pattern := range slices.Concat(c.Rights, c.Ignore) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	return &Postgres{db: db, identity: identity, rights: c.Rights, ignore: c.Ignore, options: o}, nil
}

// Close ends the connections; the program is not used afterwards.
func (p *Postgres) Close() error { return p.db.Close() }

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

func (p *Postgres) isRight(name string) bool { return matches(p.rights, name) }

func (p *Postgres) isAccount(name string) bool {
	return !strings.HasPrefix(name, "pg_") && !p.isRight(name) && !matches(p.ignore, name)
}

// Describe lists the roles that may be granted.
func (p *Postgres) Describe(ctx context.Context) (engine.Description, error) {
	d := engine.Description{Identity: p.identity, Accounts: true, Lifecycle: true, Concurrency: 1, Batch: 2000, Grantable: []string{},
		Deletes: "the role, with its settings and memberships"}
	var names []string
	if err := p.db.SelectContext(ctx, &names, `SELECT rolname FROM pg_roles WHERE NOT rolsuper`); err != nil {
		return d, p.explain(err)
	}
	for _, name := range names {
		if p.isRight(name) {
			d.Grantable = append(d.Grantable, name)
		}
	}
	slices.Sort(d.Grantable)
	return d, nil
}

// listRoles gives one row for each role; memberships come as an array, since 600,000 rows of their own cost more than all
// else. Memberships of the role that signs in are left out: from PostgreSQL 16 on it is a member of all it creates.
const listRoles = `SELECT r.oid, r.rolname, r.rolcanlogin, r.rolsuper OR r.rolcreaterole, r.rolname = current_user,
		coalesce(d.description, ''), coalesce(m.roles, '{}')
	FROM pg_roles r
	LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass
	LEFT JOIN (SELECT member, array_agg(roleid)::text AS roles FROM pg_auth_members GROUP BY member) m
		ON m.member = r.oid AND r.rolname <> current_user
	WHERE $1::oid = 0 OR r.oid = $1::oid
	ORDER BY r.oid`

// Holdings reads roles and memberships in one snapshot and streams them by oid.
func (p *Postgres) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	var own error
	err := p.list(ctx, 0, func(h engine.Holding) error {
		if own = yield(h); own == nil {
			proof.Count++
		}
		return own
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

// Account reads one role.
func (p *Postgres) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	oid, ok := parseOID(account)
	if !ok {
		return nil, nil
	}
	var out []engine.Holding
	err := p.list(ctx, oid, func(h engine.Holding) error { out = append(out, h); return nil })
	if err != nil {
		return nil, p.explain(err)
	}
	return out, nil
}

func (p *Postgres) list(ctx context.Context, only uint32, yield func(engine.Holding) error) error {
	tx, err := begin(ctx, p.db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	if err != nil {
		return err
	}
	defer tx.end(ctx)
	names, err := roleNames(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, listRoles, int64(only))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r roleRow
		if err := rows.Scan(&r.oid, &r.name, &r.login, &r.admin, &r.own, &r.comment, &r.memberOf); err != nil {
			return err
		}
		if !p.isAccount(r.name) {
			continue
		}
		if err := r.yield(names, yield); err != nil {
			return err
		}
	}
	return rows.Err()
}

type roleRow struct {
	oid               uint32
	name              string
	login, admin, own bool
	comment           string
	memberOf          sql.RawBytes // {16385,16390}; one entry for each grantor
}

func (r *roleRow) yield(names map[uint32]string, yield func(engine.Holding) error) error {
	id := strconv.FormatUint(uint64(r.oid), 10)
	if err := yield(engine.Holding{Account: id, Entitlement: engine.Exists, Info: r.info()}); err != nil {
		return err
	}
	if r.login {
		if err := yield(engine.Holding{Account: id, Entitlement: engine.Active}); err != nil {
			return err
		}
	}
	rights, err := parseOIDs(string(r.memberOf), names)
	if err != nil {
		return err
	}
	for _, right := range rights {
		if err := yield(engine.Holding{Account: id, Entitlement: right}); err != nil {
			return err
		}
	}
	return nil
}

// commentPrefix marks the comment of a role that Rolecall made; the person's key follows.
const commentPrefix = "rolecall: made for "

func (r *roleRow) info() *engine.AccountInfo {
	info := &engine.AccountInfo{Name: r.name, Attributes: map[string]string{"name": r.name}}
	if key, ok := strings.CutPrefix(r.comment, commentPrefix); ok {
		info.Attributes["person"] = key
	}
	switch {
	case r.own:
		info.Kind = "service"
	case r.admin:
		info.Kind = "admin"
	}
	return info
}

func roleNames(ctx context.Context, tx *transaction) (map[uint32]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT oid, rolname FROM pg_roles WHERE oid IN (SELECT roleid FROM pg_auth_members)`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[uint32]string{}
	for rows.Next() {
		var oid uint32
		var name string
		if err := rows.Scan(&oid, &name); err != nil {
			return nil, err
		}
		names[oid] = name
	}
	return names, rows.Err()
}

// parseOIDs reads an array of oids as PostgreSQL prints it and gives their names, sorted and once each.
func parseOIDs(array string, names map[uint32]string) ([]string, error) {
	array = strings.Trim(array, "{}")
	if array == "" {
		return nil, nil
	}
	out := make([]string, 0, 1+strings.Count(array, ","))
	for text := range strings.SplitSeq(array, ",") {
		oid, ok := parseOID(text)
		name, found := names[oid]
		if !ok || !found {
			return nil, fmt.Errorf("a membership names the role %q, which is not there; read again", text)
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// parseOID takes the one spelling that is listed.
func parseOID(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// explain adds the place.
func (p *Postgres) explain(err error) error {
	return fmt.Errorf("program %s, %s: %w", p.options.Program, p.identity, err)
}
