package ldapconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// readBuffer is in bytes: large, because a page arrives in one go.
const readBuffer = 256 << 10

// oidStartTLS is of RFC 4511 section 4.14.1.
const oidStartTLS = "1.3.6.1.4.1.1466.20037"

func newTLSConfig(cfg Config) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.ServerName}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ldap: CA file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ldap: CA file %s holds no certificate in PEM form", cfg.CAFile)
		}
	}
	if cfg.CertFile != "" && cfg.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("ldap: client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// open dials, secures and binds. The time-out covers each of its steps.
func (c *Client) open(ctx context.Context, index int) (*Conn, error) {
	t := c.targets[index]
	dialCtx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	raw, err := c.cfg.Dial(dialCtx, t.network, t.address)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	conn := &Conn{server: t.raw, host: t.host, index: index, local: isLocal(raw.RemoteAddr()), buffers: &c.buffers}
	conn.timed = &timedConn{Conn: raw, timeout: c.cfg.Timeout, ctx: context.Background()}
	conn.use(conn.timed)
	if err := c.establish(ctx, conn, t); err != nil {
		_ = raw.Close() // the first error is the one to tell
		conn.giveBack()
		return nil, err
	}
	return conn, nil
}

func (c *Client) establish(ctx context.Context, conn *Conn, t target) error {
	defer conn.begin(ctx, smallAnswer)()
	if t.tls {
		if err := c.handshake(ctx, conn, t); err != nil {
			return err
		}
	} else if c.cfg.StartTLS && t.network == "tcp" {
		if err := conn.startTLS(); err != nil {
			return err
		}
		if err := c.handshake(ctx, conn, t); err != nil {
			return err
		}
	}
	return c.bind(conn)
}

func (c *Client) handshake(ctx context.Context, conn *Conn, t target) error {
	cfg := c.tls.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = t.host
	}
	secure := tls.Client(conn.timed, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		if isNetwork(err) {
			return unreachable(ctx, err)
		}
		return Reason{TLSRefused, fmt.Sprintf("no secure connection: %v; verification cannot be switched off, give the CA's file or the server_name", err)}
	}
	conn.use(secure)
	conn.encrypted = true
	return nil
}

// startTLS asks for encryption and accepts nothing but a yes.
func (c *Conn) startTLS() error {
	result, err := c.exchange("StartTLS", element(opExtRequest, octets(tagExtReqName, oidStartTLS)), opExtResponse)
	if err != nil {
		return err
	}
	if result.code != 0 {
		return Reason{TLSRefused, fmt.Sprintf("%v; nothing is sent without encryption", result.err("StartTLS"))}
	}
	if c.r.Buffered() > 0 { // somebody in the middle puts plain bytes before the encrypted ones
		return Reason{TLSRefused, "plain bytes follow the answer to StartTLS"}
	}
	return nil
}

// use makes conn the stream that messages are read from and written to.
func (c *Conn) use(conn net.Conn) {
	c.conn = conn
	if c.r == nil {
		c.r, _ = c.buffers.Get().(*bufio.Reader)
	}
	if c.r == nil {
		c.r = bufio.NewReaderSize(conn, readBuffer)
	}
	c.r.Reset(conn)
}

// giveBack lets the next connection read into the buffer of this one, which is over. Whoever still reads from it gets an error.
func (c *Conn) giveBack() {
	if c.buffers == nil {
		return
	}
	c.r.Reset(nil)
	c.buffers.Put(c.r)
	c.r, c.buffers = bufio.NewReaderSize(c.timed, 0), nil
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return contextReason(ctx)
	}
	return Reason{Unreachable, fmt.Sprintf("no connection: %v", err)}
}

// isNetwork tells a broken line from a refused certificate.
func isNetwork(err error) bool {
	var op *net.OpError
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return false
	}
	return errors.As(err, &op) || isEOF(err) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// isLocal reports whether bytes to addr stay on this machine.
func isLocal(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return false
}
