package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/journal"
)

const (
	slowAnswer = 10 * time.Millisecond
	lanes      = 32
	suspended  = 3000 // accounts
)

// BenchmarkSlowTarget suspends 3,000 accounts of a SCIM provider that takes 10 ms for each answer, 32 at a time, every intent
// claimed from and every outcome written to the journal, against the bare HTTP client making as many of the same requests
// 32 at a time in the same run. It prints the ratio of the times: 1.00 would be a free journal.
func BenchmarkSlowTarget(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { slowTarget(b, "sqlite:"+filepath.Join(b.TempDir(), "j.db")) })
	b.Run("postgres", func(b *testing.B) { slowTarget(b, servers.Postgres(b, servers.WithFsync()).NewDatabase(b)) })
}

func slowTarget(b *testing.B, address string) {
	store, err := journal.Open(b.Context(), address, journal.Options{Migrate: true})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	var ours, bare time.Duration
	for b.Loop() {
		p := &provider{active: map[string]bool{}}
		server := httptest.NewServer(p)
		connector, err := scim.Open(scim.Config{URL: server.URL, Token: engine.Secret{Env: "TOKEN"}}, scim.Options{Program: "crm", Now: time.Now, Calls: lanes,
			Secret: func(engine.Secret) (string, error) { return "secret", nil }})
		if err != nil {
			b.Fatal(err)
		}
		e := &engine.Engine{Journal: store, Outbox: store, Now: time.Now}
		intend(b, store)
		start := time.Now()
		r, err := e.WorkProgram(context.Background(), &engine.Program{Name: "crm", Connector: connector, Concurrency: lanes})
		ours += time.Since(start)
		if err != nil || r.Outcomes[engine.Done] != suspended {
			b.Fatal(err, r.Outcomes, r.Failures[:min(1, len(r.Failures))])
		}
		bare += bareClient(b, server.URL, p.requests.Load())
		server.Close()
	}
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-bare-client")
	b.ReportMetric(float64(suspended)*float64(b.N)/ours.Seconds(), "changes/s")
	b.ReportMetric(0, "ns/op")
}

// intend commits the intents, which is not measured.
func intend(b *testing.B, store *journal.Store) {
	b.Helper()
	records := make([]engine.Record, suspended)
	for i := range records {
		records[i] = engine.IntentRecord("r1", "bench", "corp", engine.Change{Op: engine.OpSuspend, Person: fmt.Sprintf("p%d", i), Account: fmt.Sprintf("u%d", i),
			Program: "crm", Entitlement: "crm", Why: []string{"left"}, Cause: engine.CauseMarked}, engine.ChargeLeaver)
	}
	if err := store.Append(b.Context(), engine.Free, records); err != nil {
		b.Fatal(err)
	}
}

// provider is the least of a SCIM service provider (RFC 7644) that has every user who is asked for. It counts requests.
type provider struct {
	requests atomic.Int64
	mu       sync.Mutex
	active   map[string]bool // false is active: everybody is until suspended
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	body, _ := io.ReadAll(r.Body)
	time.Sleep(slowAnswer)
	w.Header().Set("Content-Type", "application/scim+json")
	id, ok := strings.CutPrefix(r.URL.Path, "/Users/")
	if !ok {
		_ = json.NewEncoder(w).Encode(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": 0, "Resources": []any{}})
		return
	}
	p.mu.Lock()
	if r.Method == http.MethodPatch {
		p.active[id] = bytes.Contains(body, []byte("false"))
	}
	left := p.active[id]
	p.mu.Unlock()
	fmt.Fprintf(w, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":%q,"userName":%q,"active":%v,"meta":{"resourceType":"User"}}`, id, id, !left)
}

// bareClient makes n requests with nothing but net/http.
func bareClient(b *testing.B, url string, n int64) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range lanes {
		wg.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				method, body := http.MethodGet, io.Reader(nil)
				if i%3 == 0 {
					method, body = http.MethodPatch, strings.NewReader(`{"Operations":[{"op":"replace","path":"active","value":false}]}`)
				}
				request, err := http.NewRequestWithContext(b.Context(), method, fmt.Sprintf("%s/Users/u%d", url, i/3), body)
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
