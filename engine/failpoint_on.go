//go:build failpoint && linux

package engine

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// failpoints knows what the test that built the program with the tag failpoint asked for:
//
//	ROLECALL_FAILPOINT=POINT N ACTION,…   at the N-th time that the point is reached: kill, stop (until SIGCONT), or a
//	                                      duration after which the process is killed, such as 3ms
//	ROLECALL_FAILPOINT_LOG=FILE           every point that is reached is a line of it
var failpoints = &failpointCount{n: map[string]int{}}

type failpointCount struct {
	mu sync.Mutex
	n  map[string]int // how often each point was reached
}

// Failpoint is where the process may die.
func Failpoint(name string) { failHere(failpoints.reached(name)) }

// FailpointTorn writes half of the data before the process dies.
func FailpointTorn(name string, w io.Writer, data []byte) {
	action := failpoints.reached(name)
	if action == "kill" { // who is only stopped writes it all later
		_, _ = w.Write(data[:len(data)/2])
	}
	failHere(action)
}

// reached notes that a point was reached, and gives what is to happen there now.
func (c *failpointCount) reached(name string) (action string) {
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
	c.n[name]++
	for _, wanted := range strings.Split(os.Getenv("ROLECALL_FAILPOINT"), ",") {
		var point, do string
		var n int
		if _, err := fmt.Sscan(wanted, &point, &n, &do); err == nil && point == name && n == c.n[name] {
			action = do
		}
	}
	return action
}

func failHere(action string) {
	switch action {
	case "":
	case "kill":
		dieNow()
		select {} // nothing more is done until the signal is there
	case "stop":
		runtime.LockOSThread() // a signal to the process may reach this thread last, which would go on meanwhile
		_ = syscall.Tgkill(os.Getpid(), syscall.Gettid(), syscall.SIGSTOP)
		runtime.UnlockOSThread()
	default:
		after, err := time.ParseDuration(action)
		if err != nil {
			panic(err)
		}
		time.AfterFunc(after, dieNow)
	}
}

func dieNow() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
