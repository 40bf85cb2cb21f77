package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rolecall/rolecall/engine"
)

// stuckAfter is how long the daemon may go without looking around before the daemon counts as stuck.
const stuckAfter = 12 * pollEvery

// listen serves what is asked on an address; "" serves nothing. stop ends it.
func (s *server) listen(ctx context.Context, what, address string, h http.Handler) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s.log.Info(what, "address", l.Addr().String())
	web := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("a listener ended", "of", what, "error", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second) // what is under way is a scrape, or somebody who looks
		defer cancel()
		_ = errors.Join(web.Shutdown(ctx), web.Close())
		<-ended
	}, nil
}

func (s *server) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.health()) })
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, s.ready(r.Context())) })
	m.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return m
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// health fails when the daemon is stuck and a restart would help.
func (s *server) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since := s.app.Now().Sub(s.beat); !s.beat.IsZero() && since > stuckAfter {
		return fmt.Errorf("the daemon has not looked around for %s", since.Round(time.Second))
	}
	return nil
}

// ready fails when the daemon can't do its work now. A broken new configuration is no reason: the last good one works.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := engine.LastSlot(ctx, s.system().store, time.Time{}); err != nil {
		return errors.New("the journal can't be read") // the log has the details
	}
	s.mu.Lock()
	doubt := s.doubt
	s.mu.Unlock()
	if doubt != nil {
		return errors.New("nothing is done: the journal does not continue its checkpoint, or that can't be told") // the log has the details
	}
	return s.health()
}

// trust asks before each act whether the journal continues the checkpoint that is kept outside: it may have been restored
// from an older copy while the daemon runs.
func (s *server) trust(ctx context.Context, sys *system) error {
	err := s.app.continues(ctx, sys.cfg, sys.store)
	if ctx.Err() != nil {
		return err // says nothing of the journal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && s.doubt != nil:
		s.log.Warn("the journal continues its checkpoint again")
	case err != nil && s.doubt == nil:
		s.log.Error("nothing is done any more, but for rolecall cut: the journal can't be trusted", "error", err)
		s.openEnds(ctx, sys)
	}
	s.doubt = err
	s.metrics.trust(err == nil)
	return err
}

// seal signs what was written; that it could not be is no reason to stop.
func (s *server) seal(ctx context.Context, sys *system) {
	if err := sys.seal(ctx); err != nil {
		s.log.Error("the journal can't be sealed", "error", err)
	}
}

// openEnds says whom to cut by hand while nothing is done.
func (s *server) openEnds(ctx context.Context, sys *system) {
	open, err := openEnds(ctx, sys.store, s.app.Now())
	if err != nil {
		s.log.Error("which leavers are open can't be told", "error", err)
	}
	for _, one := range open {
		s.log.Error("a leaver is not settled, as far as this journal tells; use rolecall cut", "what", one)
	}
}
