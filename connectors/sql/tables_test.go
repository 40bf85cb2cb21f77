package sql_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// database is one of those that statements run on, with the tables of freshTables.
type database struct {
	driver, dsn, url string
	u                *enginetest.ConnectorUnderTest
}

func (d database) exec(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sqlx.Connect(d.driver, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		db.MustExec(s)
	}
}

func (d database) text() string {
	if d.driver == "mysql" {
		return "char"
	}
	return "text"
}

// with opens the connector with other statements.
func (d database) with(t *testing.T, change func(*sql.Statements)) engine.Connector {
	t.Helper()
	s := statements(d.text())
	change(&s)
	return open(t, sql.Config{URL: d.url, Statements: s})
}

func onSQLite(t *testing.T) database {
	file := filepath.Join(t.TempDir(), "x.db")
	return database{"sqlite", file, "sqlite:" + file, freshTables(t, "sqlite", file, "sqlite:"+file, "integer PRIMARY KEY")}
}

func onMariaDB(t *testing.T, s *servers.MariaDBServer) database {
	name := s.NewDatabase(t)
	d := database{driver: "mysql", dsn: s.DSN("root", name), url: s.URL("root", name)}
	d.u = freshTables(t, d.driver, d.dsn, d.url, "bigint AUTO_INCREMENT PRIMARY KEY")
	return d
}

func onPostgreSQL(t *testing.T, s *servers.PostgresServer) database {
	dsn := s.NewDatabase(t)
	return database{"postgres", dsn, dsn, freshTables(t, "postgres", dsn, dsn, "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY")}
}

// state is what the connector lists, and why that is not whole.
func state(t *testing.T, p engine.Connector) (out, reasons []string) {
	t.Helper()
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		out = append(out, fmt.Sprintf("%s %q", h.Account, h.Entitlement))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range proof.Reasons {
		reasons = append(reasons, r.Detail)
	}
	return out, reasons
}

func refused(t *testing.T, p engine.Connector, account, right, want string) {
	t.Helper()
	before, _ := state(t, p)
	if outcome, err := p.Grant(t.Context(), account, right); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("granting %q to %q: %s, %v; want %q", right, account, outcome, err, want)
	}
	if after, _ := state(t, p); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a refused grant left %q instead of %q", after, before)
	}
}

const greedy = `INSERT INTO user_rights SELECT NEW.user_id, 'Write All' FROM rights WHERE code = 'Write All' AND NEW.code = 'read'`

// A trigger that gives more than was asked for is seen, and taken back with the rest.
func TestTriggerGivesMore(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, `CREATE TRIGGER more AFTER INSERT ON user_rights BEGIN `+greedy+`; END`)
	refused(t, d.u.Connector, d.u.Accounts[0], "read", `gave "Write All", too`)
	done(t, d.u.Connector.Grant, d.u.Accounts[0], "Löschen's")
}

// Names that the database takes for one make the list incomplete; one of them is not found by the other.
func TestCollationOnSQLite(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, `CREATE TABLE folded (code varchar(100) COLLATE NOCASE)`, `INSERT INTO folded VALUES ('READ'), ('other')`)
	for name, change := range map[string]func(*sql.Statements){
		`"READ" and "Read" are one name`: func(s *sql.Statements) {
			s.Holdings = "SELECT 1 AS account, code AS entitlement FROM (SELECT code FROM folded UNION ALL SELECT 'Read')"
		},
		`"READ" and "read" are one name`: func(s *sql.Statements) {
			s.Holdings = "SELECT 1 AS account, code AS entitlement FROM folded"
		},
	} {
		if _, reasons := state(t, d.with(t, change)); len(reasons) == 0 || !strings.Contains(reasons[0], name) {
			t.Errorf("%q; want %s", reasons, name)
		}
	}
}

// A column that folds case does not make two names one.
func TestFoldedAccountsOnSQLite(t *testing.T) {
	d := onSQLite(t)
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT login COLLATE NOCASE AS account FROM users"
		s.Suspend, s.Resume = "", ""
	})
	if held, err := p.(engine.Reader).Account(t.Context(), "ANN"); len(held) > 0 || err != nil {
		t.Error(held, err)
	}
	if held, err := p.(engine.Reader).Account(t.Context(), "ann"); len(held) != 1 || err != nil {
		t.Error(held, err)
	}
	refused(t, p, "ANN", "read", "no account")
}

