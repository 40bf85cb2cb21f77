package journal

import (
	"context"
	"fmt"
	"sync"

	"github.com/rolecall/rolecall/engine"
)

// request is one Append on its way.
type request struct {
	guard   engine.Guard
	records []engine.Record // canonical
	sealed  []sealed        // one for each record
	err     error
	done    chan struct{} // closed when err and the records' numbers are final
	lead    chan struct{} // closed when it is the request's turn to commit for all that wait
}

// group lets Appends that come together share a commit. While one transaction runs, the next ones gather; nobody waits
// for company otherwise, so a lone Append is not delayed at all. There is no goroutine of its own: the first that waits
// commits for the others.
type group struct {
	mu      sync.Mutex
	waiting []*request
	busy    bool // somebody commits
}

// mostRecords bounds the records of one transaction, and so the time for which the head is locked; one Append is never
// cut.
const mostRecords = 5000

// Append implements engine.Journal.
func (s *Store) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q := &request{guard: g, done: make(chan struct{}), lead: make(chan struct{}), records: make([]engine.Record, len(records))}
	q.sealed = make([]sealed, len(records))
	if err := sealAll(q, records, s.options.Random); err != nil {
		return err
	}
	if err := s.group.join(ctx, s, q); err != nil {
		return err
	}
	for i, r := range q.records {
		records[i].Seq, records[i].Time, records[i].Hash, records[i].Kind = r.Seq, r.Time, r.Hash, r.Kind //nolint:gosec // G602: there are as many of both
	}
	return nil
}

// join waits until the request is done, or commits it together with those that wait.
func (g *group) join(ctx context.Context, s *Store, q *request) error {
	g.mu.Lock()
	g.waiting = append(g.waiting, q)
	lead := !g.busy
	g.busy = true
	g.mu.Unlock()
	if !lead {
		select {
		case <-q.done:
			return q.err
		case <-q.lead:
		case <-ctx.Done():
			if g.leave(q) {
				return ctx.Err()
			}
			select { // taken already: only the commit knows what becomes of it
			case <-q.done:
				return q.err
			case <-q.lead:
			}
		}
	}
	g.commit(s)
	return q.err
}

// leave takes a request back that nobody has taken up; one that was told to lead stays.
func (g *group) leave(q *request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w != q {
			continue
		}
		select {
		case <-q.lead:
			return false
		default:
		}
		g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
		return true
	}
	return false
}

// commit writes the first of those that wait, of which the caller's is one, and hands over to the next.
func (g *group) commit(s *Store) {
	taken := g.take()
	if err := s.commit(context.Background(), taken); err != nil { // one caller's end is not the others'
		for _, q := range taken {
			q.err = s.wrap("append", err)
		}
	}
	for _, q := range taken {
		close(q.done)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.busy = false
		return
	}
	close(g.waiting[0].lead)
}

func (g *group) take() []*request {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, records := 0, 0
	for n < len(g.waiting) && (n == 0 || records+len(g.waiting[n].records) <= mostRecords) {
		records += len(g.waiting[n].records)
		n++
	}
	taken := g.waiting[:n:n]
	g.waiting = append([]*request(nil), g.waiting[n:]...)
	return taken
}

// Lead implements engine.Journal.
func (s *Store) Lead(ctx context.Context) (epoch int64, err error) {
	if s.options.ReadOnly {
		return 0, ErrReadOnly
	}
	s.fresh.clear()
	err = s.locked(ctx, func(t *tx, h *head) error {
		epoch = h.Epoch + 1
		_, err := t.ExecContext(t.ctx, fmt.Sprintf("UPDATE head SET epoch = %d", epoch))
		return err
	})
	return epoch, s.wrap("lead", err)
}
