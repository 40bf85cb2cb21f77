package journal

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Somebody who holds the head and never lets it go, in another process or in this one, holds up no writer for good.
func TestEveryWriterHasATimeOut(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) {
			other, s := openStore(t, address, nil), openStore(t, address, nil)
			s.writeTime = 200 * time.Millisecond
			hold(t, other, func() { timesOut(t, s) })
			s.writing <- struct{}{}
			timesOut(t, s)
			s.writing.end()
			s.writeTime = writeTime
			if _, err := s.Lead(t.Context()); err != nil {
				t.Errorf("after it was let go: %v", err)
			}
		})
	}
}

// hold has a store hold the head while do runs.
func hold(t *testing.T, s *Store, do func()) {
	t.Helper()
	if err := s.locked(t.Context(), func(*tx, *head) error { do(); return nil }); err != nil {
		t.Error(err)
	}
}

func timesOut(t *testing.T, s *Store) {
	t.Helper()
	for what, call := range map[string]func(context.Context) error{
		"claim": func(ctx context.Context) error {
			_, err := s.Claim(ctx, engine.ClaimRequest{Program: "crm", Max: 1, Now: time.Now(), Lease: time.Minute})
			return err
		},
		"lead": func(ctx context.Context) error { _, err := s.Lead(ctx); return err },
		"append": func(ctx context.Context) error {
			return s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote}})
		},
	} {
		ended := make(chan error, 1)
		go func() { ended <- call(context.Background()) }()
		select {
		case err := <-ended:
			if err == nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(9 * time.Second): // SQLite itself gives up after 10
			t.Fatalf("%s never ends", what)
		}
	}
}

// A process that stands still in the middle of a transaction (stopped, its machine paused) holds the others up for a while only.
func TestTheHeadIsTakenFromWhoeverStandsStill(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	s := openStore(t, address, nil)
	var bound string
	if err := s.write.Get(&bound, "SHOW "+idleTime); err != nil || bound != "30s" {
		t.Errorf("it may stand still for %q, %v", bound, err)
	}
	still := openStore(t, address+"&"+idleTime+"=200", nil)
	err := still.locked(t.Context(), func(*tx, *head) error {
		_, err := s.Lead(t.Context())
		return err
	})
	if err == nil {
		t.Error("its transaction was committed all the same")
	}
	if err := still.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote}}); err != nil {
		t.Errorf("it can't go on: %v", err)
	}
	if m, err := s.Memory(t.Context(), time.Time{}); err != nil || m.Epoch != 1 {
		t.Errorf("the other one did not write: %v %v", m, err)
	}
}
