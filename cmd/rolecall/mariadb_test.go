package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const mariaConfiguration = `version: 1
directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login, mail: mail}}
policies: policies
leavers: {unmanaged: report}
programs:
  shopdb:
    {kind: sql, preset: mariadb, url: "%[1]s", rights: [app_*], privileges: [SELECT on shop], create: "{login}", revoke: managed, scratch: {}}
  erp:
    kind: sql
    url: %[2]s
    create: "{login}"
    attributes: {mail: "{mail}"}
    revoke: managed
    scratch: {attributes: {mail: x@example.com}}
    statements:
      accounts: SELECT id AS account, login AS name, NOT blocked AS active, person, mail FROM users
      holdings: SELECT user_id AS account, code AS entitlement FROM user_rights
      catalogue: SELECT code AS entitlement FROM rights
      grant: INSERT INTO user_rights (user_id, code) VALUES (:account, :entitlement)
      revoke: DELETE FROM user_rights WHERE CAST(user_id AS char) = :account AND code = :entitlement
      suspend: UPDATE users SET blocked = true WHERE CAST(id AS char) = :account
      resume: UPDATE users SET blocked = false WHERE CAST(id AS char) = :account
      create: INSERT INTO users (login, person, mail) VALUES (:name, :person, :mail)
      update: UPDATE users SET login = :name, mail = :mail WHERE CAST(id AS char) = :account
      delete: DELETE FROM users WHERE CAST(id AS char) = :account
`

// Accounts of a MariaDB server and of a program in its tables, from the configuration to what the server says afterwards.
func TestMariaDBFromTheCommandLine(t *testing.T) {
	if testing.Short() {
		t.Skip("a server, and the whole suite twice; it runs without -short")
	}
	s := servers.MariaDB(t)
	s.Exec(t, `CREATE ROLE app_read; CREATE ROLE app_write; GRANT app_read TO root@127.0.0.1 WITH ADMIN OPTION; GRANT app_write TO root@127.0.0.1 WITH ADMIN OPTION;
		CREATE DATABASE shop; CREATE DATABASE erp CHARACTER SET utf8mb4; USE erp;
		CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY, login varchar(100) UNIQUE NOT NULL, person text, mail text, blocked boolean NOT NULL DEFAULT false);
		CREATE TABLE rights (code varchar(100) PRIMARY KEY); INSERT INTO rights VALUES ('read'), ('write');
		CREATE TABLE user_rights (user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, code varchar(100) NOT NULL REFERENCES rights (code), PRIMARY KEY (user_id, code))`)
	u := newTerminal(t)
	for name, text := range map[string]string{
		"people.csv":        "id,login,mail\n1,ann,ann@example.com\n2,o'brien,ob@example.com\nrows,2\n",
		"rolecall.yaml":     fmt.Sprintf(mariaConfiguration, s.URL("root", ""), s.URL("root", "erp")),
		"policies/all.yaml": "version: 1\nrules:\n  - {name: all, when: 'true', grant: [shopdb, shopdb/app_read, shopdb/SELECT on shop, erp/read], reason: everybody}\n",
	} {
		path := filepath.Join(u.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, program := range []string{"shopdb", "erp"} {
		var c card
		if err := json.Unmarshal([]byte(u.types(exitDone, "connector", "test", program, "-o", "json")), &c); err != nil || !c.OK || c.Kind != "sql" {
			t.Errorf("%v\n%s", err, u.out)
		}
		t.Logf("%s: %d of %d passed, %d skipped", program, c.Passed, len(c.Checks), c.Skipped)
	}
	u.types(exitDone, "check")
	u.types(exitDone, "apply")
	if out := u.types(exitDone, "apply"); !strings.Contains(out, "othing") {
		t.Errorf("a second run: %s", out)
	}
	const want = "ann app_read\no'brien app_read"
	if got := strings.ReplaceAll(s.Exec(t, `SELECT User, Role FROM mysql.roles_mapping WHERE User <> 'root' ORDER BY 1`), "\t", " "); got != want {
		t.Errorf("roles: %q", got)
	}
	if got := s.Exec(t, `SELECT u.login, u.person, u.mail FROM erp.users u JOIN erp.user_rights r ON r.user_id = u.id ORDER BY 1`); strings.ReplaceAll(got, "\t", " ") != "ann 1 ann@example.com\no'brien 2 ob@example.com" {
		t.Errorf("rights: %q", got)
	}
	if got := s.Exec(t, `SELECT User FROM mysql.db WHERE Db = 'shop' AND Select_priv = 'Y' ORDER BY 1`); got != "ann\no'brien" {
		t.Errorf("privileges: %q", got)
	}
}
