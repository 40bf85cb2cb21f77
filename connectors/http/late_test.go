package http_test

import (
	"context"
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
	const most = 4 * time.Second
	p := newAPI(t, "")
	for i := range 50 {
		p.users = append(p.users, map[string]any{"id": 1000 + i, "login": fmt.Sprint("u", i), "enabled": true})
	}
	var calls []engine.Call
	for i := range 50 {
		calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint(1000 + i), Entitlement: "Sales"})
	}
	ctx := until{t.Context(), time.Now().Add(most)}
	late := time.Now().Add(most*3/4 + 50*time.Millisecond)
	p.after = func(*http.Request) { <-time.After(time.Until(late)) }
	done := 0
	for i, r := range p.open(t).Apply(ctx, calls) {
		switch {
		case r.Outcome == engine.Done && r.Err == nil:
			done++
		case r.Outcome != engine.Failed || !strings.Contains(r.Err.Error(), "answers so slowly"):
			t.Errorf("%d: %s, %v", i, r.Outcome, r.Err)
		}
	}
	if held := len(p.members["g1"]); done == 0 || done > 10 || done != held {
		t.Errorf("%d are done, %d are held", done, held)
	}
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
