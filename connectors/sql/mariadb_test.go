package sql_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// needs is what the page says that the account of Rolecall needs.
const needs = `GRANT CREATE USER, CONNECTION ADMIN ON *.* TO rolecall@localhost;
GRANT SELECT ON mysql.* TO rolecall@localhost;
GRANT app_read TO rolecall@localhost WITH ADMIN OPTION; GRANT "Read all" TO rolecall@localhost WITH ADMIN OPTION;
GRANT "app_Ä" TO rolecall@localhost WITH ADMIN OPTION; GRANT app_boss TO rolecall@localhost WITH ADMIN OPTION;
GRANT SELECT ON shop_x.* TO rolecall@localhost WITH GRANT OPTION;
GRANT INSERT ON shop_x.orders TO rolecall@localhost WITH GRANT OPTION;`

func mariaConfig(s *servers.MariaDBServer) sql.Config {
	return sql.Config{Preset: "mariadb", URL: s.URL("rolecall", ""), Rights: []string{"app_*", "Read all"}, Ignore: []string{"ignored"},
		Privileges: []string{"SELECT on shop_x", "INSERT on shop_x.orders"}, Host: "10.%"}
}

func emptyMariaDB(t *testing.T, s *servers.MariaDBServer) {
	t.Helper()
	s.Exec(t, `SET sql_mode = ANSI_QUOTES;
		DELETE FROM mysql.global_priv WHERE User NOT IN ('root', 'mariadb.sys'); DELETE FROM mysql.roles_mapping; DELETE FROM mysql.db;
		DELETE FROM mysql.tables_priv WHERE User <> 'mariadb.sys'; DELETE FROM mysql.columns_priv; DELETE FROM mysql.procs_priv; FLUSH PRIVILEGES;
		DROP DATABASE IF EXISTS shop_x; CREATE DATABASE shop_x; CREATE TABLE shop_x.orders (n int);
		CREATE USER rolecall@127.0.0.1;
		CREATE ROLE app_read; CREATE ROLE "Read all"; CREATE ROLE "app_Ä"; CREATE ROLE dba; CREATE ROLE app_boss; GRANT SUPER ON *.* TO app_boss; CREATE ROLE ignored;
		CREATE USER Ann@'10.%'; CREATE USER ann@'10.%'; CREATE USER "Łucja O'Brien"@'10.%'; CREATE USER old@localhost ACCOUNT LOCK; CREATE USER ignored;
		GRANT app_read TO old@localhost; GRANT dba TO old@localhost; GRANT PROCESS ON *.* TO old@localhost; GRANT SELECT ON "shop_x".* TO old@localhost;
		GRANT INSERT, UPDATE ON "shop\_x".* TO old@localhost; GRANT SELECT (n), DELETE ON shop_x.orders TO old@localhost;`+
		strings.ReplaceAll(needs, "localhost", "127.0.0.1"))
}

func freshAccounts(t *testing.T, s *servers.MariaDBServer) *enginetest.ConnectorUnderTest {
	t.Helper()
	emptyMariaDB(t, s)
	c := mariaConfig(s)
	closed, wrong := c, c
	closed.URL, wrong.URL = "mariadb://rolecall@127.0.0.1:1/", s.URL("nobody", "")
	wrong.Password = engine.Secret{Env: "PW"}
	wire := &conformance.Wire{}
	return &enginetest.ConnectorUnderTest{
		Wire: wire, Connector: openThrough(t, wire, c), Accounts: []string{"Ann@10.%", "ann@10.%", "Łucja O'Brien@10.%"},
		Rights: []string{"app_read", "Read all", "app_Ä", "SELECT on shop_x", "INSERT on shop_x.orders"}, Stranger: "nobody@10.%", NoRight: "app_none",
		NewNames: []string{"dan", "Eve É"}, Secrets: []string{canary},
		Broken: []engine.Connector{open(t, closed), open(t, wrong)},
	}
}

