package journal

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A number without a name is damage: what it stood for would else be written as if it had none.
func TestANumberWithoutAName(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, address, time.Now)
	marked(t, s)
	if _, err := s.write.ExecContext(t.Context(), "DELETE FROM entitlement"); err != nil {
		t.Fatal(err)
	}
	other := openStore(t, address, time.Now) // which has read no names yet
	gone := engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"disappeared":[["account-of-bob",""]]}`)}
	if err := other.Append(t.Context(), engine.Free, []engine.Record{gone}); err == nil || !strings.Contains(err.Error(), "1 of 1 numbers have no name") {
		t.Error(err)
	}
}
