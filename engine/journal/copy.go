package journal

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// copying is lib/pq's COPY statement. Its Exec takes a row as a slice of any, through several layers for each; CopyData
// takes whole lines.
type copying interface {
	driver.Stmt
	CopyData(ctx context.Context, lines string) (driver.Result, error)
}

// copyPart is how many bytes of lines travel at once.
const copyPart = 32 << 10

// copy puts all rows into a table by COPY.
func (t *tx) copy(table, columns string, r *rows) error {
	c, err := t.begin(table, columns)
	if err != nil {
		return err
	}
	if err := c.send(r); err != nil {
		return errors.Join(err, c.abandon())
	}
	return c.finish()
}

// copier is a COPY that has begun: until it is finished or abandoned, its connection can do nothing else. The server takes in
// what was sent while the next rows are made.
type copier struct {
	tx *tx
	to copying
}

func (t *tx) begin(table, columns string) (*copier, error) {
	c := &copier{tx: t}
	return c, t.conn.Raw(func(conn any) error {
		//lint:ignore SA1019 pq.CopyIn is deprecated in favour of a text that we would have to quote ourselves
		prepared, err := conn.(driver.Conn).Prepare(pq.CopyIn(table, strings.Split(columns, ", ")...)) //nolint:staticcheck // as above
		if err != nil {
			return err
		}
		to, ok := prepared.(copying)
		if !ok {
			return errors.Join(fmt.Errorf("the PostgreSQL driver has no COPY of lines"), prepared.Close())
		}
		c.to = to
		return nil
	})
}

// send sends rows.
func (c *copier) send(r *rows) error {
	return c.tx.conn.Raw(func(any) error {
		return r.lines(func(part string) error { _, err := c.to.CopyData(c.tx.ctx, part); return err })
	})
}

func (c *copier) finish() error {
	engine.Failpoint("copy.torn")
	return c.tx.conn.Raw(func(any) error { _, err := c.to.Exec(nil); return err })
}

// abandon frees the connection; what was sent goes with the transaction.
func (c *copier) abandon() error {
	return c.tx.conn.Raw(func(any) error { return c.to.Close() })
}

// lines writes the rows in the text format of COPY (PostgreSQL's documentation, COPY, "Text Format"): columns between
// tabs, rows between newlines, and none at the end of a part.
func (r *rows) lines(send func(part string) error) error {
	b := make([]byte, 0, copyPart+4096)
	numbers, texts := r.numbers, r.texts
	for range r.len() {
		for c, kind := range []byte(r.types) {
			if c > 0 {
				b = append(b, '\t')
			}
			if kind == 'i' {
				b, numbers = strconv.AppendInt(b, numbers[0], 10), numbers[1:]
			} else {
				b, texts = appendCopyText(b, texts[0]), texts[1:]
			}
		}
		if len(b) >= copyPart {
			if err := send(string(b)); err != nil {
				return err
			}
			b = b[:0]
			continue
		}
		b = append(b, '\n')
	}
	if len(b) == 0 {
		return nil
	}
	return send(string(b[:len(b)-1]))
}

// appendCopyText escapes what would end a column or a row, or is an escape itself.
func appendCopyText(b []byte, text string) []byte {
	from := 0
	for i := range len(text) {
		c := text[i]
		if c > '\r' && c != '\\' {
			continue
		}
		switch c {
		case '\n':
			c = 'n'
		case '\r':
			c = 'r'
		case '\t':
			c = 't'
		case '\\':
		default:
			continue
		}
		b = append(append(b, text[from:i]...), '\\', c)
		from = i + 1
	}
	return append(b, text[from:]...)
}
