package ldapconn

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
)

// Client knows how to reach one directory. It may be used concurrently.
type Client struct {
	cfg     Config
	targets []target
	tls     *tls.Config
	refused refusals
	buffers sync.Pool // of closed connections: *bufio.Reader
}

// New checks the configuration and reads the certificate files; it does not
// touch the network. The error names all mistakes.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	tlsConfig, err := newTLSConfig(cfg)
	if err := errors.Join(cfg.check(), err); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, tls: tlsConfig}
	for _, raw := range cfg.URLs {
		t, err := parseURL(raw)
		if err != nil {
			return nil, err
		}
		c.targets = append(c.targets, t)
	}
	return c, nil
}

// Connect returns a bound connection to the first server that takes us. The
// error is an *Incomplete with a reason for each server. Refused credentials
// end it at once: trying them elsewhere could lock the account.
func (c *Client) Connect(ctx context.Context) (*Conn, error) {
	var conn *Conn
	err := c.try(ctx, func(got *Conn) error {
		conn = got
		return nil
	})
	return conn, err
}

// Read connects, searches and closes. When the connection is lost it starts
// again from page 1, on the next URL if there is one: start is called for each
// attempt and returns the sink of that attempt, and only what the last sink
// got counts, and only if the error is nil. Two attempts are never merged.
// The error is an *Incomplete or, unchanged, an error of the sink.
func (c *Client) Read(ctx context.Context, req Request, start func() (yield func(*Entry) error)) (Result, error) {
	var result Result
	err := c.try(ctx, func(conn *Conn) (err error) {
		defer conn.Close()
		if req.First != nil {
			if err := req.First(ctx, conn); err != nil {
				return err
			}
		}
		result, err = conn.Search(ctx, req, start())
		return err
	})
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// try runs do on a connection, in up to 1+Retries rounds; a round starts with
// the URL after the one that failed.
func (c *Client) try(ctx context.Context, do func(*Conn) error) error {
	first := 0
	for round := 1; ; round++ {
		conn, err := c.connectFrom(ctx, first)
		if err == nil {
			first = conn.index + 1
			err = do(conn)
		}
		if err == nil || !retryable(err) || round > c.cfg.Retries {
			return err
		}
		if c.cfg.Pause(ctx, round) != nil {
			return err
		}
	}
}

// connectFrom tries each URL once, beginning with number first.
func (c *Client) connectFrom(ctx context.Context, first int) (*Conn, error) {
	failed := &Incomplete{}
	for i := range c.targets {
		index := (first + i) % len(c.targets)
		conn, err := c.open(ctx, index)
		if err == nil {
			return conn, nil
		}
		one := incomplete(ctx, c.targets[index].raw, err)
		failed.cause = one.cause
		for _, r := range one.Reasons {
			failed.Reasons = append(failed.Reasons, Reason{r.Code, c.targets[index].raw + ": " + r.Detail})
		}
		if one.Has(BindRefused) || ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}
