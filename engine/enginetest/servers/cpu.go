package servers

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// CPU is the processor time that the server and all its sessions, ended ones too, have taken so far, in steps of 10 ms:
// unlike wall time it hardly depends on what else the machine does. It reads proc(5).
func (s *PostgresServer) CPU(t testing.TB) (sum time.Duration) {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // fails on a bad pattern only
	server := strconv.Itoa(s.process.cmd.Process.Pid)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil { // it has ended meanwhile
			continue
		}
		pid, rest, _ := strings.Cut(string(raw), " (")
		fields := strings.Fields(rest[strings.LastIndex(rest, ")")+1:]) // from field 3, the state, on
		times := fields[11:13]                                          // user and system
		switch {
		case pid == server:
			times = fields[11:15] // and those of children that have ended
		case fields[1] != server:
			continue
		}
		for _, ticks := range times {
			n, err := strconv.Atoi(ticks)
			if err != nil {
				t.Fatal(file, err)
			}
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}
