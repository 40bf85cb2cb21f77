package journal

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// selectTables has the tables of SQLite that queries look into, with a condition that holds if any column is bytes. The journal's own is
// looked at where it is read, and the hashes are in none.
const selectTables = `SELECT s.name, group_concat('typeof("' || c.name || '") = ''blob''', ' OR ') FROM sqlite_schema s, pragma_table_info(s.name) c
	WHERE s.name IN ('account', 'baseline', 'checkpoint', 'entitlement', 'fact', 'head', 'holding', 'link', 'mention', 'open_intent', 'person', 'ruleset', 'tenure')
	GROUP BY s.name ORDER BY s.name`

// bytes finds what is spelled as it should be and is bytes: it reads like the text or the number, and no query that asks for that finds it.
func (w *walk) bytes() view {
	return func(ctx context.Context, t *sqlx.Tx) (wrong []string, err error) {
		if !w.joins { // PostgreSQL keeps nothing but what a column is for
			return nil, nil
		}
		var tables [][2]string
		err = each(t.QueryxContext(ctx, selectTables))(func(r *sqlx.Rows) error {
			tables = append(tables, [2]string{})
			last := &tables[len(tables)-1]
			return r.Scan(&last[0], &last[1])
		})
		for _, of := range tables {
			n := 0
			if err == nil {
				err = t.GetContext(ctx, &n, "SELECT count(*) FROM "+of[0]+" WHERE "+of[1])
			}
			if n > 0 {
				wrong = append(wrong, fmt.Sprintf("%d rows of the table %s have bytes where text or a number belongs; no query finds them", n, of[0]))
			}
		}
		return wrong, err
	}
}
