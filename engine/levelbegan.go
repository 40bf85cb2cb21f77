package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// LevelsLookBack is how long before the first day of service levels it is looked for what began to wait: what waits for longer counts from
// the read that led to the change.
const LevelsLookBack = LongestSilence

// began finds since when a change was wanted, from what the journal has: the beginning of the directory's read that led to it; or, where
// that is earlier, since when the person waited for an attribute, an approval or a seat, since when what somebody who left has was tried to
// be taken in vain. What a cut takes counts from its intent: an account may come up long after. The day on which somebody starts is not in
// the journal.
type began struct {
	read    map[string]time.Time // by run
	waits   map[FactKey]time.Time
	cleared map[FactKey]bool // by the run that is being read: its changes may be what waited
}

func newBegan() began {
	return began{read: map[string]time.Time{}, waits: map[FactKey]time.Time{}, cleared: map[FactKey]bool{}}
}

// take remembers what a record says of reads and of what waits.
func (b *began) take(r *Record) {
	if r.Kind == KindRun {
		for key := range b.cleared {
			delete(b.waits, key)
		}
		clear(b.cleared)
		b.ran(r)
	}
	for _, f := range r.Set {
		if b.counts(f) {
			b.waits[f.FactKey] = f.Since
			delete(b.cleared, f.FactKey)
		}
	}
	for _, key := range r.Clear {
		if _, known := b.waits[key]; known {
			b.cleared[key] = true
		}
	}
}

func (b *began) ran(r *Record) {
	var run struct{ Proofs []Proof }
	if json.Unmarshal(r.Data, &run) == nil && len(run.Proofs) > 0 { // else it was blanked, or is of another version
		b.read[r.Run] = run.Proofs[0].Started // the directory's
	}
}

func (b *began) counts(f Fact) bool {
	switch f.Kind {
	case FactItem, FactWaiting, FactLeaving:
		return true
	case FactSeat: // one that is kept is for later
		return f.Text != seatKept
	}
	return false
}

// since is when the change of an intent began to be wanted.
func (b *began) since(r *Record) time.Time {
	first := r.Time
	earlier := func(at time.Time) {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	if r.Cause == CauseCut {
		return first
	}
	earlier(b.read[r.Run])
	if d, err := parseIntentData(r.Data); err == nil {
		if d.Item != "" {
			earlier(b.waits[FactKey{Kind: FactItem, Key: d.Item}])
		}
		for _, kind := range d.Seats {
			earlier(b.waits[FactKey{Kind: FactSeat, Program: r.Program, Person: r.Person, Key: kind}])
		}
	}
	if r.Op.Gives() {
		earlier(b.waits[FactKey{Kind: FactWaiting, Person: r.Person, Program: r.Program}])
	} else {
		earlier(b.waits[FactKey{Kind: FactLeaving, Person: r.Person, Program: r.Program}])
	}
	return first
}

// read takes in what levels since a time are made of.
func (l *levels) read(ctx context.Context, log Log) error {
	err := log.Records(ctx, Query{From: l.since.Add(-LevelsLookBack)}, l.take)
	var pruned *Pruned
	if errors.As(err, &pruned) && !l.since.Before(pruned.Before) { // what is not there any more was only looked through
		return nil
	}
	return err
}
