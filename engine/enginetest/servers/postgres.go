package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// PostgresServer is a running PostgreSQL with the superuser `app` (trusted, no
// password) and the database `postgres`.
type PostgresServer struct {
	DSN       string // postgres:// URL of the database `postgres`
	Port      int    // on 127.0.0.1
	SocketDir string // directory of the Unix socket

	dir      string
	data     string
	settings []string
	owner    *syscall.Credential // nil: the user who runs the test
	programs map[string]string
	process  *process
	names    int // databases made so far
}

// PostgresOption changes how PostgreSQL is started.
type PostgresOption func(*PostgresServer)

// WithFsync makes commits durable, for measurements and crash tests; otherwise
// fsync is off, which is faster.
func WithFsync() PostgresOption { return WithSetting("fsync=on") }

// WithSetting adds a line name=value of postgresql.conf; the last one wins.
func WithSetting(line string) PostgresOption {
	return func(s *PostgresServer) { s.settings = append(s.settings, line) }
}

// Postgres makes a new cluster and starts it; both end with the test. Run by
// root, it belongs to the user postgres, since PostgreSQL refuses root.
func Postgres(t testing.TB, options ...PostgresOption) *PostgresServer {
	t.Helper()
	programs, err := findPrograms("postgresql postgresql-client", postgresDirs(), "initdb", "postgres", "psql")
	if err != nil {
		lacking(t, err)
	}
	s := &PostgresServer{dir: tempDir(t, "pg"), programs: programs, settings: []string{"fsync=off"}}
	for _, option := range options {
		option(s)
	}
	if os.Getuid() == 0 {
		s.owner = credential(t, "postgres")
		if err := os.Chown(s.dir, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.Port, s.SocketDir, s.data = freePort(t), s.dir, filepath.Join(s.dir, "data")
	s.DSN = s.dsn("postgres")
	run(t, s.command("initdb", "-D", s.data, "-A", "trust", "-U", "app", "--no-sync", "--no-locale", "-E", "UTF8"))
	s.Start(t)
	t.Cleanup(s.StopImmediate)
	return s
}

// Start starts the server again after a stop, on the same port and data, and
// returns when it accepts connections (after recovery, where there is one).
func (s *PostgresServer) Start(t testing.TB) {
	t.Helper()
	args := []string{"-D", s.data, "-p", strconv.Itoa(s.Port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.SocketDir}
	for _, line := range s.settings {
		args = append(args, "-c", line)
	}
	p, err := spawn(s.command("postgres", args...), filepath.Join(s.dir, "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process = p
	if err := p.ready(new(net.Dialer).DialContext, "127.0.0.1:"+strconv.Itoa(s.Port)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := p.poll(ctx, s.ping); err != nil {
		t.Fatalf("PostgreSQL accepts no session: %v; it wrote:\n%s", err, tail(p.log))
	}
}

// Stop ends the server in order (pg_ctl stop -m fast).
func (s *PostgresServer) Stop() { s.process.stop(syscall.SIGINT) }

// StopImmediate ends the server as a crash would (pg_ctl stop -m immediate):
// the next Start recovers from the write-ahead log.
func (s *PostgresServer) StopImmediate() { s.process.stop(syscall.SIGQUIT) }

// Standby starts the server anew as a standby that waits for a primary for ever, or as a primary again: sessions may read, and
// nothing can be written.
func (s *PostgresServer) Standby(t testing.TB, on bool) {
	t.Helper()
	s.Stop()
	mark := filepath.Join(s.data, "standby.signal")
	err := os.Remove(mark)
	if on {
		err = os.WriteFile(mark, nil, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Start(t)
}

// Own gives a folder to the user whom the server runs as, for a tablespace.
func (s *PostgresServer) Own(dir string) error {
	if s.owner == nil {
		return nil
	}
	return os.Chown(dir, int(s.owner.Uid), int(s.owner.Gid))
}

// NewDatabase makes an empty database and returns its DSN. Tests that share a
// server keep apart so.
func (s *PostgresServer) NewDatabase(t testing.TB) string {
	t.Helper()
	s.names++
	name := fmt.Sprintf("test%d", s.names)
	s.Exec(t, "CREATE DATABASE "+name)
	return s.dsn(name)
}

// Exec runs SQL with psql in the database `postgres` and returns the rows,
// unaligned and without headers.
func (s *PostgresServer) Exec(t testing.TB, sql string) string {
	t.Helper()
	return strings.TrimSpace(run(t, s.psql(sql)))
}

// Demand makes a superuser who must give a password over TCP.
func (s *PostgresServer) Demand(t testing.TB, role, password string) {
	t.Helper()
	s.Exec(t, fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD '%s'", role, password))
	path := filepath.Join(s.data, "pg_hba.conf")
	old, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append([]byte("host all "+role+" 127.0.0.1/32 scram-sha-256\n"), old...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "SELECT pg_reload_conf()")
}

// Data is the directory with all that the server keeps.
func (s *PostgresServer) Data() string { return s.data }

func (s *PostgresServer) ping() error { return s.psql("SELECT 1").Run() }

func (s *PostgresServer) psql(sql string) *exec.Cmd {
	return s.command("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", s.DSN, "-c", sql)
}

func (s *PostgresServer) dsn(database string) string {
	return fmt.Sprintf("postgres://app@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// command prepares a program that runs as the owner of the cluster.
func (s *PostgresServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(s.programs[name], args...)
	cmd.Dir = s.dir // the test's directory may be closed to that user
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGCONNECT_TIMEOUT=5")
	if s.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	}
	return cmd
}

// postgresDirs lists where Debian keeps the server's programs, newest first.
func postgresDirs() []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails on a bad pattern only
	slices.Reverse(dirs)
	return dirs
}

func credential(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("no user %q to run the server as: %v", name, err)
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if errU != nil || errG != nil {
		t.Fatalf("user %q has no numeric ids (%s, %s)", name, u.Uid, u.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
