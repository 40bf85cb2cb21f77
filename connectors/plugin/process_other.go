//go:build !linux

package plugin

import (
	"os"
	"syscall"
)

// apart gives the process a group of its own.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func hold() (release func()) { return func() {} }

// waitFor waits until a process has ended. Its number is free from then on, which only Linux can put off.
func waitFor(p *os.Process) { _, _ = p.Wait() }

// stragglers can't be counted here.
func stragglers(int) int { return 0 }

func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }
