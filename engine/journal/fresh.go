package journal

import (
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// fresh are the intents that this process committed since it last began to lead, until it claims them, so that they need not be read
// back and parsed. They are forgotten once the journal is another one, see recognise: a database that was put back is believed,
// and not this. Safe for concurrent use.
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
	taken := make(map[int64]engine.Record, len(seqs))
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

// claimed adds those that have to be read to this process's own.
func (t *tx) claimed(own []*intentRow, others *rows) ([]*intentRow, error) {
	err := t.query(selectIntents+" JOIN @rows r ON o.seq = r.column1", others, func(r *sqlx.Rows) error {
		i, err := scanIntent(r)
		own = append(own, i)
		return err
	})
	return own, err
}
