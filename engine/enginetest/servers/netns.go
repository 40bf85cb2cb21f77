package servers

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// namespace dials inside the network namespace of another process. One thread
// lives there for as long as it is asked for; Go must not use it for anything
// else, so it is locked and never given back.
type namespace struct {
	dials chan dialRequest
	leave chan struct{} // closed when the thread has another namespace to follow it
}

type dialRequest struct {
	ctx     context.Context
	address string
	answer  chan<- dialAnswer
}

type dialAnswer struct {
	conn net.Conn
	err  error
}

// newNamespace dials nowhere before it has entered one. It ends with the test.
func newNamespace(t testing.TB) *namespace {
	n := &namespace{dials: make(chan dialRequest), leave: make(chan struct{})}
	t.Cleanup(func() { close(n.dials) })
	return n
}

// enter starts the thread that dials in the namespace of process pid, in the
// place of the one before.
func (n *namespace) enter(t testing.TB, pid int) {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatalf("no network namespace of process %d: %v", pid, err)
	}
	defer file.Close()
	close(n.leave)
	n.leave = make(chan struct{})
	leave, entered := n.leave, make(chan error)
	go func() {
		runtime.LockOSThread() // without unlocking: the thread ends with the goroutine
		err := setns(file.Fd())
		entered <- err
		if err == nil {
			n.serve(leave)
		}
	}()
	if err := <-entered; err != nil {
		t.Fatalf("cannot enter the namespace of process %d: %v", pid, err)
	}
}

// serve dials on the locked thread. The addresses are numeric, so the dialer
// makes its socket in this goroutine.
func (n *namespace) serve(leave <-chan struct{}) {
	for {
		select {
		case <-leave:
			return
		case r, ok := <-n.dials:
			if !ok {
				return
			}
			conn, err := new(net.Dialer).DialContext(r.ctx, "tcp4", r.address)
			r.answer <- dialAnswer{conn, err}
		}
	}
}

func (n *namespace) dial(ctx context.Context, _, address string) (net.Conn, error) {
	answer := make(chan dialAnswer, 1)
	n.dials <- dialRequest{ctx, address, answer}
	a := <-answer
	return a.conn, a.err
}

// setns is setns(2); package syscall has no name for it.
func setns(fd uintptr) error {
	number := map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]
	if number == 0 {
		return fmt.Errorf("setns(2) has no number here for %s", runtime.GOARCH)
	}
	if _, _, errno := syscall.Syscall(number, fd, syscall.CLONE_NEWNET, 0); errno != 0 {
		return errno
	}
	return nil
}

// bridge opens a loopback port of the host that leads to an address inside the
// namespace, and returns it as host:port.
func (n *namespace) bridge(t testing.TB, inside string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { n.carry(ctx, conn, inside) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

// carry copies both ways until either side or ctx ends.
func (n *namespace) carry(ctx context.Context, outer net.Conn, inside string) {
	defer outer.Close()
	inner, err := n.dial(ctx, "tcp4", inside)
	if err != nil {
		return
	}
	defer inner.Close()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{outer, inner}, {inner, outer}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // the end of one side ends the other
			ended <- struct{}{}
		}()
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
