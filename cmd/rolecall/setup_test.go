package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Without root, setup installs nothing: it says what is missing and how to get it, and whoever runs the tests goes on.
func TestSetupWithoutRoot(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	programs := filepath.Join(tree, "programs")
	setup, err := os.ReadFile(filepath.Join("..", "..", ".ci", "setup"))
	for _, dir := range []string{programs, filepath.Join(tree, ".ci")} {
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tree, ".ci", "setup"), setup, 0o600)
	}
	if err == nil {
		err = os.Chmod(filepath.Join(tree, ".ci", "setup"), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bash", "env", "dirname", "find", "sort"} { // and no jq, no npm, no apt-get
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(programs, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	letIn(t, tree)
	cmd := exec.Command(filepath.Join(programs, "bash"), filepath.Join(tree, ".ci", "setup"))
	cmd.Env = []string{"PATH=" + programs}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, want := range []string{"not root:", "missing, so the tests that need it are skipped:", "jq", "hint: as root on Debian, apt-get install -y"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
}

// letIn lets everybody into a folder of the test's.
func letIn(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
