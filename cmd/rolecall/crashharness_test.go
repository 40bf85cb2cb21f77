package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// crashLab is what companies share on which a process dies: the program with its failpoints, and a PostgreSQL that holds
// journals, each in a database, and the program crm of each company, each in a schema.
type crashLab struct {
	t        *testing.T
	binary   string
	server   *servers.PostgresServer
	admin    *sql.DB // of the database postgres
	targets  *sql.DB // of the database targets
	n        atomic.Int64
	verifier string // of checkpoints
	key      string
}

// crashBegan is the first day of every company.
var crashBegan = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)

func newCrashLab(t *testing.T, binary string) *crashLab {
	t.Helper()
	l := &crashLab{t: t, binary: binary, server: servers.Postgres(t, servers.WithSetting("max_connections=300"))}
	l.admin = l.open("postgres")
	l.must(l.admin, "CREATE DATABASE targets")
	l.targets = l.open("targets")
	l.must(l.targets, `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO effect (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME || ' ' || coalesce(to_jsonb(NEW), to_jsonb(OLD))::text); RETURN NULL; END $$`)
	dir := t.TempDir()
	said, code := rolecallIn(t, dir, "audit", "key", "example.com/journal")
	if code != exitDone {
		t.Fatal(said)
	}
	verifier, _, _ := strings.Cut(said[strings.Index(said, "example.com/journal+"):], "\n")
	l.verifier = strings.Trim(verifier, "\" }")
	key, err := os.ReadFile(filepath.Join(dir, "journal.key"))
	if err != nil {
		t.Fatal(err)
	}
	l.key = string(key)
	return l
}

// dsn is the address of a database. A server that has just recovered from a crash on a busy machine takes its time to answer.
func (l *crashLab) dsn(database string) string {
	return strings.Replace(l.server.DSN, "/postgres?", "/"+database+"?connect_timeout=60&", 1)
}

// longest is how long a command may take, on a machine that has other things to do.
const longest = 5 * time.Minute

