package sql

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// refusedByPostgres: rights, dependents, duplicate, undefined, grant loop, reserved, bad value. PostgreSQL manual, appendix A.
var refusedByPostgres = []string{"42501", "2BP01", "42710", "42704", "0LP01", "42939", "22023"}

// refusedByMariaDB are the numbers of errors that the same call will meet again. MariaDB error code reference.
var refusedByMariaDB = []uint16{
	1044, 1141, 1142, 1143, 1147, 1227, 1370, 1410, 1698, 1959, // lacks the right to, or there is no such grant
	1048, 1054, 1064, 1146, 1305, 1366, 1406, 1264, 1265, 1292, 1267, // null, unknown column, syntax, no table, no routine, values that don't fit
	1216, 1217, 1451, 1452, 3819, 4025, 1644, // foreign key, check, SIGNAL of a trigger; a duplicate may be of the same moment
	1133, 1396, 1470, 1962, 1961, // no such account, CREATE or DROP USER failed, name too long, role can't be revoked or granted
}

// outcomeOf says what an error within a transaction that is rolled back means. Refused: the same call will fail again.
func outcomeOf(err error) engine.Outcome {
	var refused refusal
	var pqErr *pq.Error
	var myErr *mysql.MySQLError
	switch {
	case errors.As(err, &refused),
		errors.As(err, &pqErr) && slices.Contains(refusedByPostgres, string(pqErr.Code)),
		errors.As(err, &myErr) && slices.Contains(refusedByMariaDB, myErr.Number):
		return engine.Refused
	}
	return engine.Failed
}

// cutShort: the server ends, the statement or the connection was killed or took too long. What was being committed may be done or not.
var cutShort = []uint16{1053, 1077, 1079, 1152, 1317, 1927, 1969, 3024}

// answered says that the error is the database's own: it did not do what it was told.
func answered(err error) bool {
	var pqErr *pq.Error
	var myErr *mysql.MySQLError
	return errors.As(err, &pqErr) || errors.As(err, &myErr) && !slices.Contains(cutShort, myErr.Number)
}

// refusal is a reason that will hold when the call is repeated.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }
