package ldapconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// smallAnswer limits answers that carry no entries, in bytes.
const smallAnswer = 1 << 20

// oidDisconnection is the notice of RFC 4511 section 4.4.1.
const oidDisconnection = "1.3.6.1.4.1.1466.20036"

// Conn is one bound connection. It belongs to one goroutine at a time. After
// an *Incomplete it is of no further use and only to be closed.
type Conn struct {
	server    string
	host      string
	index     int  // of the URL
	local     bool // the peer is on this machine
	encrypted bool

	timed   *timedConn
	conn    net.Conn // timed, or TLS above it
	r       *bufio.Reader
	buffers *sync.Pool // where the buffer of r goes in the end, nil: it went

	lastID  int
	bytes   int64 // read in the present operation
	limit   int64 // for bytes
	largest int64 // message, in bytes
	broken  bool
}

// Server returns the URL that was connected to.
func (c *Conn) Server() string { return c.server }

// Close ends the connection.
func (c *Conn) Close() {
	if !c.broken {
		_, _ = c.send([]byte{opUnbindRequest, 0}, nil) // a courtesy: closing is what counts
	}
	c.broken = true
	_ = c.timed.Close()
	c.giveBack()
}

// timedConn gives each read and write its own deadline and ends them when the
// context of the operation is over.
type timedConn struct {
	net.Conn
	timeout time.Duration
	ctx     context.Context
}

func (t *timedConn) Read(p []byte) (int, error) {
	if err := t.arm(t.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	return t.Conn.Read(p)
}

func (t *timedConn) Write(p []byte) (int, error) {
	if err := t.arm(t.Conn.SetWriteDeadline); err != nil {
		return 0, err
	}
	return t.Conn.Write(p)
}

// arm sets the deadline first and looks at the context then: a context that
// ends later finds the deadline set and moves it into the past.
func (t *timedConn) arm(set func(time.Time) error) error {
	if err := set(time.Now().Add(t.timeout)); err != nil {
		return err
	}
	return t.ctx.Err()
}

// begin starts an operation that may read up to limit bytes; the function it
// returns ends it.
func (c *Conn) begin(ctx context.Context, limit int64) (end func()) {
	c.bytes, c.limit, c.largest = 0, limit, limit
	c.timed.ctx = ctx
	stop := context.AfterFunc(ctx, func() { _ = c.timed.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		c.timed.ctx = context.Background()
	}
}

// send writes one request and returns its message id.
func (c *Conn) send(op, controls []byte) (int, error) {
	c.lastID++
	parts := [][]byte{integer(tagInteger, c.lastID), op}
	if len(controls) > 0 {
		parts = append(parts, element(tagControls, controls))
	}
	if _, err := c.conn.Write(element(tagSequence, parts...)); err != nil {
		return 0, c.lost(err)
	}
	return c.lastID, nil
}

// receive reads the next message, which must belong to request id.
func (c *Conn) receive(id int) (message, error) {
	text, err := c.frame()
	if err != nil {
		return message{}, c.lost(err)
	}
	m, err := parseMessage(text)
	if err != nil {
		return m, err
	}
	if m.id == 0 && m.op == opExtResponse {
		return m, disconnection(m.body)
	}
	if m.id != id {
		return m, malformed(fmt.Sprintf("message %d answers request %d", m.id, id))
	}
	return m, nil
}

// frame reads the content of one LDAPMessage into a string of its own.
func (c *Conn) frame() (string, error) {
	tag, err := c.r.ReadByte()
	if err != nil {
		return "", err
	}
	if tag != tagSequence {
		return "", malformed(fmt.Sprintf("message starts with 0x%02x", tag))
	}
	n, err := c.frameLength()
	if err != nil {
		return "", err
	}
	c.bytes += n
	if n > c.largest || c.bytes > c.limit {
		return "", Reason{TooManyBytes, fmt.Sprintf("message of %d bytes, %d in all; the limits are %d and %d", n, c.bytes, c.largest, c.limit)}
	}
	return c.text(n)
}

func (c *Conn) frameLength() (int64, error) {
	first, err := c.r.ReadByte()
	if err != nil || first < 0x80 {
		return int64(first), noEOF(err)
	}
	var octets [127]byte
	size := octets[:first&0x7f]
	if _, err := io.ReadFull(c.r, size); err != nil {
		return 0, noEOF(err)
	}
	return longLength(size)
}

// text copies n bytes off the stream. A length that promises more than comes
// costs no memory: space grows with what has arrived.
func (c *Conn) text(n int64) (string, error) {
	var b strings.Builder
	b.Grow(int(min(n, smallAnswer)))
	for n > 0 {
		if _, err := c.r.Peek(1); err != nil {
			return "", noEOF(err)
		}
		chunk, err := c.r.Peek(int(min(n, int64(c.r.Buffered()))))
		if err != nil {
			return "", err
		}
		b.Write(chunk)
		_, _ = c.r.Discard(len(chunk)) // just peeked
		n -= int64(len(chunk))
	}
	return b.String(), nil
}

// exchange sends a request that has a single answer.
func (c *Conn) exchange(what string, op []byte, want byte) (ldapResult, error) {
	id, err := c.send(op, nil)
	if err != nil {
		return ldapResult{}, err
	}
	m, err := c.receive(id)
	if err != nil {
		return ldapResult{}, err
	}
	if m.op != want {
		return ldapResult{}, malformed(fmt.Sprintf("answer 0x%02x to %s", m.op, what))
	}
	return parseResult(m.body)
}

// lost names what is behind a failed read or write.
func (c *Conn) lost(err error) error {
	c.broken = true
	var known Reason
	switch {
	case errors.As(err, &known):
		return known
	case c.timed.ctx.Err() != nil:
		return contextReason(c.timed.ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Reason{NoAnswer, fmt.Sprintf("the server is silent for %v", c.timed.timeout)}
	}
	return Reason{Cut, fmt.Sprintf("connection lost: %v", err)}
}

func contextReason(ctx context.Context) Reason {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Reason{TimeLimit, "the time allowed for the read is over"}
	}
	return Reason{Cancelled, "cancelled by the caller"}
}

// disconnection reads the server's farewell.
func disconnection(body string) error {
	result, err := parseResult(body)
	if err != nil {
		return err
	}
	if result.name != oidDisconnection {
		return malformed("unsolicited notification " + result.name)
	}
	return Reason{Cut, fmt.Sprintf("the server closes the connection: %v", result.err("notice of disconnection"))}
}

// noEOF: an end in the middle of a message is never a proper end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
