package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// EndSessions ends what a role has running: without LOGIN nobody signs in, but who is in stays in. What is no account, and what
// Rolecall must not change, is left alone.
func (p *Postgres) EndSessions(ctx context.Context, account string) error {
	if _, err := p.changeable(ctx, account, "end its sessions"); err != nil {
		return p.explain(err)
	}
	oid, _ := parseOID(account)
	if _, err := p.db.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1`, int64(oid)); err != nil {
		return p.explain(fmt.Errorf("the right pg_signal_backend is needed to end sessions: %w", err))
	}
	return nil
}

// changeable gives the name of an account, "" if it was dropped, and refuses what Rolecall must not change.
func (p *Postgres) changeable(ctx context.Context, account, what string) (name string, err error) {
	oid, ok := parseOID(account)
	if !ok {
		return "", refuse("there is no account %q", account)
	}
	var role struct {
		Name    string `db:"rolname"`
		Guarded bool   `db:"guarded"`
	}
	err = p.db.GetContext(ctx, &role, `SELECT rolname, rolsuper OR rolname = current_user AS guarded FROM pg_roles WHERE oid = $1`, int64(oid))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case role.Guarded || !p.isAccount(role.Name):
		return "", refuse("role %q is a superuser, the one that Rolecall signs in as, or no account; %s by hand", role.Name, what)
	}
	return role.Name, nil
}