func testTablesOnMariaDB(t *testing.T, s *servers.MariaDBServer) {
	t.Run("keys with zeros", func(t *testing.T) {
		testListedKey(t, onMariaDB(t, s), "bigint(6) ZEROFILL", "42", "000042")
	})
	t.Run("bytes that are no text", func(t *testing.T) { testBytes(t, onMariaDB(t, s)) })
	t.Run("no limit cuts the list", func(t *testing.T) {
		d := onMariaDB(t, s)
		s.Exec(t, `SET GLOBAL sql_select_limit = 1`)
		defer s.Exec(t, `SET GLOBAL sql_select_limit = DEFAULT`)
		if list, _ := state(t, d.with(t, func(*sql.Statements) {})); len(list) != 7 {
			t.Errorf("%q", list)
		}
		wait := 0
		if err := sql.Session(d.u.Connector).Get(&wait, `SELECT @@lock_wait_timeout`); err != nil || wait > 60 {
			t.Errorf("locks are waited for %d s, %v", wait, err)
		}
	})
	t.Run("a view hides a table that takes nothing back", func(t *testing.T) { testHiddenTable(t, s, onMariaDB(t, s)) })
	t.Run("no answer to the last word", func(t *testing.T) { testNoLastAnswer(t, s, onMariaDB(t, s)) })
	t.Run("collations", func(t *testing.T) { testCollation(t, onMariaDB(t, s)) })
	t.Run("a trigger gives more", func(t *testing.T) {
		d := onMariaDB(t, s)
		d.exec(t, `CREATE TABLE others (user_id bigint, code varchar(100))`, `CREATE TRIGGER more AFTER INSERT ON user_rights FOR EACH ROW `+strings.Replace(greedy, "user_rights", "others", 1))
		refused(t, d.with(t, func(s *sql.Statements) {
			s.Holdings += " "
			s.Holdings = strings.Replace(s.Holdings, "ORDER BY 1", "UNION ALL SELECT user_id, code FROM others", 1)
		}),
			d.u.Accounts[0], "read", `gave "Write All", too`)
	})
	t.Run("a table that takes nothing back", func(t *testing.T) {
		d := onMariaDB(t, s)
		d.exec(t, `CREATE TABLE old (n int) ENGINE=MyISAM`)
		fresh := d.with(t, func(*sql.Statements) {})
		refused(t, fresh, d.u.Accounts[0], "read", "is kept by MyISAM")
		if _, err := fresh.(engine.Describer).Describe(t.Context()); err == nil || !strings.Contains(err.Error(), `"old"`) {
			t.Error(err)
		}
	})
	t.Run("as documented", func(t *testing.T) {
		d := onMariaDB(t, s)
		c, commands := documented(t, "### Tables of a program\n")
		database := d.url[strings.LastIndex(d.url, "/")+1:]
		s.Exec(t, "CREATE OR REPLACE USER rolecall@127.0.0.1; USE "+database+"; "+strings.ReplaceAll(commands, "TO rolecall", "TO rolecall@127.0.0.1"))
		for _, statement := range []*string{&c.Statements.Revoke, &c.Statements.Suspend, &c.Statements.Resume, &c.Statements.Update, &c.Statements.Delete, &c.Statements.Grant} {
			*statement = strings.NewReplacer("AS text", "AS char", "AS bigint", "AS signed").Replace(*statement)
		}
		testDocumentedTables(t, c, s.URL("rolecall", database))
	})
	t.Run("MediaWiki", func(t *testing.T) { testMediaWiki(t, s) })
	t.Run("rows that match are counted", func(t *testing.T) {
		d := onMariaDB(t, s)
		if n, err := sql.Affected(t.Context(), d.u.Connector, "UPDATE users SET blocked = blocked"); n != 4 || err != nil {
			t.Error(n, err)
		}
		if n, err := sql.Affected(t.Context(), d.u.Connector, "UPDATE users SET blocked = true WHERE 'ann' = 'ANN'"); n != 0 || err != nil {
			t.Errorf("texts that differ by case are equal: %d, %v", n, err)
		}
	})
	t.Run("what does not fit is not cut", func(t *testing.T) {
		d := onMariaDB(t, s)
		s.Exec(t, `SET GLOBAL sql_mode = ''`)
		defer s.Exec(t, `SET GLOBAL sql_mode = DEFAULT`)
		p := d.with(t, func(*sql.Statements) {})
		before, _ := state(t, p)
		if id, outcome, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: strings.Repeat("é", 101), Attributes: map[string]string{"mail": "x"}}); outcome != engine.Refused || !strings.Contains(err.Error(), "too long") {
			t.Error(id, outcome, err)
		}
		if after, _ := state(t, p); len(after) != len(before) {
			t.Errorf("%q", after)
		}
	})
	t.Run("hostile values", func(t *testing.T) {
		for _, mode := range []string{"DEFAULT", "'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"} {
			s.Exec(t, `SET GLOBAL sql_mode = `+mode)
			testHostileValues(t, onMariaDB(t, s))
		}
		s.Exec(t, `SET GLOBAL sql_mode = DEFAULT`)
	})
	t.Run("an answer is lost", func(t *testing.T) {
		d := onMariaDB(t, s)
		cut := servers.NewCutter(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
		url := strings.Replace(d.url, fmt.Sprintf("127.0.0.1:%d", s.Port), cut.Address, 1)
		database := d.url[strings.LastIndex(d.url, "/")+1:]
		lostAnswers(t, cut, func() engine.Connector { return open(t, sql.Config{URL: url, Statements: statements("char")}) },
			func(p engine.Connector) (engine.Outcome, error) { return p.Grant(t.Context(), d.u.Accounts[0], "read") },
			func() bool { return s.Exec(t, "SELECT count(*) FROM "+database+".user_rights") == "1" },
			func() { s.Exec(t, "DELETE FROM "+database+".user_rights") })
	})
}

