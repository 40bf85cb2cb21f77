package export

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Collector sends frames to a collector of syslog over TLS (RFC 5425: a length, a space, the message). Syslog has no receipts; Received is the nearest to one. One goroutine at a time may use it.
type Collector struct {
	Address  string // host:port
	Config   *tls.Config
	Patience time.Duration // for the connection, each write and the end; 0: 30 s
	conn     *tls.Conn
}

// Framed is a line as a frame.
func Framed(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return append(append(strconv.AppendInt(nil, int64(len(line)), 10), ' '), line...)
}

// Write sends frames, or parts of them, and connects first if need be.
func (c *Collector) Write(frames []byte) (n int, err error) {
	if c.conn == nil {
		if err := c.connect(); err != nil {
			return 0, err
		}
	}
	if err = c.conn.SetWriteDeadline(time.Now().Add(c.patience())); err == nil {
		n, err = c.conn.Write(frames)
	}
	if err != nil {
		return n, c.failed(err)
	}
	return n, nil
}

func (c *Collector) connect() error {
	ctx, stop := context.WithTimeout(context.Background(), c.patience())
	defer stop()
	conn, err := (&tls.Dialer{Config: c.Config}).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return c.failed(err)
	}
	c.conn = conn.(*tls.Conn) // what a tls.Dialer gives
	return nil
}

// Received ends the connection and waits until the collector, which reads up to the end before it closes too, has done so: what it
// then loses it loses itself. An error says that nothing is known of what was written since the last time.
func (c *Collector) Received() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.SetDeadline(time.Now().Add(c.patience()))
	if err == nil {
		err = c.conn.CloseWrite()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, c.conn)
	}
	if err != nil {
		return c.failed(err)
	}
	err = c.conn.Close()
	c.conn = nil
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Close drops the connection, without asking what was received.
func (c *Collector) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *Collector) patience() time.Duration {
	if c.Patience == 0 {
		return 30 * time.Second
	}
	return c.Patience
}

func (c *Collector) failed(err error) error {
	c.Close()
	return fmt.Errorf("the collector %s: %w", c.Address, err)
}
