package sql

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		err      error
		want     engine.Outcome
		answered bool
	}{
		{&mysql.MySQLError{Number: 1452}, engine.Refused, true},
		{&mysql.MySQLError{Number: 1062}, engine.Failed, true},
		{&mysql.MySQLError{Number: 1213}, engine.Failed, true},  // a deadlock: later it works
		{&mysql.MySQLError{Number: 1927}, engine.Failed, false}, // the connection was killed: a commit may have been made
		{&mysql.MySQLError{Number: 1053}, engine.Failed, false},
		{&pq.Error{Code: "42501"}, engine.Refused, true},
		{&pq.Error{Code: "40P01"}, engine.Failed, true},
		{refuse("no"), engine.Refused, false},
		{errors.New("connection reset"), engine.Failed, false},
	} {
		err := fmt.Errorf("somewhere: %w", tc.err)
		if got := outcomeOf(err); got != tc.want || answered(err) != tc.answered {
			t.Errorf("%v: %s, answered %t", tc.err, got, answered(err))
		}
	}
}