func testMariaDBPreset(t *testing.T, s *servers.MariaDBServer) {
	u := freshAccounts(t, s)
	p := u.Connector
	t.Run("lists all that is held", func(t *testing.T) {
		held, err := p.(engine.Reader).Account(t.Context(), "old@localhost")
		want := "[.exists DELETE on shop_x.orders INSERT on shop_x PROCESS on everything SELECT on databases like shop_x SELECT on shop_x.orders (n) UPDATE on shop_x app_read dba]"
		if got := fmt.Sprint(names(held)); err != nil || got != want {
			t.Errorf("%s, %v", got, err)
		}
	})
	t.Run("names global privileges as SHOW GRANTS does", func(t *testing.T) { testGlobalNames(t, s, p) })
	t.Run("refuses what it must not change", func(t *testing.T) { testProtected(t, s, p) })
	t.Run("a privilege is on that database only", func(t *testing.T) {
		done(t, p.Grant, "ann@10.%", "SELECT on shop_x")
		if got := s.Exec(t, `SELECT Db FROM mysql.db WHERE User = 'ann'`); got != `shop\_x` {
			t.Errorf("granted on %q", got)
		}
	})
	t.Run("some roles are never rights", func(t *testing.T) { testOddRoles(t, s) })
	t.Run("what does not show is not done", func(t *testing.T) {
		if outcome, err := sql.Run(t.Context(), p, "DO 1", engine.Call{Grant: true, Account: "Ann@10.%", Entitlement: "app_read"}); outcome != engine.Uncertain || err == nil {
			t.Error(outcome, err)
		}
	})
	t.Run("a grant to nobody makes nobody", func(t *testing.T) {
		s.Exec(t, `SET GLOBAL sql_mode = ''`)
		defer s.Exec(t, `SET GLOBAL sql_mode = DEFAULT`)
		if _, err := sql.Affected(t.Context(), open(t, mariaConfig(s)), "GRANT SELECT ON shop_x.* TO ghost@'10.%'"); err == nil {
			t.Error("an account that was dropped meanwhile is made again, without a password")
		}
	})
	testMariaDBRules(t, s)
	t.Run("takes names for names", func(t *testing.T) { testHostileAccounts(t, s, p) })
	t.Run("a new account has no password", func(t *testing.T) { testNewAccount(t, s, p) })
	t.Run("a suspend ends sessions", func(t *testing.T) { testMariaDBSessions(t, s, p) })
	t.Run("a reader changes nothing", func(t *testing.T) { testReader(t, s, u) })
	t.Run("as documented", func(t *testing.T) { testDocumentedAccounts(t, s) })
	t.Run("an answer is lost", func(t *testing.T) { testLostAccounts(t, s) })
}

func done(t *testing.T, call func(context.Context, string, string) (engine.Outcome, error), account, right string) {
	t.Helper()
	if outcome, err := call(t.Context(), account, right); outcome != engine.Done || err != nil {
		t.Errorf("%q, %q: %s, %v", account, right, outcome, err)
	}
}

// snapshotOf is all that the server knows of accounts.
func snapshotOf(t *testing.T, s *servers.MariaDBServer) string {
	t.Helper()
	return s.Exec(t, `SELECT User, Host, Priv FROM mysql.global_priv ORDER BY 1, 2; SELECT * FROM mysql.roles_mapping ORDER BY 1, 2, 3;
		SELECT * FROM mysql.db ORDER BY 1, 2, 3; SELECT Host, Db, User, Table_name, Table_priv FROM mysql.tables_priv ORDER BY 1, 2, 3, 4`)
}

