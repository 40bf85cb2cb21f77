// Package dispatch decides who runs what on which machine: when a slot of the schedule is due, a run is asked for; when
// intents were written, their programs are worked.
//
// # What decides
//
// The journal does: a slot is run once whoever tries (engine.ErrSlotDone), an epoch lets the last planner win
// (engine.ErrDeposed), and claims hand an intent to one worker. So everything here may happen twice, late or on two
// machines, and only speed is at stake. Local does it inside one process; River lets several processes share one
// PostgreSQL, with River (riverqueue.com) as the queue.
//
// # What every process does by itself
//
// At each slot of the schedule, at start and once a minute it asks the journal for the last slot that was run, and
// sees to it that a newer one is run; and it works whatever program has open intents. Neither needs a leader: River's is
// missing for up to 20 s after it was killed, and River takes up an abandoned job only after an hour.
package dispatch
