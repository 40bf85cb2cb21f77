package servers

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// RabbitMQServer is a running RabbitMQ with its management interface and one user, the administrator `rolecall`.
type RabbitMQServer struct {
	URL      string // of the management interface: http://127.0.0.1:port/api
	Password string // of rolecall

	dir   string
	owner *syscall.Credential // nil: the user who runs the test
}

// RabbitMQ starts a broker of its own, which ends with the test. Its node is registered with an epmd of its own, too, since a
// common one would outlive the test.
func RabbitMQ(t testing.TB, password string) *RabbitMQServer {
	t.Helper()
	const script = "/usr/lib/rabbitmq/bin/rabbitmq-server" // the one in PATH starts this one, and stays its parent
	programs, err := findPrograms("rabbitmq-server", nil, "epmd", script)
	if err != nil {
		lacking(t, err)
	}
	for try := 1; ; try++ {
		s, err := rabbit(t, password, programs["epmd"], programs[script])
		if err == nil {
			return s
		}
		if try == rabbitTries {
			t.Fatal(err)
		}
		t.Logf("try %d of %d: %v", try, rabbitTries, err)
	}
}

// The first start of a broker may stand still for ever while it moves its own tables; another one does not.
const (
	rabbitTries = 3
	rabbitTime  = 45 * time.Second
)

// rabbit starts a broker in a folder of its own; nothing is left of one that does not come up.
func rabbit(t testing.TB, password, epmdProgram, server string) (*RabbitMQServer, error) {
	t.Helper()
	s := &RabbitMQServer{Password: password, dir: tempDir(t, "rabbitmq")}
	if os.Getuid() == 0 {
		s.owner = credential(t, "rabbitmq")
	}
	amqp, manage, dist, epmd := freePort(t), freePort(t), freePort(t), freePort(t)
	s.URL = fmt.Sprintf("http://127.0.0.1:%d/api", manage)
	s.write(t, "rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %d\n"+
		"default_user = rolecall\ndefault_pass = %s\nlog.console = true\nlog.file = false\n", amqp, manage, password))
	s.write(t, "plugins", "[rabbitmq_management].\n")
	s.write(t, "env.conf", "")
	if err := s.own(); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, fmt.Sprint("ERL_EPMD_PORT=", epmd), "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=rolecall@localhost",
		fmt.Sprint("RABBITMQ_DIST_PORT=", dist), "RABBITMQ_CONFIG_FILE=" + filepath.Join(s.dir, "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(s.dir, "plugins"),
		"RABBITMQ_CONF_ENV_FILE=" + filepath.Join(s.dir, "env.conf"), "RABBITMQ_MNESIA_BASE=" + filepath.Join(s.dir, "mnesia"), "RABBITMQ_LOG_BASE=" + s.dir,
		"RUNNING_UNDER_SYSTEMD=1" /* the script becomes the server, instead of its parent */, "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none"}
	names := s.spawn(t, env, epmdProgram, "-port", fmt.Sprint(epmd), "-address", "127.0.0.1")
	broker := s.spawn(t, env, server) // ends before epmd does
	err := s.wait(broker)
	if err != nil {
		broker.stop(syscall.SIGKILL)
		names.stop(syscall.SIGKILL)
	}
	return s, err
}

func (s *RabbitMQServer) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// own gives the folder to the user whom the server runs as.
func (s *RabbitMQServer) own() error {
	if s.owner == nil {
		return nil
	}
	return filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(s.owner.Uid), int(s.owner.Gid))
	})
}

func (s *RabbitMQServer) spawn(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = s.dir, env
	if s.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	}
	p, err := spawn(cmd, filepath.Join(s.dir, filepath.Base(name)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(syscall.SIGKILL) }) // nothing of it is needed any more
	return p
}

// wait until the management interface answers.
func (s *RabbitMQServer) wait(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), rabbitTime)
	defer cancel()
	err := p.poll(ctx, func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/overview", nil)
		if err != nil {
			return err
		}
		r.SetBasicAuth("rolecall", s.Password)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", answer.Status)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("RabbitMQ does not come up: %w; it wrote:\n%s", err, tail(p.log))
	}
	return nil
}
