package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/audit"
)

// Where a row's columns come as one text, reading takes half as long: each column is asked for by several calls. Numbers come as JSON, in
// which nothing but a number looks like one, and with them which parts are missing. A page with a row in which what stands between the
// columns occurs, or that looks in any way different from what the journal writes, is read column by column.
const (
	between = "\x1f"
	// allText is 1 if all that should be text is; typeof looks at no content. Bytes are found by no query that compares them with a text, and
	// concat_ws leaves out what is missing.
	allText = `(typeof(kind) = 'text' AND typeof(run) = 'text' AND typeof(program) = 'text' AND typeof(entitlement) = 'text' AND typeof(op) = 'text'
	AND typeof(outcome) = 'text' AND typeof(cause) = 'text' AND typeof(class) = 'text' AND typeof(source) = 'text' AND typeof(public) = 'text'
	AND typeof(leaf) = 'text' AND typeof(personal) <> 'blob')`
	// selectBytes has the records in which something else is.
	selectBytes = "SELECT seq FROM journal WHERE seq > ? AND seq <= ? AND NOT " + allText + " ORDER BY seq LIMIT ?"
	// selectJoined has the columns of selectStored in the order in which joined takes them.
	selectJoined = `SELECT concat_ws(char(31), json_array(seq, time, person, account, intent, approved, salt IS NULL, personal IS NULL, commitment IS NULL, ` + allText + `),
	kind, run, program, entitlement, op, outcome, cause, class, source, public, ifnull(salt, ''), ifnull(personal, ''), ifnull(commitment, ''), leaf)
	FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`
	joinedFields = 15
)

// readJoined reads a page; ok is false if any of it is to be read column by column.
func (p *portion) readJoined(ctx context.Context, t *sqlx.Tx, d *decoder) (ok bool) {
	err := each(t.QueryxContext(ctx, selectJoined, p.after, p.upTo, page))(func(r *sqlx.Rows) error {
		var line sql.RawBytes
		if err := r.Scan(&line); err != nil {
			return err
		}
		p.rows = append(p.rows, row{})
		return d.joined(line, &p.rows[len(p.rows)-1])
	})
	return err == nil
}

// sayBytes finds bytes in rows that were read column by column, where they look like the text that they spell.
func (p *portion) sayBytes(ctx context.Context, t *sqlx.Tx) error {
	var records []int64
	if err := t.SelectContext(ctx, &records, selectBytes, p.after, p.upTo, page); err != nil {
		return err
	}
	for i := range p.rows {
		if r := &p.rows[i]; slices.Contains(records, r.Seq) {
			r.say("record %d has bytes where text belongs; no search finds them", r.Seq)
		}
	}
	return nil
}

// errLooksDifferent never leaves this file.
var errLooksDifferent = errors.New("the row is to be read column by column")

// joined takes a row apart. The line is read into again.
func (d *decoder) joined(line []byte, r *row) error {
	var fields [joinedFields][]byte
	rest, more := line, true
	for i := range fields {
		if !more {
			return errLooksDifferent
		}
		fields[i], rest, more = bytes.Cut(rest, []byte(between))
	}
	c := &r.columns
	var missing [3]int64
	var text int64
	if more || !wholeNumbers(fields[0], &c.Seq, &c.Time, &c.Person, &c.Account, &c.Intent, &c.Approved, &missing[0], &missing[1], &missing[2], &text) || text == 0 {
		return errLooksDifferent
	}
	for i, text := range []*string{&c.Kind, &c.Run, &c.Program, &c.Entitlement, &c.Op, &c.Outcome, &c.Cause, &c.Class, &c.Source} {
		*text = d.of(fields[1+i])
	}
	r.record.Seq, r.record.Public = c.Seq, bytes.Clone(fields[10])
	r.record.Salt, r.record.Commitment = d.decoded(missing[0], fields[11]), d.decoded(missing[2], fields[13])
	if missing[1] == 0 {
		r.record.Personal = bytes.Clone(fields[12])
	}
	d.leaf(fields[14], r)
	d.compare(r)
	return nil
}

// decoded is what base64 stands for, nil if it is missing; what can't be decoded stays as it is.
func (d *decoder) decoded(missing int64, text []byte) []byte {
	if missing != 0 {
		return nil
	}
	raw := make([]byte, d.strict.DecodedLen(len(text)))
	n, err := d.strict.Decode(raw, text)
	if err != nil {
		return bytes.Clone(text)
	}
	return raw[:n]
}

// leaf reads the stored leaf. No record gives an empty hash, so one that is none will be found.
func (d *decoder) leaf(text []byte, r *row) {
	var raw [2 * len(audit.Hash{})]byte
	if r.unread = d.strict.DecodedLen(len(text)) > len(raw); r.unread {
		return
	}
	n, err := d.strict.Decode(raw[:], text)
	if r.unread = err != nil || n != len(r.record.Leaf); !r.unread {
		r.record.Leaf = audit.Hash(raw[:n])
	}
}

// wholeNumbers reads a JSON list of as many whole numbers.
func wholeNumbers(list []byte, into ...*int64) bool {
	rest, open := bytes.CutPrefix(list, []byte("["))
	rest, closed := bytes.CutSuffix(rest, []byte("]"))
	more := open && closed
	for _, to := range into {
		if !more {
			return false
		}
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte(","))
		n, err := strconv.ParseInt(string(part), 10, 64)
		if err != nil {
			return false
		}
		*to = n
	}
	return !more
}
