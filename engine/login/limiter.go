package login

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	failAtOnce = 10              // how often an address may fail without waiting
	failAgain  = 6 * time.Second // after which it may fail once more
	mostSeen   = 10_000          // addresses that are remembered; beyond, those that may fail freely again are forgotten, then all share one
)

// limiter bounds how often sign-ins may fail from one address. Behind a proxy all come from one: then all share it.
type limiter struct {
	mu   sync.Mutex
	seen map[netip.Prefix]*rate.Limiter
}

// over says whether the address must wait.
func (l *limiter) over(r *http.Request, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, known := l.seen[source(r)]
	if !known && len(l.seen) >= mostSeen {
		one, known = l.seen[netip.Prefix{}]
	}
	return known && one.TokensAt(now) < 1
}

// failed counts one.
func (l *limiter) failed(r *http.Request, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := source(r)
	if _, known := l.seen[from]; !known {
		if from = l.room(from, now); l.seen[from] == nil {
			l.seen[from] = rate.NewLimiter(rate.Every(failAgain), failAtOnce)
		}
	}
	l.seen[from].AllowN(now, 1)
}

// room makes sure that the map does not grow for ever.
func (l *limiter) room(from netip.Prefix, now time.Time) netip.Prefix {
	if l.seen == nil {
		l.seen = map[netip.Prefix]*rate.Limiter{}
	}
	if len(l.seen) < mostSeen {
		return from
	}
	for p, one := range l.seen {
		if one.TokensAt(now) >= failAtOnce {
			delete(l.seen, p)
		}
	}
	if len(l.seen) < mostSeen {
		return from
	}
	return netip.Prefix{}
}

// source is where a request comes from; a network of IPv6 is one, since whoever has one has all of it.
func source(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if a.Unmap().IsLoopback() { // whoever is on the machine has all of them
		return netip.Prefix{}
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