// utf8mb4_general_ci folds case, accents and spaces at the end.
func testCollation(t *testing.T, d database) {
	d.exec(t, `SET FOREIGN_KEY_CHECKS = 0`, `CREATE TABLE people (login varchar(100) COLLATE utf8mb4_bin)`, `CREATE TABLE held (login varchar(100), code varchar(100))`,
		`ALTER TABLE held CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`, `INSERT INTO people VALUES ('ann'), ('Ann'), ('rené'), ('rene')`,
		`INSERT INTO held VALUES ('ann', 'Read')`)
	accounts := func(s *sql.Statements) {
		s.Accounts = "SELECT login AS account FROM people WHERE login IN ('ann', 'rene')"
	}
	for want, change := range map[string]func(*sql.Statements){
		"": func(s *sql.Statements) { s.Accounts = "SELECT login AS account FROM people" },
		`statements.accounts: "Ann" and "ann"`: func(s *sql.Statements) {
			s.Accounts = "SELECT login COLLATE utf8mb4_general_ci AS account FROM people WHERE login <> 'rené'"
		},
		`statements.accounts: "rene" and "rené"`: func(s *sql.Statements) {
			s.Accounts = "SELECT login COLLATE utf8mb4_general_ci AS account FROM people WHERE login <> 'Ann'"
		},
		`statements.holdings: "Read" and "read"`: func(s *sql.Statements) {
			accounts(s)
			s.Holdings = "SELECT login AS account, code AS entitlement FROM held UNION ALL SELECT login, lower(code) FROM held"
		},
		`statements.holdings and catalogue: "Read" and "read"`: func(s *sql.Statements) {
			accounts(s)
			s.Holdings = "SELECT login AS account, code AS entitlement FROM held"
		},
		`statements.holdings and accounts: "ann " and "ann"`: func(s *sql.Statements) {
			accounts(s)
			s.Holdings, s.Catalogue = "SELECT CONCAT(login, ' ') AS account, code AS entitlement FROM held", ""
		},
	} {
		_, reasons := state(t, d.with(t, change))
		if want == "" && len(reasons) > 0 || want != "" && (len(reasons) == 0 || !strings.HasPrefix(reasons[0], want)) {
			t.Errorf("%q; want %q", reasons, want)
		}
	}
	// A right that differs in case only from one that exists is another one, and there is no such right.
	refused(t, d.u.Connector, d.u.Accounts[0], "READ", "there is no right")
	refused(t, d.u.Connector, d.u.Accounts[0], "read ", "there is no right")
}

