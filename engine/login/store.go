package login

import (
	"sync"
	"time"
)

// store keeps sessions in memory, by the hash of their token. It implements scs.Store. A session that was ended stays ended:
// a request that began before may still want to write it.
type store struct {
	now   func() time.Time
	mu    sync.Mutex
	kept  map[string]kept
	ended map[string]time.Time // until when nobody may bring it back
	swept time.Time
}

type kept struct {
	data  []byte
	until time.Time
}

func newStore(now func() time.Time) *store {
	return &store{now: now, kept: map[string]kept{}, ended: map[string]time.Time{}}
}

// Find implements scs.Store.
func (s *store) Find(token string) (data []byte, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, found := s.kept[token]
	if !found || !s.now().Before(k.until) {
		return nil, false, nil
	}
	return k.data, true, nil
}

// Commit implements scs.Store.
func (s *store) Commit(token string, data []byte, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if _, over := s.ended[token]; !over {
		s.kept[token] = kept{data, until}
	}
	return nil
}

// Delete implements scs.Store.
func (s *store) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.kept[token].until
	delete(s.kept, token)
	if s.now().Before(until) {
		s.ended[token] = until
	}
	return nil
}

// sweep forgets what is over, once a minute.
func (s *store) sweep() {
	now := s.now()
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	for token, k := range s.kept {
		if !now.Before(k.until) {
			delete(s.kept, token)
		}
	}
	for token, until := range s.ended {
		if !now.Before(until) {
			delete(s.ended, token)
		}
	}
}
