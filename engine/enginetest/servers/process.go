package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// How long a server may take to answer on its port or to end.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	pollEvery    = 10 * time.Millisecond
)

// process is one running server. It dies with the test binary.
type process struct {
	cmd  *exec.Cmd
	log  string        // file with what it wrote
	done chan struct{} // closed when it has ended
}

// spawn starts cmd with its output appended to logFile.
//
// The kernel kills the child when the thread that made it ends (Pdeathsig), so
// that a panicking test leaves nothing behind; therefore the goroutine keeps
// its thread for as long as the child lives.
func spawn(cmd *exec.Cmd, logFile string) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p := &process{cmd: cmd, log: logFile, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer out.Close()
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in its log
		}
		runtime.UnlockOSThread()
		close(p.done)
	}()
	return p, <-started
}

// stop sends sig and waits for the end; a process that does not end in time
// is killed. Stopping an ended process does nothing.
func (p *process) stop(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ready waits until every address accepts TCP connections.
func (p *process) ready(dial func(ctx context.Context, network, addr string) (net.Conn, error), addrs ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, addr := range addrs {
		if err := p.poll(ctx, func() error {
			conn, err := dial(ctx, "tcp4", addr)
			if err != nil {
				return err
			}
			return conn.Close()
		}); err != nil {
			return fmt.Errorf("%s does not answer on %s: %w; it wrote:\n%s", p.cmd.Path, addr, err, tail(p.log))
		}
	}
	return nil
}

// poll repeats try until it succeeds, the process ends or ctx is over.
func (p *process) poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		case <-time.After(pollEvery):
		}
	}
}

// tail returns the last 4 KiB of a file, for error messages.
func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}

// Ports of servers are below those that the kernel gives to connections (ip_local_port_range(7): from 32768 on): one of these
// would be taken by somebody's connection before the server listens on it.
const (
	firstPort = 15000
	lastPort  = 32000
)

// freePort returns a loopback TCP port that nobody listens on right now, and hardly anybody else will choose.
func freePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		var l net.Listener
		if l, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("no free loopback port: %v", err)
	return 0
}

// tempDir makes a directory that other users may pass through (PostgreSQL does
// not run as root) and whose name is short enough for Unix sockets; it is
// removed at the end of the test.
func tempDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rolecall-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run executes a helper program and returns its output; a failure is fatal
// and shows what the program wrote.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s failed: %v; it wrote:\n%s", cmd.Path, err, out)
	}
	return string(out)
}
