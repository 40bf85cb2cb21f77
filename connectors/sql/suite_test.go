package sql_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const canary = "canary-7f3a"

func options() sql.Options {
	return sql.Options{Program: "db", Now: time.Now, Secret: func(engine.Secret) (string, error) { return canary, nil }}
}

func open(t *testing.T, c sql.Config) engine.Connector {
	t.Helper()
	return openThrough(t, nil, c)
}

func openThrough(t *testing.T, wire *conformance.Wire, c sql.Config) engine.Connector {
	t.Helper()
	o := options()
	if wire != nil {
		o.Dial = sql.Dial(wire.Dialing(nil))
	}
	p, err := sql.Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// as gives the DSN of another role.
func as(dsn, role string) string {
	return strings.Replace(dsn, "//app@", "//"+url.PathEscape(role)+"@", 1)
}

// dropRoles leaves the superuser only, and makes the role that the connector signs in as by the page's commands: it is none.
func dropRoles(t testing.TB) string {
	t.Helper()
	_, commands := documented(t, "### PostgreSQL roles\n")
	if !strings.Contains(commands, "CREATE ROLE rolecall ") {
		t.Fatal("the page does not say how the role is made")
	}
	return noRoles + commands
}

const noRoles = `DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\_%' AND NOT rolsuper LOOP EXECUTE format('DROP ROLE %I', r); END LOOP;
END $$; `

func postgresConfig(s *servers.PostgresServer) sql.Config {
	return sql.Config{Preset: "postgres", URL: as(s.DSN, "rolecall"), Password: engine.Secret{Env: "PW"}, Rights: []string{"app_*", "Read all"}, Ignore: []string{"ignored"}}
}

func oid(t *testing.T, s *servers.PostgresServer, role string) string {
	t.Helper()
	return s.Exec(t, "SELECT oid FROM pg_roles WHERE rolname = '"+role+"'")
}

func TestOnPostgreSQL(t *testing.T) {
	t.Parallel()
	s := servers.Postgres(t)
	t.Run("preset", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest { return freshRoles(t, s) })
	})
	t.Run("rules of the preset", func(t *testing.T) { testPreset(t, s) })
	t.Run("statements", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
			dsn := s.NewDatabase(t)
			return freshTables(t, "postgres", dsn, dsn, "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
		})
	})
	t.Run("rules of statements", func(t *testing.T) { testTablesOnPostgreSQL(t, s) })
}

func freshRoles(t *testing.T, s *servers.PostgresServer) *enginetest.ConnectorUnderTest {
	t.Helper()
	s.Exec(t, dropRoles(t)+`CREATE ROLE ann LOGIN; CREATE ROLE "Ben ""B"" Smith" LOGIN; CREATE ROLE "Łucja" LOGIN; CREATE ROLE old;
		CREATE ROLE app_read; CREATE ROLE "Read all"; CREATE ROLE "app_Ä"; CREATE ROLE dba; CREATE ROLE ignored; GRANT app_read, dba, pg_monitor TO old`)
	c := postgresConfig(s)
	closed, missing := c, c
	closed.URL, missing.URL = "postgres://rolecall@127.0.0.1:1/postgres", strings.Replace(c.URL, "/postgres?", "/missing?", 1)
	wire := &conformance.Wire{}
	return &enginetest.ConnectorUnderTest{
		Wire: wire, Connector: openThrough(t, wire, c), Accounts: []string{oid(t, s, "ann"), oid(t, s, `Ben "B" Smith`), oid(t, s, "Łucja")},
		Rights: []string{"app_read", "Read all", "app_Ä"}, Stranger: "4000000000", NoRight: "app_none",
		NewNames: []string{"dan", `Eve's "É"`}, Secrets: []string{canary},
		Broken: []engine.Connector{open(t, closed), open(t, missing)},
	}
}

