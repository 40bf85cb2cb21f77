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
// lives there for as long as the test runs; Go must not use it for anything
// else, so it is locked and never given back.
type namespace struct{ dials chan dialRequest }

type dialRequest struct {
	ctx     context.Context
	address string
	answer  chan<- dialAnswer
}

type dialAnswer struct {
	conn net.Conn
	err  error
}

// enterNamespace starts the thread that dials in the namespace of process pid.
func enterNamespace(t testing.TB, pid int) *namespace {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatalf("no network namespace of process %d: %v", pid, err)
	}
	defer file.Close()
	n := &namespace{dials: make(chan dialRequest)}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // without unlocking: the thread ends with the goroutine
		err := setns(file.Fd())
		entered <- err
		if err == nil {
			n.serve()
		}
	}()
	if err := <-entered; err != nil {
		t.Fatalf("cannot enter the namespace of process %d: %v", pid, err)
	}
	t.Cleanup(func() { close(n.dials) })
	return n
}

// serve dials on the locked thread. The addresses are numeric, so the dialer
// makes its socket in this goroutine.
func (n *namespace) serve() {
	for r := range n.dials {
		conn, err := new(net.Dialer).DialContext(r.ctx, "tcp4", r.address)
		r.answer <- dialAnswer{conn, err}
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
