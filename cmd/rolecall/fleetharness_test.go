package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/journal"
)

// builtProgram is the program as it is shipped, but for its clock (see clock_fast.go) and further tags.
func builtProgram(t *testing.T, tags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rolecall")
	if out, err := exec.Command("go", "build", "-tags", strings.Join(append(tags, "testclock"), ","), "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// fleet is a company that several processes of the program serve.
type fleet struct {
	t       *testing.T
	binary  string
	dir     string
	address string  // of the journal
	target  *sql.DB // what the programs crm and slow are made of
	began   time.Time
	at      time.Time // what the clock showed then
	speed   int
	env     []string // of processes that are started from now on
}

const fleetConfig = `version: 1
store: %s
policies: policies
schedule: %q
zone: UTC
health: 127.0.0.1:0
directories:
  - name: hr
    kind: csv
    authority: people
    path: people.csv
    complete: {count: rows}
    key: id
    attributes: {login: login, title: title}
    roles: [{attribute: title}]
programs:
  wiki: {kind: file, path: wiki.csv, create: "{login}", revoke: managed, after: [crm]}
  crm:
    kind: sql
    url: %q
    create: "{login}"
    revoke: managed
    concurrency: 1
    rate: 1
    statements:
      accounts: SELECT account, active FROM account
      holdings: SELECT account, entitlement FROM held
      grant: INSERT INTO held VALUES (:account, :entitlement)
      revoke: DELETE FROM held WHERE account = :account AND entitlement = :entitlement
      create: INSERT INTO account (account) VALUES (:name)
      delete: DELETE FROM account WHERE account = :account
      suspend: UPDATE account SET active = false WHERE account = :account
      resume: UPDATE account SET active = true WHERE account = :account
  slow: # whoever locks the table gate holds up every run in the middle
    kind: sql
    url: %q
    revoke: never
    statements:
      accounts: SELECT account FROM gate
      holdings: SELECT account, 'x' AS entitlement FROM gate
      grant: INSERT INTO gate SELECT :account WHERE :entitlement = ''
      revoke: DELETE FROM gate WHERE account = :account AND :entitlement = ''
leavers: {unmanaged: approve, wait: 30d}
limits:
  revoke:
    people: {floor: 30, percent: 100, cap: 100, window: 24h}
    holdings: {floor: 60, percent: 100, cap: 500, window: 24h}
  leavers: {floor: 30, percent: 100, cap: 300, window: 24h}
  grant: {floor: 100, percent: 100, cap: 2000, window: 24h}
`

const fleetPolicy = `version: 1
rules:
  - {name: all, when: 'true', grant: [wiki, crm], reason: everybody}
  - {name: engineers, roles: {any: ["title:engineer"]}, grant: [crm/build], reason: they build}
`

// newFleet lays a company of four people out. The clock starts at a time of day and runs so many times too fast; store is
// sqlite or postgres.
func newFleet(t *testing.T, binary string, s *servers.PostgresServer, store, schedule, clock string, speed int) *fleet {
	t.Helper()
	at, err := time.Parse(time.DateTime, "2027-01-04 "+clock)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, binary: binary, dir: t.TempDir(), address: "sqlite:rolecall.db", began: time.Now(), at: at, speed: speed}
	if store == "postgres" {
		f.address = s.NewDatabase(t)
	}
	targetDSN := s.NewDatabase(t)
	if f.target, err = sql.Open("postgres", targetDSN); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.target.Close() })
	f.must(`CREATE TABLE account (account text PRIMARY KEY, active bool DEFAULT true, made_by text DEFAULT session_user::text);
		CREATE TABLE held (account text, entitlement text, PRIMARY KEY (account, entitlement)); CREATE TABLE gate (account text)`)
	for _, user := range []string{"a", "b", "c", "cli"} { // by which the programs tell the machines apart
		_, _ = f.target.Exec("CREATE ROLE " + user + " SUPERUSER LOGIN") // one database of the server has made it
	}
	byUser := strings.Replace(targetDSN, "app@", "", 1)
	f.write("rolecall.yaml", fmt.Sprintf(fleetConfig, f.address, schedule, byUser, byUser))
	f.write("policies/all.yaml", fleetPolicy)
	f.write("wiki.csv", "account,active,entitlements,person\n")
	f.people("alice,Engineer", "bob,Clerk", "carol,Clerk", "dave,Engineer")
	return f
}

// people writes the directory: "login,title".
func (f *fleet) people(lines ...string) {
	text := "id,login,title\n"
	for _, l := range lines {
		text += "k-" + l[:strings.Index(l, ",")] + "," + l + "\n"
	}
	f.write("fresh.csv", text+fmt.Sprintf("rows,%d\n", len(lines)))
	if err := os.Rename(filepath.Join(f.dir, "fresh.csv"), filepath.Join(f.dir, "people.csv")); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) must(query string) {
	f.t.Helper()
	if _, err := f.target.Exec(query); err != nil {
		f.t.Fatal(err)
	}
}

// now is the time by the fleet's clock.
func (f *fleet) now() time.Time { return f.at.Add(time.Duration(f.speed) * time.Since(f.began)) }

func (f *fleet) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(f.binary, args...)
	cmd.Dir = f.dir
	cmd.Env = append(append(os.Environ(), f.env...), "PGUSER="+name, fmt.Sprintf("ROLECALL_TEST_CLOCK=%d %d %d", f.began.UnixNano(), f.at.UnixNano(), f.speed))
	return cmd
}

