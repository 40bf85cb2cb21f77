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
		if s.alive() && !p.rotated(s) {
			return s, nil
		}
		s.end()
	}
	return p.start(ctx)
}

// changes is the process that changes go to.
type changes struct {
	lock     chan struct{} // held while this is looked at or a process is started
	session  *session
	failures int
	next     time.Time // no process is started before
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

// session gives the process that changes go to. A fresh one has the secrets of now.
func (p *Program) session(ctx context.Context, fresh bool) (*session, error) {
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
	if fresh && c.session != nil && c.session.alive() && c.session.idle() && p.rotated(c.session) {
		c.session.end()
		c.session = nil
	}
	if c.session != nil && c.session.alive() {
		return c.session, nil
	}
	if c.session != nil {
		p.failed(c.session.started)
		c.session = nil
	}
	if err := p.pause(ctx); err != nil {
		return nil, unsent{err}
	}
	s, err := p.start(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.failed(p.options.Now())
		}
		return nil, unsent{err}
	}
	c.session = s
	return s, nil
}

// rotated says whether a secret is another one now. One that can't be read now changes nothing.
func (p *Program) rotated(s *session) bool {
	now, err := p.secrets()
	return err == nil && !maps.Equal(now, s.secrets)
}

// failed makes the next start wait: the longer, the more often it came to that.
func (p *Program) failed(started time.Time) {
	c, now := &p.changes, p.options.Now()
	if now.Sub(started) > settled {
		c.failures = 0
	}
	c.next = now.Add(min(mostPause, firstPause<<min(c.failures, 16)))
	c.failures++
}

// pause waits until a plug-in that failed may be started again, if that is soon.
func (p *Program) pause(ctx context.Context) error {
	d := p.changes.next.Sub(p.options.Now())
	switch {
	case d <= 0:
		return ctx.Err()
	case d > patience:
		return fmt.Errorf("the plug-in of %s failed %d times, and is not started again before %s; its log says why", p.options.Program, p.changes.failures, p.changes.next.UTC().Format(time.RFC3339))
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
