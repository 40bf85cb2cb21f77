// Package audit is the tamper-evident log under the journal: a Merkle tree
// over bytes (RFC 6962 section 2.1, through golang.org/x/mod/sumdb/tlog) and
// signed checkpoints of it (c2sp.org/tlog-checkpoint, through sumdb/note).
//
// It is pure: no clock, no database, no file. It knows records only as bytes.
//
// # Numbering
//
// Records are numbered from 1 without gaps; the record with seq s is leaf s-1
// of the tree. A size is a count of records, so a tree of size n holds the
// records 1 to n.
//
// # What a store keeps
//
// Three things are enough for every root and proof:
//
//   - with each record its leaf hash ([Leaf]), and its salt and personal part,
//     or, once these are blanked, their [Commitment];
//   - in the head row the [Frontier] as text (under 3 KiB at any size);
//   - one [Node] for each 256, 65,536, ... records, as [Frontier.Append]
//     returns them: one row of (level, index, hash) per 255 records or so.
//
// Nodes are complete when they are made and never change, so nothing is read
// back or rewritten when records are added. The tile at (L, N) of
// c2sp.org/tlog-tiles is the nodes of level 8L from index 256N on.
// Records may later be dropped from the front at a multiple of 256: proofs of
// the remaining records still need no more than the nodes.
//
// # What verification shows
//
// [Verify] finds every difference between the records and a root that comes
// from outside the store. Without such a root (a checkpoint saved elsewhere)
// somebody who can write to the store can rewrite all of it: hashes inside
// the store only catch accidents and careless hands.
package audit
