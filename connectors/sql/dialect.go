package sql

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// dialect is what differs between the databases.
type dialect struct {
	name    string
	text    string   // a value as text, byte by byte: %[1]s stands for it
	given   string   // the one parameter of a list, to compare it with
	dollars bool     // parameters are $1, $2, … instead of ?
	read    []string // begin a transaction that reads one snapshot
	change  string   // begins one that changes
}

// dialects by the name of the driver.
func dialectOf(driver string) dialect {
	switch driver {
	case "mysql":
		return dialect{name: "MariaDB", given: "CAST(CONVERT(? USING utf8mb4) AS BINARY)", change: "START TRANSACTION",
			text: "CAST(IF(CHARSET(%[1]s) = 'binary', %[1]s, CONVERT(%[1]s USING utf8mb4)) AS BINARY)", // bytes that are no text stay what they are
			read: []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION READ ONLY"}}
	case "postgres":
		return dialect{name: "PostgreSQL", text: `CAST(%[1]s AS text) COLLATE "C"`, given: "$1", dollars: true, change: "BEGIN",
			read: []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}}
	}
	// A cast keeps the collation. A transaction is one snapshot without asking, and takes the write lock when it may write.
	return dialect{name: "SQLite", text: "(CAST(%[1]s AS text) || '')", given: "?", read: []string{"BEGIN"}, change: "BEGIN IMMEDIATE"}
}

// as gives a column as text, letter for letter: no collation folds case, accents or spaces at the end.
func (d dialect) as(column string) string { return fmt.Sprintf(d.text, column) }

// is compares columns with the parameter so: one of them is it.
func (d dialect) is(columns ...string) string {
	each := make([]string, 0, len(columns))
	for _, column := range columns {
		each = append(each, d.as(column))
	}
	return d.given + " IN (" + strings.Join(each, ", ") + ")"
}

// transactional are the statements that MariaDB can take back; others commit by themselves, or may.
var transactional = []string{"INSERT", "UPDATE", "DELETE", "REPLACE"}

var firstWord = regexp.MustCompile(`^[A-Za-z]*`)

// checkChange refuses what the database could not take back.
func (d dialect) checkChange(text string) error {
	if word := firstWord.FindString(text); d.name == "MariaDB" && !slices.Contains(transactional, strings.ToUpper(word)) {
		return fmt.Errorf("begins with %q; MariaDB can take back %s only", word, strings.Join(transactional, ", "))
	}
	return nil
}

// checkTables refuses tables that MariaDB can't take changes back in. An account with few rights sees only the tables it may use.
func (d dialect) checkTables(ctx context.Context, db sqlx.QueryerContext) error {
	if d.name != "MariaDB" {
		return nil
	}
	var bad []struct{ Name, Engine string }
	err := sqlx.SelectContext(ctx, db, &bad, `SELECT t.TABLE_NAME AS name, t.ENGINE AS engine FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
		WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' AND coalesce(e.TRANSACTIONS, 'NO') <> 'YES' ORDER BY 1`)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return refuse("the table %q is kept by %s, which can't take a change back; ALTER TABLE … ENGINE=InnoDB, or hide it from the account that signs in", bad[0].Name, bad[0].Engine)
	}
	return nil
}
