package journal

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/jmoiron/sqlx"
)

// look is one of several transactions that read the same state, one at a time each.
type look struct {
	mu sync.Mutex
	tx *sqlx.Tx
}

func (l *look) use(do func(*sqlx.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return do(l.tx)
}

const (
	mostLooks   = 4 // of the connections that read
	triesToLook = 5
)

// looking runs do with a look for each core, or with a single one where somebody writes all the time or the database is in memory.
func (s *Store) looking(ctx context.Context, do func([]*look, *head) error) error {
	n := 1
	if s.dialect.name() == "postgres" || s.path != "" {
		n = min(mostLooks, runtime.GOMAXPROCS(0))
	}
	for range triesToLook {
		if met, err := s.lookTogether(ctx, n, do); met || err != nil {
			return err
		}
	}
	_, err := s.lookTogether(ctx, 1, do)
	return err
}

// lookTogether runs do if all looks met the same state. Whatever changes records or views changes the head; what claims change is
// not to be compared.
func (s *Store) lookTogether(ctx context.Context, n int, do func([]*look, *head) error) (met bool, err error) {
	var looks []*look
	var first head
	defer func() {
		for _, l := range looks {
			err = errors.Join(err, l.tx.Rollback())
		}
	}()
	for range n {
		t, err := s.read.BeginTxx(ctx, s.dialect.snapshot())
		if err != nil {
			return false, err
		}
		looks = append(looks, &look{tx: t})
		var h head
		if err := t.GetContext(ctx, &h, selectHead); err != nil {
			return false, err
		}
		if len(looks) == 1 {
			first = h
		} else if h != first {
			return false, nil
		}
	}
	return true, do(looks, &first)
}
