package main

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	fileconn "github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/connectors/scim"
	sqlconn "github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// roomy is what connectors with accounts and batches can do.
type roomy interface {
	engine.Connector
	engine.Batcher
}

// creates makes an account for each text, and gives the ids of those that were taken, by text. Whatever is refused says why.
func creates(t *testing.T, p engine.Batcher, texts []enginetest.HostileText, account func(text string, i int) engine.NewAccount) map[string]string {
	t.Helper()
	var calls []engine.Call
	for i, h := range texts {
		a := account(h.Text, i)
		calls = append(calls, engine.Call{New: &a})
	}
	ids := map[string]string{}
	for i, r := range p.Apply(t.Context(), calls) {
		switch {
		case r.Outcome == engine.Done && r.Err == nil && r.ID != "":
			ids[calls[i].New.Name] = r.ID
		case r.Outcome != engine.Refused || r.Err == nil:
			t.Errorf("%s: %q: %s, %v", texts[i].Kind, calls[i].New.Name, r.Outcome, r.Err)
		}
	}
	return ids
}

// column reads the first column of a query, sorted.
func column(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// sqlNames makes roles of hostile names, makes them members of roles of hostile names, and drops them again: nothing else
// in the cluster changes.
func sqlNames(t *testing.T, texts []enginetest.HostileText) (taken int) {
	s := servers.Postgres(t)
	db, err := sql.Open("postgres", s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	open := func(rights ...string) roomy {
		p, err := sqlconn.Open(sqlconn.Config{Preset: "postgres", URL: s.DSN, Rights: rights}, sqlconn.Options{Program: "db", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.(io.Closer).Close() })
		return p.(roomy)
	}
	world := func() []string {
		return slices.Concat(column(t, db, "SELECT rolname FROM pg_roles"), column(t, db, "SELECT relname::text FROM pg_class"), column(t, db, "SELECT description FROM pg_shdescription"),
			column(t, db, "SELECT datname FROM pg_database"), column(t, db, "SELECT roleid::regrole::text || member::regrole::text FROM pg_auth_members"))
	}
	before := world()
	p := open("r:*", "r:*/*", "r:*/*/*", "r:*/*/*/*", "r:*/*/*/*/*") // a * stands for no slash
	rights := creates(t, open("nothing is a right"), texts, func(text string, i int) engine.NewAccount { return engine.NewAccount{Name: "r:" + text, Person: text} })
	ids := creates(t, p, texts, func(text string, i int) engine.NewAccount { return engine.NewAccount{Name: text, Person: text} })
	var grants, drops []engine.Call
	for name, id := range ids {
		if names := column(t, db, "SELECT rolname || '|' || shobj_description(oid, 'pg_authid') FROM pg_roles WHERE oid = "+id); !slices.Equal(names, []string{name + "|rolecall: made for " + name}) {
			t.Errorf("%q is kept as %q", name, names)
		}
		if right := "r:" + name; rights[right] != "" {
			grants = append(grants, engine.Call{Grant: true, Account: id, Entitlement: right})
		}
		drops = append(drops, engine.Call{Account: id, Entitlement: engine.Exists})
	}
	for _, r := range p.Apply(t.Context(), grants) {
		if r.Outcome != engine.Done {
			t.Errorf("grant: %+v", r)
		}
	}
	if n := column(t, db, "SELECT count(*)::text FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'r:' || a.rolname"); n[0] != fmt.Sprint(len(grants)) {
		t.Errorf("%s memberships instead of %d", n, len(grants))
	}
	if now := world(); len(now) != len(before)+2*len(ids)+2*len(rights)+len(grants) {
		t.Errorf("the cluster grew from %d to %d for %d accounts and %d rights", len(before), len(now), len(ids), len(rights))
	}
	for _, id := range rights {
		drops = append(drops, engine.Call{Account: id, Entitlement: engine.Exists})
	}
	for _, r := range open("nothing is a right").Apply(t.Context(), drops) {
		if r.Outcome != engine.Done {
			t.Errorf("drop: %+v", r)
		}
	}
	if now := world(); !slices.Equal(now, before) {
		t.Errorf("in the end the cluster is not what it was: %d things instead of %d", len(now), len(before))
	}
	return len(ids)
}

// sqlValues keeps hostile names, persons, attributes and rights in tables: each row holds what was given, and there are no
// other rows and tables.
func sqlValues(kind string) func(*testing.T, []enginetest.HostileText) int {
	return func(t *testing.T, texts []enginetest.HostileText) (taken int) {
		driver, address := "sqlite", filepath.Join(t.TempDir(), "crm.db")
		link, tables := "sqlite:"+address, "SELECT name FROM sqlite_master"
		if kind == "postgres" {
			s := servers.Postgres(t)
			driver, address = "postgres", s.DSN
			link, tables = s.DSN, "SELECT relname::text FROM pg_class"
		}
		db, err := sql.Open(driver, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if kind == "sqlite" { // five transactions a text
			if _, err := db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL"); err != nil {
				t.Fatal(err)
			}
		}
		for _, statement := range []string{"CREATE TABLE account (account text PRIMARY KEY, active int, person text, mail text)", "CREATE TABLE held (account text, entitlement text)"} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		before := column(t, db, tables)
		c, err := sqlconn.Open(sqlconn.Config{URL: link, Statements: sqlconn.Statements{Accounts: "SELECT account, active, person, mail FROM account", Holdings: "SELECT account, entitlement FROM held",
			Grant: "INSERT INTO held VALUES (:account, :entitlement)", Revoke: "DELETE FROM held WHERE account = :account AND entitlement = :entitlement",
			Suspend: "UPDATE account SET active = 0 WHERE account = :account", Resume: "UPDATE account SET active = 1 WHERE account = :account",
			Create: "INSERT INTO account VALUES (:name, 1, :person, :mail)", Delete: "DELETE FROM account WHERE account = :account"}}, sqlconn.Options{Program: "crm", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.(io.Closer).Close() })
		for _, h := range texts {
			id, outcome, err := c.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: h.Text, Person: "k", Attributes: map[string]string{"mail": h.Text}})
			if outcome == engine.Done {
				outcome, err = c.Grant(t.Context(), id, "x"+h.Text)
			}
			if outcome == engine.Done {
				taken++
			} else if outcome != engine.Refused || err == nil {
				t.Errorf("%s: %q: %s, %v", h.Kind, h.Text, outcome, err)
			}
		}
		if n := column(t, db, "SELECT CAST(count(*) AS text) FROM account a JOIN held h ON h.account = a.account WHERE h.entitlement = 'x' || a.account AND a.mail = a.account AND active = 1"); n[0] != fmt.Sprint(taken) || taken < 800 {
			t.Errorf("%s of %d rows are as they should be", n, taken)
		}
		revoked := 0
		for _, h := range texts {
			for _, right := range []string{"x" + h.Text, engine.Active, engine.Exists} {
				if outcome, err := c.Revoke(t.Context(), h.Text, right); outcome == engine.Done {
					revoked++
				} else if unnamed := strings.ContainsFunc(h.Text, unicode.IsControl) || !utf8.ValidString(h.Text); unnamed != (outcome == engine.Refused) || unnamed != (err != nil) || !unnamed && outcome != engine.Already {
					t.Errorf("%q: %s, %v", h.Text, outcome, err)
				}
			}
		}
		if left := column(t, db, "SELECT account FROM account UNION SELECT account FROM held"); revoked != 3*taken || len(left) > 0 || !slices.Equal(before, column(t, db, tables)) {
			t.Errorf("%d revoked, %q is left", revoked, left)
		}
		return taken
	}
}

