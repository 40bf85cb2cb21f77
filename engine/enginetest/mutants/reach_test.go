package mutants

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program is a suite, compiled with all mutants in it.
type program struct {
	suite
	binary string
	tests  []reached // the fastest first
}

// reached is a test and the mutants that it comes past.
type reached struct {
	Name string
	Took time.Duration
	IDs  []int
}

// compiled compiles each suite once.
func compiled(t *testing.T, texts map[string]string) (out []program) {
	t.Helper()
	overlay := overlayOf(t, texts)
	for _, s := range suites {
		p := program{suite: s, binary: filepath.Join(t.TempDir(), "suite.test")}
		cmd := exec.Command("go", "test", "-c", "-trimpath", "-gcflags=-e", "-overlay", overlay, "-o", p.binary, "./"+s.folder)
		cmd.Dir = root
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s does not compile with the mutants in it: %v\n%s", s.folder, err, text)
		}
		p.tests = reach(t, &p)
		out = append(out, p)
	}
	return out
}

// reach runs each test once, alone, and keeps what it comes past; in the folder of -reach, as long as the binary is the same.
func reach(t *testing.T, p *program) (out []reached) {
	t.Helper()
	data, err := os.ReadFile(p.binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	known := filepath.Join(*reachFlag, hex.EncodeToString(sum[:])+".json")
	if data, err := os.ReadFile(known); *reachFlag != "" && err == nil && json.Unmarshal(data, &out) == nil {
		return out
	}
	list, err := p.start(t, 0, time.Minute, "", "-test.list", cmp.Or(p.only, "^Test|^Fuzz"))
	if err != nil {
		t.Fatalf("%s: %v\n%s", p.folder, err, list)
	}
	for _, name := range regexp.MustCompile(`(?m)^(Test|Fuzz)\w+$`).FindAllString(list, -1) {
		file := filepath.Join(t.TempDir(), "reached")
		began := time.Now()
		if text, err := p.start(t, 0, 5*time.Minute, file, "-test.run", "^"+name+"$"); err != nil {
			t.Logf("%s %s fails without any mutant and is left out: %v\n%s", p.folder, name, err, text)
			continue
		}
		out = append(out, reached{name, time.Since(began), numbers(t, file)})
	}
	slices.SortStableFunc(out, func(a, b reached) int { return cmp.Compare(a.Took, b.Took) })
	if data, err := json.Marshal(out); *reachFlag != "" && err == nil {
		if err := os.WriteFile(known, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// numbers are the mutants in a file that a suite wrote, in order.
func numbers(t *testing.T, file string) []int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, line := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		ids[n] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

var errTooLong = errors.New("it never ended")

// start runs a suite, with a mutant chosen, for so long at most.
func (p *program) start(t *testing.T, id int, most time.Duration, reach string, args ...string) (string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), most)
	defer stop()
	cmd := exec.CommandContext(ctx, p.binary, slices.Concat([]string{"-test.short", "-test.failfast", "-test.timeout", "0"}, args, p.args)...) // #nosec G204 -- a test that was just compiled
	cmd.Dir = filepath.Join(root, p.folder)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "ROLECALL_MUTANT="+strconv.Itoa(id), "ROLECALL_REACHED="+reach)
	cmd.WaitDelay = time.Second
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	go watch(ctx, stop, cmd.Process.Pid)
	err := cmd.Wait()
	if ctx.Err() != nil {
		err = errTooLong
	}
	return out.String(), err
}

// watch ends what takes 4 GB, since a loop that never ends may gather.
func watch(ctx context.Context, stop func(), pid int) {
	const most = 4 << 30
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
			if fields := strings.Fields(string(text)); err == nil && len(fields) > 1 {
				if pages, err := strconv.Atoi(fields[1]); err == nil && pages*os.Getpagesize() > most {
					stop()
				}
			}
		}
	}
}
