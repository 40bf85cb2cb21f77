package sql

import (
	"context"
	"net"
	"sync"
	"time"
)

// Dial makes a network connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// dialer connects PostgreSQL's driver. The driver waits for an answer as long as there is none, whatever its context says: when that is over
// it only asks the server, on another connection, to stop. So when it dials once it has signed in, the connection is over. Before that it
// may dial several times, for another host or without encryption, and the last connection is the one that counts.
type dialer struct {
	dial Dial // nil: a net.Dialer

	mu     sync.Mutex
	conn   net.Conn
	signed bool // in
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.signed && d.conn != nil {
		_ = d.conn.SetDeadline(time.Unix(1, 0)) // what can't be set is closed
	}
	dial := d.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, address)
	if !d.signed && err == nil {
		d.conn = conn
	}
	return conn, err
}

func (d *dialer) signedIn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signed = true
}

// drop ends the connection, while it is signed in.
func (d *dialer) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.Close()
	}
}

// Dial implements pq.Dialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, most time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
