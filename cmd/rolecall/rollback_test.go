package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
)

// sealed is a company whose journal is sealed, in a server that runs when the test says so.
type sealed struct {
	t   *testing.T
	dir string
	*server
	slot time.Time
}

func newSealed(t *testing.T) *sealed {
	t.Helper()
	dir := company(t)
	sealedIn(t, dir)
	a := &app{process: testProcess(dir, io.Discard, io.Discard), configFile: "rolecall.yaml", output: "table"}
	s := &sealed{t: t, dir: dir, slot: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC),
		server: &server{app: a, log: slog.New(slog.DiscardHandler), metrics: newMetrics(a.Now, func() engine.ReviewLog { return nil }), systemd: systemd{say: func(string) {}}}}
	cfg, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.open(t.Context(), cfg, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.system().store.Close() })
	return s
}

// sealedIn gives a company a key, and a place for checkpoints.
func sealedIn(t *testing.T, dir string) {
	t.Helper()
	public, code := rolecallIn(t, dir, "audit", "key", "example.com/journal")
	if code != exitDone {
		t.Fatal(public)
	}
	config := filepath.Join(dir, "rolecall.yaml")
	data, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(public, "example.com/journal+")
	verifier, _, _ := strings.Cut(public[i:], "\n")
	verifier = strings.Trim(verifier, "\" }")
	text := fmt.Sprintf("%s\naudit: {key: {file: journal.key}, verifier: %q, checkpoints: journal.checkpoint}\n", data, verifier)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testProcess(dir string, stdout, stderr io.Writer, args ...string) process {
	return process{Args: args, Dir: dir, Stdout: stdout, Stderr: stderr, Env: func(string) string { return "" }, Now: time.Now, Random: rand1(), Actor: "tester"}
}

func rolecallIn(t *testing.T, dir string, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), testProcess(dir, &out, &out, args...))
	return out.String(), code
}

func (s *sealed) next() error {
	s.slot = s.slot.Add(15 * time.Minute)
	if err := s.run(s.t.Context(), s.slot); err != nil {
		return err
	}
	for _, program := range s.system().names() {
		if err := s.work(s.t.Context(), s.t.Context(), program); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealed) path(name string) string { return filepath.Join(s.dir, name) }

func (s *sealed) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// database does something to the database beside the daemon, through SQLite's own means.
func (s *sealed) database(do func(ctx context.Context, c *sql.Conn) error) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.path("rolecall.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := do(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sealed) backup(name string) {
	s.database(func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "VACUUM INTO ?", s.path(name))
		return err
	})
}

// restore puts an older copy back under the daemon's feet.
func (s *sealed) restore(name string) {
	s.database(func(_ context.Context, c *sql.Conn) error {
		return c.Raw(func(driver any) error {
			b, err := driver.(interface {
				NewRestore(source string) (*sqlite.Backup, error)
			}).NewRestore(s.path(name))
			if err != nil {
				return err
			}
			for more := true; more && err == nil; {
				more, err = b.Step(-1)
			}
			if err != nil {
				return err
			}
			return b.Finish()
		})
	})
}

