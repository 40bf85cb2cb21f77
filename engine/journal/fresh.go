package journal

import (
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// fresh are the intents that this process committed since it last began to lead, until it claims them, so that they need not be read
// back and parsed. What is kept counts only while the journal holds the last record of the same transaction, so that a database that
// was put back in between is believed, and not this. Safe for concurrent use.
type fresh struct {
	mu      sync.Mutex
	records map[int64]kept
}

// kept is one of them. with is the last record of its transaction: where that is there all of them are, and all before them.
type kept struct {
	record engine.Record
	with   mark
}

// mark is a record that only one history has, its hash being over random salt.
type mark struct {
	seq  int64
	leaf string
}

// mostFresh bounds the memory, some 1 KiB for each; what comes beyond is read back.
const mostFresh = 100_000

// keep takes the intents of committed requests, and forgets those that have an outcome.
func (f *fresh) keep(requests []*request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.records == nil {
		f.records = map[int64]kept{}
	}
	with := lastOf(requests)
	for _, q := range requests {
		if q.err != nil {
			continue
		}
		for _, r := range q.records {
			switch {
			case r.Kind == engine.KindOutcome:
				delete(f.records, r.Of)
			case r.Kind == engine.KindIntent && len(f.records) < mostFresh:
				f.records[r.Seq] = kept{r, with}
			}
		}
	}
}

// lastOf is the last record that requests of one transaction wrote.
func lastOf(requests []*request) (last mark) {
	for _, q := range requests {
		if n := len(q.records); n > 0 && q.err == nil {
			last = mark{q.records[n-1].Seq, q.records[n-1].Hash}
		}
	}
	return last
}

// take gives the kept ones of some numbers away.
func (f *fresh) take(seqs []int64) map[int64]kept {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := make(map[int64]kept, len(seqs))
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

// sound are the transactions of kept intents that are in this journal.
func (t *tx) sound(taken map[int64]kept) (map[mark]bool, error) {
	ends, sound := newRows("it"), map[mark]bool{}
	for _, k := range taken {
		if _, asked := sound[k.with]; !asked {
			sound[k.with] = false
			ends.add(k.with.seq, k.with.leaf)
		}
	}
	err := t.query("SELECT r.column1, r.column2 FROM @rows r JOIN journal j ON j.seq = r.column1 AND j.leaf = r.column2", ends, func(r *sqlx.Rows) error {
		var there mark
		err := r.Scan(&there.seq, &there.leaf)
		sound[there] = true
		return err
	})
	return sound, err
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