func testGlobalNames(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, `CREATE USER every@localhost; GRANT ALL ON *.* TO every@localhost WITH GRANT OPTION`)
	defer s.Exec(t, `DROP USER every@localhost`)
	// One by one, since ALL is shown as ALL.
	s.Exec(t, `REVOKE CREATE TABLESPACE ON *.* FROM every@localhost`)
	shown, _, _ := strings.Cut(strings.TrimPrefix(s.Exec(t, `SHOW GRANTS FOR every@localhost`), "GRANT "), " ON *.*")
	want := strings.Split(shown, ", ")
	want = append(want, "GRANT OPTION")
	for i := range want {
		want[i] += " on everything"
	}
	slices.Sort(want)
	held, err := p.(engine.Reader).Account(t.Context(), "every@localhost")
	if err != nil || len(held) < 30 {
		t.Fatal(held, err)
	}
	if got := names(held)[2:]; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func testProtected(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, "CREATE USER `back\\slash`@localhost, `a``b`@localhost, chief@localhost, app_read@localhost, root@'10.%', 'rolecall'@'10.%', ''@'10.%'; GRANT CREATE USER ON *.* TO chief@localhost;"+
		"CREATE USER keeper@localhost, wide@localhost, narrow@localhost, proxy@localhost, owner@localhost; GRANT CREATE, DROP, ALTER ON *.* TO owner@localhost; GRANT UPDATE ON mysql.global_priv TO keeper@localhost;"+
		"GRANT DELETE ON `my%`.* TO wide@localhost; GRANT DELETE ON `mine%`.* TO narrow@localhost; GRANT SELECT ON mysql.* TO narrow@localhost; GRANT PROXY ON root@localhost TO proxy@localhost;"+
		"CREATE ROLE app_keeper; GRANT UPDATE ON mysql.* TO app_keeper")
	defer s.Exec(t, `DROP ROLE app_keeper`)
	done(t, p.Grant, "narrow@localhost", "SELECT on shop_x")
	before := snapshotOf(t, s)
	for _, tc := range []struct{ account, right, want string }{
		{"ann@10.%", "dba", "not among the rights"},
		{"ann@10.%", "SELECT on mysql", "not among the rights"},
		{"ann@10.%", "SELECT on shop_y", "not among the rights"},
		{"ann@10.%", "PROCESS on everything", "not among the rights"},
		{"ann@10.%", "app_boss", "can change rights"},
		{"ann@10.%", "app_keeper", "can change rights"},
		{"keeper@localhost", "SELECT on shop_x", "can change rights itself"},
		{"wide@localhost", "SELECT on shop_x", "can change rights itself"},
		{"proxy@localhost", "SELECT on shop_x", "can change rights itself"},
		{"owner@localhost", "SELECT on shop_x", "can change rights itself"},
		{"root@localhost", "SELECT on shop_x", "can change rights itself"},
		{"root@10.%", "app_read", "can change rights itself"},
		{"chief@localhost", "app_read", "can change rights itself"},
		{"rolecall@127.0.0.1", "SELECT on shop_x", "itself signs in"},
		{"rolecall@10.%", "app_read", "itself signs in"},
		{"mariadb.sys@localhost", "app_read", "no account"},
		{"ignored@%", "app_read", "no account"},
		{"app_read@", "app_read", "no account"},
		{"@10.%", "app_read", "no account"},
		{`back\slash@localhost`, "app_read", "character"},
		{"a`b@localhost", "app_read", "character"},
		{"ann @10.%", "app_read", "no account"},
		{"ANN@10.%", "app_read", "no account"},
	} {
		if outcome, err := p.Grant(t.Context(), tc.account, tc.right); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("granting %q to %s: %s, %v, want %q", tc.right, tc.account, outcome, err, tc.want)
		}
	}
	for _, account := range []string{"root@localhost", "root@10.%", "chief@localhost", "rolecall@127.0.0.1", "rolecall@10.%", `back\slash@localhost`} {
		for _, right := range []string{engine.Active, engine.Exists} {
			if outcome, err := p.Revoke(t.Context(), account, right); (outcome != engine.Refused || err == nil) && outcome != engine.Already {
				t.Errorf("taking %q from %s: %s, %v", right, account, outcome, err)
			}
		}
	}
	if after := snapshotOf(t, s); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	listed := map[string]bool{}
	if _, err := p.Holdings(t.Context(), func(h engine.Holding) error { listed[h.Account] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]bool{`back\slash@localhost`: true, "a`b@localhost": true, "app_read@localhost": true, "app_read@": false, "@10.%": false, "mariadb.sys@localhost": false, "ignored@%": false} {
		if listed[account] != want {
			t.Errorf("%q is listed: %t", account, !want)
		}
	}
}

