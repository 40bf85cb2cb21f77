package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	firstPause = 100 * time.Millisecond // before a plug-in that failed is started again; it doubles
	mostPause  = 5 * time.Minute
	patience   = 5 * time.Second // a longer pause is not waited for
	settled    = time.Minute     // what ran so long without failing begins anew
)

const lingers = 30 * time.Second // a process that has listed, for the next list

// pool holds processes that have listed and are good for more.
type pool struct {
	mu     sync.Mutex
	idle   []*session
	closed bool
}

// take gives an idle process, nil if there is none.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return s
}

// put keeps a process for a while.
func (p *pool) put(s *session) {
	p.mu.Lock()
	keep := s.alive() && s.idle() && !p.closed
	if keep {
		p.idle = append(p.idle, s)
		time.AfterFunc(lingers, func() { p.remove(s) })
	}
	p.mu.Unlock()
	if !keep {
		s.end()
	}
}

func (p *pool) remove(s *session) {
	p.mu.Lock()
	i := slices.Index(p.idle, s)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		s.end()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	all := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, s := range all {
		s.end()
	}
}

// lister gives a process for one list, which goes back to the pool.
func (p *Program) lister(ctx context.Context) (*session, error) {
	for s := p.pool.take(); s != nil; s = p.pool.take() {
		if s.alive() && !p.stale(s) && p.told.check(s) == nil {
			return s, nil
		}
		s.end()
	}
	if err := p.pause(ctx, &p.lagged, false); err != nil {
		return nil, err
	}
	s, err := p.start(ctx)
	if err == nil {
		if err = p.told.check(s); err != nil {
			s.end()
		}
	}
	if err != nil && ctx.Err() == nil {
		p.lagged.failed(p.options.Now(), p.options.Now())
	}
	return s, err
}

// told is what the plug-in said of itself when it was described last. What another process of it says is read with these
// abilities in mind: a list of one that knows no suspended accounts would show everybody as suspended.
type told struct {
	mu       sync.Mutex
	known    bool
	can      abilities
	identity string
}

func (t *told) set(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.can, t.identity = true, s.can, s.identity
}

func (t *told) check(s *session) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.known:
		return nil
	case t.identity != s.identity:
		return fmt.Errorf("the plug-in of %s now stands for another target, %s instead of %s; nothing is read or changed before it is described again", s.program, quote(s.identity), quote(t.identity))
	case !t.can.like(s.can):
		return fmt.Errorf("the plug-in of %s now declares other abilities than before; nothing is read or changed before it is described again", s.program)
	}
	return nil
}

// changes is the process that changes go to.
type changes struct {
	lock     chan struct{} // held while this is looked at or a process is started
	session  *session
	failures backoff
	closed   bool
}

// start makes a process ready. Nothing was sent that could change anything, whatever the error.
func (p *Program) start(ctx context.Context) (*session, error) {
	secrets, err := p.secrets()
	if err != nil {
		return nil, err
	}
	s, err := p.host.spawn(secrets, p.config.Timeout)
	if err != nil {
		return nil, err
	}
	s.started = p.options.Now()
	if err := s.greet(ctx, p.config.Config); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (p *Program) secrets() (map[string]string, error) {
	values := map[string]string{}
	for name, reference := range p.config.Secrets {
		value, err := p.options.Secret(reference)
		if err != nil {
			return nil, fmt.Errorf("program %s: secret %s: %w", p.options.Program, name, err)
		}
		values[name] = value
	}
	return values, nil
}

// want is what a process is needed for.
type want int

const (
	anything want = iota
	fresh         // it must have the executable and the secrets of now, and what it says of itself is news
	urgent        // to take something from somebody
)

// session gives the process that changes go to.
func (p *Program) session(ctx context.Context, w want) (*session, error) {
	c := &p.changes
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
	case <-ctx.Done():
		return nil, unsent{ctx.Err()}
	}
	if c.closed {
		return nil, unsent{errors.New("the program is closed")}
	}
	if w == fresh && c.session != nil && c.session.alive() && c.session.idle() && p.stale(c.session) {
		c.session.end()
		c.session = nil
	}
	if c.session != nil && c.session.alive() {
		return c.session, nil
	}
	if c.session != nil {
		c.failures.failed(c.session.started, p.options.Now())
		c.session = nil
	}
	if err := p.pause(ctx, &c.failures, w == urgent); err != nil {
		return nil, unsent{err}
	}
	s, err := p.start(ctx)
	if err == nil && w != fresh {
		if err = p.told.check(s); err != nil {
			s.end()
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			c.failures.failed(p.options.Now(), p.options.Now())
		}
		return nil, unsent{err}
	}
	c.session = s
	return s, nil
}

// stale says whether the executable or a secret is another one now. A secret that can't be read now changes nothing.
func (p *Program) stale(s *session) bool {
	now, err := p.secrets()
	return err == nil && !maps.Equal(now, s.secrets) || p.host.look() != s.files
}

// backoff makes the next start wait: the longer, the more often it came to that.
type backoff struct {
	mu       sync.Mutex
	failures int
	next     time.Time // no process is started before
}

func (b *backoff) failed(started, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(started) > settled {
		b.failures = 0
	}
	b.next = now.Add(min(mostPause, firstPause<<min(b.failures, 16)))
	b.failures++
}

// note counts how a list ended.
func (b *backoff) note(s *session, now time.Time) {
	if !s.alive() {
		b.failed(s.started, now)
		return
	}
	b.mu.Lock()
	b.failures, b.next = 0, time.Time{}
	b.mu.Unlock()
}

// pause waits until a plug-in that failed may be started again, if that is soon. What is urgent never waits long: somebody
// keeps access meanwhile.
func (p *Program) pause(ctx context.Context, b *backoff, urgent bool) error {
	b.mu.Lock()
	failures, next := b.failures, b.next
	b.mu.Unlock()
	d := next.Sub(p.options.Now())
	if urgent {
		d = min(d, patience)
	}
	switch {
	case d <= 0 || p.options.Tried:
		return ctx.Err()
	case d > patience:
		return fmt.Errorf("the plug-in of %s failed %d times, and is not started again before %s; its log says why", p.options.Program, failures, next.UTC().Format(time.RFC3339))
	case p.options.Wait != nil:
		return p.options.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *changes) close() {
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	c.closed = true
	if c.session != nil {
		c.session.end()
	}
}
