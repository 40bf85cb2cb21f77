package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// checkCollation says where the database takes two names for one that are spelled differently (case, accents, spaces at the end): a
// statement about one of them would reach the other, and a comparison letter for letter would not see it. strangers are in the
// holdings and not in the other list.
func (p *Tables) checkCollation(ctx context.Context, tx *transaction, proof *engine.Proof, strangers, unlisted bool) error {
	for _, twice := range []struct {
		asked              bool
		what, list, column string
	}{
		{true, "accounts", p.s.Accounts, "account"}, {true, "holdings", p.s.Holdings, "entitlement"}, {p.s.Catalogue != "", "catalogue", p.s.Catalogue, "entitlement"},
	} {
		name := p.dialect.as("l." + twice.column)
		query := "SELECT min(" + name + "), max(" + name + ") FROM (" + twice.list + "\n) AS l GROUP BY l." + twice.column + " HAVING min(" + name + ") <> max(" + name + ")"
		if err := p.sameName(ctx, tx, proof, twice.asked, "statements."+twice.what, query); err != nil {
			return err
		}
	}
	for _, across := range []struct {
		asked              bool
		what, list, column string
	}{
		{strangers, "accounts", p.s.Accounts, "account"}, {unlisted && p.s.Catalogue != "", "catalogue", p.s.Catalogue, "entitlement"},
	} {
		a, b := "h."+across.column, "l."+across.column
		query := "SELECT " + p.dialect.as(a) + ", " + p.dialect.as(b) + " FROM (" + p.s.Holdings + "\n) AS h JOIN (" + across.list + "\n) AS l ON " + a + " = " + b +
			" WHERE " + p.dialect.as(a) + " <> " + p.dialect.as(b)
		if err := p.sameName(ctx, tx, proof, across.asked, "statements.holdings and "+across.what, query); err != nil {
			return err
		}
	}
	return nil
}

// sameName adds the first pair that a query finds to the reasons why the list is not whole.
func (p *Tables) sameName(ctx context.Context, tx *transaction, proof *engine.Proof, asked bool, where, query string) error {
	if !asked {
		return nil
	}
	rows, err := tx.QueryContext(ctx, query)
	var pqErr *pq.Error
	if errors.As(err, &pqErr) && pqErr.Code == "42883" { // the two are of types that are never equal
		return nil
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		proof.Add(engine.ReasonDuplicate, fmt.Sprintf("%s: %q and %q are one name to the database; spell it one way, or give the column a binary collation", where, a, b))
	}
	return rows.Err()
}
