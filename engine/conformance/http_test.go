package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

// club is a program with a REST interface that pages by two.
type club struct {
	mu    sync.Mutex
	names []string
	held  map[string][]string
}

func (c *club) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	account, right := q.Get("account"), q.Get("right")
	has := slices.Contains(c.held[account], right)
	status := "done"
	switch {
	case r.Method == http.MethodGet:
		c.page(w, q.Get("page"))
		return
	case r.Method == http.MethodPut && (!slices.Contains(c.names, account) || right != "read" && right != "write"):
		status = "no"
	case (r.Method == http.MethodPut) == has:
		status = "so"
	case has:
		c.held[account] = slices.DeleteFunc(c.held[account], func(x string) bool { return x == right })
	default:
		c.held[account] = append(c.held[account], right)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status})
}

type member struct {
	Name   string   `json:"name"`
	Rights []string `json:"rights"`
}

func (c *club) page(w http.ResponseWriter, number string) {
	from := 0
	_, _ = fmt.Sscan(number, &from)
	list := []member{}
	for _, name := range c.names[min(from, len(c.names)):min(from+2, len(c.names))] {
		list = append(list, member{name, append([]string{}, c.held[name]...)})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]any{"total": len(c.names)}, "items": list, "next": from+2 < len(c.names)})
}

// careless is a connector for the club with one mistake; "" has none.
type careless struct {
	mistake, url string
	http         *http.Client
	wait         func(context.Context, time.Duration) error
	lag          time.Duration
}

func freshClub(t *testing.T, mistake string) *conformance.Subject {
	server := httptest.NewServer(&club{names: []string{"ann", "Ben", "Łucja", "old"}, held: map[string][]string{}})
	t.Cleanup(server.Close)
	faults := &conformance.HTTPFaults{}
	c := &careless{mistake: mistake, url: server.URL, http: &http.Client{Transport: faults.Between(http.DefaultTransport)}, wait: faults.Wait}
	if mistake != "follows redirects" {
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	if strings.Contains(mistake, "behind") {
		c.lag = time.Millisecond
	}
	return &conformance.Subject{Connector: c, HTTP: faults, Arm: faults.Arm, Accounts: []string{"ann", "Ben", "Łucja"}, Rights: []string{"read", "write"}, Stranger: "nobody", NoRight: "fly"}
}

func (c *careless) Describe(context.Context) (engine.Description, error) {
	return engine.Description{Identity: "club:" + c.url, Lag: c.lag, Grantable: []string{"read", "write"}}, nil
}

// do asks, and asks again where the club is busy.
func (c *careless) do(ctx context.Context, method, query string) (body []byte, err error) {
	for range 3 {
		r, err := http.NewRequestWithContext(ctx, method, c.url+"/members?"+query, bytes.NewReader(nil))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer x")
		answer, err := c.http.Do(r)
		if err != nil {
			return nil, err
		}
		body, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		switch {
		case err != nil:
			return nil, err
		case answer.StatusCode == http.StatusTooManyRequests && c.mistake == "gives up when busy":
			return nil, errors.New("busy")
		case answer.StatusCode == http.StatusTooManyRequests:
			c.pause(ctx, answer.Header.Get("Retry-After"))
			continue
		case answer.StatusCode != http.StatusOK && (method != http.MethodGet || c.mistake != "takes any status"):
			return nil, errors.New(answer.Status)
		}
		return body, nil
	}
	return nil, errors.New("busy")
}

func (c *careless) pause(ctx context.Context, after string) {
	seconds := 1
	if c.mistake != "ignores Retry-After" {
		_, _ = fmt.Sscan(after, &seconds)
	}
	if c.mistake != "does not wait" {
		_ = c.wait(ctx, time.Duration(seconds)*time.Second)
	}
}

func (c *careless) members(ctx context.Context) (all []member, err error) {
	for from := 0; ; from += 2 {
		body, err := c.do(ctx, http.MethodGet, fmt.Sprint("page=", from))
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []member
			Next  bool
			Meta  struct{ Total int }
		}
		err = json.Unmarshal(body, &page)
		switch {
		case err == nil, c.mistake == "takes a page for people for an empty list" && bytes.Contains(body, []byte("<html>")),
			c.mistake == "takes nothing for an empty list" && len(body) == 0, c.mistake == "takes any status" && len(body) == 0, c.mistake == "follows redirects" && bytes.Contains(body, []byte("<html>")):
		default:
			return nil, err
		}
		for _, m := range page.Items {
			if c.mistake != "lists a page twice" && slices.ContainsFunc(all, func(o member) bool { return o.Name == m.Name }) {
				return nil, errors.New("twice")
			}
			all = append(all, m)
		}
		if !page.Next || len(all) > 10 {
			if c.mistake != "does not count" && c.mistake != "lists a page twice" && err == nil && len(all) != page.Meta.Total {
				return nil, errors.New("not whole")
			}
			return all, nil
		}
	}
}