func testPreset(t *testing.T, s *servers.PostgresServer) {
	u := freshRoles(t, s)
	grant := func(account, right string) error {
		_, err := u.Connector.Grant(t.Context(), account, right)
		return err
	}
	for _, tc := range []struct{ account, right, want string }{
		{oid(t, s, "ann"), "dba", "not among the rights"},
		{oid(t, s, "ann"), "pg_monitor", "not among the rights"},
		{oid(t, s, "app"), "app_read", "superuser"},
		{oid(t, s, "rolecall"), "app_read", "signs in as"},
		{oid(t, s, "app_read"), "app_Ä", "no account"},
		{oid(t, s, "ignored"), "app_read", "no account"},
	} {
		if err := grant(tc.account, tc.right); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("granting %q to %s: %v, want %q", tc.right, tc.account, err, tc.want)
		}
	}
	old, err := u.Connector.(engine.Reader).Account(t.Context(), oid(t, s, "old"))
	if got := fmt.Sprint(names(old)); err != nil || got != "[.exists app_read dba pg_monitor]" {
		t.Errorf("what a suspended account holds: %s, %v", got, err)
	}
	t.Run("a rename moves nothing", func(t *testing.T) {
		ann := oid(t, s, "ann")
		s.Exec(t, `ALTER ROLE ann RENAME TO "Ann Married"`)
		if outcome, err := u.Connector.Grant(t.Context(), ann, "app_read"); outcome != engine.Done || err != nil {
			t.Error(outcome, err)
		}
		if got := s.Exec(t, `SELECT pg_has_role('Ann Married', 'app_read', 'member')`); got != "t" {
			t.Errorf("the renamed role is a member: %s", got)
		}
	})
	t.Run("a suspend ends sessions", func(t *testing.T) { testSessions(t, s, u) })
	t.Run("what is wrong in a batch fails alone", func(t *testing.T) { testPoison(t, s, u) })
	t.Run("two processes wait for each other", func(t *testing.T) { testTwoProcesses(t, s, u.Connector) })
	t.Run("what owns something is not dropped", func(t *testing.T) {
		s.Exec(t, `CREATE TABLE owned (n int); ALTER TABLE owned OWNER TO old`)
		outcome, err := u.Connector.Revoke(t.Context(), oid(t, s, "old"), engine.Exists)
		if outcome != engine.Refused || err == nil {
			t.Error(outcome, err)
		}
		s.Exec(t, `DROP TABLE owned`)
	})
	t.Run("names that PostgreSQL would change are refused", func(t *testing.T) {
		for _, name := range []string{strings.Repeat("é", 32), "pg_x", "app_x", " x", "x\x00", ""} {
			if _, outcome, err := u.Connector.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: name, Person: "7"}); outcome != engine.Refused || err == nil {
				t.Errorf("%q: %s, %v", name, outcome, err)
			}
		}
	})
}

// PostgreSQL refuses the drop only when it runs, in the middle of the transaction.
func testPoison(t *testing.T, s *servers.PostgresServer, u *enginetest.ConnectorUnderTest) {
	s.Exec(t, `CREATE TABLE owned (n int); ALTER TABLE owned OWNER TO old`)
	defer s.Exec(t, `DROP TABLE owned`)
	ben := oid(t, s, `Ben "B" Smith`)
	results := u.Connector.(engine.Batcher).Apply(t.Context(), []engine.Call{
		{Grant: true, Account: ben, Entitlement: "app_read"}, {Account: oid(t, s, "old"), Entitlement: engine.Exists},
		{Grant: true, Account: ben, Entitlement: "Read all"}, {New: &engine.NewAccount{Name: "fay", Person: "8"}},
	})
	for i, want := range []engine.Outcome{engine.Done, engine.Refused, engine.Done, engine.Done} {
		if results[i].Outcome != want {
			t.Errorf("%d: %v, want %s", i, results[i], want)
		}
	}
}