func testOddRoles(t *testing.T, s *servers.MariaDBServer) {
	s.Exec(t, `CREATE ROLE `+"`SELECT on shop_x`"+`; GRANT `+"`SELECT on shop_x`"+` TO Ann@'10.%'; GRANT SELECT ON test.* TO PUBLIC`)
	defer s.Exec(t, `DROP ROLE `+"`SELECT on shop_x`"+`; REVOKE SELECT ON test.* FROM PUBLIC`)
	c := mariaConfig(s)
	c.Rights, c.Privileges = []string{"*"}, []string{"INSERT on shop_x.orders"}
	p := open(t, c)
	for _, right := range []string{"PUBLIC", "NONE", "SELECT on shop_x"} {
		if outcome, err := p.Grant(t.Context(), "old@localhost", right); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "not among") {
			t.Errorf("%s: %s, %v", right, outcome, err)
		}
	}
	held, err := p.(engine.Reader).Account(t.Context(), "Ann@10.%")
	if got := fmt.Sprint(names(held)); err != nil || got != "[.exists  role SELECT on shop_x]" {
		t.Errorf("%s, %v", got, err)
	}
}

func testHostileAccounts(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	t.Helper()
	before := snapshotOf(t, s)
	for _, name := range []string{`x'; DROP USER ann@'10.%'; -- `, `x\`, `x\' OR 1=1 -- `, "x`y", `x"y`, "x@y@z'", "per%cent", "😀", "𝐀nn", strings.Repeat("é", 81), "trailing ", " x", "x\x00", "x\ny", "",
		"root", "mysql", "rolecall", "ignored", "mariadb.sys", "PUBLIC", "zero\u200bwidth", "\xff"} {
		outcome := engine.Refused
		if name == "x@y@z'" { // odd, and a name all the same
			outcome = engine.Done
		}
		id, got, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: name, Person: "7"})
		if got != outcome || got == engine.Refused && strings.Contains(err.Error(), "Error 1") { // it reached the server
			t.Errorf("%q: %s, %v", name, got, err)
		}
		if got == engine.Done {
			done(t, p.Grant, id, "app_read")
			done(t, p.Revoke, id, engine.Active)
			done(t, p.Revoke, id, engine.Exists)
		}
	}
	if after := snapshotOf(t, s); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	long := strings.Repeat("é", 80)
	id, outcome, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: long, Person: "7"})
	if outcome != engine.Done || s.Exec(t, `SELECT User FROM mysql.global_priv WHERE User LIKE 'éé%'`) != long {
		t.Errorf("80 characters: %s, %v", outcome, err)
	}
	done(t, p.Revoke, id, engine.Exists)
}

