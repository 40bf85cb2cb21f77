package audit

import (
	"fmt"
	"iter"
	"runtime"
)

// batchSize is large enough that handing over costs nothing against hashing.
// maxWindow batches of it are the 16,384 records named at Verify.
const (
	batchSize = 512
	maxWindow = 32
)

// batch is a run of records with what hashing found about each.
type batch struct {
	records []Record
	leaves  []Hash
	wrong   []string
	done    chan struct{}
}

// hash checks each record against its own hashes and closes done.
func (b *batch) hash() {
	defer close(b.done)
	for i := range b.records {
		b.leaves[i], b.wrong[i] = b.records[i].check()
	}
}

func newBatch() *batch {
	return &batch{records: make([]Record, 0, batchSize), leaves: make([]Hash, batchSize), wrong: make([]string, batchSize)}
}

// inBatches hashes records on all cores and hands the batches to take in
// order, until take returns false. An error of the records comes after
// everything read before it has been taken.
func inBatches(records iter.Seq2[Record, error], take func(*batch) bool) error {
	p := pipe{take: take, window: min(4*runtime.GOMAXPROCS(0), maxWindow), next: newBatch(), more: true}
	var failed error
	seq := int64(0)
	for r, err := range records {
		if err != nil {
			failed = fmt.Errorf("reading the record after %d: %w", seq, err)
			break
		}
		seq = r.Seq
		if p.add(r); !p.more {
			break
		}
	}
	p.flush()
	p.drain(0)
	return failed
}

// pipe keeps batches in flight, oldest first.
type pipe struct {
	take   func(*batch) bool
	window int
	next   *batch
	flying []*batch
	free   []*batch
	more   bool // take wants more
}

func (p *pipe) add(r Record) {
	p.next.records = append(p.next.records, r)
	if len(p.next.records) == batchSize {
		p.flush()
		p.drain(p.window - 1)
	}
}

// flush starts hashing what is collected and begins a new batch.
func (p *pipe) flush() {
	b := p.next
	b.done = make(chan struct{})
	go b.hash()
	p.flying = append(p.flying, b)
	if n := len(p.free); n > 0 {
		p.next, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.next = newBatch()
	}
}

// drain waits for the oldest batches until at most left are in flight.
func (p *pipe) drain(left int) {
	for len(p.flying) > left {
		b := p.flying[0]
		p.flying = p.flying[1:]
		<-b.done
		p.more = p.more && p.take(b)
		b.records = b.records[:0]
		p.free = append(p.free, b)
	}
}
