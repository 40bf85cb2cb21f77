package conformance

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Dial makes a network connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Dialing puts the wire between a connector and what it dials; nil: a net.Dialer.
func (w *Wire) Dialing(next Dial) Dial {
	if next == nil {
		next = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if w.closed() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
		server, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		mine, theirs, err := pair(ctx)
		if err != nil {
			return nil, errors.Join(err, server.Close())
		}
		w.carry(&ends{client: mine, server: server})
		return &far{theirs, server}, nil
	}
}

func (w *Wire) closed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used = true
	return w.gone
}

// far is the end that the connector gets: a real connection, whose other end claims to be the program.
type far struct {
	*net.TCPConn
	server net.Conn
}

// RemoteAddr is the program's: whether a password may go there depends on it.
func (f *far) RemoteAddr() net.Addr { return f.server.RemoteAddr() }

// pair connects two ends on this machine, and makes sure that nobody else took one of them.
func pair(ctx context.Context) (mine, theirs *net.TCPConn, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	dialled, err := new(net.Dialer).DialContext(ctx, "tcp4", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return nil, nil, errors.Join(err, dialled.Close())
		}
		if accepted.RemoteAddr().String() == dialled.LocalAddr().String() {
			return accepted.(*net.TCPConn), dialled.(*net.TCPConn), nil
		}
		_ = accepted.Close()
	}
}

// Pipe puts the wire between a connector and a process; it gives the connector's ends of the pipes.
func (w *Wire) Pipe(in io.WriteCloser, out io.ReadCloser) (io.WriteCloser, io.ReadCloser) {
	asked, asks := io.Pipe()
	answered, answers := io.Pipe()
	w.carry(&ends{client: &both{asked, answers}, server: &both{out, in}})
	return asks, answered
}

// both is the end of two pipes.
type both struct {
	io.ReadCloser
	io.WriteCloser
}

// CloseWrite ends what is written.
func (b *both) CloseWrite() error { return b.WriteCloser.Close() }

// Close ends both, what is written first.
func (b *both) Close() error { return errors.Join(b.WriteCloser.Close(), b.ReadCloser.Close()) }

// ends are those of one connection.
type ends struct {
	client, server io.ReadWriteCloser
	mu             sync.Mutex
	waiting        bool // for an answer
}

func (e *ends) cut() {
	_ = e.client.Close()
	_ = e.server.Close()
}

// carry passes on what goes either way.
func (w *Wire) carry(e *ends) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends == nil {
		w.ends = map[*ends]bool{}
	}
	w.ends[e] = true
	if w.gone {
		e.cut()
	}
	go w.up(e)
	go w.down(e)
}

// up carries requests. What a client sends before it is answered, be it in several pieces, is one.
func (w *Wire) up(e *ends) {
	defer e.finish()
	buffer := make([]byte, 64<<10)
	for {
		n, err := e.client.Read(buffer)
		if n > 0 && e.begins() && w.asks() {
			e.cut()
			return
		}
		if n > 0 {
			if _, writing := e.server.Write(buffer[:n]); writing != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// finish tells the program that nothing more is asked; its answers still come.
func (e *ends) finish() {
	if half, ok := e.server.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = e.server.Close()
}

func (e *ends) begins() (first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, e.waiting = !e.waiting, true
	return first
}

func (e *ends) answered() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = false
}

// down carries answers.
func (w *Wire) down(e *ends) {
	defer w.forget(e)
	buffer := make([]byte, 64<<10)
	for {
		n, err := e.server.Read(buffer)
		if n > 0 {
			e.answered()
			pass, fault, late := w.answers(buffer[:n])
			if !e.hand(buffer[:n], pass, fault, late) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hand gives the client what is to come of an answer; false: that was the end.
func (e *ends) hand(answer []byte, pass int, fault WireFault, late <-chan struct{}) bool {
	switch fault {
	case "":
	case Silence:
		<-late
	case HalfAnswer:
		_, _ = e.client.Write(answer[:pass])
		return false
	case Garbage:
		_, _ = io.WriteString(e.client, junk)
		return false
	default:
		return false
	}
	_, err := e.client.Write(answer)
	return err == nil
}

func (w *Wire) forget(e *ends) {
	e.cut()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ends, e)
}
