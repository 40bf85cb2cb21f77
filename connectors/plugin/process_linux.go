package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart gives the process a group of its own, and lets it die with us.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// hold keeps the goroutine on its thread: the kernel takes the end of the thread that started a process for that of ours.
func hold() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// waitFor waits until a process of ours has ended, and does not free its number.
func waitFor(p *os.Process) {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// stragglers counts the processes of a group besides its leader, which has ended.
func stragglers(group int) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		rest := string(text)[strings.LastIndex(string(text), ")")+1:] // the name may hold anything, and ends with the last bracket
		var state string
		var parent, pgrp int
		if _, err := fmt.Sscan(rest, &state, &parent, &pgrp); err != nil || pgrp != group || state == "Z" || state == "X" {
			continue
		}
		n++
	}
	return n
}

func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }
