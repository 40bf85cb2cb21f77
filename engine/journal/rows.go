package journal

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// rows are values on their way into a statement, whose text has them as a table "@rows" with the columns column1,
// column2, … This is how many rows travel in one round trip in both databases: PostgreSQL unnests arrays, SQLite reads
// VALUES in portions.
type rows struct {
	types  string // one letter for each column: i is BIGINT, t is TEXT
	values []any  // int64 and string, row by row
}

func newRows(types string) *rows { return &rows{types: types} }

func (r *rows) add(values ...any) { r.values = append(r.values, values...) }

func (r *rows) len() int { return len(r.values) / len(r.types) }

// dialect is what differs between the databases.
type dialect interface {
	name() string
	// expand puts the rows into a query: one or more statements, each to be run with its arguments, after args.
	expand(query string, r *rows, args []any) []statement
	head() string                  // ends the query that locks the head row
	contains(column string) string // condition: the text has the argument ? in it, ASCII case aside
	exists() string                // query: whether the table of the schema's version exists, 0 or 1
	snapshot() *sql.TxOptions      // for a transaction that reads one state of everything
	explain(err error) (hint string)
}

type statement struct {
	query string
	args  []any
}

// portions are how many rows go into one statement of SQLite; few sizes, so that statements can be kept prepared.
var portions = [...]int{64, 8, 1}

func expandValues(query string, r *rows, args []any) []statement {
	var out []statement
	width := len(r.types)
	for values := r.values; len(values) > 0; {
		for _, n := range portions {
			for len(values) >= n*width {
				row := "(" + strings.Repeat("?,", width-1) + "?)"
				table := "(VALUES " + strings.Repeat(row+",", n-1) + row + ")"
				out = append(out, statement{strings.Replace(query, "@rows", table, 1), append(values[:n*width:n*width], args...)})
				values = values[n*width:]
			}
		}
	}
	return out
}

// expandArrays numbers the rows' arrays first; args follow as $n, where n goes on from the number of columns.
func expandArrays(query string, r *rows, args []any) []statement {
	if r.len() == 0 {
		return nil
	}
	var parts, columns []string
	var all []any
	for c, t := range r.types {
		kind := map[rune]string{'i': "bigint", 't': "text"}[t]
		parts = append(parts, fmt.Sprintf("$%d::%s[]", c+1, kind))
		columns = append(columns, fmt.Sprintf("column%d", c+1))
		all = append(all, r.array(c, t))
	}
	table := "unnest(" + strings.Join(parts, ",") + ") AS " + "t(" + strings.Join(columns, ",") + ")"
	query = strings.Replace(query, "@rows", "(SELECT * FROM "+table+")", 1)
	for i := range args {
		query = strings.Replace(query, "?", fmt.Sprintf("$%d", len(all)+i+1), 1)
	}
	return []statement{{query, append(all, args...)}}
}

func (r *rows) array(c int, t rune) any {
	if t == 'i' {
		out := make([]int64, 0, r.len())
		for i := c; i < len(r.values); i += len(r.types) {
			out = append(out, r.values[i].(int64))
		}
		return pq.Array(out)
	}
	out := make([]string, 0, r.len())
	for i := c; i < len(r.values); i += len(r.types) {
		out = append(out, r.values[i].(string))
	}
	return pq.Array(out)
}

// tx is one writing transaction with the statements that its connection keeps prepared.
type tx struct {
	*sqlx.Tx
	store *Store
	ctx   context.Context
}

// run executes a query for all rows; none is no statement.
func (t *tx) run(query string, r *rows, args ...any) error {
	for _, s := range t.store.dialect.expand(query, r, args) {
		prepared, err := t.prepared(s.query)
		if err != nil {
			return err
		}
		if _, err := prepared.ExecContext(t.ctx, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// query selects for all rows; scan is called for each row of the answer.
func (t *tx) query(query string, r *rows, scan func(*sqlx.Rows) error, args ...any) error {
	for _, s := range t.store.dialect.expand(query, r, args) {
		prepared, err := t.prepared(s.query)
		if err != nil {
			return err
		}
		if err := each(prepared.QueryxContext(t.ctx, s.args...))(scan); err != nil {
			return err
		}
	}
	return nil
}

// each goes through the rows of an answer and closes it.
func each(answer *sqlx.Rows, err error) func(scan func(*sqlx.Rows) error) error {
	return func(scan func(*sqlx.Rows) error) error {
		if err != nil {
			return err
		}
		defer answer.Close()
		for answer.Next() {
			if err := scan(answer); err != nil {
				return err
			}
		}
		return answer.Err()
	}
}

// prepared finds or prepares a statement. Their number is fixed by the program's text. Only one transaction writes at a
// time, so the map needs no lock.
func (t *tx) prepared(query string) (*sqlx.Stmt, error) {
	s := t.store.statements[query]
	if s == nil {
		var err error
		if s, err = t.store.write.PreparexContext(t.ctx, query); err != nil {
			return nil, err
		}
		t.store.statements[query] = s
	}
	return t.StmtxContext(t.ctx, s), nil
}