func testNewAccount(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	c := mariaConfig(s)
	c.Host, c.SignIn = "LOCALHOST", "unix_socket"
	local := open(t, c)
	for _, made := range []struct {
		p         engine.Connector
		id, plain string
	}{{p, "eve@10.%", "mysql_native_password"}, {local, "eve@localhost", "unix_socket"}} {
		for i, tc := range []struct {
			person string
			want   engine.Outcome
		}{{"8", engine.Done}, {"8", engine.Already}, {"9", engine.Refused}, {"", engine.Refused}} {
			id, outcome, err := made.p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "eve", Person: tc.person})
			if outcome != tc.want || (id != made.id) != (tc.want == engine.Refused) {
				t.Errorf("%s %d: %q, %s, %v", made.id, i, id, outcome, err)
			}
		}
		login, host, _ := strings.Cut(made.id, "@")
		shown := s.Exec(t, "SHOW CREATE USER "+login+"@'"+host+"'")
		if !strings.Contains(shown, "'*") || made.plain == "unix_socket" && !strings.Contains(shown, "VIA unix_socket OR mysql_native_password USING '*") {
			t.Error(shown)
		}
	}
	// With another password it is not known any more for whom it was made.
	s.Exec(t, `ALTER USER eve@'10.%' IDENTIFIED BY 'x'`)
	if _, outcome, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "eve", Person: "8"}); outcome != engine.Refused {
		t.Error(outcome, err)
	}
	if _, err := sqlx.Connect("mysql", s.DSN("eve:", "")); err == nil {
		t.Error("the new account signs in without a password")
	}
}

func testMariaDBSessions(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, `CREATE USER sam@127.0.0.1`)
	session := func() *sqlx.DB {
		db, err := sqlx.Connect("mysql", s.DSN("sam", ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	sessions := func() string {
		return s.Exec(t, `SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'sam'`)
	}
	_ = session()
	done(t, p.Revoke, "sam@127.0.0.1", engine.Active)
	if n := sessions(); n != "0" {
		t.Errorf("%s sessions of the suspended account go on", n)
	}
	// A drop ends them, too, and does not happen where it can't.
	done(t, p.Grant, "sam@127.0.0.1", engine.Active)
	_ = session()
	done(t, p.Revoke, "sam@127.0.0.1", engine.Exists)
	if n := sessions(); n != "0" {
		t.Errorf("%s sessions of the dropped account go on", n)
	}
	s.Exec(t, `CREATE USER sam@127.0.0.1 ACCOUNT LOCK`)
	// Without the right to end sessions the answer is an error, not Done, also when asked again.
	done(t, p.Grant, "sam@127.0.0.1", engine.Active)
	_ = session()
	s.Exec(t, `REVOKE CONNECTION ADMIN ON *.* FROM rolecall@127.0.0.1`)
	weak := open(t, mariaConfig(s))
	if _, err := weak.(engine.Describer).Describe(t.Context()); err == nil || !strings.Contains(err.Error(), "CONNECTION ADMIN is needed") {
		t.Error(err)
	}
	for _, want := range []engine.Outcome{engine.Uncertain, engine.Failed} { // it is locked by then
		if outcome, err := weak.Revoke(t.Context(), "sam@127.0.0.1", engine.Active); outcome != want || err == nil || !strings.Contains(err.Error(), "its sessions go on") {
			t.Errorf("a suspend that leaves a session gives %s, %v", outcome, err)
		}
	}
	if outcome, err := weak.Revoke(t.Context(), "sam@127.0.0.1", engine.Exists); outcome != engine.Failed || err == nil || s.Exec(t, `SELECT User FROM mysql.global_priv WHERE User = 'sam'`) != "sam" {
		t.Errorf("a drop that leaves a session: %s, %v", outcome, err)
	}
	s.Exec(t, `GRANT CONNECTION ADMIN ON *.* TO rolecall@127.0.0.1`)
	if outcome, err := open(t, mariaConfig(s)).Revoke(t.Context(), "sam@127.0.0.1", engine.Active); outcome != engine.Already || err != nil || sessions() != "0" {
		t.Errorf("repeated: %s, %v, %s sessions", outcome, err, sessions())
	}
}

// testReader: an account that can only read is enough for plan and check.
func testReader(t *testing.T, s *servers.MariaDBServer, u *enginetest.ConnectorUnderTest) {
	s.Exec(t, `CREATE USER reader@127.0.0.1; GRANT SELECT ON mysql.* TO reader@127.0.0.1`)
	c := mariaConfig(s)
	c.URL = s.URL("reader", "")
	reader := open(t, c)
	list := func(p engine.Connector) (out []string) {
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error { out = append(out, h.Account+" "+h.Entitlement); return nil })
		if err != nil || !proof.Complete() {
			t.Fatal(err)
		}
		return out
	}
	if got, want := list(reader), list(u.Connector); !slices.Equal(got, want) {
		t.Errorf("a reader sees %q\ninstead of %q", got, want)
	}
	if d, err := reader.(engine.Describer).Describe(t.Context()); err != nil || len(d.Grantable) != 6 {
		t.Error(d, err)
	}
	before := snapshotOf(t, s)
	for _, right := range []string{"app_read", "INSERT on shop_x.orders"} {
		if outcome, err := reader.Grant(t.Context(), "Ann@10.%", right); outcome != engine.Refused || err == nil {
			t.Errorf("%s: %s, %v", right, outcome, err)
		}
	}
	if _, outcome, err := reader.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "zoe", Person: "9"}); outcome != engine.Refused || err == nil {
		t.Error(outcome, err)
	}
	if after := snapshotOf(t, s); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
	s.Exec(t, `REVOKE SELECT ON mysql.* FROM reader@127.0.0.1`)
	if _, err := open(t, c).Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil {
		t.Error("an account that sees nothing gives a whole list")
	}
}

