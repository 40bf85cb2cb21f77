package web

import (
	"net/http"
	"sync"
	"time"
)

// exportsAtOnce is how many exports are written at once: each may be of the whole journal.
const exportsAtOnce = 2

// exportSlots are the exports that are being written. Somebody who signed in has one, so that nobody alone holds up all others.
type exportSlots struct {
	mu  sync.Mutex
	all int
	of  map[string]bool // by actor
}

// take takes a place until free is called.
func (e *exportSlots) take(actor string) (free func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.of[actor]:
		return nil, Refused{"Another export of yours is being written; try again when it is at its end", http.StatusServiceUnavailable}
	case e.all == exportsAtOnce:
		return nil, Refused{"Other exports are being written; try again when they are at their end", http.StatusServiceUnavailable}
	}
	e.all++
	if actor != "" { // where nobody signs in, everybody at the machine is the same
		e.of[actor] = true
	}
	return func() { e.free(actor) }, nil
}

func (e *exportSlots) free(actor string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all--
	delete(e.of, actor)
}

// How slowly an export may be taken.
const (
	exportPatience = 30 * time.Second // for whatever was sent, and then again only
	exportRate     = 16 << 10         // as bytes are taken, in bytes a second
)

// patient is the time that the reader of an export has left: each second of waiting costs one, and what was taken gives some back.
type patient struct{ left time.Duration }

// took is what is left after some bytes were taken.
func (p *patient) took(waited time.Duration, n int) {
	p.left = min(exportPatience, p.left-waited+time.Duration(n)*time.Second/exportRate)
}
