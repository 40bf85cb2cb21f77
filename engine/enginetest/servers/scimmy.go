package servers

import (
	"bufio"
	"fmt"
	"io"
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
	return served(t, dir, "scimmy", os.Stderr, "SCIM_TOKEN="+token)
}

// OIDC starts the OpenID Connect provider whose folder is dir (cmd/rolecall/testdata/oidc) and gives its issuer. people are the
// claims of those who may sign in, by login, as JSON; the only client is rolecall. It ends with the test.
func OIDC(t testing.TB, dir, people, secret string) (issuer string) {
	t.Helper()
	return served(t, dir, "oidc-provider", io.Discard, "PEOPLE="+people, "CLIENT_SECRET="+secret)
}

// served starts the server.mjs of a folder, which needs a package, and gives its address.
func served(t testing.TB, dir, pack string, stderr io.Writer, env ...string) string {
	t.Helper()
	if err := installed(dir, pack); err != nil {
		lacking(t, err)
	}
	node := exec.Command("node", "server.mjs")
	node.Dir, node.Env, node.Stderr = dir, append(os.Environ(), env...), stderr
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
		t.Fatalf("the server of %s did not start: %v", dir, err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// installed fetches the packages once; test binaries that run side by side wait for each other.
func installed(dir, pack string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", pack)); err == nil {
		return nil
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%s can't be installed; run npm ci in %s: %w\n%s", pack, dir, err, out)
	}
	return nil
}
