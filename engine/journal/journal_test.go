package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

func TestSQLite(t *testing.T) {
	template := filepath.Join(t.TempDir(), "template.db")
	openStore(t, "sqlite:"+template, nil).Close()
	schema, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.JournalSuite(t, func(t testing.TB, now func() time.Time) enginetest.Store {
		file, err := os.CreateTemp(t.TempDir(), "*.db") // a random check asks for many
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(schema); err != nil {
			t.Fatal(err)
		}
		file.Close()
		return pruner{openStore(t, "sqlite:"+file.Name(), now), t}
	})
}

func TestPostgres(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	openStore(t, address, nil).Close()
	enginetest.JournalSuite(t, func(t testing.TB, now func() time.Time) enginetest.Store {
		s := openStore(t, address, now)
		s.write.MustExec("TRUNCATE person, account, entitlement, journal, node, checkpoint, holding, tenure, link, open_intent, fact, baseline, mention, snapshot")
		s.write.MustExec("DELETE FROM ruleset WHERE id > 0")
		s.write.MustExec("UPDATE head SET size = 0, epoch = 0, control = 0, runs = 0, time = 0, frontier = '0', people = 0, accounts = 0, entitlements = 0, rulesets = 0")
		return pruner{s, t}
	})
}

// pruner is a store that the suite can prune.
type pruner struct {
	*Store
	t testing.TB
}

// PruneBefore implements enginetest.Pruner.
func (p pruner) PruneBefore(ctx context.Context, before time.Time) (int64, error) {
	done, err := p.Prune(ctx, orderOf(p.t, p.Store, before))
	if errors.Is(err, engine.ErrNotPruned) {
		return 0, nil
	}
	return done.UpTo, err
}

// Whole implements enginetest.Pruner.
func (p pruner) Whole(ctx context.Context) error {
	v, err := p.Verify(ctx)
	if err == nil && !v.OK() {
		err = errors.New(v.first())
	}
	return err
}

// openStore opens, or makes, a store that is closed with the test.
func openStore(t testing.TB, address string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), address, Options{Now: now, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
