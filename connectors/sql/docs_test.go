package sql_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// documented gives the example and the commands that stand under a heading, or behind a text, of docs/connectors.md.
func documented(t testing.TB, heading string) (c sql.Config, commands string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/connectors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n"+heading)
	part, _, _ = strings.Cut(part, "\n## ")
	part, _, _ = strings.Cut(part, "\n### ")
	block := func(kind string) string {
		_, block, _ := strings.Cut(part, "```"+kind+"\n")
		block, _, _ = strings.Cut(block, "```")
		return block
	}
	var file struct{ Programs map[string]sql.Config }
	if err := yaml.Unmarshal([]byte(block("yaml")), &file); err != nil || len(file.Programs) != 1 {
		t.Fatal(err)
	}
	for _, c = range file.Programs {
		c.Password = engine.Secret{}
	}
	return c, block("sql")
}

// The page's commands give what its example needs, and no more is needed.
func testDocumentedAccounts(t *testing.T, s *servers.MariaDBServer) {
	emptyMariaDB(t, s)
	s.Exec(t, `DROP USER rolecall@127.0.0.1; CREATE ROLE reporting; CREATE DATABASE shop; CREATE TABLE shop.orders (n int)`)
	defer s.Exec(t, `DROP DATABASE shop`)
	c, commands := documented(t, "### MariaDB accounts\n")
	s.Exec(t, strings.ReplaceAll(commands, "10.0.0.5", "127.0.0.1"))
	c.URL, c.Password, c.SignIn = s.URL("rolecall", ""), engine.Secret{Env: "PW"}, "unix_socket" // pam needs a plug-in of the server
	s.Exec(t, `SET PASSWORD FOR rolecall@127.0.0.1 = PASSWORD('`+canary+`')`)
	p := open(t, c)
	d, err := p.(engine.Describer).Describe(t.Context())
	if want := "[INSERT on shop.orders SELECT on shop app_boss app_read app_Ä reporting]"; err != nil || fmt.Sprint(d.Grantable) != want {
		t.Errorf("%q, %v", d.Grantable, err)
	}
	if err := everyCall(t, p); err != nil {
		t.Error(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(commands, "10.0.0.5", "127.0.0.1")), "\n") {
		grant, is := strings.CutPrefix(line, "GRANT ")
		if !is {
			continue
		}
		what, _, _ := strings.Cut(grant, " TO ")
		s.Exec(t, "REVOKE "+what+" FROM rolecall@127.0.0.1")
		if err := everyCall(t, open(t, c)); err == nil {
			t.Errorf("it is not needed: %s", line)
		}
		s.Exec(t, line+" DROP USER IF EXISTS dan@'10.0.%'")
	}
}

// everyCall makes an account, gives it all that there is, and takes it back.
func everyCall(t *testing.T, p engine.Connector) error {
	t.Helper()
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err != nil {
		return err
	}
	id, _, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "dan", Person: "7"})
	if err != nil {
		return err
	}
	rights := []string{"app_read", "reporting", "SELECT on shop", "INSERT on shop.orders"}
	for _, right := range rights {
		if outcome, err := p.Grant(t.Context(), id, right); outcome != engine.Done {
			return fmt.Errorf("%s: %s, %w", right, outcome, err)
		}
	}
	for _, right := range append(rights, engine.Active, engine.Exists) {
		if outcome, err := p.Revoke(t.Context(), id, right); outcome != engine.Done {
			return fmt.Errorf("%s: %s, %w", right, outcome, err)
		}
	}
	return nil
}

func testDocumentedTables(t *testing.T, c sql.Config, url string) {
	c.URL = url
	p := open(t, c)
	id, outcome, err := p.(engine.Creator).Create(t.Context(), engine.NewAccount{Name: "dan", Person: "7", Attributes: map[string]string{"mail": "x"}})
	if outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	if outcome, err := p.(engine.Updater).Update(t.Context(), id, engine.NewAccount{Name: "Dan", Attributes: map[string]string{"mail": "y"}}); outcome != engine.Done {
		t.Error(outcome, err)
	}
	done(t, p.Grant, id, "read")
	for _, right := range []string{"read", engine.Active, engine.Exists} {
		done(t, p.Revoke, id, right)
	}
	if list, reasons := state(t, p); len(reasons) > 0 || len(list) < 7 {
		t.Error(list, reasons)
	}
}

func testMediaWiki(t *testing.T, s *servers.MariaDBServer) {
	name := s.NewDatabase(t)
	s.Exec(t, "USE "+name+`; CREATE TABLE user (user_id int unsigned AUTO_INCREMENT PRIMARY KEY, user_name varbinary(255) NOT NULL UNIQUE, user_email tinyblob NOT NULL);
		CREATE TABLE user_groups (ug_user int unsigned NOT NULL, ug_group varbinary(255) NOT NULL, ug_expiry varbinary(14), PRIMARY KEY (ug_user, ug_group));
		INSERT INTO user (user_name, user_email) VALUES ('Ann Example', 'ann@example.com'), ('Łucja', ''), ('łucja', ''); INSERT INTO user_groups VALUES (1, 'sysop', NULL), (2, 'bot', '20270101000000')`)
	c, _ := documented(t, "A recipe: the groups of MediaWiki")
	c.URL = s.URL("root", name)
	p := open(t, c)
	done(t, p.Grant, "2", "Interface-Admin é")
	done(t, p.Revoke, "1", "sysop")
	list, reasons := state(t, p)
	if want := `[1 ".exists" 2 ".exists" 3 ".exists" 2 "Interface-Admin é"]`; fmt.Sprint(list) != want || len(reasons) > 0 {
		t.Errorf("%v, %v", list, reasons)
	}
}
