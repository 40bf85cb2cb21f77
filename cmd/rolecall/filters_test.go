package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// The daemon makes the filters for words of what its run completed, and of what it finds without when it starts.
func TestServeFilters(t *testing.T) {
	dir := company(t)
	file := filepath.Join(dir, "rolecall.db")
	s, err := journal.Open(t.Context(), "sqlite:"+file, journal.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	notes := make([]engine.Record, 16_384-1)
	for i := range notes {
		notes[i] = engine.Record{Kind: engine.KindNote, Why: []string{"as before"}}
	}
	if err := s.Append(t.Context(), engine.Free, notes); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, dir)
	d.wait("run ended") // of the slot that was missed
	if line := d.wait("filters for words were made"); line["filters"] != 1.0 {
		t.Error(line)
	}
	d.ended()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM word_filter"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = startDaemon(t, dir)
	d.wait("filters for words were made")
	d.ended()
}
