package journal

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// bisect finds the first record at or after a time, the number after the last one where there is none. Time never runs backwards in
// a journal, so no index of it is needed: some 25 records are looked at among ten million, in one question. Numbers may be missing.
const bisect = `WITH RECURSIVE b(low, high) AS (
	SELECT CAST(1 AS BIGINT), size + 1 FROM head
	UNION ALL
	SELECT CASE WHEN ` + middle + ` < ? THEN (low + high) / 2 + 1 ELSE low END, CASE WHEN ` + middle + ` < ? THEN high ELSE (low + high) / 2 END
	FROM b WHERE low < high)
	SELECT low FROM b WHERE low >= high`

// middle is the time of a record halfway. SQLite lets no subquery of a step read b as a table.
const middle = "(SELECT j.time FROM journal j WHERE j.seq >= (low + high) / 2 ORDER BY j.seq LIMIT 1)"

// firstFrom is the number of the first record at or after a time in microseconds, or the one after the last record.
func firstFrom(ctx context.Context, q sqlx.QueryerContext, bind func(string) string, at int64) (seq int64, err error) {
	return seq, sqlx.GetContext(ctx, q, &seq, bind(bisect), at, at)
}