func testTwoProcesses(t *testing.T, s *servers.PostgresServer, a engine.Connector) {
	ben := oid(t, s, `Ben "B" Smith`)
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, p := range []engine.Connector{a, a, open(t, postgresConfig(s)), open(t, postgresConfig(s))} {
		all.Go(func() {
			<-start
			for range 25 {
				for _, grant := range []bool{true, false} {
					calls := []engine.Call{{Grant: grant, Account: ben, Entitlement: "app_read"}, {Grant: grant, Account: ben, Entitlement: engine.Active}}
					for _, r := range p.(engine.Batcher).Apply(t.Context(), calls) {
						if r.Err != nil {
							t.Errorf("%s: %v", r.Outcome, r.Err)
						}
					}
				}
			}
		})
	}
	close(start)
	all.Wait()
}

func names(holdings []engine.Holding) (out []string) {
	for _, h := range holdings {
		out = append(out, h.Entitlement)
	}
	return out
}

func testSessions(t *testing.T, s *servers.PostgresServer, u *enginetest.ConnectorUnderTest) {
	db, err := sqlx.Connect("postgres", as(s.DSN, "Łucja"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if outcome, err := u.Connector.Revoke(t.Context(), oid(t, s, "Łucja"), engine.Active); outcome != engine.Done || err != nil {
		t.Fatal(outcome, err)
	}
	if err := db.Ping(); err == nil {
		t.Error("the session of the suspended account goes on")
	}
	// Without the right to end sessions the answer is an error, not Done.
	s.Exec(t, `REVOKE pg_signal_backend FROM rolecall; ALTER ROLE "Łucja" LOGIN`)
	again, err := sqlx.Connect("postgres", as(s.DSN, "Łucja"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for range 2 {
		if outcome, err := u.Connector.Revoke(t.Context(), oid(t, s, "Łucja"), engine.Active); outcome == engine.Done || outcome == engine.Already || err == nil {
			t.Errorf("a suspend that leaves a session gives %s, %v", outcome, err)
		}
	}
}

func TestOnMariaDB(t *testing.T) {
	t.Parallel()
	s := servers.MariaDB(t)
	t.Run("preset", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest { return freshAccounts(t, s) })
	})
	t.Run("statements", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
			name := s.NewDatabase(t)
			return freshTables(t, "mysql", s.DSN("root", name), s.URL("root", name), "bigint AUTO_INCREMENT PRIMARY KEY")
		})
	})
	t.Run("rules of statements", func(t *testing.T) { testTablesOnMariaDB(t, s) })
	t.Run("rules of the preset", func(t *testing.T) { testMariaDBPreset(t, s) })
	t.Run("other settings", func(t *testing.T) { testOtherSettings(t, s) })
}

func TestStatementsOnSQLite(t *testing.T) {
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		file := filepath.Join(t.TempDir(), "a program?.db")
		return freshTables(t, "sqlite", "file:"+strings.ReplaceAll(file, "?", "%3f"), "sqlite:"+file, "integer PRIMARY KEY")
	})
}

// statements are written for all three databases, but for the name of the text type in a cast.
func statements(text string) sql.Statements {
	s := sql.Statements{
		Accounts:  "SELECT id AS account, login AS name, NOT blocked AS active, person, mail FROM users",
		Holdings:  "SELECT user_id AS account, code AS entitlement FROM user_rights ORDER BY 1",
		Catalogue: "SELECT code AS entitlement FROM rights;",
		Grant:     "INSERT INTO user_rights (user_id, code) SELECT id, :entitlement FROM users WHERE CAST(id AS text) = :account",
		Revoke:    "DELETE FROM user_rights WHERE CAST(user_id AS text) = :account AND code = :entitlement",
		Suspend:   "UPDATE users SET blocked = true WHERE CAST(id AS text) = :account",
		Resume:    "UPDATE users SET blocked = false WHERE CAST(id AS text) = :account",
		Create:    "INSERT INTO users (login, person, mail) VALUES (:name, :person, :mail)",
		Update:    "UPDATE users SET login = :name, mail = :mail WHERE CAST(id AS text) = :account",
		Delete:    "DELETE FROM users WHERE CAST(id AS text) = :account",
	}
	for _, statement := range []*string{&s.Grant, &s.Revoke, &s.Suspend, &s.Resume, &s.Update, &s.Delete} {
		*statement = strings.ReplaceAll(*statement, "AS text", "AS "+text)
	}
	return s
}

