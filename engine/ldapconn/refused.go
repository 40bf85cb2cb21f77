package ldapconn

import (
	"crypto/sha256"
	"sync"
	"time"
)

// refusedFor is how long a password that a server refused is not sent again: servers lock accounts after a few tries.
const refusedFor = 5 * time.Minute

// refusals remembers the last password that was refused, by its hash.
type refusals struct {
	mu    sync.Mutex
	hash  [sha256.Size]byte
	until time.Time
}

func (r *refusals) add(password string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hash, r.until = sha256.Sum256([]byte(password)), now.Add(refusedFor)
}

// covers says whether this very password was refused a short time ago. A clock that went back forgets it.
func (r *refusals) covers(password string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until) && r.until.Sub(now) <= refusedFor && r.hash == sha256.Sum256([]byte(password))
}