func (s *sealed) ask(path string) (int, string) {
	w := httptest.NewRecorder()
	s.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// A journal that is restored from an older copy while the daemon runs stops it: no run, no work, and the checkpoint that
// shows it stays. A cut goes on.
func TestServeStopsOnARestoredJournal(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	first := s.read("journal.checkpoint")
	s.backup("older.db")
	replace(t, s.path("people.csv"), "Frank Fabre,Accountant", "Frank Fabre,Engineer")
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	outside, gitea := s.read("journal.checkpoint"), s.read("programs/gitea.csv")
	if outside == first || !strings.Contains(gitea, "\nfrank,yes,eng") {
		t.Fatalf("the second run was not sealed, or did nothing: %s", gitea)
	}
	if code, said := s.ask("/readyz"); code != http.StatusOK {
		t.Fatalf("not ready before: %s", said)
	}

	s.restore("older.db")
	replace(t, s.path("people.csv"), "Frank Fabre,Engineer", "Frank Fabre,Accountant")
	if err := s.next(); err == nil || dispatch.GaveWay(err) {
		t.Errorf("a run on a restored journal: %v", err)
	}
	if err := s.work(t.Context(), t.Context(), "gitea"); err == nil {
		t.Error("work on a restored journal goes on")
	}
	s.seal(t.Context(), s.system())
	if s.read("programs/gitea.csv") != gitea || s.read("journal.checkpoint") != outside {
		t.Error("something was changed on a restored journal, or its checkpoint was replaced")
	}
	if code, said := s.ask("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(said, "checkpoint") {
		t.Errorf("readyz: %d %s", code, said)
	}
	if _, said := s.ask("/metrics"); !strings.Contains(said, "rolecall_journal_ok 0") {
		t.Error("the metrics do not show it")
	}
	if said, code := rolecallIn(t, s.dir, "apply"); code != exitFailed || !strings.Contains(said, "does not continue") {
		t.Errorf("apply: %d %s", code, said)
	}
	if said, code := rolecallIn(t, s.dir, "cut", "alice", "--reason", "stolen"); code != exitDone || !strings.Contains(said, "only the cut is carried out") {
		t.Errorf("cut: %d %s", code, said)
	}
	if !strings.Contains(s.read("programs/gitea.csv"), "\nalice,no,") || s.read("journal.checkpoint") != outside {
		t.Error("the cut was not carried out, or replaced the checkpoint")
	}
}

// outboxOf gives everything at once, and then no more.
type outboxOf []engine.Intent

func (o *outboxOf) Claim(context.Context, engine.ClaimRequest) ([]engine.Intent, error) {
	n := min(1, len(*o))
	some := (*o)[:n:n]
	*o = (*o)[n:]
	return some, nil
}

func TestOnlyCutsAreWorkedOnAnOldJournal(t *testing.T) {
	all := outboxOf{{Seq: 1, Change: engine.Change{Cause: engine.CauseRule}}, {Seq: 2, Change: engine.Change{Cause: engine.CauseCut}}, {Seq: 3}}
	c := cutsOnly{&all}
	if got, err := c.Claim(t.Context(), engine.ClaimRequest{}); err != nil || len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("claimed %v %v", got, err)
	}
	if got, err := c.Claim(t.Context(), engine.ClaimRequest{}); err != nil || len(got) != 0 {
		t.Errorf("claimed %v %v", got, err)
	}
}

// Who takes the checkpoint away must not get round it: "none yet" is believed only of a journal that was never sealed there.
func TestServeStopsWhenItsCheckpointIsGone(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	outside := s.read("journal.checkpoint")
	if err := os.Remove(s.path("journal.checkpoint")); err != nil {
		t.Fatal(err)
	}
	if err := s.next(); err == nil {
		t.Error("a run although the checkpoint is gone")
	}
	s.seal(t.Context(), s.system())
	if _, err := os.Stat(s.path("journal.checkpoint")); err == nil {
		t.Error("the checkpoint was made anew")
	}
	for _, command := range []string{"apply", "audit verify"} {
		if said, code := rolecallIn(t, s.dir, strings.Fields(command)...); code != exitFailed || !strings.Contains(said, "journal.checkpoint is gone") {
			t.Errorf("%s: %d %s", command, code, said)
		}
	}
	if said, code := rolecallIn(t, s.dir, "cut", "alice", "--reason", "stolen"); code != exitDone || !strings.Contains(said, "only the cut is carried out") {
		t.Errorf("cut: %d %s", code, said)
	}
	if err := os.WriteFile(s.path("journal.checkpoint"), []byte(outside), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.next(); err != nil {
		t.Errorf("although it is back: %v", err)
	}
}
