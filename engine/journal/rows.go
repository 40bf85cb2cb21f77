package journal

import (
	"context"
	"database/sql"
	"errors"
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
	// portion is how many of n rows go into the next statement, and text the statement with that many rows of these types.
	portion(n int) int
	text(query, types string, n int) string
	values(r *rows, from, n int) []any // the arguments that go with it
	copies() bool                      // has COPY
	head() string                      // ends the query that locks the head row
	contains(column string) string     // condition: the text has the argument ? in it, ASCII case aside
	exists() string                    // query: whether the table of the schema's version exists, 0 or 1
	snapshot() *sql.TxOptions          // for a transaction that reads one state of everything
	explain(err error) (hint string)
}

// statement names a prepared statement: a query of this program with a number of rows.
type statement struct {
	query string
	n     int
}

// valuesPortion keeps to few sizes, so that few statements need preparing.
func valuesPortion(n int) int {
	for _, size := range [...]int{64, 8} {
		if n >= size {
			return size
		}
	}
	return 1
}

func valuesText(query, types string, n int) string {
	row := "(" + strings.Repeat("?,", len(types)-1) + "?)"
	return strings.Replace(query, "@rows", "(VALUES "+strings.Repeat(row+",", n-1)+row+")", 1)
}

func arraysText(query, types string) string {
	var parts, columns []string
	for c, t := range types {
		kind := map[rune]string{'i': "bigint", 't': "text"}[t]
		parts = append(parts, fmt.Sprintf("$%d::%s[]", c+1, kind))
		columns = append(columns, fmt.Sprintf("column%d", c+1))
	}
	table := "(SELECT * FROM unnest(" + strings.Join(parts, ",") + ") AS t(" + strings.Join(columns, ",") + "))"
	return strings.Replace(query, "@rows", table, 1)
}

func (r *rows) arrays() []any {
	all := make([]any, len(r.types))
	for c, t := range r.types {
		all[c] = r.array(c, t)
	}
	return all
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
func (t *tx) run(query string, r *rows) error {
	return t.portions(query, r, func(s *sqlx.Stmt, args []any) error {
		_, err := s.ExecContext(t.ctx, args...)
		return err
	})
}

// insert puts all rows into a table of which they have the columns.
func (t *tx) insert(table, columns string, r *rows) error {
	if r.len() >= copyFrom && t.store.dialect.copies() {
		return t.copy(table, strings.Split(columns, ", "), r)
	}
	return t.run("INSERT INTO "+table+" ("+columns+") SELECT * FROM @rows r", r)
}

// copyFrom is the number of rows from which COPY, with its extra round trips, is quicker than arrays.
const copyFrom = 64

func (t *tx) copy(table string, columns []string, r *rows) error {
	s, err := t.PrepareContext(t.ctx, pq.CopyIn(table, columns...))
	if err != nil {
		return err
	}
	for i, width := 0, len(columns); i < len(r.values); i += width {
		if _, err := s.ExecContext(t.ctx, r.values[i:i+width]...); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	_, err = s.ExecContext(t.ctx)
	return errors.Join(err, s.Close())
}

// query selects for all rows; scan is called for each row of the answer.
func (t *tx) query(query string, r *rows, scan func(*sqlx.Rows) error) error {
	return t.portions(query, r, func(s *sqlx.Stmt, args []any) error {
		return each(s.QueryxContext(t.ctx, args...))(scan)
	})
}

func (t *tx) portions(query string, r *rows, do func(*sqlx.Stmt, []any) error) error {
	for from, n := 0, 0; from < r.len(); from += n {
		n = t.store.dialect.portion(r.len() - from)
		s, err := t.prepared(query, r.types, n)
		if err == nil {
			err = do(s, t.store.dialect.values(r, from, n))
		}
		if err != nil {
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
func (t *tx) prepared(query, types string, n int) (*sqlx.Stmt, error) {
	d := t.store.dialect
	key := statement{query, n}
	if d.portion(2) == 2 { // any number of rows in one statement
		key.n = 0
	}
	s := t.store.statements[key]
	if s == nil {
		var err error
		if s, err = t.store.write.PreparexContext(t.ctx, d.text(query, types, n)); err != nil {
			return nil, err
		}
		t.store.statements[key] = s
	}
	return t.StmtxContext(t.ctx, s), nil
}
