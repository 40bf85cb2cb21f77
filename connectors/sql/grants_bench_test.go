package sql_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// BenchmarkGrants makes grants of one right to 400 accounts, four at once, against the bare driver that makes the same change and asks
// nothing: BEGIN, INSERT, COMMIT, or GRANT. x-bare is how many times as long the connector takes. A slow target takes 10 ms for each
// change, and 32 callers ask at once, of which the connector lets four go on.
func BenchmarkGrants(b *testing.B) {
	b.Run("statements on PostgreSQL", func(b *testing.B) {
		s := servers.Postgres(b, servers.WithFsync())
		dsn := s.NewDatabase(b)
		benchTables(b, "postgres", dsn, dsn, "bigint PRIMARY KEY", "text", `INSERT INTO user_rights VALUES ($1, 'read')`)
	})
	b.Run("slow target on PostgreSQL", func(b *testing.B) {
		s := servers.Postgres(b, servers.WithFsync())
		dsn := s.NewDatabase(b)
		slow := `CREATE FUNCTION takes_long() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END'; CREATE TRIGGER slow BEFORE INSERT ON user_rights FOR EACH ROW EXECUTE FUNCTION takes_long()`
		benchTables(b, "postgres", dsn, dsn, "bigint PRIMARY KEY", "text", `INSERT INTO user_rights VALUES ($1, 'read')`, slow)
	})
	b.Run("statements on MariaDB", func(b *testing.B) {
		s := servers.MariaDB(b)
		name := s.NewDatabase(b)
		benchTables(b, "mysql", s.DSN("root", name), s.URL("root", name), "bigint PRIMARY KEY", "char", `INSERT INTO user_rights VALUES (?, 'read')`)
	})
	b.Run("statements on SQLite", func(b *testing.B) {
		file := b.TempDir() + "/x.db"
		benchTables(b, "sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(10000)", "sqlite:"+file, "integer PRIMARY KEY", "text", `INSERT INTO user_rights VALUES (?, 'read')`)
	})
	b.Run("preset on MariaDB", func(b *testing.B) { benchAccounts(b, servers.MariaDB(b)) })
}

const benchGrants = 400

// atOnce makes each call, some at once.
func atOnce(b *testing.B, lanes int, call func(n int) error) time.Duration {
	b.Helper()
	var all sync.WaitGroup
	start := time.Now()
	for lane := range lanes {
		all.Go(func() {
			for n := lane + 1; n <= benchGrants; n += lanes {
				if err := call(n); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

func report(b *testing.B, own, bare time.Duration) {
	b.Helper()
	b.ReportMetric(benchGrants/own.Seconds(), "grants/s")
	b.ReportMetric(benchGrants/bare.Seconds(), "bare/s")
	b.ReportMetric(own.Seconds()/bare.Seconds(), "x-bare")
}

func benchOpen(b *testing.B, c sql.Config) engine.Connector {
	b.Helper()
	p, err := sql.Open(c, options())
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func granting(p engine.Connector, account func(n int) string, right string) func(int) error {
	return func(n int) error {
		if outcome, err := p.Grant(context.Background(), account(n), right); outcome != engine.Done {
			return fmt.Errorf("%s: %w", outcome, err)
		}
		return nil
	}
}

func benchTables(b *testing.B, driver, dsn, url, key, text, insert string, slow ...string) {
	db := sqlx.MustConnect(driver, dsn)
	defer db.Close()
	lanes := 4
	if len(slow) > 0 {
		lanes = 32
	}
	db.SetMaxIdleConns(lanes)
	db.SetMaxOpenConns(lanes)
	db.MustExec(`CREATE TABLE users (id ` + key + `, login varchar(100) UNIQUE NOT NULL, person text, mail text, blocked boolean NOT NULL DEFAULT false)`)
	db.MustExec(`CREATE TABLE rights (code varchar(100) PRIMARY KEY)`)
	db.MustExec(`CREATE TABLE user_rights (user_id bigint NOT NULL, code varchar(100) NOT NULL, PRIMARY KEY (user_id, code))`)
	db.MustExec(`INSERT INTO rights VALUES ('read')`)
	for n := 1; n <= benchGrants; n++ {
		db.MustExec(fmt.Sprintf(`INSERT INTO users (id, login) VALUES (%d, 'user%d')`, n, n))
	}
	for _, statement := range slow {
		db.MustExec(statement)
	}
	p := benchOpen(b, sql.Config{URL: url, Statements: statements(text)})
	var own, bare time.Duration
	for b.Loop() {
		db.MustExec(`DELETE FROM user_rights`)
		bare = atOnce(b, lanes, func(n int) error {
			tx, err := db.Begin()
			if err != nil {
				return err
			}
			if _, err := tx.Exec(insert, n); err != nil {
				return err
			}
			return tx.Commit()
		})
		db.MustExec(`DELETE FROM user_rights`)
		own = atOnce(b, lanes, granting(p, func(n int) string { return fmt.Sprint(n) }, "read"))
	}
	report(b, own, bare)
}

func benchAccounts(b *testing.B, s *servers.MariaDBServer) {
	db := sqlx.MustConnect("mysql", s.DSN("root", ""))
	defer db.Close()
	db.SetMaxIdleConns(4)
	db.SetMaxOpenConns(4)
	db.MustExec(`CREATE ROLE app_read`)
	account := func(n int) string { return fmt.Sprintf("user%d@%%", n) }
	for n := 1; n <= benchGrants; n++ {
		db.MustExec(fmt.Sprintf("CREATE USER user%d", n))
	}
	for _, command := range []string{"CREATE USER rolecall@127.0.0.1", "GRANT CREATE USER ON *.* TO rolecall@127.0.0.1", "GRANT SELECT ON mysql.* TO rolecall@127.0.0.1",
		"GRANT app_read TO rolecall@127.0.0.1 WITH ADMIN OPTION"} {
		db.MustExec(command)
	}
	p := benchOpen(b, sql.Config{Preset: "mariadb", URL: s.URL("rolecall", ""), Rights: []string{"app_*"}})
	each := func(format string) func(n int) error {
		return func(n int) error { _, err := db.Exec(fmt.Sprintf(format, n)); return err }
	}
	var own, bare time.Duration
	for b.Loop() {
		bare = atOnce(b, 4, each("GRANT app_read TO user%d@'%%'"))
		atOnce(b, 4, each("REVOKE app_read FROM user%d@'%%'"))
		own = atOnce(b, 4, granting(p, account, "app_read"))
		atOnce(b, 4, each("REVOKE app_read FROM user%d@'%%'"))
	}
	report(b, own, bare)
}
