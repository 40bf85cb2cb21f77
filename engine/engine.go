// Package engine holds the nouns of Rolecall and the decisions it makes; it does no I/O of its own.
//
// The data walks one way:
//
//	directories ──people + proof──▶ policy ──▶ desired, denied, unknown ─┐
//	                                                                     ├─▶ diff ─▶ plan ─▶ limits ─▶ journal
//	connectors ──holdings + proof─▶ actual + managed + pending ──────────┘                              │
//	                                        connectors ◀── work ◀───────────────────────────────────────┘
//	                                             └────▶ journal (outcomes)
//
// A run reads people and holdings, each with a proof of what was read; a Policy says what each person should have;
// MakePlan, a pure function of one Snapshot, compares the sets and says what would change and why, what waits for
// approval and what is held back; Commit writes the intents; Work carries them out and writes the outcomes. What is
// remembered from run to run is only what the journal's records fold to (Memory). Time is an input everywhere.
package engine
