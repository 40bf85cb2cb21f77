package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"

	"github.com/rolecall/rolecall/engine/journal"
)

// laterMigration takes long enough to be killed in the middle.
const laterMigration = `-- +goose Up
CREATE TABLE later (n BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO later WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 100000) SELECT n, 'x' FROM up;
CREATE INDEX later_text ON later (text, n);
INSERT INTO later SELECT n + 100000, text FROM later;
`

// upgrade is a journal with a past and a program that knows a newer schema.
func upgrade(l *crashLab, day *doomed) *scene {
	start := day.copy()
	start.write("00099_later.sql", laterMigration)
	return &scene{name: "an upgrade", start: start, only: "migration. backup.", env: []string{"ROLECALL_TEST_MIGRATION=00099_later.sql"}, after: upgraded}
}

// database opens the journal's database beside the program.
func (d *doomed) database() *sql.DB {
	driver, address := "postgres", d.address()
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		d.t.Fatal(err)
	}
	return db
}

// downgraded is the address of a copy that this test, which knows nothing of the newer schema, can read.
func (d *doomed) downgraded() string {
	c := d.copy()
	d.copies = append(d.copies, c)
	db := c.database()
	defer db.Close()
	if _, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = 99"); err != nil {
		d.wrong("%v", err)
	}
	return c.address()
}

// upgraded wants the migration to be made once and whole, and the copy from before it to be a journal.
func upgraded(d *doomed) {
	db := d.database()
	defer db.Close()
	n := 0
	if err := db.QueryRow("SELECT count(*) FROM later").Scan(&n); err != nil || n != 200000 {
		d.wrong("after the upgrade: %d rows, %v", n, err)
	}
	if !d.sqlite {
		return
	}
	copies, err := filepath.Glob(strings.TrimPrefix(d.address(), "sqlite:") + ".before-*")
	if err != nil || len(copies) != 1 {
		d.wrong("copies from before: %q, %v", copies, err)
		return
	}
	s, err := journal.Open(context.Background(), "sqlite:"+copies[0], journal.Options{ReadOnly: true})
	if err != nil {
		d.wrong("the copy from before: %v", err)
		return
	}
	defer s.Close()
	if v, err := s.Verify(context.Background()); err != nil || !v.OK() || v.Records == 0 {
		d.wrong("the copy from before: %+v, %v", v, err)
	}
}
