package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// halted is a process of the program that stands still at a failpoint.
type halted struct {
	d    *doomed
	cmd  *exec.Cmd
	out  *bytes.Buffer
	done chan struct{}
}

// haltAt starts a command and returns when it stands still at a failpoint; nil if it ended before.
func (d *doomed) haltAt(failpoint string, args ...string) *halted {
	h := &halted{d: d, cmd: d.command(args...), out: &bytes.Buffer{}, done: make(chan struct{})}
	h.cmd.Env = append(h.cmd.Env, "ROLECALL_FAILPOINT="+failpoint)
	h.cmd.Stdout, h.cmd.Stderr = h.out, h.out
	if err := h.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		defer close(h.done)
		_ = h.cmd.Wait() // how it ended is looked at
	}()
	for begun := time.Now(); time.Since(begun) < longest; {
		select {
		case <-h.done:
			return nil
		case <-time.After(3 * time.Millisecond):
		}
		if stands(h.cmd.Process.Pid) {
			return h
		}
	}
	_ = h.cmd.Process.Kill()
	d.t.Fatalf("it neither ends nor comes to %s", failpoint)
	return nil
}

// stands says whether a process is stopped, as proc(5) says it.
func stands(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "T")
}

// goOn lets the process go on to its end, and gives what it said and its exit code.
func (h *halted) goOn() (said string, code int) {
	_ = h.cmd.Process.Signal(syscall.SIGCONT)
	select {
	case <-h.done:
	case <-time.After(longest):
		_ = h.cmd.Process.Signal(syscall.SIGQUIT)
		<-h.done
		h.d.wrong("it does not end:\n%s", h.out.String())
	}
	return h.out.String(), h.cmd.ProcessState.ExitCode()
}

// clearly wants a command to have failed with one sentence that says a text, and perhaps a hint.
func (d *doomed) clearly(said string, code int, text string) {
	var sentences []string
	for l := range strings.Lines(said) {
		if strings.HasPrefix(l, "rolecall: ") {
			sentences = append(sentences, l)
		}
	}
	if code != exitFailed || len(sentences) != 1 || !strings.Contains(sentences[0], text) {
		d.wrong("it should stop and say %q: exit code %d: %s", text, code, said)
	}
}
