package http_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
)

// until says when it will be over, but never is: what a busy machine makes late is no failure.
type until struct {
	context.Context
	at time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.at, true }

// Where a program is so slow that the time of a batch is over before its end, what was written is read back all the same, and the rest was
// certainly not made.
func TestBatchOfASlowProgram(t *testing.T) {
	t.Parallel()
	done := slowly(t, 0, func(r engine.Result) bool {
		return strings.Contains(r.Err.Error(), "answers so slowly") && !errors.Is(r.Err, engine.ErrNotTried)
	})
	if done == 0 {
		t.Error("none is done")
	}
}

// Limited requests are told of, and no failure of what was not tried because of them, but where they let nothing at all be made.
func TestBatchOfLimitedRequests(t *testing.T) {
	t.Parallel()
	done := slowly(t, 1, func(r engine.Result) bool {
		return strings.Contains(r.Err.Error(), "requests: 1 a second are too few") && errors.Is(r.Err, engine.ErrNotTried)
	})
	if done == 0 {
		t.Error("none is done")
	}
	for requests, want := range map[float64]int{0: 256, 0.001: 1, 1: 120, 2: 240, 100: 256} {
		p := newAPI(t, "")
		d, err := limited(t, p, requests, time.Now).Describe(t.Context())
		if err != nil || d.Batch != want {
			t.Errorf("%g requests a second: %d changes at once, %v", requests, d.Batch, err)
		}
	}
}

func limited(t *testing.T, p *api, requests float64, now func() time.Time) *rest.Program {
	t.Helper()
	c := p.config()
	c.Requests = requests
	program, err := rest.Open(c, rest.Options{Program: "p", Now: now, Wait: noWait, Secret: func(engine.Secret) (string, error) { return canary, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// slowly makes changes whose first takes most of the time of all. What is not done is failed, and as it should be.
func slowly(t *testing.T, requests float64, good func(engine.Result) bool) (done int) {
	t.Helper()
	const most = time.Hour
	p := newAPI(t, "")
	for i := range 50 {
		p.users = append(p.users, map[string]any{"id": 1000 + i, "login": fmt.Sprint("u", i), "enabled": true})
	}
	var calls []engine.Call
	for i := range 50 {
		calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint(1000 + i), Entitlement: "Sales"})
	}
	start, passed := time.Now(), atomic.Int64{}
	ctx := until{t.Context(), start.Add(most)}
	p.after = func(*http.Request) { passed.Store(int64(most * 3 / 4)) }
	now := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	for i, r := range limited(t, p, requests, now).Apply(ctx, calls) {
		switch {
		case r.Outcome == engine.Done && r.Err == nil:
			done++
		case r.Outcome != engine.Failed || !good(r):
			t.Errorf("%d: %s, %v", i, r.Outcome, r.Err)
		}
	}
	if held := len(p.members["g1"]); done > 10 || done != held {
		t.Errorf("%d are done, %d are held", done, held)
	}
	return done
}

// counting notes how many requests are under way at once, at most.
type counting struct{ now, most atomic.Int32 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.now.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	defer c.now.Add(-1)
	return http.DefaultTransport.RoundTrip(r)
}

// A batch makes no more calls at once than it may, its lists included.
func TestBatchKeepsToItsCalls(t *testing.T) {
	t.Parallel()
	for _, may := range []int{1, 3} {
		server := httptest.NewServer(&slow{holds: map[string]bool{}})
		t.Cleanup(server.Close)
		web := &counting{}
		p, err := rest.Open(slowConfig(server.URL), rest.Options{Program: "p", Now: time.Now, Calls: may, Transport: web, Secret: func(engine.Secret) (string, error) { return canary, nil }})
		if err != nil {
			t.Fatal(err)
		}
		var calls []engine.Call
		for i := range 12 {
			calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint("u", i), Entitlement: "x"})
		}
		for i, r := range p.Apply(t.Context(), calls) {
			if r.Outcome != engine.Done {
				t.Error(i, r)
			}
		}
		if most := int(web.most.Load()); most != may {
			t.Errorf("%d calls at once, %d are allowed", most, may)
		}
	}
}
