package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

func manyGrants(from, n int) []engine.Record {
	records := make([]engine.Record, n)
	for i := range records {
		records[i] = engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: fmt.Sprint("p", i%7), Account: fmt.Sprint("a\t", i%7), Program: "wiki",
			Entitlement: fmt.Sprint("wiki/", from+i), Why: []string{"line\nand \\"}}, engine.ChargeGrant)
	}
	return records
}

// Records that were sent while the next ones were made are the same as any; and a batch that fails half-way leaves nothing, and a
// connection that goes on.
func TestRecordsAreSentWhileTheNextAreMade(t *testing.T) {
	s := openStore(t, servers.Postgres(t).NewDatabase(t), nil)
	ctx := context.Background()
	for i, n := range []int{streamPart - 1, streamPart, streamPart + 1, 3*streamPart + 5} {
		if err := s.Append(ctx, engine.Free, manyGrants(i*10_000, n)); err != nil {
			t.Fatal(n, err)
		}
	}
	broken := errors.New("half-way")
	err := s.locked(ctx, func(t *tx, _ *head) error {
		b := &batch{tx: t, journal: newRows("iittititttitttitttt")}
		for i := range streamPart {
			b.journal.add(int64(1_000_000+i), int64(0), "note", "", int64(0), "", int64(0), "", "", "", int64(0), "", "", "", int64(0), "{}", "", "{}", "leaf")
		}
		return errors.Join(b.streamRecords(), broken, b.abandonStream())
	})
	if !errors.Is(err, broken) || err.Error() != broken.Error() {
		t.Fatal(err)
	}
	if err := s.Append(ctx, engine.Free, manyGrants(90_000, streamPart)); err != nil {
		t.Fatal("after a batch that failed:", err)
	}
	found := 0
	if err := s.read.Get(&found, "SELECT count(*) FROM journal WHERE kind = 'intent'"); err != nil || found != 7*streamPart+5 {
		t.Errorf("%d records of %d, %v", found, 7*streamPart+5, err)
	}
	if v := verify(t, s); !v.OK() || !v.Folded {
		t.Errorf("%+v", v)
	}
}

// Where the sending can't begin there is nothing to abandon: what went wrong is told, nothing is left, and the next batch is taken.
func TestASendingThatCannotBegin(t *testing.T) {
	s := openStore(t, servers.Postgres(t).NewDatabase(t), nil)
	ctx := context.Background()
	s.write.MustExec("ALTER TABLE journal RENAME COLUMN source TO origin")
	if err := s.Append(ctx, engine.Free, manyGrants(0, streamPart)); err == nil || !strings.Contains(err.Error(), `"source"`) {
		t.Error(err)
	}
	s.write.MustExec("ALTER TABLE journal RENAME COLUMN origin TO source")
	if err := s.Append(ctx, engine.Free, manyGrants(0, streamPart)); err != nil {
		t.Error(err)
	}
	found := 0
	if err := s.read.Get(&found, "SELECT count(*) FROM journal WHERE kind = 'intent'"); err != nil || found != streamPart {
		t.Errorf("%d records of %d, %v", found, streamPart, err)
	}
}

// A small batch, of which nothing was sent yet, has nothing to abandon.
func TestNothingIsAbandonedThatWasNotBegun(t *testing.T) {
	if err := new(batch).abandonStream(); err != nil {
		t.Error(err)
	}
}
