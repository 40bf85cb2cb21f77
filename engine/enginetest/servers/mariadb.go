package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// MariaDBServer is a running MariaDB with the account root@127.0.0.1, which has every right and no password.
type MariaDBServer struct {
	Port   int    // on 127.0.0.1
	Socket string // path of the Unix socket

	dir      string
	settings []string
	owner    *syscall.Credential // nil: the user who runs the test
	programs map[string]string
	process  *process
	names    int // databases made so far
}

// MariaDB makes a new data directory and starts a server on it; both end with the test. settings are further options of mariadbd,
// without the dashes. Run by root, it belongs to the user mysql.
func MariaDB(t testing.TB, settings ...string) *MariaDBServer {
	t.Helper()
	programs, err := findPrograms("mariadb-server mariadb-client", []string{"/usr/sbin"}, "mariadb-install-db", "mariadbd", "mariadb")
	if err != nil {
		lacking(t, err)
	}
	s := &MariaDBServer{dir: tempDir(t, "my"), programs: programs, settings: settings}
	if os.Getuid() == 0 {
		s.owner = credential(t, "mysql")
		if err := os.Chown(s.dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.Port, s.Socket = freePort(t), filepath.Join(s.dir, "s")
	run(t, s.command("mariadb-install-db", "--no-defaults", "--datadir="+s.data(), "--auth-root-authentication-method=normal", "--skip-test-db",
		"--skip-name-resolve", "--tmpdir="+s.dir, "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0"))
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

// StartWith starts the server again after a stop, with other settings.
func (s *MariaDBServer) StartWith(t testing.TB, settings ...string) {
	t.Helper()
	s.settings = settings
	s.Start(t)
}

// Start starts the server again after a stop, on the same port and data.
func (s *MariaDBServer) Start(t testing.TB) {
	t.Helper()
	// A folder of its own for temporary files: a server that starts deletes those of the others.
	args := []string{"--no-defaults", "--tmpdir=" + s.dir, "--datadir=" + s.data(), "--socket=" + s.Socket, "--port=" + strconv.Itoa(s.Port), "--bind-address=127.0.0.1",
		"--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--performance-schema=off"}
	for _, line := range s.settings {
		args = append(args, "--"+line)
	}
	p, err := spawn(s.command("mariadbd", args...), filepath.Join(s.dir, "mariadb.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process = p
	if err := p.ready(new(net.Dialer).DialContext, "127.0.0.1:"+strconv.Itoa(s.Port)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := p.poll(ctx, func() error { return s.client("SELECT 1").Run() }); err != nil {
		t.Fatalf("MariaDB accepts no session: %v; it wrote:\n%s", err, tail(p.log))
	}
}

// Kill ends the server as a crash would.
func (s *MariaDBServer) Kill() { s.process.stop(syscall.SIGKILL) }

// URL names a database as a configuration does, for one of the server's users.
func (s *MariaDBServer) URL(user, database string) string {
	return fmt.Sprintf("mariadb://%s@127.0.0.1:%d/%s", user, s.Port, database)
}

// DSN is the same for the driver.
func (s *MariaDBServer) DSN(user, database string) string {
	return fmt.Sprintf("%s@tcp(127.0.0.1:%d)/%s", user, s.Port, database)
}

// NewDatabase makes an empty database and returns its name. Tests that share a server keep apart so.
func (s *MariaDBServer) NewDatabase(t testing.TB) string {
	t.Helper()
	s.names++
	name := fmt.Sprintf("test%d", s.names)
	s.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	return name
}

// Exec runs statements as root and returns the rows, without headers.
func (s *MariaDBServer) Exec(t testing.TB, sql string) string {
	t.Helper()
	return strings.TrimSpace(run(t, s.client(sql)))
}

func (s *MariaDBServer) client(sql string) *exec.Cmd {
	return s.command("mariadb", "--no-defaults", "--socket="+s.Socket, "--user=root", "--default-character-set=utf8mb4", "-N", "-B", "-r", "-e", sql)
}

// Dir is a folder that the server can read.
func (s *MariaDBServer) Dir() string { return s.dir }

// Own gives a file to the user whom the server runs as.
func (s *MariaDBServer) Own(file string) error {
	if s.owner == nil {
		return nil
	}
	return os.Chown(file, int(s.owner.Uid), int(s.owner.Gid))
}

func (s *MariaDBServer) data() string { return filepath.Join(s.dir, "data") }

// command prepares a program that runs as the owner of the data.
func (s *MariaDBServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(s.programs[name], args...)
	cmd.Dir = s.dir // the test's directory may be closed to that user
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if s.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	}
	return cmd
}