// csvProgram keeps hostile names, attributes and rights in a program's file: a line each, and the lines of others stay.
func csvProgram(t *testing.T, texts []enginetest.HostileText) int {
	const head = "account,active,entitlements,person,name,mail\nby-hand,yes,\"read;write\",,\"Hand, By\",=x\n"
	path := filepath.Join(t.TempDir(), "wiki.csv")
	if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := fileconn.Open(fileconn.Config{Path: path}, fileconn.Options{Program: "wiki", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ids := creates(t, p, texts, func(text string, i int) engine.NewAccount {
		return engine.NewAccount{Name: text, Person: fmt.Sprint(i), Attributes: map[string]string{"name": text, "mail": text}}
	})
	held := map[string]bool{}
	var grants []engine.Call
	for _, h := range texts {
		grants = append(grants, engine.Call{Grant: true, Account: h.Text, Entitlement: "r" + h.Text})
	}
	for i, r := range p.Apply(t.Context(), grants) {
		if r.Outcome == engine.Done {
			held[grants[i].Account] = true
		} else if r.Outcome != engine.Refused || r.Err == nil {
			t.Errorf("%q: %s, %v", grants[i].Account, r.Outcome, r.Err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || len(rows) != 2+len(ids) || !strings.HasPrefix(string(data), head) {
		t.Fatalf("%d lines for %d accounts, %v", len(rows), len(ids), err)
	}
	for _, row := range rows[2:] {
		if row[4] != row[0] || row[5] != row[0] || held[row[0]] != (row[2] == "r"+row[0]) {
			t.Errorf("a line is %q", row)
		}
	}
	return len(ids)
}

// scimFilters looks hostile names up at a provider that knows nobody: one comparison, whatever the name, and one part of
// the path.
func scimFilters(t *testing.T, texts []enginetest.HostileText) (taken int) {
	base := "/scim/v2"
	var asked []*http.Request
	transport := transportFunc(func(r *http.Request) string {
		asked = append(asked, r)
		if r.Method == http.MethodGet && r.URL.Query().Has("filter") {
			return `{"totalResults":0,"Resources":[]}`
		}
		return `{"id":"somebody","userName":"somebody"}`
	})
	p, err := scim.Open(scim.Config{URL: "https://crm.example.com" + base, Token: engine.Secret{Env: "T"}}, scim.Options{Program: "crm", Now: time.Now, Transport: transport,
		Secret: func(engine.Secret) (string, error) { return "token", nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range texts {
		asked = nil
		_, outcome, err := p.Create(t.Context(), engine.NewAccount{Name: h.Text, Person: "k"})
		_, errRight := p.Grant(t.Context(), "u1", h.Text)
		_, errAccount := p.Account(t.Context(), h.Text)
		if outcome == engine.Done || err == nil || errRight == nil {
			t.Errorf("%q: %s, %v, %v", h.Text, outcome, err, errRight)
		}
		if errAccount != nil {
			taken++
		}
		for _, r := range asked {
			var value string
			q, _ := url.ParseQuery(r.URL.RawQuery)
			attribute, text, found := strings.Cut(q.Get("filter"), " eq ")
			if found && (json.Unmarshal([]byte(text), &value) != nil || value != h.Text || attribute != "userName" && attribute != "displayName") {
				t.Errorf("%q is asked for with %q", h.Text, q.Get("filter"))
			}
			path := strings.TrimPrefix(r.URL.EscapedPath(), base)
			if parts := strings.Split(path, "/"); len(parts) > 3 || r.URL.Host != "crm.example.com" || slices.Contains(parts, "..") {
				t.Errorf("%q is asked for at %s", h.Text, r.URL)
			}
		}
	}
	return taken
}

type transportFunc func(*http.Request) string

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {"application/scim+json"}}, Body: io.NopCloser(strings.NewReader(f(r)))}, nil
}