// lostAnswers makes a change again and again, each time with another answer of the database being the last: what is said must be true.
func lostAnswers(t *testing.T, cut *servers.Cutter, p func() engine.Connector, change func(engine.Connector) (engine.Outcome, error), is func() bool, undo func()) map[engine.Outcome]int {
	t.Helper()
	seen := map[engine.Outcome]int{} // where an answer was cut
	for n, whole := 1, 0; whole < 3; n++ {
		cut.Reset(servers.Cut{Request: n, Once: true})
		program := p()
		outcome, err := change(program)
		if cut.Over() {
			seen[outcome]++
			whole = 0
		} else {
			whole++
		}
		_ = program.(io.Closer).Close()
		if is := is(); outcome == engine.Done && !is || (outcome == engine.Failed || outcome == engine.Refused) && is || outcome == engine.Already || (err == nil) != (outcome == engine.Done) {
			t.Errorf("without the answer to request %d: %s, %v, and it is so: %t", n, outcome, err, is)
		}
		cut.Reset(servers.Cut{})
		again := p()
		if outcome, err := change(again); outcome != engine.Done && outcome != engine.Already || !is() {
			t.Errorf("repeated after request %d: %s, %v", n, outcome, err)
		}
		_ = again.(io.Closer).Close()
		undo()
	}
	if seen[engine.Uncertain] == 0 || seen[engine.Failed] == 0 {
		t.Errorf("outcomes %v: no answer was lost", seen)
	}
	return seen
}