func testHostileValues(t *testing.T, d database) {
	t.Helper()
	before, _ := state(t, d.u.Connector)
	for _, name := range []string{`x\' OR 1=1 -- `, `x'; DROP TABLE users; -- x`, `x\`, `"x" ?`, "per%c_nt", ":name", "😀", "e\u0301", "x`y"} {
		id, outcome, err := d.u.Connector.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: strings.TrimSpace(name), Person: "7", Attributes: map[string]string{"mail": name}})
		if outcome != engine.Done {
			t.Errorf("%q: %s, %v", name, outcome, err)
			continue
		}
		held, err := d.u.Connector.(engine.Reader).Account(t.Context(), id)
		if err != nil || len(held) != 2 || held[0].Info.Name != strings.TrimSpace(name) || held[0].Info.Attributes["mail"] != name {
			t.Errorf("%q is read as %v, %v", name, held, err)
		}
		done(t, d.u.Connector.Revoke, id, engine.Exists)
	}
	if after, _ := state(t, d.u.Connector); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%q instead of %q", after, before)
	}
}

func testTablesOnPostgreSQL(t *testing.T, s *servers.PostgresServer) {
	t.Run("keys with spaces", func(t *testing.T) { testListedKey(t, onPostgreSQL(t, s), "char(10)", "'ann'", "ann") })
	t.Run("a question mark in a list", func(t *testing.T) {
		d := onPostgreSQL(t, s)
		p := d.with(t, func(s *sql.Statements) {
			s.Accounts = "SELECT login || CASE WHEN id = 1 THEN '?' ELSE '' END AS account, login AS name, NOT blocked AS active FROM users"
			s.Accounts = "SELECT * FROM (" + s.Accounts + ") AS x WHERE account NOT LIKE '%?%'"
		})
		held, err := p.(engine.Reader).Account(t.Context(), "Łucja")
		if list, _ := state(t, p); len(list) != 5 || len(held) != 2 || err != nil {
			t.Errorf("%q, %v, %v", list, held, err)
		}
	})
	t.Run("hostile values", func(t *testing.T) { testHostileValues(t, onPostgreSQL(t, s)) })
	t.Run("as documented", func(t *testing.T) {
		d := onPostgreSQL(t, s)
		c, commands := documented(t, "### Tables of a program\n")
		s.Exec(t, `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'rolecall') THEN CREATE ROLE rolecall LOGIN; END IF; END $$`)
		d.exec(t, commands)
		testDocumentedTables(t, c, as(d.url, "rolecall"))
	})
	t.Run("a collation that folds case", func(t *testing.T) {
		d := onPostgreSQL(t, s)
		d.exec(t, `CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`, `CREATE TABLE held (code text COLLATE folds)`, `INSERT INTO held VALUES ('Read')`)
		p := d.with(t, func(s *sql.Statements) { s.Holdings = "SELECT 1 AS account, code AS entitlement FROM held" })
		if _, reasons := state(t, p); len(reasons) != 1 || !strings.Contains(reasons[0], `"Read" and "read" are one name`) {
			t.Error(reasons)
		}
		p = d.with(t, func(s *sql.Statements) {
			s.Accounts = "SELECT login COLLATE folds AS account FROM users"
			s.Suspend, s.Resume = "", ""
		})
		refused(t, p, "ANN", "read", "no account")
	})
	t.Run("lists of different types", func(t *testing.T) {
		d := onPostgreSQL(t, s)
		d.exec(t, `INSERT INTO user_rights VALUES (1, 'read')`)
		_, reasons := state(t, d.with(t, func(s *sql.Statements) {
			s.Holdings = "SELECT 'nobody'::text AS account, code AS entitlement FROM user_rights"
		}))
		if len(reasons) > 0 {
			t.Error(reasons)
		}
	})
	t.Run("an answer is lost", func(t *testing.T) {
		d := onPostgreSQL(t, s)
		cut := servers.NewCutter(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
		url := strings.Replace(d.url, fmt.Sprintf("127.0.0.1:%d", s.Port), cut.Address, 1)
		count := func() string {
			db := sqlx.MustConnect("postgres", d.dsn)
			defer db.Close()
			var n string
			if err := db.Get(&n, `SELECT count(*)::text FROM user_rights`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		lostAnswers(t, cut, func() engine.Connector { return open(t, sql.Config{URL: url, Statements: statements("text")}) },
			func(p engine.Connector) (engine.Outcome, error) { return p.Grant(t.Context(), d.u.Accounts[0], "read") },
			func() bool { return count() == "1" }, func() { d.exec(t, `DELETE FROM user_rights`) })
	})
}

// An update needs to see what it changes.
func TestUpdateSeesItsColumns(t *testing.T) {
	d := onSQLite(t)
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT id AS account, login AS name, NOT blocked AS active FROM users"
	})
	outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], engine.NewAccount{Name: "new", Attributes: map[string]string{"mail": "x"}})
	if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), `column "mail"`) {
		t.Error(outcome, err)
	}
	p = d.with(t, func(s *sql.Statements) {
		s.Update = "UPDATE users SET login = login || :name WHERE CAST(id AS text) = :account"
	})
	outcome, err = p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], engine.NewAccount{Name: "new"})
	if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "does not show the new name") {
		t.Error(outcome, err)
	}
}

