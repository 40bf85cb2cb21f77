package sql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// testMariaDBRules: what Rolecall must not touch, or not take along. Each part makes its own accounts.
func testMariaDBRules(t *testing.T, s *servers.MariaDBServer) {
	for name, test := range map[string]func(*testing.T, *servers.MariaDBServer, engine.Connector){
		"a revoke takes nothing along": testTakenAlong, "power comes from roles, too": testRoles, "accounts of one login": testOneLogin,
		"names that could be another": testAmbiguousNames, "an error is read back": testReadBack, "a list is whole or none": testWholeList,
		"what is not managed is not gone": testNotManaged,
	} {
		t.Run(name, func(t *testing.T) {
			emptyMariaDB(t, s)
			test(t, s, open(t, mariaConfig(s)))
		})
	}
	emptyMariaDB(t, s)
}

func holds(t *testing.T, p engine.Connector, account string) string {
	t.Helper()
	held, err := p.(engine.Reader).Account(t.Context(), account)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprint(names(held))
}

// declined is a call that is refused, for a reason.
func declined(t *testing.T, outcome engine.Outcome, err error, want string) {
	t.Helper()
	if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s, %v; want %q", outcome, err, want)
	}
}

func testTakenAlong(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, `GRANT INSERT (n) ON shop_x.orders TO ann@'10.%'; GRANT app_read TO Ann@'10.%' WITH ADMIN OPTION`)
	done(t, p.Grant, "ann@10.%", "INSERT on shop_x.orders")
	outcome, err := p.Revoke(t.Context(), "ann@10.%", "INSERT on shop_x.orders")
	declined(t, outcome, err, "would take \"INSERT on shop_x.orders (n)\" along")
	if got := holds(t, p, "ann@10.%"); got != "[.exists  INSERT on shop_x.orders INSERT on shop_x.orders (n)]" {
		t.Error(got)
	}
	// What is taken along all the same is said.
	call := engine.Call{Account: "ann@10.%", Entitlement: "INSERT on shop_x.orders"}
	if outcome, err := sql.Run(t.Context(), p, "REVOKE INSERT ON shop_x.orders FROM ann@'10.%'", call); outcome != engine.Uncertain || err == nil || !strings.Contains(err.Error(), "more than it should") {
		t.Error(outcome, err)
	}
	if got := holds(t, p, "Ann@10.%"); got != "[.exists  app_read app_read with admin option]" {
		t.Error(got)
	}
	outcome, err = p.Revoke(t.Context(), "Ann@10.%", "app_read")
	declined(t, outcome, err, "can change rights itself")
}

func testRoles(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, `GRANT SUPER ON *.* TO dba; CREATE ROLE app_x, app_y, app_give, app_late; GRANT dba TO app_x; GRANT app_x TO app_y; GRANT SELECT ON shop_x.* TO app_give WITH GRANT OPTION;
		GRANT app_late TO rolecall@127.0.0.1 WITH ADMIN OPTION; CREATE USER chief@localhost; GRANT app_y TO chief@localhost; SET DEFAULT ROLE app_y FOR chief@localhost`)
	for _, role := range []string{"app_x", "app_y", "app_give"} {
		outcome, err := p.Grant(t.Context(), "ann@10.%", role)
		declined(t, outcome, err, "can change rights")
	}
	for _, right := range []string{engine.Active, engine.Exists} {
		outcome, err := p.Revoke(t.Context(), "chief@localhost", right)
		declined(t, outcome, err, "can change rights itself")
	}
	held, err := p.(engine.Reader).Account(t.Context(), "chief@localhost")
	if err != nil || len(held) == 0 || held[0].Info.Kind != "admin" {
		t.Error(held, err)
	}
	kinds := map[string]string{}
	if _, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		if h.Info != nil {
			kinds[h.Account] = h.Info.Kind
		}
		return nil
	}); err != nil || kinds["chief@localhost"] != "admin" || kinds["ann@10.%"] != "" {
		t.Error(kinds, err)
	}
	// A role that becomes mighty can be taken again, and not be given any more.
	done(t, p.Grant, "ann@10.%", "app_late")
	s.Exec(t, `GRANT SUPER ON *.* TO app_late`)
	outcome, err := p.Grant(t.Context(), "Ann@10.%", "app_late")
	declined(t, outcome, err, "grant it by hand")
	outcome, err = p.Revoke(t.Context(), "ann@10.%", engine.Active)
	declined(t, outcome, err, "can change rights itself")
	done(t, p.Revoke, "ann@10.%", "app_late")
	s.Exec(t, `GRANT INSERT ON mysql.* TO PUBLIC`)
	defer s.Exec(t, `REVOKE INSERT ON mysql.* FROM PUBLIC`)
	outcome, err = p.Grant(t.Context(), "ann@10.%", "app_read")
	declined(t, outcome, err, "can change rights itself")
}

