package sql_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
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
	return &enginetest.ConnectorUnderTest{
		Connector: open(t, c), Accounts: []string{"Ann@10.%", "ann@10.%", "Łucja O'Brien@10.%"},
		Rights: []string{"app_read", "Read all", "app_Ä", "SELECT on shop_x", "INSERT on shop_x.orders"}, Stranger: "nobody@10.%", NoRight: "app_none",
		NewNames: []string{"dan", "Eve É"}, Secrets: []string{canary},
		Broken: []engine.Connector{open(t, closed), open(t, wrong)},
	}
}
