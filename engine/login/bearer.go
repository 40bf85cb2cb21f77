package login

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// callers remembers which tokens programs have used lately, so that using one again is no sign-in of its own.
type callers struct {
	mu   sync.Mutex
	seen map[string]time.Time // by Identity.Proof
}

// fresh says whether a token was not used for a while, and that it is now. There are no more of them than there are tokens.
func (c *callers) fresh(proof string, now time.Time, idle time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.seen[proof]
	return !known || now.Sub(last) >= idle
}

func (c *callers) used(proof string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]time.Time{}
	}
	c.seen[proof] = now
}

// bearer is the token of a request for programs (RFC 6750, 2.1).
func bearer(r *http.Request) (secret string, given bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}

// call lets in a program for this one request. It is recorded as a sign-in when the token was not used as long as a session lasts
// unused.
func (g *Gate) call(r *http.Request, secret string) (who Identity, in bool, err error) {
	if g.Token == nil {
		return who, false, Refusal{Text: "Nobody signs in with a token here."}
	}
	who, err = g.Token(r.Context(), secret)
	if errors.Is(err, ErrUnknown) {
		return Identity{}, false, g.refuse(r, Identity{}, "Nobody has this token, or it has expired.", nil)
	}
	if err != nil {
		return Identity{}, false, err
	}
	why, err := g.Admit(r.Context(), who)
	if err != nil {
		return Identity{}, false, err
	}
	if why != "" {
		return Identity{}, false, g.refuse(r, who, "You can't sign in: "+why+".", nil)
	}
	now := g.Now()
	if g.callers.fresh(who.Proof, now, g.Idle) {
		if err := g.Record(r.Context(), Event{Who: who, From: r.RemoteAddr, Text: "a program signed in with a token"}); err != nil {
			return Identity{}, false, fmt.Errorf("the sign-in could not be recorded, so that nobody was let in: %w", err)
		}
	}
	g.callers.used(who.Proof, now)
	return who, true, nil
}
