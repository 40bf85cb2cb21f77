package sql

import "context"

// EndSessions runs the statement that ends what an account has running. How many rows it concerns is the program's affair.
func (p *Tables) EndSessions(ctx context.Context, account string) error {
	statement, written := p.changes["end_sessions"]
	if !written || !plain(account) {
		return p.explain(refuse("there is no statement to end sessions of the account %q; add end_sessions to statements", account))
	}
	args, err := statement.args(map[string]any{"account": account})
	if err != nil {
		return p.explain(err)
	}
	tx, err := begin(ctx, p.db, p.dialect.change)
	if err != nil {
		return p.explain(err)
	}
	defer tx.end(ctx)
	if _, err := tx.ExecContext(ctx, statement.query, args...); err != nil {
		return p.explain(err)
	}
	if err := tx.commit(ctx); err != nil {
		return p.explain(err)
	}
	return nil
}
