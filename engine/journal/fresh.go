package journal

import (
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// fresh are the intents that this process committed since it last began to lead, until it claims them, so that they need not be read
// back and parsed. What is kept counts only while the journal holds the same leaf under the
// same number, so that a database that was put back in between is believed, and not this. Safe for concurrent use.
type fresh struct {
	mu      sync.Mutex
	records map[int64]engine.Record
}

// mostFresh bounds the memory, some 1 KiB for each; what comes beyond is read back.
const mostFresh = 100_000

// keep takes the intents of committed requests, and forgets those that have an outcome.
func (f *fresh) keep(requests []*request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.records == nil {
		f.records = map[int64]engine.Record{}
	}
	for _, q := range requests {
		if q.err != nil {
			continue
		}
		for _, r := range q.records {
			switch {
			case r.Kind == engine.KindOutcome:
				delete(f.records, r.Of)
			case r.Kind == engine.KindIntent && len(f.records) < mostFresh:
				f.records[r.Seq] = r
			}
		}
	}
}

// take gives the kept ones of some numbers away.
func (f *fresh) take(seqs []int64) map[int64]engine.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := map[int64]engine.Record{}
	for _, seq := range seqs {
		if r, ok := f.records[seq]; ok {
			taken[seq] = r
			delete(f.records, seq)
		}
	}
	return taken
}

func (f *fresh) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = nil
}

// claimed reads the intents that were chosen: of those that this process committed, only what has become of them.
func (t *tx) claimed(chosen *rows) (all []*intentRow, err error) {
	own, others := newRows("i"), newRows("i")
	kept := t.store.fresh.take(chosen.numbers)
	for _, seq := range chosen.numbers {
		if _, ok := kept[seq]; ok {
			own.add(seq)
		} else {
			others.add(seq)
		}
	}
	err = t.query("SELECT o.seq, j.leaf, "+stateOfIntent+fromIntents+" JOIN @rows r ON o.seq = r.column1", own, func(r *sqlx.Rows) error {
		var seq int64
		var leaf string
		var i intentRow
		if err := r.Scan(append([]any{&seq, &leaf}, i.columns()...)...); err != nil {
			return err
		}
		if i.record = kept[seq]; i.record.Hash != leaf {
			others.add(seq)
			return nil
		}
		all = append(all, &i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = t.query(selectIntents+" JOIN @rows r ON o.seq = r.column1", others, func(r *sqlx.Rows) error {
		i, err := scanIntent(r)
		all = append(all, i)
		return err
	})
	return all, err
}
