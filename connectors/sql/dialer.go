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
// it only asks the server, on another connection, to stop. So the second time that it dials, the first connection is over.
type dialer struct {
	dial Dial // nil: a net.Dialer

	mu    sync.Mutex
	first net.Conn
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first != nil {
		_ = d.first.SetDeadline(time.Unix(1, 0)) // what can't be set is closed
	}
	dial := d.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, address)
	if d.first == nil && err == nil {
		d.first = conn
	}
	return conn, err
}

// drop ends the connection, while it is signed in.
func (d *dialer) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first != nil {
		_ = d.first.Close()
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