func (l *crashLab) open(database string) *sql.DB {
	l.t.Helper()
	db, err := sql.Open("postgres", l.dsn(database))
	if err != nil {
		l.t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // the server may be stopped in between
	l.t.Cleanup(func() { db.Close() })
	return db
}

func (l *crashLab) must(db *sql.DB, query string) {
	l.t.Helper()
	if _, err := db.Exec(query); err != nil {
		l.t.Fatalf("%s: %v", query, err)
	}
}

// doomed is one company on which a process dies.
type doomed struct {
	*crashLab
	dir      string
	name     string // of the schema of its program crm and of its journal's database
	sqlite   bool
	file     string    // of its journal, on SQLite
	at       time.Time // what the clock shows
	env      []string
	what     string // is done to it
	alive    bool   // a command has come to its end
	problems []string
	copies   []*doomed // that end with it
}

// doomedConfig has the same text for every company, so that a journal can be copied: what differs is in the environment.
const doomedConfig = `version: 1
store: %s
policies: policies
zone: UTC
directories:
  - name: hr
    kind: csv
    authority: people
    path: people.csv
    complete: {count: rows}
    key: id
    attributes: {login: login, title: title, status: status}
    state: {left: 'status == "left"'}
    roles: [{attribute: title}]
programs:
  wiki: {kind: file, path: wiki.csv, create: "{login}", revoke: managed, delete: true}
  crm:
    kind: sql
    url: %q
    create: "{login}"
    revoke: managed
    concurrency: 2
    statements:
      accounts: SELECT account, active FROM account
      holdings: SELECT account, entitlement FROM held
      grant: INSERT INTO held VALUES (:account, :entitlement)
      revoke: DELETE FROM held WHERE account = :account AND entitlement = :entitlement
      create: INSERT INTO account (account) VALUES (:name)
      delete: DELETE FROM account WHERE account = :account
      suspend: UPDATE account SET active = false WHERE account = :account
      resume: UPDATE account SET active = true WHERE account = :account
leavers: {unmanaged: suspend, wait: 30d}
limits:
  revoke:
    people: {floor: 30, percent: 100, cap: 100, window: 24h}
    holdings: {floor: 60, percent: 100, cap: 500, window: 24h}
  leavers: {floor: 30, percent: 100, cap: 300, window: 24h}
  grant: {floor: 9000, percent: 100, cap: 9000, window: 24h}
audit: {key: {file: journal.key}, verifier: %q, checkpoints: outside/journal.checkpoint}
`

const doomedPolicy = `version: 1
rules:
  - {name: all, when: 'true', grant: [wiki, crm], reason: everybody}
  - {name: engineers, roles: {any: ["title:engineer"]}, grant: [crm/build, wiki/edit], reason: they build}
`

// company lays one out, without a journal.
func (l *crashLab) company(sqlite bool) *doomed {
	d := l.emptyCompany(sqlite)
	store := "sqlite:rolecall.db"
	if !sqlite {
		store = l.dsn("") // PGDATABASE says which
		l.must(l.admin, "CREATE DATABASE "+d.name)
	}
	d.write("rolecall.yaml", fmt.Sprintf(doomedConfig, store, l.dsn("targets"), l.verifier))
	d.write("policies/all.yaml", doomedPolicy)
	d.write("wiki.csv", "account,active,entitlements,person\nroot,yes,admin,\n")
	d.write("journal.key", l.key)
	d.write("outside/readme", "not beside the journal\n")
	d.tables("")
	return d
}

func (l *crashLab) emptyCompany(sqlite bool) *doomed {
	dir, err := os.MkdirTemp(l.t.TempDir(), "")
	if err != nil {
		l.t.Fatal(err)
	}
	return &doomed{crashLab: l, dir: dir, name: fmt.Sprintf("c%d", l.n.Add(1)), sqlite: sqlite, file: "rolecall.db", at: crashBegan}
}

// tables makes the program crm, as it is in another schema.
func (d *doomed) tables(like string) {
	query := fmt.Sprintf(`CREATE SCHEMA %s; SET LOCAL search_path = %[1]s, public;
		CREATE TABLE account (account text PRIMARY KEY, active bool DEFAULT true); CREATE TABLE held (account text, entitlement text);
		CREATE TABLE effect (n serial, what text);`, d.name)
	if like != "" {
		query += fmt.Sprintf("INSERT INTO account SELECT * FROM %s.account; INSERT INTO held SELECT * FROM %[1]s.held; INSERT INTO effect (what) SELECT what FROM %[1]s.effect ORDER BY n;", like)
	}
	d.must(d.targets, query+`CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION note();
		CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON held FOR EACH ROW EXECUTE FUNCTION note()`)
}

// copy is the company as it is now, once more. No process may be at work on it.
func (d *doomed) copy() *doomed {
	c := d.emptyCompany(d.sqlite)
	c.at, c.env = d.at, d.env
	if err := os.CopyFS(c.dir, os.DirFS(d.dir)); err != nil {
		d.t.Fatal(err)
	}
	if !d.sqlite {
		d.must(d.admin, "CREATE DATABASE "+c.name+" TEMPLATE "+d.name+" STRATEGY FILE_COPY")
	}
	c.tables(d.name)
	return c
}

// end frees what the company takes.
func (d *doomed) end() {
	for _, c := range d.copies {
		c.end()
	}
	_ = os.RemoveAll(d.dir)
	_, _ = d.targets.Exec("DROP SCHEMA " + d.name + " CASCADE")
	if !d.sqlite {
		_, _ = d.admin.Exec("DROP DATABASE IF EXISTS " + d.name + " WITH (FORCE)")
	}
}

// people writes the directory: "login,title,status".
func (d *doomed) people(lines ...string) {
	text := "id,login,title,status\n"
	for _, l := range lines {
		text += "k-" + l[:strings.Index(l, ",")] + "," + l + "\n"
	}
	d.write("people.csv", text+fmt.Sprintf("rows,%d\n", len(lines)))
}

func (d *doomed) write(name, text string) {
	path := filepath.Join(d.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		d.t.Fatal(err)
	}
}

// command prepares the program with the clock as it stands.
func (d *doomed) command(args ...string) *exec.Cmd {
	cmd := exec.Command(d.binary, args...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("ROLECALL_TEST_CLOCK=%d %d 1", time.Now().UnixNano(), d.at.UnixNano()),
		"PGDATABASE="+d.name, "PGOPTIONS=-csearch_path="+d.name+",public")
	cmd.Env = append(cmd.Env, d.env...)
	return cmd
}

// rolecall runs a command to its end and gives what it said and how it ended: an exit code, or −1 when it was killed.
func (d *doomed) rolecall(env []string, args ...string) (said string, code int) {
	cmd := d.command(args...)
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	slow := time.AfterFunc(longest, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer slow.Stop()
	_ = cmd.Wait() // how it ended is looked at
	return out.String(), cmd.ProcessState.ExitCode()
}

// wrong notes what should not be; many companies are tried side by side.
func (d *doomed) wrong(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}
