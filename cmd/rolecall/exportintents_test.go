package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// carriedOut is a journal of as many intents, and then their outcomes.
func carriedOut(t *testing.T, n int) *journal.Store {
	t.Helper()
	store, err := journal.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "j.db"), journal.Options{Migrate: true, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	records := make([]engine.Record, n)
	for i := range records {
		records[i] = engine.IntentRecord("r1", "tester", "corp", engine.Change{Op: engine.OpSuspend, Person: fmt.Sprintf("p%d", i), Account: fmt.Sprintf("u%d", i),
			Program: "crm", Entitlement: "crm", Why: []string{fmt.Sprintf("left %d", i)}, Cause: engine.CauseMarked}, engine.ChargeLeaver)
	}
	if err := store.Append(t.Context(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		records[i] = engine.Record{Kind: engine.KindOutcome, Actor: "tester", Of: records[i].Seq, Outcome: engine.Done, Person: fmt.Sprintf("p%d", i), Account: fmt.Sprintf("u%d", i), Program: "crm", Op: engine.OpSuspend}
	}
	if err := store.Append(t.Context(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	return store
}

// Every result is shown with what it belongs to, and few intents are kept for that, whatever a filter lets through.
func TestIntentsAreFew(t *testing.T) {
	store := carriedOut(t, 5)
	for kind, want := range map[engine.Kind]int{"": 5, engine.KindIntent: 0, engine.KindOutcome: 5} {
		source := newIntents(context.Background(), store)
		source.order = make([]int64, 2)
		found := 0
		err := store.Records(t.Context(), engine.Query{Kind: kind}, func(r engine.Record) error {
			e, err := source.entry(r)
			if e.Intent != nil && e.Intent.Seq == r.Of {
				found++
			}
			if len(source.seen) > 2 {
				t.Errorf("%d intents are kept", len(source.seen))
			}
			return err
		})
		if err != nil || found != want {
			t.Errorf("kind %q: %d of %d results have what they belong to, %v", kind, found, want, err)
		}
	}
}

// A form that has each record alone looks for nothing else.
func TestStoredFormNeedsNoIntents(t *testing.T) {
	store, lines := carriedOut(t, 2), 0
	err := writtenAs(t.Context(), store, engine.Query{}, func(r engine.Record, st journal.Stored, source *intents) ([]byte, error) {
		line, err := storedForm(r, st, source)
		if len(source.seen) > 0 {
			t.Errorf("intents are kept: %v", source.seen)
		}
		return line, err
	}, func(_ engine.Record, line []byte) error {
		if len(line) > 0 {
			lines++
		}
		return nil
	})
	if err != nil || lines < 4 {
		t.Error(lines, err)
	}
}
