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
	return t.conn.Raw(func(c any) error {
		//lint:ignore SA1019 pq.CopyIn is deprecated in favour of a text that we would have to quote ourselves
		prepared, err := c.(driver.Conn).Prepare(pq.CopyIn(table, strings.Split(columns, ", ")...)) //nolint:staticcheck // as above
		if err != nil {
			return err
		}
		to, ok := prepared.(copying)
		if !ok {
			return errors.Join(fmt.Errorf("the PostgreSQL driver has no COPY of lines"), prepared.Close())
		}
		if err := r.lines(func(part string) error { _, err := to.CopyData(t.ctx, part); return err }); err != nil {
			return errors.Join(err, to.Close())
		}
		engine.Failpoint("copy.torn")
		_, err = to.Exec(nil)
		return err
	})
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