func testLostAccounts(t *testing.T, s *servers.MariaDBServer) {
	emptyMariaDB(t, s)
	cut := servers.NewCutter(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
	c := mariaConfig(s)
	c.URL = "mariadb://rolecall@" + cut.Address + "/"
	p := func() engine.Connector { return open(t, c) }
	is := func(query string) func() bool {
		return func() bool { return s.Exec(t, "SELECT EXISTS ("+query+")") == "1" }
	}
	lostAnswers(t, cut, p, func(p engine.Connector) (engine.Outcome, error) { return p.Grant(t.Context(), "Ann@10.%", "app_read") },
		is(`SELECT 1 FROM mysql.roles_mapping WHERE User = 'Ann' AND Role = 'app_read'`), func() { s.Exec(t, `REVOKE app_read FROM Ann@'10.%'`) })
	lostAnswers(t, cut, p, func(p engine.Connector) (engine.Outcome, error) {
		_, outcome, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "zoe", Person: "7"})
		return outcome, err
	}, is(`SELECT 1 FROM mysql.global_priv WHERE User = 'zoe'`), func() { s.Exec(t, `DROP USER zoe@'10.%'`) })
	s.Exec(t, `CREATE USER zoe@'10.%'`)
	suspended := lostAnswers(t, cut, p, func(p engine.Connector) (engine.Outcome, error) {
		return p.Revoke(t.Context(), "zoe@10.%", engine.Active)
	}, is(`SELECT 1 FROM mysql.global_priv WHERE User = 'zoe' AND JSON_VALUE(Priv, '$.account_locked') IN ('true', '1')`), func() { s.Exec(t, `ALTER USER zoe@'10.%' ACCOUNT UNLOCK`) })
	if suspended[engine.Done] == 0 { // where what ends the sessions was not answered
		t.Errorf("sessions are not ended again: %v", suspended)
	}
	lostAnswers(t, cut, p, func(p engine.Connector) (engine.Outcome, error) {
		return p.Revoke(t.Context(), "zoe@10.%", engine.Exists)
	},
		is(`SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = 'zoe')`), func() { s.Exec(t, `CREATE USER zoe@'10.%'`) })
}

// A server with other settings takes no name for something else.
func testOtherSettings(t *testing.T, s *servers.MariaDBServer) {
	s.Kill()
	for settings, check := range map[string]func(t *testing.T, p engine.Connector){
		"sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT": func(t *testing.T, p engine.Connector) { testHostileAccounts(t, s, p) },
		"sql-mode=":                func(t *testing.T, p engine.Connector) { testHostileAccounts(t, s, p) },
		"version=8.0.36":           func(t *testing.T, p engine.Connector) { refuses(t, p, "is no MariaDB") },
		"lower-case-table-names=1": func(t *testing.T, p engine.Connector) { refuses(t, p, "in small letters") },
	} {
		t.Run(settings, func(t *testing.T) {
			s.StartWith(t, settings)
			c := mariaConfig(s)
			if strings.HasPrefix(settings, "lower") {
				c.Privileges = []string{"SELECT on Shop"}
			}
			check(t, open(t, c))
			s.Kill()
		})
	}
	t.Run("TLS", func(t *testing.T) { testTLS(t, s) })
	s.StartWith(t)
	defer s.Kill()
	t.Run("a server without TLS", func(t *testing.T) {
		ca := servers.NewCA(t, t.TempDir())
		c := mariaConfig(s)
		c.URL += "?ca=" + ca.File
		if _, err := open(t, c).Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Error(err)
		}
	})
}

// With ca, TLS is spoken on this machine, too, and only with whom the authority vouches for.
func testTLS(t *testing.T, s *servers.MariaDBServer) {
	ca, other := servers.NewCA(t, s.Dir()), servers.NewCA(t, t.TempDir())
	cert, key := ca.Issue(t, "db", "127.0.0.1")
	if err := errors.Join(s.Own(cert), s.Own(key)); err != nil {
		t.Fatal(err)
	}
	s.StartWith(t, "ssl-cert="+cert, "ssl-key="+key)
	defer s.Kill()
	s.Exec(t, `ALTER USER rolecall@127.0.0.1 REQUIRE SSL`)
	for address, want := range map[string]string{s.URL("rolecall", "") + "?ca=" + ca.File: "", s.URL("rolecall", "") + "?ca=" + other.File: "certificate", s.URL("rolecall", ""): "Access denied"} {
		c := mariaConfig(s)
		c.URL = address
		_, err := open(t, c).Holdings(t.Context(), func(engine.Holding) error { return nil })
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	s.Exec(t, `ALTER USER rolecall@127.0.0.1 REQUIRE NONE`)
}

func refuses(t *testing.T, p engine.Connector, want string) {
	t.Helper()
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	if outcome, err := p.Grant(t.Context(), "ann@10.%", "app_read"); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), want) {
		t.Error(outcome, err)
	}
}