func (c *careless) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: "club", Started: time.Now()}
	all, err := c.members(ctx)
	if err != nil {
		return proof, err
	}
	for _, m := range all {
		names := append([]string{engine.Exists}, m.Rights...)
		for i, name := range names {
			h := engine.Holding{Account: m.Name, Entitlement: name}
			if i == 0 {
				h.Info = &engine.AccountInfo{Name: m.Name}
			}
			if err := yield(h); err != nil {
				return proof, err
			}
			proof.Count++
		}
	}
	proof.Finished = time.Now()
	return proof, nil
}

func (c *careless) Grant(ctx context.Context, account, right string) (engine.Outcome, error) {
	return c.change(ctx, http.MethodPut, account, right)
}

func (c *careless) Revoke(ctx context.Context, account, right string) (engine.Outcome, error) {
	return c.change(ctx, http.MethodDelete, account, right)
}

func (c *careless) change(ctx context.Context, method, account, right string) (engine.Outcome, error) {
	body, err := c.do(ctx, method, url.Values{"account": {account}, "right": {right}}.Encode())
	if err != nil {
		return engine.Uncertain, err
	}
	var answer struct{ Status string }
	if err := json.Unmarshal(body, &answer); err != nil && c.mistake != "believes any answer" {
		return engine.Uncertain, err
	}
	switch answer.Status {
	case "no":
		return engine.Refused, errors.New("the club says no")
	case "so":
		return engine.Already, nil
	}
	if c.mistake == "takes reads that are behind for a failure" {
		all, err := c.members(ctx)
		for _, m := range all {
			if m.Name == account && slices.Contains(m.Rights, right) != (method == http.MethodPut) {
				return engine.Failed, errors.New("it is not to be seen")
			}
		}
		return engine.Done, err
	}
	return engine.Done, nil
}

// Each mistake that only a program in trouble shows is found by the check that is about it, and none is found in a connector without.
func TestTheSuiteFindsMistakesOfHTTP(t *testing.T) {
	for mistake, check := range map[string]string{
		"":                    "",
		"does not wait":       "waits when a program is busy",
		"ignores Retry-After": "waits when a program is busy",
		"gives up when busy":  "waits when a program is busy",
		"follows redirects":   "follows nobody to a page to sign in",
		"takes any status":    "follows nobody to a page to sign in",
		"takes a page for people for an empty list": "takes no page for people for an answer",
		"believes any answer":                       "takes no page for people for an answer",
		"takes nothing for an empty list":           "takes no empty answer for an empty list",
		"lists a page twice":                        "misses no page",
		"does not count":                            "misses no page",
		"takes reads that are behind for a failure": "waits for reads that are behind",
	} {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject { return freshClub(t, mistake) }}
			lines := card.Score(t.Context())
			if mistake == "" {
				for _, l := range lines {
					if l.Result == conformance.Wrong || l.Result == conformance.NotTried {
						t.Errorf("%+v", l)
					}
				}
				return
			}
			if l := lineOf(t, lines, check); l.Result != conformance.Wrong {
				t.Errorf("%s: %s %q; found by %q", check, l.Result, l.Details, failures(lines))
			} else {
				t.Logf("%q", l.Details[0])
			}
		})
	}
}
