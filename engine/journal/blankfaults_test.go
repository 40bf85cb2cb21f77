package journal

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// A file that can't be packed may still hold what was deleted earlier, and that is said.
func TestBlankedWhereNothingCanBePacked(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	faulty(t, s, &faults{query: func(text string) (string, error) {
		if text == "VACUUM" {
			return text, errors.New("the disk is full")
		}
		return text, nil
	}})
	done := blankAlice(t, s)
	if done.Records == 0 || len(done.Remains) != 1 || !strings.Contains(done.Remains[0], "j.db may still hold what was deleted earlier, since it could not be packed (the disk is full)") {
		t.Errorf("%+v", done)
	}
}

// A server that can't free the old rows still holds them, and that is said.
func TestBlankedWhereNoRowsCanBeFreed(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	s, other := openStore(t, address+"&lock_timeout=100ms", time.Now), openStore(t, address, time.Now)
	marked(t, s)
	busy, err := other.write.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Rollback()
	if _, err := busy.ExecContext(t.Context(), "LOCK TABLE mention IN SHARE UPDATE EXCLUSIVE MODE"); err != nil { // as another VACUUM does
		t.Fatal(err)
	}
	done := blankAlice(t, s)
	if done.Records == 0 || len(done.Remains) != 2 || !strings.Contains(done.Remains[0], "the server still holds the old rows, since they could not be freed") {
		t.Errorf("%+v", done)
	}
}

// The records of who was blanked are found by the number that they show, unless somebody is really called so.
func TestBlankedAreFoundByTheirNumber(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	blankAlice(t, s)
	find := func(what string, q engine.Query, want ...int64) {
		t.Helper()
		if have := asked(t, s, q); !slices.Equal(have, want) {
			t.Errorf("%s: %v, not %v", what, have, want)
		}
	}
	find("the person", engine.Query{Person: "#1"}, 1, 4, 5, 8, 11, 13)
	find("the account", engine.Query{Account: "#1"}, 1, 4, 5, 6, 8)
	find("nobody", engine.Query{Person: "#9"})
	find("no account", engine.Query{Account: "#9"})
	called := []engine.Record{{Kind: engine.KindNote, Person: "#1"}, {Kind: engine.KindNote, Program: "wiki", Account: "#1"}}
	if err := s.Append(t.Context(), engine.Free, called); err != nil {
		t.Fatal(err)
	}
	find("who is called so", engine.Query{Person: "#1"}, called[0].Seq)
	find("both accounts", engine.Query{Account: "#1"}, 1, 4, 5, 6, 8, called[1].Seq)
}
