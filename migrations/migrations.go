// Package migrations holds the schema of the journal's database: one set of files for SQLite and PostgreSQL, forward only.
//
// The files keep to what both databases read alike: TEXT and BIGINT, no generated numbers. Times are microseconds since
// 1970 in UTC; 0 is "none". A file that was released is never changed; a new one gets the next number.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed *.sql
var files embed.FS

// Files are the migrations, in the form that goose reads.
func Files() fs.FS { return further(files) }
