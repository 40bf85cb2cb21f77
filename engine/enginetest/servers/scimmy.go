package servers

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SCIMMY starts the SCIM service provider whose folder is dir (connectors/scim/testdata/scimmy) and gives its address,
// http://127.0.0.1:port; its resources are below /scim/v2 and want the bearer token. It ends with the test.
func SCIMMY(t testing.TB, dir, token string) string {
	t.Helper()
	if err := installed(dir); err != nil {
		lacking(t, err)
	}
	node := exec.Command("node", "server.mjs")
	node.Dir, node.Env, node.Stderr = dir, append(os.Environ(), "SCIM_TOKEN="+token), os.Stderr
	stdin, errIn := node.StdinPipe() // closed when this process ends, however it does
	stdout, errOut := node.StdoutPipe()
	if errIn != nil || errOut != nil {
		t.Fatal(errIn, errOut)
	}
	if err := node.Start(); err != nil {
		lacking(t, fmt.Errorf("node does not start; install nodejs and npm: %w", err))
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = node.Wait() })
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal("the SCIM server did not start: ", err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// installed fetches the packages once; test binaries that run side by side wait for each other.
func installed(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "scimmy")); err == nil {
		return nil
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("the SCIM server can't be installed; run npm ci in %s: %w\n%s", dir, err, out)
	}
	return nil
}
