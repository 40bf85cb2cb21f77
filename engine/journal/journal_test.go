package journal

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

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
		return openStore(t, "sqlite:"+file.Name(), now)
	})
}

func TestPostgres(t *testing.T) {
	server := servers.Postgres(t)
	enginetest.JournalSuite(t, func(t testing.TB, now func() time.Time) enginetest.Store {
		return openStore(t, server.NewDatabase(t), now)
	})
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
