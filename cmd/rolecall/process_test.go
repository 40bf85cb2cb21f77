package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Who decides is who the system says, not who the environment says: also in the program as it is released, and for somebody
// who is in no file of users.
func TestActorIsNotWhoTheEnvironmentSays(t *testing.T) {
	if testing.Short() || os.Getuid() != 0 {
		t.Skip("builds the program, and runs it as somebody else")
	}
	dir := t.TempDir()
	for _, up := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(up, 0o777); err != nil { // #nosec G302 -- somebody else works in it
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "rolecall"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	types := func(words ...string) string {
		c := exec.Command("./rolecall", words...)
		c.Dir, c.Env = dir, []string{"USER=bob", "LOGNAME=bob", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", words, err, out)
		}
		return string(out)
	}
	types("init", "company")
	config := filepath.Join("company", "rolecall.yaml")
	types("--config", config, "pause", "wiki", "--reason", "x")
	if list := types("--config", config, "audit", "list", "--kind", "pause"); !strings.Contains(list, "uid 54321") || strings.Contains(list, "bob") {
		t.Error(list)
	}
}
