//go:build failpoint

package engine

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// failpoints knows what the test that built the program with the tag failpoint asked for:
//
//	ROLECALL_FAILPOINT=POINT N ACTION     at the N-th time that the point is reached: kill, stop (until SIGCONT), or a
//	                                      duration after which the process is killed, such as 3ms
//	ROLECALL_FAILPOINT_LOG=FILE           every point that is reached is a line of it
var failpoints = &failpointCount{}

type failpointCount struct {
	mu sync.Mutex
	n  int // how often the chosen point was reached
}

// Failpoint is where the process may die.
func Failpoint(name string) {
	if failpoints.reached(name) {
		failHere()
	}
}

// FailpointTorn writes half of the data before the process dies.
func FailpointTorn(name string, w io.Writer, data []byte) {
	if failpoints.reached(name) {
		_, _ = w.Write(data[:len(data)/2])
		failHere()
	}
}

// reached notes that a point was reached, and says whether something is to happen there now.
func (c *failpointCount) reached(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if path := os.Getenv("ROLECALL_FAILPOINT_LOG"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		fmt.Fprintln(f, name)
	}
	point, n, _ := chosen()
	if point != name {
		return false
	}
	c.n++
	return c.n == n
}

func chosen() (point string, n int, action string) {
	_, _ = fmt.Sscan(os.Getenv("ROLECALL_FAILPOINT"), &point, &n, &action) // nothing is chosen where it is not set
	return point, n, action
}

func failHere() {
	signal := func(s syscall.Signal) { _ = syscall.Kill(os.Getpid(), s) }
	switch _, _, action := chosen(); action {
	case "kill":
		signal(syscall.SIGKILL)
		select {} // nothing more is done until the signal is there
	case "stop":
		signal(syscall.SIGSTOP)
	default:
		after, err := time.ParseDuration(action)
		if err != nil {
			panic(err)
		}
		time.AfterFunc(after, func() { signal(syscall.SIGKILL) })
	}
}