// rolecall runs a command beside the daemons, and gives what it said.
func (f *fleet) rolecall(code int, args ...string) string {
	f.t.Helper()
	out, err := f.command("cli", args...).CombinedOutput()
	got := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			f.t.Fatal(err)
		}
		got = exit.ExitCode()
	}
	if got != code {
		f.t.Fatalf("rolecall %v: exit code %d, want %d\n%s", args, got, code, out)
	}
	return string(out)
}

// machine is one process of the fleet.
type machine struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start starts serve or work as one of the users a, b, c of the programs.
func (f *fleet) start(name, command string) *machine {
	f.t.Helper()
	m := &machine{t: f.t, cmd: f.command(name, command), log: filepath.Join(f.dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(m.log)
	if err != nil {
		f.t.Fatal(err)
	}
	m.cmd.Stderr = log
	if err := m.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		defer close(m.done)
		defer log.Close()
		_ = m.cmd.Wait()
	}()
	f.t.Cleanup(func() {
		m.signal(syscall.SIGKILL)
		<-m.done
		if f.t.Failed() {
			f.t.Logf("%s said:\n%s", name, m.said())
		}
	})
	f.eventually(name+" starts", func() bool { return strings.Contains(m.said(), `"msg":"started"`) })
	return m
}

func (m *machine) signal(s syscall.Signal) { _ = m.cmd.Process.Signal(s) }

// stopBetweenCalls stops the machine where it is in the middle of no transaction, in which it would hold locks; false if it was.
func (m *machine) stopBetweenCalls(s *servers.PostgresServer) bool {
	m.signal(syscall.SIGSTOP)
	for range 20 { // the server may still carry out what it was asked for
		switch busy := s.Exec(m.t, `SELECT coalesce(string_agg(state, ' '), '') FROM pg_stat_activity
			WHERE state <> 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid()`); {
		case busy == "":
			return true
		case strings.Contains(busy, "transaction"):
			m.signal(syscall.SIGCONT)
			return false
		}
	}
	m.signal(syscall.SIGCONT)
	return false
}

func (m *machine) said() string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// stop ends the machine in order and wants it to be quick about it.
func (m *machine) stop() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(40 * time.Second):
		m.t.Fatal("it does not stop")
	}
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		m.t.Errorf("it stopped with exit code %d", code)
	}
}

// eventually fails the test if something does not come true within a minute.
func (f *fleet) eventually(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("it never came true that %s", what)
		}
	}
}

// holdUp locks the gate, so that whoever reads waits in the middle of its run; the returned function opens it again.
func (f *fleet) holdUp() (open func()) {
	f.t.Helper()
	tx, err := f.target.Begin()
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := tx.Exec("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE"); err != nil {
		f.t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

// heldUp names the machines that wait at the gate.
func (f *fleet) heldUp() string {
	return f.asks("SELECT coalesce(string_agg(DISTINCT usename, ' '), '') FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
}

func (f *fleet) asks(query string) string {
	f.t.Helper()
	var text string
	if err := f.target.QueryRow(query).Scan(&text); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return text
}

// crm is who has what there: account, + for active, - for suspended.
func (f *fleet) crm() string {
	return f.asks(`SELECT coalesce(string_agg(account || CASE WHEN active THEN '+' ELSE '-' END ||
		coalesce((SELECT string_agg(entitlement, ',' ORDER BY entitlement) FROM held h WHERE h.account = a.account), ''), ' ' ORDER BY account), '') FROM account a`)
}

// served is what crm looks like when everybody has what policy says.
const served = "alice+build bob+ carol+ dave+build"

// wiki is the file's accounts with their state, in order.
func (f *fleet) wiki() string {
	text, err := os.ReadFile(filepath.Join(f.dir, "wiki.csv"))
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		out = append(out, strings.Join(strings.Split(line, ",")[:2], " "))
	}
	return strings.Join(out, ", ")
}

// records reads the journal as it is now.
func (f *fleet) records(q engine.Query) (out []engine.Record) {
	f.t.Helper()
	address := f.address
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		address = "sqlite:" + filepath.Join(f.dir, path)
	}
	s, err := journal.Open(f.t.Context(), address, journal.Options{ReadOnly: true})
	if err != nil {
		f.t.Fatal(err)
	}
	defer s.Close()
	if err := s.Records(f.t.Context(), q, func(r engine.Record) error { out = append(out, r); return nil }); err != nil {
		f.t.Fatal(err)
	}
	return out
}

// slots are the slots that were run, in the order of the journal.
func (f *fleet) slots() (out []string) {
	for _, r := range f.records(engine.Query{Kind: engine.KindRun}) {
		for _, fact := range r.Set {
			if fact.Kind == engine.FactSlot {
				out = append(out, fact.Since.Format("02 15:04"))
			}
		}
	}
	return out
}

// twice are the effects that two intents had: no change of a quiet company may come twice. One intent may be reported twice:
// by whoever read it back after the lease and, late, by whoever was stopped between the call and its record.
func (f *fleet) twice() (out []string) {
	seen := map[string]int64{}
	for _, r := range f.records(engine.Query{Kind: engine.KindOutcome, Outcome: engine.Done}) {
		key := fmt.Sprint(r.Op, " ", r.Program, "/", r.Entitlement, " ", r.Account)
		if seen[key] != 0 && seen[key] != r.Of {
			out = append(out, key)
		}
		seen[key] = r.Of
	}
	return out
}
