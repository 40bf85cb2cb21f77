package sql_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// testListedKey suspends the account that is listed.
func testListedKey(t *testing.T, d database, kind, key, listed string) {
	d.exec(t, `CREATE TABLE keyed (account `+kind+` PRIMARY KEY, blocked boolean NOT NULL DEFAULT false)`, `INSERT INTO keyed (account) VALUES (`+key+`)`)
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT account, NOT blocked AS active FROM keyed"
		s.Suspend, s.Resume = "UPDATE keyed SET blocked = true WHERE account = :account", "UPDATE keyed SET blocked = false WHERE account = :account"
		s.Create, s.Update, s.Delete = "", "", ""
	})
	list, reasons := state(t, p)
	if want := fmt.Sprintf("[%[1]s %[2]q %[1]s %[3]q]", listed, engine.Exists, engine.Active); fmt.Sprint(list) != want || len(reasons) > 0 {
		t.Fatalf("%s, %q; want %s", list, reasons, want)
	}
	held, err := p.(engine.Reader).Account(t.Context(), listed)
	if err != nil || len(held) != 2 || held[0].Account != listed || held[0].Info.Attributes["account"] != listed {
		t.Errorf("%v, %v", held, err)
	}
	done(t, p.Revoke, listed, engine.Active)
	if list, _ := state(t, p); len(list) != 1 {
		t.Errorf("afterwards: %s", list)
	}
}

// testBytes: a name that is no text is never taken for another one, and never for gone.
func testBytes(t *testing.T, d database) {
	d.exec(t, `CREATE TABLE people (login varbinary(20))`, `CREATE TABLE held (login varbinary(20), code varchar(20))`,
		`INSERT INTO people VALUES (x'616E6EE9'), ('ann?'), ('łucja'), ('a	b')`, `INSERT INTO held VALUES (x'616E6EE9', 'read')`)
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts, s.Holdings = "SELECT login AS account FROM people", "SELECT login AS account, code AS entitlement FROM held"
		s.Grant, s.Revoke = "INSERT INTO held VALUES (:account, :entitlement)", "DELETE FROM held WHERE login = :account AND code = :entitlement"
		s.Suspend, s.Resume, s.Create, s.Update, s.Delete = "", "", "", "", ""
	})
	list, reasons := state(t, p)
	if want := `[ann? ".exists" łucja ".exists" a	b ".exists"]`; fmt.Sprint(list) != want || len(reasons) != 2 || !strings.Contains(reasons[0], `"ann\xe9"`) {
		t.Errorf("%s, %q", list, reasons)
	}
	done(t, p.Grant, "ann?", "read")
	done(t, p.Grant, "łucja", "read")
	for _, account := range []string{"ann\xe9", "a\tb"} {
		if outcome, err := p.Revoke(t.Context(), account, "read"); outcome != engine.Refused || err == nil {
			t.Errorf("%q: %s, %v", account, outcome, err)
		}
	}
	if held, err := p.(engine.Reader).Account(t.Context(), "a\tb"); len(held) != 1 || err != nil {
		t.Error(held, err)
	}
}

// testHiddenTable: what is said to be taken back was.
func testHiddenTable(t *testing.T, s *servers.MariaDBServer, d database) {
	other := s.NewDatabase(t)
	s.Exec(t, `CREATE TABLE `+other+`.held (account varchar(20), code varchar(20)) ENGINE=MyISAM; INSERT INTO `+other+`.held VALUES (1, 'read'), (1, 'read')`)
	d.exec(t, `CREATE VIEW held AS SELECT * FROM `+other+`.held`)
	p := d.with(t, func(s *sql.Statements) {
		s.Holdings, s.Revoke = "SELECT account, code AS entitlement FROM held", "DELETE FROM held WHERE account = :account AND code = :entitlement"
	})
	if outcome, err := p.Revoke(t.Context(), "1", "read"); outcome != engine.Uncertain || err == nil || !strings.Contains(err.Error(), "did not take all of it back") {
		t.Error(outcome, err)
	}
}

// testNoLastAnswer: a call ends in time when the answer to COMMIT, or ROLLBACK, never comes.
func testNoLastAnswer(t *testing.T, s *servers.MariaDBServer, d database) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := fmt.Sprintf("127.0.0.1:%d", s.Port)
	go swallow(l, target)
	p := open(t, sql.Config{URL: strings.Replace(d.url, target, l.Addr().String(), 1), Statements: statements("char")})
	for range 5 { // more often than there are connections
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if outcome, err := p.Grant(ctx, d.u.Accounts[0], "read"); outcome != engine.Uncertain || err == nil {
			t.Error(outcome, err)
		}
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		if _, err := p.Holdings(ctx, func(engine.Holding) error { return nil }); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// swallow carries all requests but those that end a transaction.
func swallow(l net.Listener, target string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp4", target)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(c, server) }()
		go func() {
			defer server.Close()
			buffer := make([]byte, 64<<10)
			for {
				n, err := c.Read(buffer)
				if err != nil {
					return
				}
				if !bytes.Contains(buffer[:n], []byte("COMMIT")) && !bytes.Contains(buffer[:n], []byte("ROLLBACK")) {
					_, _ = server.Write(buffer[:n])
				}
			}
		}()
	}
}

// A statement that takes another right away with the one it gives changes nothing.
func TestReplacedRight(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, `ALTER TABLE users ADD role text`, `UPDATE users SET role = 'given by hand'`)
	p := d.with(t, func(s *sql.Statements) {
		s.Holdings = "SELECT id AS account, role AS entitlement FROM users WHERE role <> ''"
		s.Grant = "UPDATE users SET role = :entitlement WHERE CAST(id AS text) = :account"
		s.Revoke = "UPDATE users SET role = '' WHERE CAST(id AS text) = :account AND role = :entitlement"
	})
	refused(t, p, d.u.Accounts[0], "read", `took "given by hand", too`)
	done(t, p.Revoke, d.u.Accounts[0], "given by hand")
	done(t, p.Grant, d.u.Accounts[0], "read")
	done(t, p.Revoke, d.u.Accounts[0], engine.Active)
	done(t, p.Revoke, d.u.Accounts[0], engine.Exists)
}
