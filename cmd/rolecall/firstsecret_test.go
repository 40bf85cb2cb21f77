package main

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const secretConfig = `version: 1
store: sqlite:rolecall.db
policies: policies
zone: UTC
directories:
  - name: hr
    kind: csv
    authority: people
    path: people.csv
    complete: {count: rows}
    key: id
    attributes: {login: login, mail: mail, name: name, status: status}
    state: {left: 'status == "left"'}
programs:
  db:
    kind: sql
    preset: postgres
    url: "DATABASE"
    rights: [app_*]
    create: "{login}"
    revoke: managed
    first_login: one-time-secret
    accounts:
      bot: {kind: service, owner: ann@example.com, purpose: nightly copies, review: 2099-12-31}
leavers: {unmanaged: suspend, wait: 30d}
notices:
  channels:
    it: {kind: mail, server: "smtp://SMTP", from: rolecall@example.com, to: [it@example.com]}
`

// secretCompany is a company whose people get roles of PostgreSQL, which demands passwords of them and logs every statement.
func secretCompany(t *testing.T) (*terminal, *servers.PostgresServer, *servers.SMTP) {
	t.Helper()
	u, pg, smtp := newTerminal(t), servers.Postgres(t, servers.WithSetting("log_statement=all")), servers.NewSMTP(t, filepath.Join("testdata", "smtp"))
	pg.Exec(t, "CREATE ROLE rolecall LOGIN CREATEROLE; GRANT pg_signal_backend TO rolecall; CREATE ROLE app_read; CREATE ROLE bot LOGIN")
	hba := filepath.Join(pg.Data(), "pg_hba.conf")
	old, err := os.ReadFile(hba)
	if err == nil {
		err = os.WriteFile(hba, append([]byte("host all ann,ben 127.0.0.1/32 scram-sha-256\n"), old...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	pg.Exec(t, "SELECT pg_reload_conf()")
	if err := os.Mkdir(filepath.Join(u.dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	u.write("rolecall.yaml", strings.NewReplacer("DATABASE", strings.Replace(pg.DSN, "//app@", "//rolecall@", 1), "SMTP", smtp.Address).Replace(secretConfig))
	u.write("policies/company.yaml", "version: 1\nrules:\n  - {name: all, when: 'true', grant: [db, db/app_read], reason: everybody}\n")
	u.write("people.csv", "id,login,mail,name,status\n1,ann,ann@example.com,Ann,\n2,ben,,Ben,\n3,cid,cid@example.com,Cid,\nrows,3\n")
	return u, pg, smtp
}

var password = regexp.MustCompile(`Password: (\S{23})`)

// letterTo is the password in the only letter to somebody, "" if there is none.
func letterTo(t *testing.T, smtp *servers.SMTP, address string) (secret string) {
	t.Helper()
	for _, m := range smtp.Taken() {
		if len(m.To) != 1 || m.To[0] != address {
			continue
		}
		found := password.FindStringSubmatch(m.Text)
		if found == nil || secret != "" {
			t.Errorf("a letter to %s: %s", address, m.Text)
			return ""
		}
		secret = found[1]
	}
	return secret
}

// signIn is a session of a role, which is still there while it answers.
func signIn(pg *servers.PostgresServer, role, secret string) (*sqlx.DB, error) {
	db, err := sqlx.Connect("postgres", strings.Replace(pg.DSN, "//app@", "//"+url.UserPassword(role, secret).String()+"@", 1))
	if err == nil {
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
	}
	return db, err
}

// pid is the process that serves the only connection of a session.
func pid(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	if err := db.Get(&n, "SELECT pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	return n
}

// A new role signs in with what was mailed, which stands nowhere else; a cut ends its session at once.
func TestFirstSecretAndLastSession(t *testing.T) {
	u, pg, smtp := secretCompany(t)
	said := u.types(exitDone, "apply")
	secret := letterTo(t, smtp, "ann@example.com")
	db, err := signIn(pg, "ann", secret)
	if err != nil {
		t.Fatalf("the mailed password: %v", err)
	}
	defer db.Close()
	if _, err := signIn(pg, "ann", "wrong"); err == nil {
		t.Error("any password will do")
	}
	if until := pg.Exec(t, "SELECT rolvaliduntil::date FROM pg_roles WHERE rolname = 'ann'"); until != "2027-01-11" {
		t.Errorf("valid until %s", until)
	}
	said += u.types(exitDone, "apply")
	if again := letterTo(t, smtp, "ann@example.com"); again != secret {
		t.Errorf("%q, then %q", secret, again)
	}
	said += u.types(exitDone, "tasks", "list")
	u.sees(`the new account "ben" of db has no secret to sign in with yet: the directory has no mail address of Ben`)
	for _, command := range [][]string{{"audit", "list"}, {"audit", "list", "-o", "json"}, {"plan", "-o", "json"}, {"audit", "export"}} {
		said += u.types(exitDone, command...)
	}

	sessions := "SELECT count(*) FROM pg_stat_activity WHERE usename = 'ann'"
	if pid(t, db) == 0 || pg.Exec(t, sessions) != "1" {
		t.Fatalf("sessions: %s", pg.Exec(t, sessions))
	}
	said += u.types(exitDone, "cut", "ann", "--reason", "laptop stolen")
	if err := db.Ping(); err == nil || pg.Exec(t, sessions) != "0" {
		t.Errorf("the session goes on: %v, %s", err, pg.Exec(t, sessions))
	}
	said += u.types(exitDone, "audit", "list", "-o", "json")
	u.sees("its open sessions were ended", "a one-time secret was sent to whom it is for, the person 1")

	c := &canaries{t: t, dir: u.dir, pg: pg, secrets: map[string]string{"one-time secret": secret, "of cid": letterTo(t, smtp, "cid@example.com")}}
	c.said.WriteString(said)
	if c.search() == 0 || c.secrets["of cid"] == "" {
		t.Error("nothing was searched")
	}
}

// Without the right to end sessions the cut is made, and says what it left.
func TestACutThatLeavesASession(t *testing.T) {
	u, pg, smtp := secretCompany(t)
	u.types(exitDone, "apply")
	db, err := signIn(pg, "ann", letterTo(t, smtp, "ann@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before := pid(t, db)
	pg.Exec(t, "REVOKE pg_signal_backend FROM rolecall")
	u.types(exitPartly, "cut", "ann", "--reason", "laptop stolen")
	u.sees(`sessions go on: account \d+ of Ann \(ann\) in db: .*pg_signal_backend`)
	if pg.Exec(t, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ann'") != "f" || pid(t, db) != before {
		t.Error("the cut was not made, or the session is another one")
	}
	pg.Exec(t, "GRANT pg_signal_backend TO rolecall")
	u.types(exitDone, "apply")
	if db.Ping() == nil {
		t.Error("the next run did not end the session")
	}
}

// Who owns a service account and leaves is a task, until another owner is written into the file.
func TestAServiceAccountIsHandedOver(t *testing.T) {
	u, _, _ := secretCompany(t)
	u.types(exitDone, "apply")
	u.types(exitDone, "tasks", "list")
	u.seesNo("name another owner")
	u.edit("people.csv", "Ann,\n", "Ann,left\n")
	u.types(exitDone, "apply")
	u.types(exitDone, "tasks", "list")
	u.sees(`the service account "bot" of db \(nightly copies\) belongs to ann@example.com, who has left; name another owner in .*rolecall.yaml:\d+`)
	u.edit("rolecall.yaml", "owner: ann@example.com", "owner: cid")
	u.types(exitDone, "apply")
	u.types(exitDone, "tasks", "list")
	u.seesNo("name another owner")
}
