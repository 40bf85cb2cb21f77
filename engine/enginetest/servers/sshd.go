package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SSHServer is a running sshd that lets one key in, as the user who runs the test.
type SSHServer struct {
	Address string // ssh://user@127.0.0.1:port
	Key     string // the private key that is let in
	Other   string // one that is not
	Hosts   string // file with the server's key, as known_hosts
}

// SSHD starts a server on loopback with keys of its own, which ends with the test.
func SSHD(t testing.TB) *SSHServer {
	t.Helper()
	programs, err := findPrograms("openssh-server openssh-client", []string{"/usr/sbin"}, "sshd", "ssh-keygen", "ssh")
	if err != nil {
		lacking(t, err)
	}
	dir, port := tempDir(t, "sshd"), freePort(t)
	key := func(name string) (private, public string) {
		file := filepath.Join(dir, name)
		run(t, exec.Command(programs["ssh-keygen"], "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file))
		return readFile(t, file), readFile(t, file+".pub")
	}
	_, host := key("host")
	s := &SSHServer{Hosts: filepath.Join(dir, "known_hosts")}
	var allowed string
	s.Key, allowed = key("in")
	s.Other, _ = key("out")
	for name, text := range map[string]string{
		"known_hosts": fmt.Sprintf("[127.0.0.1]:%d %s", port, host),
		"allowed":     allowed,
		"sshd_config": fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s/host\nAuthorizedKeysFile %s/allowed\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"+
			"PasswordAuthentication no\nKbdInteractiveAuthentication no\n", port, dir, dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 { // it wants the folder of its unprivileged part
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	user := strings.TrimSpace(run(t, exec.Command("id", "-un")))
	s.Address = fmt.Sprintf("ssh://%s@127.0.0.1:%d", user, port)
	p, err := spawn(exec.Command(programs["sshd"], "-D", "-e", "-f", filepath.Join(dir, "sshd_config")), filepath.Join(dir, "sshd.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(syscall.SIGTERM) })
	if err := p.ready(new(net.Dialer).DialContext, fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Fatal(err)
	}
	return s
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
