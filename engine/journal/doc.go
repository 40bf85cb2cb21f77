// Package journal keeps the journal in a database: SQLite (modernc.org/sqlite) or PostgreSQL (lib/pq), one schema and one
// code path.
//
// # What a write does
//
// Appends of one process that come together share a transaction. It locks the head row first and holds no other lock that
// anybody waits for, so the order of commits is the order of the records, and two writers can't deadlock. Under the lock
// it loads the part of the views that the records may touch, lets engine.Fold check and apply them, and writes the records
// and what the fold says it touched. The meaning of the records is thus written once, in the fold; the tables only hold it.
//
// # What a record is in the tree
//
// See stored.go and package audit. The tree's frontier is in the head row, its inner nodes in the table node.
package journal
