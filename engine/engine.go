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
//
// Where to look:
//
//	the nouns        person, proof, mark, policy, connector, change, plan, settings, set, secret, mistake
//	the loop         reconcile (Engine: read, commit, apply), stalled, slot, snapshot
//	the directory    baseline (is the read to be believed?), accepted
//	a plan           makeplan calls, in this order: subject, programplan, openwork, accounts, evaluate, diff, decide, grants,
//	                 revokes, items (approvals), dependencies, limits (scopes, units, expected), alarms, unfinished, note (what is
//	                 remembered), tasks
//	the work         work, workbatch, call, outcome
//	the memory       journal (interfaces), record, canonical, intent, fold…, memory, memorybuilder, tenure
//	people decide    decisions (approve, pause, give, cut), decider, foureyes, token, adoption, undone (what undo would do), undo, restrict (a
//	                 reviewed plan), why, usage (what limits might be)
package engine
