package sql_test

import (
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
)

// A column that an update does not name gets back what it has, of the type that it has: true is no text, or who is blocked would be no more.
func TestUpdateKeepsTypesOfOthers(t *testing.T) {
	for column, value := range map[string]string{"barred boolean": "1", "badge blob": "x'00ff'", "photo blob": "x'616263'", "floor": "5", "size": "1000000.0", "quota integer": "9007199254740993", "room text": "'5.12'"} {
		name, _, _ := strings.Cut(column, " ")
		d := onSQLite(t)
		d.exec(t, "ALTER TABLE users ADD COLUMN "+column, "UPDATE users SET mail = 'old', "+name+" = "+value)
		before := d.typed(t, name)
		p := d.with(t, func(s *sql.Statements) {
			s.Accounts = "SELECT id AS account, mail, " + name + ", NOT blocked AS active FROM users"
			s.Update = "UPDATE users SET mail = :mail, " + name + " = :" + name + " WHERE CAST(id AS text) = :account"
		})
		outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], engine.NewAccount{Attributes: map[string]string{"mail": "new"}})
		if outcome != engine.Done {
			t.Errorf("%s: %s, %v", column, outcome, err)
		}
		if after := d.typed(t, name); after != before {
			t.Errorf("%s is %s, and was %s", column, after, before)
		}
	}
}

// What the driver shows otherwise than it is stored can't be given back.
func TestUpdateDoesNotWriteTimesAnew(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, "ALTER TABLE users ADD COLUMN since date", "UPDATE users SET since = '2024-01-02'")
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT id AS account, mail, since, NOT blocked AS active FROM users"
		s.Update = "UPDATE users SET mail = :mail, since = :since WHERE CAST(id AS text) = :account"
	})
	outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], engine.NewAccount{Attributes: map[string]string{"mail": "new"}})
	if now := d.typed(t, "since"); outcome != engine.Refused || err == nil || now != "text '2024-01-02'" {
		t.Errorf("%s, %v, %s", outcome, err, now)
	}
}

// What says whose an account is, or whether it is active, is no attribute.
func TestUpdateOfWhatHasAMeaning(t *testing.T) {
	d := onSQLite(t)
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT id AS account, mail, NOT blocked AS active FROM users"
		s.Update = "UPDATE users SET blocked = (:active = 'false') WHERE CAST(id AS text) = :account"
	})
	outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], engine.NewAccount{Attributes: map[string]string{"active": "false"}})
	if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), `"active"`) {
		t.Errorf("%s, %v", outcome, err)
	}
}

// A rename names the owner, as a creation does.
func TestRenameNamesTheOwner(t *testing.T) {
	d := onSQLite(t)
	d.exec(t, "ALTER TABLE users ADD COLUMN owner text")
	p := d.with(t, func(s *sql.Statements) {
		s.Accounts = "SELECT id AS account, login AS name, mail, owner AS person, NOT blocked AS active FROM users"
		s.Update = "UPDATE users SET login = :name, owner = :person WHERE CAST(id AS text) = :account"
	})
	to := engine.NewAccount{Name: "new", Person: "key-1", Attributes: map[string]string{"person": "key-1"}}
	if outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], to); outcome != engine.Done {
		t.Errorf("%s, %v", outcome, err)
	}
	to.Attributes["person"] = "key-2"
	if outcome, err := p.(engine.Updater).Update(t.Context(), d.u.Accounts[0], to); outcome != engine.Refused {
		t.Errorf("%s, %v", outcome, err)
	}
}

func (d database) typed(t *testing.T, column string) (out string) {
	t.Helper()
	db := sqlx.MustConnect(d.driver, d.dsn)
	defer db.Close()
	if err := db.Get(&out, "SELECT typeof("+column+") || ' ' || quote("+column+") FROM users ORDER BY id LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	return out
}