func testOneLogin(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, `CREATE USER adm@127.0.0.1, bob@127.0.0.1, bob@'10.%'; GRANT SUPER ON *.* TO adm@127.0.0.1; CREATE USER adm@'10.%'`)
	session := func(login string) *sqlx.DB {
		db, err := sqlx.Connect("mysql", s.DSN(login, ""))
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	lives := func(db *sqlx.DB, id int) bool {
		now := 0
		return db.Get(&now, "SELECT CONNECTION_ID()") == nil && now == id
	}
	number := func(db *sqlx.DB) (id int) {
		if err := db.Get(&id, "SELECT CONNECTION_ID()"); err != nil {
			t.Error(err)
		}
		return id
	}
	adm, bob := session("adm"), session("bob")
	admID, bobID := number(adm), number(bob)
	for _, right := range []string{engine.Active, engine.Exists} {
		outcome, err := p.Revoke(t.Context(), "adm@10.%", right)
		declined(t, outcome, err, `sessions of "adm@127.0.0.1" would end, too`)
	}
	s.Exec(t, `ALTER USER adm@'10.%' ACCOUNT LOCK; ALTER USER bob@'10.%' ACCOUNT LOCK`)
	if outcome, err := p.Revoke(t.Context(), "bob@10.%", engine.Active); outcome != engine.Already || err != nil {
		t.Error(outcome, err)
	}
	_, _ = p.Revoke(t.Context(), "adm@10.%", engine.Active)
	if !lives(adm, admID) || !lives(bob, bobID) {
		t.Error("the session of another account of the login ended")
	}
}

func testAmbiguousNames(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, "CREATE DATABASE `shop_x.orders`; CREATE DATABASE everything; CREATE ROLE `app_read with admin option`")
	defer s.Exec(t, "DROP DATABASE `shop_x.orders`; DROP DATABASE everything; DROP ROLE `app_read with admin option`")
	s.Exec(t, "GRANT INSERT ON `shop\\_x.orders`.* TO ann@'10.%'; GRANT SELECT ON everything.* TO ann@'10.%'; GRANT `app_read with admin option` TO ann@'10.%'")
	want := "[.exists  INSERT on database `shop_x.orders` SELECT on database `everything` role app_read with admin option]"
	if got := holds(t, p, "ann@10.%"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	s.Exec(t, "REVOKE `app_read with admin option` FROM ann@'10.%'")
	done(t, p.Grant, "ann@10.%", "INSERT on shop_x.orders")
	done(t, p.Revoke, "ann@10.%", "INSERT on shop_x.orders")
	if got := holds(t, p, "ann@10.%"); got != "[.exists  INSERT on database `shop_x.orders` SELECT on database `everything`]" {
		t.Error(got)
	}
}

// MariaDB drops the accounts of one statement one by one.
func testReadBack(t *testing.T, _ *servers.MariaDBServer, p engine.Connector) {
	call := engine.Call{Account: "ann@10.%", Entitlement: engine.Exists}
	for statement, want := range map[string]engine.Outcome{"DROP USER nobody@nowhere": engine.Refused, "DROP USER ann@'10.%', nobody@nowhere": engine.Uncertain} {
		if outcome, err := sql.Run(t.Context(), p, statement, call); outcome != want || err == nil {
			t.Errorf("%s: %s, %v", statement, outcome, err)
		}
	}
}

func testWholeList(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	list := func(p engine.Connector) (out []string) {
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error { out = append(out, h.Account+" "+h.Entitlement); return nil })
		if err != nil || !proof.Complete() {
			return nil
		}
		return out
	}
	want := list(p)
	s.Exec(t, `SET GLOBAL sql_select_limit = 1`)
	defer s.Exec(t, `SET GLOBAL sql_select_limit = DEFAULT`)
	if got := list(open(t, mariaConfig(s))); len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("%q instead of %q", got, want)
	}
	s.Exec(t, `CREATE USER reader@127.0.0.1; GRANT SELECT (User, Host, Db, Insert_priv) ON mysql.db TO reader@127.0.0.1`)
	for _, table := range []string{"global_priv", "roles_mapping", "tables_priv", "columns_priv", "procs_priv", "proxies_priv"} {
		s.Exec(t, `GRANT SELECT ON mysql.`+table+` TO reader@127.0.0.1`)
	}
	c := mariaConfig(s)
	c.URL = s.URL("reader", "")
	if got := list(open(t, c)); got != nil {
		t.Errorf("whoever sees a part of the privileges gets a whole list: %q", got)
	}
}

// testNotManaged: an account that is there does not count as gone, though nothing is done to it.
func testNotManaged(t *testing.T, s *servers.MariaDBServer, p engine.Connector) {
	s.Exec(t, "CREATE USER `con\ttrol`@'10.%'")
	for account, want := range map[string]string{"ignored@%": "see ignore", "con\ttrol@10.%": "character"} {
		for _, right := range []string{engine.Active, engine.Exists} {
			outcome, err := p.Revoke(t.Context(), account, right)
			declined(t, outcome, err, want)
		}
	}
	if got := holds(t, p, "con\ttrol@10.%"); got != "[.exists ]" {
		t.Error(got)
	}
	if got := holds(t, p, "ignored@%"); got != "[]" {
		t.Error(got)
	}
}
