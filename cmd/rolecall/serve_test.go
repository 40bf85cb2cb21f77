package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// daemonUnderTest is `rolecall serve` in this process, with its log as a stream of messages.
type daemonUnderTest struct {
	t     *testing.T
	dir   string
	lines chan map[string]any
	end   chan int
	stop  context.CancelFunc
}

func startDaemon(t *testing.T, dir string) *daemonUnderTest {
	t.Helper()
	return startDaemonAs(t, process{Dir: dir, Env: func(string) string { return "" }, Now: time.Now})
}

// startDaemonAs takes folder, environment, clock and sweep from the caller.
func startDaemonAs(t *testing.T, p process) *daemonUnderTest {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &daemonUnderTest{t: t, dir: p.Dir, lines: make(chan map[string]any, 1000), end: make(chan int, 1), stop: stop}
	reader, writer := io.Pipe()
	go func() {
		defer close(d.lines)
		for s := bufio.NewScanner(reader); s.Scan(); {
			var line map[string]any
			if json.Unmarshal(s.Bytes(), &line) == nil {
				d.lines <- line
			}
		}
	}()
	go func() {
		p.Args, p.Stdout, p.Stderr, p.Random, p.Actor, p.Poll = []string{"serve"}, io.Discard, writer, rand1(), "tester", 20*time.Millisecond
		code := run(ctx, p)
		writer.Close()
		d.end <- code
	}()
	return d
}

// wait gives the next message that begins with a text.
func (d *daemonUnderTest) wait(text string) map[string]any {
	d.t.Helper()
	var seen []string
	deadline := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				d.t.Fatalf("the daemon ended before %q; it said %v", text, seen)
			}
			message, _ := line["msg"].(string)
			if strings.HasPrefix(message, text) {
				return line
			}
			seen = append(seen, message)
		case <-deadline:
			d.t.Fatalf("the daemon never said %q; it said %v", text, seen)
		}
	}
}

func (d *daemonUnderTest) ended() {
	d.t.Helper()
	d.stop()
	for range d.lines { // until the log is closed
	}
	if code := <-d.end; code != exitDone {
		d.t.Errorf("exit code %d", code)
	}
}

func company(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	p := process{Args: []string{"init", "."}, Dir: dir, Stdout: io.Discard, Stderr: os.Stderr, Env: func(string) string { return "" }, Now: time.Now, Random: rand1()}
	if code := run(t.Context(), p); code != exitDone {
		t.Fatalf("init: exit code %d", code)
	}
	replace(t, filepath.Join(dir, "rolecall.yaml"), "health: 127.0.0.1:8485", "health: 127.0.0.1:0")
	replace(t, filepath.Join(dir, "rolecall.yaml"), "listen: 127.0.0.1:8484", "listen: 127.0.0.1:0")
	replace(t, filepath.Join(dir, "rolecall.yaml"), `"*/15 * * * *"`, `"0 0 1 1 *"`) // nothing is due during the test but the missed slot
	return dir
}

