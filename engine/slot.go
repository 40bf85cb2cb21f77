package engine

import (
	"context"
	"errors"
	"time"
)

// ErrSlotDone: the slot of the schedule, or a later one, was run already. Nothing was written.
var ErrSlotDone = errors.New("this slot of the schedule was run already")

// LastSlot is the last slot of the schedule that was run, zero if none was. It reads the newest runs only, so it may be
// asked often, where Journal.Memory reads everything. A slot after latest is from a clock that was ahead, and passed over;
// zero: none is.
func LastSlot(ctx context.Context, l Log, latest time.Time) (slot time.Time, err error) {
	const page = 20 // most runs are of the schedule; the others come from people
	q := Query{Kind: KindRun, Newest: true, Limit: page}
	for n := page; n == page && err == nil && slot.IsZero(); {
		n = 0
		err = l.Records(ctx, q, func(r Record) error {
			n++
			q.Before = r.Seq
			for _, f := range r.Set {
				if f.Kind == FactSlot && f.Since.After(slot) && (latest.IsZero() || !f.Since.After(latest)) {
					slot = f.Since
				}
			}
			return nil
		})
	}
	if errors.Is(err, ErrPruned) { // the pages came to the first one that is there
		err = nil
	}
	return slot, err
}
