package journal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// rows are values on their way into a statement, whose text has them as a table "@rows" with the columns column1,
// column2, … This is how many rows travel in one round trip in both databases: PostgreSQL unnests arrays or copies, SQLite
// reads VALUES in portions. Numbers and texts are kept apart, since a slice of any would allocate each of them.
type rows struct {
	types   string // one letter for each column: i is BIGINT, t is TEXT
	numbers []int64
	texts   []string // both row by row
}

func newRows(types string) *rows { return &rows{types: types} }

// expect makes room for n rows.
func (r *rows) expect(n int) *rows {
	r.numbers, r.texts = slices.Grow(r.numbers, n*r.wide("i")), slices.Grow(r.texts, n*r.wide("t"))
	return r
}

// empty takes all rows out and keeps the room for the next ones.
func (r *rows) empty() {
	clear(r.texts)
	r.numbers, r.texts = r.numbers[:0], r.texts[:0]
}

// add puts one row in, an int64 or a string for each column.
func (r *rows) add(values ...any) {
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			r.numbers = append(r.numbers, v)
		case string:
			r.texts = append(r.texts, v)
		default:
			panic("journal: a value of a row is an int64 or a string")
		}
	}
}

// wide is how many columns of a type a row has.
func (r *rows) wide(kind string) int { return strings.Count(r.types, kind) }

func (r *rows) len() int {
	if n := r.wide("i"); n > 0 {
		return len(r.numbers) / n
	}
	return len(r.texts) / len(r.types)
}

// values are n rows from one on, column by column.
func (r *rows) values(from, n int) []any {
	out := make([]any, 0, n*len(r.types))
	numbers, texts := r.numbers[from*r.wide("i"):], r.texts[from*r.wide("t"):]
	for range n {
		for _, kind := range []byte(r.types) {
			if kind == 'i' {
				out, numbers = append(out, numbers[0]), numbers[1:]
			} else {
				out, texts = append(out, texts[0]), texts[1:]
			}
		}
	}
	return out
}

// dialect is what differs between the databases; it is ours alone, so that it may be as wide as the difference.
type dialect interface { //nolint:interfacebloat // two implementations in this package, no other ever
	name() string
	// portion is how many of n rows go into the next statement, and text the statement with that many rows of these types.
	portion(n int) int
	text(query, types string, n int) string
	values(r *rows, from, n int) []any // the arguments that go with it
	copies() bool                      // has COPY
	joins() bool                       // reads one text quicker than many columns, see selectJoined
	layout() string                    // statement, after the migrations: how tables lie on the disk; "": nothing to say
	head() string                      // ends the query that locks the head row
	patient() string                   // statement, in a transaction: it may stand still for long, since it waits for what others read
	contains(column string) string     // condition: the text has the argument ? in it, ASCII case aside
	holds(column string) string        // condition: the text has the argument ? in it
	exists() string                    // query: whether the table of the schema's version exists, 0 or 1
	snapshot() *sql.TxOptions          // for a transaction that reads one state of everything
	explain(err error) (hint string)
	erases() string // statement: what is deleted on this connection is overwritten; "": nothing to say
	forget(ctx context.Context, s *Store) (remains []string)
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
	all := make([]any, 0, len(r.types))
	numbers, texts := 0, 0
	for _, kind := range []byte(r.types) {
		if kind == 'i' {
			all = append(all, pq.Array(column(r.numbers, numbers, r.wide("i"))))
			numbers++
		} else {
			all = append(all, pq.Array(column(r.texts, texts, r.wide("t"))))
			texts++
		}
	}
	return all
}

// column takes every width-th value from the first on.
func column[T any](values []T, first, width int) []T {
	out := make([]T, 0, len(values)/width)
	for i := first; i < len(values); i += width {
		out = append(out, values[i])
	}
	return out
}

// tx is one writing transaction with the statements that its connection keeps prepared.
type tx struct {
	*sqlx.Tx
	conn  *sqlx.Conn // on which the transaction runs
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
		return t.copy(table, columns, r)
	}
	return t.run("INSERT INTO "+table+" ("+columns+") SELECT * FROM @rows r", r)
}

// copyFrom is the number of rows from which COPY, with its extra round trips, is quicker than arrays.
const copyFrom = 64

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
