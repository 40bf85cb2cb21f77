package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestKilled copies the files of a working SQLite journal at many moments, as a kill would leave them, and opens the copies:
// what was acknowledged before the copy began is there, whole and in order.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	stillFile(t, s)
	var mu sync.Mutex
	acknowledged := int64(0)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				records := []engine.Record{{Kind: engine.KindNote}, engine.IntentRecord("r", "d", "corp", engine.Change{Op: engine.OpGrant, Program: "p", Entitlement: "p/r",
					Account: fmt.Sprint(w, "-", i)}, "")}
				if err := s.Append(context.Background(), engine.Free, records); err != nil {
					t.Error(err)
				}
				mu.Lock()
				acknowledged = max(acknowledged, records[1].Seq)
				mu.Unlock()
			}
		})
	}
	for n := range 12 {
		mu.Lock()
		sure := acknowledged
		mu.Unlock()
		copied := filepath.Join(dir, fmt.Sprintf("copy%d.db", n))
		err := errors.Join(copyFile(dir+"/j.db-wal", copied+"-wal"), copyFile(dir+"/j.db", copied))
		if err != nil {
			t.Fatal(err)
		}
		checkCopy(t, copied, sure)
	}
	stop()
	wg.Wait()
}

func checkCopy(t *testing.T, path string, sure int64) {
	t.Helper()
	s := openStore(t, "sqlite:"+path, nil)
	defer s.Close()
	v := verify(t, s)
	if !v.OK() || v.Records%2 != 0 {
		t.Errorf("a copy: %+v", v)
	}
	if v.Records < sure {
		t.Errorf("%d records were acknowledged, %d are there", sure, v.Records)
	}
}

// stillFile keeps SQLite from moving the log into the file: two copies made one after the other would then be a mixture
// that no kill can leave.
func stillFile(t *testing.T, s *Store) {
	t.Helper()
	for range 2 { // the writer's connections
		c, err := s.write.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ExecContext(context.Background(), "PRAGMA wal_autocheckpoint = 0"); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// TestServerCrash stops PostgreSQL as a crash would while writers are at work.
func TestServerCrash(t *testing.T) {
	server := servers.Postgres(t, servers.WithFsync())
	s := openStore(t, server.NewDatabase(t), nil)
	appendOne := func(n int) error {
		return s.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindNote, Run: fmt.Sprint(n)}})
	}
	acknowledged := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := make(chan struct{}, 400)
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				n := w*100 + i
				if appendOne(n) == nil {
					mu.Lock()
					acknowledged[fmt.Sprint(n)] = true
					mu.Unlock()
				}
				begun <- struct{}{}
			}
		})
	}
	for range 50 {
		<-begun
	}
	server.StopImmediate()
	wg.Wait()
	server.Start(t)
	if err := appendOne(1000); err != nil {
		t.Errorf("after the server came back: %v", err)
	}
	v := verify(t, s)
	if !v.OK() {
		t.Errorf("%+v", v)
	}
	err := s.Records(context.Background(), engine.Query{}, func(r engine.Record) error { delete(acknowledged, r.Run); return nil })
	if err != nil || len(acknowledged) > 0 {
		t.Errorf("acknowledged and lost: %v, %v", acknowledged, err)
	}
}

// TestFourStores has four stores on one database, as four processes would have: each appends under the guard of its own
// memory, and all claim.
func TestFourStores(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) { fourStores(t, address) })
	}
}

func fourStores(t *testing.T, address string) {
	const intents = 60
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, claimed := 0, map[int64]int{}
	for range 4 {
		s := openStore(t, address, nil)
		wg.Go(func() {
			for i := range intents {
				err := s.Append(context.Background(), engine.Free, []engine.Record{engine.IntentRecord("r", "d", "corp", engine.Change{Op: engine.OpGrant,
					Program: "p", Entitlement: "p/r", Account: fmt.Sprint("account", i), Person: fmt.Sprint("person", i)}, "")})
				if err != nil && !errors.Is(err, engine.ErrStale) {
					t.Error(err)
				}
				got, err2 := s.Claim(context.Background(), engine.ClaimRequest{Program: "p", Max: 3, Now: s.options.Now(), Lease: 1 << 40})
				if err2 != nil {
					t.Error(err2)
				}
				mu.Lock()
				if err == nil {
					won++
				}
				for _, c := range got {
					claimed[c.Seq]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	v := verify(t, openStore(t, address, nil))
	if !v.OK() || v.Records != intents || won != intents {
		t.Errorf("%d appends won, %+v", won, v)
	}
	for seq, n := range claimed {
		if n != 1 {
			t.Errorf("intent %d was handed out %d times", seq, n)
		}
	}
}

// TestFourStartAtOnce has four processes make the schema of a new database together.
func TestFourStartAtOnce(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					s, err := Open(context.Background(), address, Options{Migrate: true})
					if err != nil {
						t.Error(err)
						return
					}
					if err := errors.Join(s.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindNote}}), s.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if v := verify(t, openStore(t, address, nil)); !v.OK() || v.Records != 4 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestManyOpenANewFile has many make the same new file a write-ahead log at once, which SQLite refuses without waiting.
func TestManyOpenANewFile(t *testing.T) {
	for round := range 60 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(round, ".db"))
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				s, err := openSQLite(t.Context(), path, Options{})
				if err := errors.Join(err, s.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