func freshTables(t *testing.T, driver, dsn, address, key string) *enginetest.ConnectorUnderTest {
	t.Helper()
	db, err := sqlx.Connect(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	text := map[bool]string{true: "char", false: "text"}[driver == "mysql"]
	db.MustExec(`CREATE TABLE users (id ` + key + `, login varchar(100) UNIQUE NOT NULL, person text, mail text, blocked boolean NOT NULL DEFAULT false)`)
	db.MustExec(`CREATE TABLE rights (code varchar(100) PRIMARY KEY)`)
	db.MustExec(`CREATE TABLE user_rights (user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, code varchar(100) NOT NULL REFERENCES rights (code), PRIMARY KEY (user_id, code))`)
	db.MustExec(`INSERT INTO rights VALUES ('read'), ('Write All'), ('Löschen''s')`)
	db.MustExec(`INSERT INTO users (login, blocked) VALUES ('ann', false), ('Ben Smith', false), ('Łucja', false), ('old', true)`)
	var ids []string
	if err := db.Select(&ids, `SELECT CAST(id AS `+text+`) FROM users WHERE NOT blocked ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	broken := statements(text)
	broken.Holdings = "SELECT no AS account, column AS entitlement FROM nowhere"
	wire := &conformance.Wire{}
	return &enginetest.ConnectorUnderTest{
		Wire: wire, Connector: openThrough(t, wire, sql.Config{URL: address, Statements: statements(text)}), Accounts: ids,
		Rights: []string{"read", "Write All", "Löschen's"}, Stranger: "4711", NoRight: "fly",
		NewNames: []string{"dan", "Eve É"}, New: engine.NewAccount{Attributes: map[string]string{"mail": "x@example.com"}},
		Broken: []engine.Connector{open(t, sql.Config{URL: address, Statements: broken})},
	}
}

// The guards of the statements: a statement that does too much or too little changes nothing.
func TestStatementsAreChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*sql.Statements)
		want   string
	}{
		"too many rows": {func(s *sql.Statements) { s.Suspend = "UPDATE users SET blocked = true" }, "4 rows instead of one"},
		"no row":        {func(s *sql.Statements) { s.Suspend = "UPDATE users SET blocked = true WHERE login = :account" }, "0 rows instead of one"},
		"another row":   {func(s *sql.Statements) { s.Suspend = "UPDATE users SET blocked = true WHERE login = 'old'" }, "does not show the change"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.db")
			u := freshTables(t, "sqlite", file, "sqlite:"+file, "integer PRIMARY KEY")
			s := statements("text")
			tc.change(&s)
			p := open(t, sql.Config{URL: "sqlite:" + file, Statements: s})
			outcome, err := p.Revoke(t.Context(), u.Accounts[0], engine.Active)
			if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %v; want %q", outcome, err, tc.want)
			}
			held, err := p.(engine.Reader).Account(t.Context(), u.Accounts[0])
			if err != nil || len(held) != 2 {
				t.Errorf("afterwards: %v, %v", held, err)
			}
		})
	}
}

func maria(change func(*sql.Config)) func(*sql.Config) {
	return func(c *sql.Config) {
		c.Preset, c.URL = "mariadb", "mariadb://u@localhost/"
		change(c)
	}
}

func TestConfigurationMistakes(t *testing.T) {
	good := sql.Config{Preset: "postgres", URL: "postgres://u@localhost/db", Rights: []string{"x"}}
	for want, change := range map[string]func(*sql.Config){
		"holds a password":                    func(c *sql.Config) { c.URL = "postgres://u:" + canary + "@localhost/db" },
		"url can't be read":                   func(c *sql.Config) { c.URL = "postgres://u:" + canary + "@local host:x/db" },
		"is not of the form":                  func(c *sql.Config) { c.URL = "oracle://" + canary },
		"does not verify":                     func(c *sql.Config) { c.URL = "postgres://u@db.example.com/db?sslmode=require" },
		"rights is missing":                   func(c *sql.Config) { c.Rights = nil },
		"needs a url of the form postgres":    func(c *sql.Config) { c.URL = "mariadb://u@localhost/" },
		"needs a url of the form mariadb":     func(c *sql.Config) { c.Preset = "mariadb" },
		"privileges, host and sign_in belong": func(c *sql.Config) { c.Host = "%" },
		"url holds a password":                maria(func(c *sql.Config) { c.URL = "mariadb://u:" + canary + "@localhost/" }),
		"url can't be read; write mariadb":    maria(func(c *sql.Config) { c.URL = "mariadb://u:" + canary + "@local host:x/db" }),
		"names no user":                       maria(func(c *sql.Config) { c.URL = "mariadb://localhost/" }),
		"names no host":                       maria(func(c *sql.Config) { c.URL = "mariadb://u@/db" }),
		"parameter \"allowAllFiles\"":         maria(func(c *sql.Config) { c.URL += "?allowAllFiles=true" }),
		"ca: open":                            maria(func(c *sql.Config) { c.URL += "?ca=/nowhere" }),
		"names no database":                   maria(func(c *sql.Config) { c.Preset, c.Rights, c.Statements = "", nil, statements("char") }),
		"or privileges":                       maria(func(c *sql.Config) { c.Rights = nil }),
		"is not of the form SELECT on":        maria(func(c *sql.Config) { c.Privileges = []string{"SELECT on `x`"} }),
		"\"ALL PRIVILEGES\" can't be granted": maria(func(c *sql.Config) { c.Privileges = []string{"ALL PRIVILEGES on x"} }),
		"can't be told from all of them":      maria(func(c *sql.Config) { c.Privileges = []string{"SELECT on everything"} }),
		"on databases, not on tables":         maria(func(c *sql.Config) { c.Privileges = []string{"EVENT on shop.orders"} }),
		"has both socket and ca":              maria(func(c *sql.Config) { c.URL += "?ca=x&socket=/y" }),
		"is MariaDB's own":                    maria(func(c *sql.Config) { c.Privileges = []string{"UPDATE on mysql.global_priv"} }),
		"the host \"a'b\" is none":            maria(func(c *sql.Config) { c.Host = "a'b" }),
		"sign_in \"ed25519\" is unknown":      maria(func(c *sql.Config) { c.SignIn = "ed25519" }),
		"update needs create": func(c *sql.Config) {
			c.Preset, c.Rights, c.Statements = "", nil, statements("text")
			c.Statements.Create, c.Statements.Delete = "", ""
		},
		"syntax error in pattern": func(c *sql.Config) { c.Rights = []string{"["} },
		"exactly one":             func(c *sql.Config) { c.Password = engine.Secret{Env: "A", File: "b"} },
		"has its own":             func(c *sql.Config) { c.Statements.Grant = "x" },
		"is unknown":              func(c *sql.Config) { c.Preset = "oracle" },
		"statements.accounts":     func(c *sql.Config) { c.Preset, c.Rights = "", nil },
		"belong to a preset":      func(c *sql.Config) { c.Preset = "" },
		"come together": func(c *sql.Config) {
			c.Preset, c.Rights, c.Statements = "", nil, statements("text")
			c.Statements.Resume = ""
		},
		"suspend names the parameter :acount; it can have :account": func(c *sql.Config) {
			c.Preset, c.Rights, c.Statements = "", nil, statements("text")
			c.Statements.Suspend = "UPDATE users SET blocked = true WHERE id = :acount"
		},
	} {
		c := good
		change(&c)
		if _, err := sql.Open(c, options()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	c := good
	c.URL = "postgres://u@db.example.com/db"
	if _, err := sql.Open(c, options()); err != nil {
		t.Errorf("without sslmode certificates are verified: %v", err)
	}
}
