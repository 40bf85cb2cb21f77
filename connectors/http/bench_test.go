package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

const (
	slowAnswer = 10 * time.Millisecond
	lanes      = 32
	granted    = 3000
)

// slow is a program with 3,000 accounts and one right that takes 10 ms for each answer. It counts requests.
type slow struct {
	requests atomic.Int64
	mu       sync.Mutex
	holds    map[string]bool
}

func (p *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(slowAnswer)
	w.Header().Set("Content-Type", "application/json")
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []map[string]any{}
	switch {
	case r.Method == http.MethodPut:
		p.holds[strings.TrimPrefix(r.URL.Path, "/holders/")] = true
		w.WriteHeader(http.StatusNoContent)
		return
	case r.URL.Path == "/users":
		for i := range granted {
			list = append(list, map[string]any{"id": fmt.Sprint("u", i)})
		}
	default:
		for id := range p.holds {
			list = append(list, map[string]any{"user": id, "right": "x"})
		}
	}
	_ = json.NewEncoder(w).Encode(list)
}

// BenchmarkSlowTarget grants a right to 3,000 accounts of a program that takes 10 ms for each answer, 32 at a time and in the
// batches that the engine makes, against the bare HTTP client making one write for each, 32 at a time, in the same run. It
// prints the ratio of the rates: 1.00 would be reads for nothing.
func BenchmarkSlowTarget(b *testing.B) {
	var ours, bare time.Duration
	for b.Loop() {
		p := &slow{holds: map[string]bool{}}
		server := httptest.NewServer(p)
		write := []rest.Write{{Method: "PUT", Path: "/holders/{account}"}}
		c, err := rest.Open(rest.Config{URL: server.URL, Auth: httpconn.Auth{Bearer: engine.Secret{Env: "T"}}, Users: rest.Users{List: rest.Read{Path: "/users"}, ID: "/id"},
			Rights: []rest.Right{{Names: []string{"x"}, List: &rest.Read{Path: "/holders"}, Account: "/user", Right: "/right", Grant: write, Revoke: write}}},
			rest.Options{Program: "p", Now: time.Now, Calls: lanes, Secret: func(engine.Secret) (string, error) { return canary, nil }})
		if err != nil {
			b.Fatal(err)
		}
		d, err := c.Describe(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		var calls []engine.Call
		for i := range granted {
			calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint("u", i), Entitlement: "x"})
		}
		start := time.Now()
		for part := range slices.Chunk(calls, d.Batch) {
			for _, r := range c.Apply(context.Background(), part) {
				if r.Outcome != engine.Done {
					b.Fatal(r)
				}
			}
		}
		ours += time.Since(start)
		b.ReportMetric(float64(p.requests.Load())/granted, "requests/grant")
		bare += bareClient(b, server.URL)
		server.Close()
	}
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare-client")
	b.ReportMetric(granted*float64(b.N)/ours.Seconds(), "grants/s")
	b.ReportMetric(0, "ns/op")
}

// bareClient makes the writes with nothing but net/http.
func bareClient(b *testing.B, url string) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range lanes {
		wg.Go(func() {
			for i := next.Add(1); i <= granted; i = next.Add(1) {
				request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, fmt.Sprintf("%s/holders/u%d", url, i-1), http.NoBody)
				if err != nil {
					b.Error(err)
					return
				}
				answer, err := client.Do(request)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