func replace(t *testing.T, path, old, fresh string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%s does not contain %q: %v", path, old, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, fresh)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := company(t)
	d := startDaemon(t, dir)
	address := d.wait("health and metrics")["address"].(string)
	d.wait("run ended") // of the slot that was missed
	d.wait("worked")
	d.wait("worked") // gitea and wiki
	wiki, err := os.ReadFile(filepath.Join(dir, "programs", "wiki.csv"))
	if err != nil || !strings.Contains(string(wiki), "\nalice,yes,") {
		t.Errorf("the run did not create accounts: %s %v", wiki, err)
	}
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ok",
		"/metrics": `rolecall_runs_total{result="done"} 1`,
	} {
		if got := get(t, "http://"+address+path); !strings.Contains(got, want) {
			t.Errorf("%s: %q is missing in %s", path, want, got)
		}
	}
	metrics := get(t, "http://"+address+"/metrics")
	for _, want := range []string{`rolecall_complete_read_age_seconds{source="hr"}`, `rolecall_complete_read_age_seconds{source="wiki"}`,
		`rolecall_changes_total{op="grant",outcome="done",program="gitea"}`, "rolecall_time_to_grant_seconds_count 20", "rolecall_time_to_revoke_seconds_bucket", "rolecall_run_seconds_count 1", "rolecall_approvals_waiting 0", "rolecall_configuration_ok 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is missing in the metrics", want)
		}
	}
	d.ended()
	// The slot was run, so the next daemon does not run it again.
	d = startDaemon(t, dir)
	address = d.wait("health and metrics")["address"].(string)
	if line := d.wait("started"); line["policy"] == "" {
		t.Error("the policy's hash is missing")
	}
	// What the last run came to is known without another one: on this machine after a restart, and on any other.
	metrics = get(t, "http://"+address+"/metrics")
	for _, want := range []string{`rolecall_complete_read_age_seconds{source="hr"}`, `rolecall_never_read_completely{source="wiki"} 0`, "rolecall_approvals_waiting 0", "rolecall_changes_blocked 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is missing in the metrics after a restart", want)
		}
	}
	d.ended()
}

func TestServeReloads(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := company(t)
	d := startDaemon(t, dir)
	address := d.wait("health and metrics")["address"].(string)
	d.wait("run ended")

	policy := filepath.Join(dir, "policies", "company.yaml")
	replace(t, policy, "grant: [wiki]", "grant: [wikki]")
	if line := d.wait("the new configuration is broken"); !strings.Contains(line["error"].(string), "wikki") {
		t.Errorf("the mistake is not named: %v", line)
	}
	if got := get(t, "http://"+address+"/metrics"); !strings.Contains(got, "rolecall_configuration_ok 0") {
		t.Error("the metrics do not show the broken configuration")
	}
	if got := get(t, "http://"+address+"/readyz"); got != "ok\n" {
		t.Errorf("the last good configuration works, but readyz says %q", got)
	}
	replace(t, policy, "grant: [wikki]", "grant: [wiki, gitea]")
	d.wait("reloaded")

	// A link that is swapped, as mounted volumes do it.
	for name, text := range map[string]string{"one": "gitea/eng", "two": "gitea/dev"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "policies"))); err != nil {
			t.Fatal(err)
		}
		if name == "two" {
			replace(t, filepath.Join(dir, name, "company.yaml"), "gitea/eng", text)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "policies")); err != nil {
		t.Fatal(err)
	}
	link(t, dir, "one")
	link(t, dir, "two")
	d.wait("reloaded")

	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.wait("told to reload")
	d.wait("reloaded")
	d.ended()
}

// link makes policies point to a folder, in one step.
func link(t *testing.T, dir, to string) {
	t.Helper()
	fresh := filepath.Join(dir, "fresh")
	if err := os.Symlink(to, fresh); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, "policies")); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestStuckDaemonIsNotHealthy(t *testing.T) {
	now := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	s := &server{app: &app{process: process{Now: func() time.Time { return now }}}}
	s.alive()
	now = now.Add(stuckAfter)
	if err := s.health(); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if err := s.health(); err == nil {
		t.Error("a stuck daemon counts as healthy")
	}
}

func TestServeTellsSystemd(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "10000000")
	d := startDaemon(t, company(t))
	for _, want := range []string{"READY=1", "WATCHDOG=1"} {
		awaitState(t, l, want)
	}
	d.ended()
	awaitState(t, l, "STOPPING=1")
}

func awaitState(t *testing.T, l *net.UnixConn, want string) {
	t.Helper()
	buffer := make([]byte, 1000)
	_ = l.SetReadDeadline(time.Now().Add(60 * time.Second))
	for {
		n, err := l.Read(buffer)
		if err != nil {
			t.Fatalf("systemd was never told %s: %v", want, err)
		}
		if string(buffer[:n]) == want {
			return
		}
	}
}
