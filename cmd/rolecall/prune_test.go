package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// muchLater is when what is recorded now is old.
func muchLater() time.Time { return time.Now().AddDate(0, 0, 400) }

// later runs a command when what is recorded now is old.
func later(t *testing.T, dir string, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	p := testProcess(dir, &out, &out, args...)
	p.Now = muchLater
	code = run(t.Context(), p)
	return out.String(), code
}

// aged has a run made each month, until what is recorded now is old by the journal's own times.
func aged(t *testing.T, dir string) {
	t.Helper()
	for day := 30; day <= 400; day += 30 {
		var out bytes.Buffer
		p := testProcess(dir, &out, &out, "apply")
		p.Now = func() time.Time { return time.Now().AddDate(0, 0, day) }
		if code := run(t.Context(), p); code != exitDone {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
	}
}

func tomorrow() string { return time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly) }

// What an export of the configuration has not had, no pruning takes away.
func TestPruneWaitsForExports(t *testing.T) {
	e := newExporting(t, "exports: {log: {kind: file, path: all.jsonl}}\n")
	aged(t, e.p.Dir)
	said, code := later(t, e.p.Dir, "audit", "prune", "--before", tomorrow())
	if code != exitFailed || !strings.Contains(said, "the export log has the records up to 0 only") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if err := e.all("log"); err != nil {
		t.Fatal(err)
	}
	if said, code = later(t, e.p.Dir, "audit", "prune", "--before", tomorrow()); code != exitFailed || !strings.Contains(said, "must be signed") { // the export has them
		t.Errorf("exit code %d: %s", code, said)
	}
}

// What no checkpoint outside covers stays; the journal's key signs the snapshot, and verify wants that.
func TestPruneOfASealedJournal(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	first := s.read("journal.checkpoint")
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	aged(t, s.dir)
	whole := s.read("journal.checkpoint")
	put := func(text string) {
		if err := os.WriteFile(s.path("journal.checkpoint"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prune := []string{"audit", "prune", "--before", tomorrow(), "--reason", "too old"}
	put(first)
	if said, code := later(t, s.dir, prune...); code != exitFailed || !strings.Contains(said, "the checkpoint covers") {
		t.Errorf("exit code %d: %s", code, said)
	}
	put(whole)
	if err := os.WriteFile(s.path("first"), []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := later(t, s.dir, prune...); code != exitApproval || !strings.Contains(said, "would be emptied") {
		t.Errorf("exit code %d: %s", code, said)
	}
	s.backup("copy.db")
	if said, code := later(t, s.dir, append(prune, "--yes")...); code != exitDone || !strings.Contains(said, "Emptied: ") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if said, code := rolecallIn(t, s.dir, "audit", "verify"); code != exitDone || !strings.Contains(said, "was pruned by tester") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if said, code := rolecallIn(t, s.dir, "audit", "bundle", "--from", time.Now().UTC().Format(time.DateOnly), "--to", "2099-01-01", "b"); code != exitFailed || !strings.Contains(said, "begin with --from "+tomorrow()+" or later") || !strings.Contains(said, `were pruned by "tester"`) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if said, code := rolecallIn(t, s.dir, "audit", "bundle", "--from", tomorrow(), "--to", time.Now().UTC().AddDate(0, 0, 399).Format(time.DateOnly), "b"); code != exitDone {
		t.Errorf("exit code %d: %s", code, said)
	}
	if said, code := rolecallIn(t, s.dir, "audit", "verify-bundle", "b", "--key", s.system().cfg.Audit.Verifier, "--checkpoint", "first"); code != exitDone {
		t.Errorf("exit code %d: %s", code, said)
	}

	s.database(func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "DELETE FROM checkpoint")
		return err
	})
	if said, code := rolecallIn(t, s.dir, "audit", "verify"); code != exitDone {
		t.Errorf("exit code %d: %s", code, said)
	}

	s.restore("copy.db") // and now by somebody who has another key
	put(whole)
	private, public, err := audit.GenerateKey(strings.NewReader(strings.Repeat("mallory", 10)), "example.com/journal")
	if err != nil {
		t.Fatal(err)
	}
	mallory, err := audit.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	store := s.system().store
	now, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Prune(t.Context(), journal.PruneOrder{Actor: "mallory", Reason: "no reason", Before: time.Now().AddDate(0, 0, 1), Heads: []audit.Head{now},
		Trust: func(context.Context, *engine.Pruned) error { return nil },
		Sign: func(now audit.Head, statement string) (string, error) {
			signed, err := audit.Sign(audit.Checkpoint{Origin: mallory.Name(), Head: now, Extra: []string{statement}}, mallory)
			return string(signed), err
		}})
	if err != nil {
		t.Fatal(err)
	}
	wrong := func() {
		t.Helper()
		if said, code := rolecallIn(t, s.dir, "audit", "verify"); code != exitFailed || !strings.Contains(said, "the journal's key does not") {
			t.Errorf("exit code %d: %s", code, said)
		}
	}
	wrong()
	s.database(func(ctx context.Context, c *sql.Conn) error {
		_, err := c.ExecContext(ctx, "DELETE FROM checkpoint")
		return err
	})
	wrong()
	change := fmt.Sprintf(`{"from":%q,"to":%q,"lost":true}`, public, s.system().cfg.Audit.Verifier)
	if err := store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindKey, Actor: "tester", Data: []byte(change)}}); err != nil { // as if that key had been ours
		t.Fatal(err)
	}
	wrong()
	for _, at := range []int{1, 30} { // nor does a pruning of ours hide it
		again := []string{"audit", "prune", "--before", time.Now().AddDate(0, 0, at).Format(time.DateOnly), "--reason", "too old", "--yes"}
		for _, args := range [][]string{again, again[:len(again)-1]} { // and what is shown before is what would be done
			if said, code := later(t, s.dir, args...); code != exitFailed || !strings.Contains(said, "the journal's key does not") {
				t.Errorf("exit code %d: %s", code, said)
			}
		}
	}
}

// What is old by one long silence alone is refused when it is shown, as it would be when it is done.
func TestPruneShowsWhatIsNotOldEnough(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	if said, code := later(t, s.dir, "apply"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, said)
	}
	prune := []string{"audit", "prune", "--before", tomorrow(), "--reason", "too old", "--yes"}
	for _, args := range [][]string{prune, prune[:len(prune)-1]} {
		if said, code := later(t, s.dir, args...); code != exitFailed || !strings.Contains(said, "by the journal's own records only") {
			t.Errorf("%v: exit code %d: %s", args, code, said)
		}
	}
}

// The daemon says once a day what is older than records are to be kept, and deletes nothing.
func TestServeSaysWhatIsOlder(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	now := time.Now()
	s.log, s.plans = slog.New(slog.NewTextHandler(&said, nil)), true
	s.app.Now = func() time.Time { return now }
	look := func(want int) {
		t.Helper()
		s.tellOld(t.Context())
		if n := strings.Count(said.String(), "audit prune"); n != want {
			t.Errorf("said %d times instead of %d: %s", n, want, said.String())
		}
	}
	now = muchLater()
	look(0) // not configured
	s.system().cfg.Audit.Keep = 500 * 24 * time.Hour
	look(0) // not that old
	s.system().cfg.Audit.Keep = 100 * 24 * time.Hour
	look(0) // it looked already
	now = now.Add(24 * time.Hour)
	look(1)
	look(1)
	s.plans = false
	now = now.Add(25 * time.Hour)
	look(1) // only works
	if said, code := rolecallIn(t, s.dir, "audit", "verify"); code != exitDone || strings.Contains(said, "pruned") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
