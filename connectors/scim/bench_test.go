package scim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
)

const (
	slowAnswer = 10 * time.Millisecond
	lanes      = 32
	granted    = 3000
	slowGroups = 40
)

// slowProvider is a SCIM service provider with 3,000 users and 40 groups that takes 10 ms for each answer. It counts requests.
type slowProvider struct {
	requests atomic.Int64
	mu       sync.Mutex
	members  map[string][]map[string]string // by group
}

func (p *slowProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	body, _ := io.ReadAll(r.Body)
	time.Sleep(slowAnswer)
	w.Header().Set("Content-Type", "application/scim+json")
	p.mu.Lock()
	defer p.mu.Unlock()
	id, one := strings.CutPrefix(r.URL.Path, "/Groups/")
	switch {
	case one && r.Method == http.MethodPatch:
		var patch struct {
			Operations []struct{ Value []map[string]string }
		}
		_ = json.Unmarshal(body, &patch)
		p.members[id] = append(p.members[id], patch.Operations[0].Value...)
		w.WriteHeader(http.StatusNoContent)
	case one:
		_ = json.NewEncoder(w).Encode(p.group(id))
	case strings.HasPrefix(r.URL.Path, "/Users/"):
		_ = json.NewEncoder(w).Encode(slowUser(strings.TrimPrefix(r.URL.Path, "/Users/")))
	case r.URL.Path == "/Users":
		p.page(w, r, granted, func(i int) any { return slowUser(fmt.Sprint("u", i)) })
	case r.URL.Path == "/Groups":
		p.page(w, r, slowGroups, func(i int) any { return p.group(fmt.Sprint("g", i)) })
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func slowUser(id string) map[string]any {
	return map[string]any{"id": id, "userName": "user" + id, "active": true}
}

func (p *slowProvider) group(id string) map[string]any {
	return map[string]any{"id": id, "displayName": "right " + id, "members": p.members[id]}
}

// page answers with as much of a list as was asked for.
func (p *slowProvider) page(w io.Writer, r *http.Request, total int, one func(i int) any) {
	from, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
	count, _ := strconv.Atoi(r.URL.Query().Get("count"))
	found := []any{}
	for i := max(from, 1) - 1; i < min(total, max(from, 1)-1+count); i++ {
		found = append(found, one(i))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"totalResults": total, "Resources": found})
}

// BenchmarkSlowTarget puts 3,000 users into 40 groups of a provider that takes 10 ms for each answer, 32 calls at a time and in the
// batches that the engine makes, each group read before and after, against the bare HTTP client that makes one PATCH for each, 32 at
// a time, in the same run. It prints the ratio of the rates, and what it would be without batches: each grant a call of its own.
func BenchmarkSlowTarget(b *testing.B) {
	var batched, single, bare time.Duration
	for b.Loop() {
		p := &slowProvider{members: map[string][]map[string]string{}}
		server := httptest.NewServer(p)
		batched += grantAll(b, server.URL, false)
		b.ReportMetric(float64(p.requests.Load())/granted, "requests/grant")
		clear(p.members)
		single += grantAll(b, server.URL, true)
		bare += bareClient(b, server.URL)
		server.Close()
	}
	b.ReportMetric(bare.Seconds()/batched.Seconds(), "of-bare-client")
	b.ReportMetric(bare.Seconds()/single.Seconds(), "of-bare-client-alone")
	b.ReportMetric(granted*float64(b.N)/batched.Seconds(), "grants/s")
	b.ReportMetric(0, "ns/op")
}

// grantAll is how long all grants take, once the lists were read.
func grantAll(b *testing.B, address string, alone bool) time.Duration {
	b.Helper()
	c, err := scim.Open(scim.Config{URL: address, Token: engine.Secret{Env: "T"}}, scim.Options{Program: "p", Now: time.Now, Calls: lanes, Secret: func(engine.Secret) (string, error) { return "secret", nil }})
	if err != nil {
		b.Fatal(err)
	}
	if proof, err := c.Holdings(b.Context(), func(engine.Holding) error { return nil }); err != nil || !proof.Complete() {
		b.Fatal(err, proof.Reasons)
	}
	d, err := c.Describe(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var calls []engine.Call
	for i := range granted {
		calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint("u", i), Entitlement: fmt.Sprint("right g", i%slowGroups)})
	}
	start := time.Now()
	if alone {
		atOnce(b, func(i int) error {
			if outcome, err := c.Grant(b.Context(), calls[i].Account, calls[i].Entitlement); outcome != engine.Done {
				return fmt.Errorf("%s: %w", outcome, err)
			}
			return nil
		})
		return time.Since(start)
	}
	for part := range slices.Chunk(calls, d.Batch) {
		for _, r := range c.Apply(b.Context(), part) {
			if r.Outcome != engine.Done {
				b.Fatal(r)
			}
		}
	}
	return time.Since(start)
}

// atOnce does all of them, 32 at a time.
func atOnce(b *testing.B, do func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			for i := next.Add(1); i <= granted; i = next.Add(1) {
				if err := do(int(i - 1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// bareClient makes the writes with nothing but net/http.
func bareClient(b *testing.B, address string) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	defer client.CloseIdleConnections()
	start := time.Now()
	atOnce(b, func(i int) error {
		body := strings.NewReader(fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"u%d"}]}]}`, i))
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, fmt.Sprintf("%s/Groups/g%d", address, i%slowGroups), body)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.Body.Close()
	})
	return time.Since(start)
}