// What is wrong in a statement is said before anything is called.
func TestStatementMistakes(t *testing.T) {
	good := map[string]string{"mariadb://u@localhost/db": "char", "postgres://u@localhost/db": "text", "sqlite:x.db": "text"}
	for _, tc := range []struct{ url, statement, want string }{
		{"", "INSERT INTO x VALUES (:account, :entitlement, 'a:b', \"c:d\") -- for :nobody\n", ""},
		{"", "INSERT INTO x VALUES (:account, :right)", "names the parameter :right; it can have :account, :entitlement"},
		{"", "INSERT INTO x VALUES (:account, 'it''s :nothing)", "quote without an end"},
		{"", "INSERT INTO x VALUES (:account); DROP TABLE x", "more than one statement"},
		{"", "INSERT INTO x /* :account */ VALUES (1)", "has a comment"},
		{"", "INSERT INTO x VALUES ($1)", "write parameters as :account"},
		{"mariadb://u@localhost/db", "INSERT INTO x VALUES (?)", "write parameters as :account"},
		{"sqlite:x.db", "INSERT INTO x VALUES (?1)", "write parameters as :account"},
		{"mariadb://u@localhost/db", `INSERT INTO x VALUES ('\' :account')`, "has a backslash"},
		{"postgres://u@localhost/db", `INSERT INTO x VALUES (E'\' :account')`, "has a backslash"},
		{"postgres://u@localhost/db", `INSERT INTO x VALUES ($$:account$$)`, "write parameters as :account"},
		{"postgres://u@localhost/db", `INSERT INTO x VALUES (:account::bigint, tags ? 'x', '\')`, ""},
		{"mariadb://u@localhost/db", "CALL give(:account)", `begins with "CALL"`},
		{"mariadb://u@localhost/db", "GRANT x TO :account", `begins with "GRANT"`},
		{"mariadb://u@localhost/db", "INSERT INTO x VALUES (1) # :account", "has a comment"},
		{"mariadb://u@localhost/db", "UPDATE x SET n = n--1", "no comment in MariaDB"},
		{"postgres://u@localhost/db", "SELECT give(:account, :entitlement)", ""},
	} {
		for url, text := range good {
			if tc.url != "" && tc.url != url {
				continue
			}
			s := statements(text)
			s.Grant = tc.statement
			_, err := sql.Open(sql.Config{URL: url, Statements: s}, options())
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), "statements.grant "+tc.want) && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s %s: %v, want %q", url, tc.statement, err, tc.want)
			}
		}
	}
}
