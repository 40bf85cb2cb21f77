package sql_test

import (
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
)

func withDoors(s *sql.Statements) {
	s.EndSessions = "DELETE FROM sessions WHERE CAST(user_id AS text) = :account"
	s.Secret = "UPDATE users SET mail = :secret WHERE CAST(id AS text) = :account"
}

// Statements end any number of sessions, and set one secret, which no error tells.
func TestStatementsForSessionsAndSecrets(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, `CREATE TABLE sessions (user_id integer)`, `INSERT INTO sessions VALUES (1), (1), (2)`)
	p := d.with(t, withDoors)
	can, err := p.(engine.Describer).Describe(t.Context())
	if err != nil || !can.Sessions || !can.Secrets {
		t.Errorf("%+v, %v", can, err)
	}
	one := func(query string) (text string) {
		db := sqlx.MustConnect(d.driver, d.dsn)
		defer db.Close()
		if err := db.Get(&text, query); err != nil {
			t.Fatal(err)
		}
		return text
	}
	account := d.u.Accounts[0]
	for range 2 {
		if err := p.(engine.SessionEnder).EndSessions(t.Context(), account); err != nil {
			t.Error(err)
		}
	}
	if left := one(`SELECT group_concat(user_id) FROM sessions`); left != "2" {
		t.Errorf("sessions of %s are left", left)
	}
	secret, err := p.(engine.SecretMaker).NewSecret(t.Context(), account)
	if err != nil || secret == "" || one(`SELECT mail FROM users WHERE id = 1`) != secret {
		t.Errorf("%q, %v", secret, err)
	}
	if secret, err := p.(engine.SecretMaker).NewSecret(t.Context(), "4711"); secret != "" || err == nil || !strings.Contains(err.Error(), "no account") {
		t.Errorf("of nobody: %q, %v", secret, err)
	}
	bad := d.with(t, func(s *sql.Statements) { withDoors(s); s.Secret = "UPDATE users SET mail = :secret" })
	if secret, err := bad.(engine.SecretMaker).NewSecret(t.Context(), account); secret != "" || err == nil || !strings.Contains(err.Error(), "4 rows instead of one") {
		t.Errorf("of everybody: %q, %v", secret, err)
	}
	if still := one(`SELECT mail FROM users WHERE id = 1`); still != secret {
		t.Errorf("the secret is %q now", still)
	}
	none := d.with(t, func(*sql.Statements) {})
	if _, err := none.(engine.SecretMaker).NewSecret(t.Context(), account); err == nil {
		t.Error("a secret without a statement")
	}
	if err := none.(engine.SessionEnder).EndSessions(t.Context(), account); err == nil {
		t.Error("sessions without a statement")
	}
}
