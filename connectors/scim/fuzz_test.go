package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzAnswers: whatever a provider answers to each request, nothing panics; a list that is taken for whole names every
// account and right once, and only with a count that fits; and a write is done only if the answer shows it.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		`{"totalResults":1,"Resources":[{"id":"u1","userName":"ann","active":"True","emails":[{"value":"a@b"}]}]}`,
		`{"totalResults":1,"Resources":[{"id":"g1","displayName":"g","members":[{"value":"u1"},{"value":"u1","type":"Group"}]}]}`,
		`{"id":"u1","userName":"ann","displayName":"g","members":[{"value":"u1"}],"totalResults":0,"Resources":[],"etag":{"supported":true},"meta":{"version":"W/1"}}`,
		`{"totalResults":2,"Resources":[{"id":"a"},{"id":"a"}]}`, `{"totalResults":-1,"Resources":null}`, `{"totalResults":1e9}`, `{"totalResults":0}`, `[]`, `null`, `{`, `<html>`,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404","detail":"x"}`, `{"totalResults":1,"Resources":[{"id":" u1\u0000","active":"maybe"}]}`,
	} {
		for _, status := range []int{200, 404, 500} {
			f.Add([]byte(s), status, "application/scim+json")
		}
	}
	f.Add([]byte("<html>sign in</html>"), 200, "text/html")
	f.Fuzz(func(t *testing.T, body []byte, status int, kind string) {
		transport := roundTrip(func(r *http.Request) *http.Response {
			return &http.Response{StatusCode: 200 + (status&0x7fff)%400, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body))}
		})
		p, err := Open(Config{URL: "https://crm.example.com", Token: engine.Secret{Env: "T"}, PageSize: 2}, Options{Program: "crm", Now: time.Now, Transport: transport,
			Secret: func(engine.Secret) (string, error) { return "token", nil }, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[[2]string]bool{}
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
			if is := [2]string{h.Account, h.Entitlement}; h.Account == "" || seen[is] {
				t.Fatalf("%+v", h)
			} else {
				seen[is] = true
			}
			return nil
		})
		if err == nil && proof.Complete() && proof.Count != len(seen) {
			t.Fatalf("%d in the proof, %d came", proof.Count, len(seen))
		}
		for _, c := range []engine.Call{{Grant: true, Account: "u1", Entitlement: "g"}, {Account: "u1", Entitlement: "g"}, {Account: "u1"}, {Account: "u1", Entitlement: engine.Exists}} {
			outcome, err := p.change(t.Context(), c)
			if good := outcome == engine.Done || outcome == engine.Already; good != (err == nil) || outcome == engine.Done {
				t.Fatalf("%+v: %s, %v, though no answer ever changes", c, outcome, err)
			}
		}
		if id, outcome, err := p.Create(t.Context(), engine.NewAccount{Name: "ann", Person: "k"}); (id != "") != (err == nil) || outcome == "" {
			t.Fatalf("create: %q, %s, %v", id, outcome, err)
		}
	})
}

// FuzzQuote: a filter is one comparison with one string, whatever the value.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"ann", `a" or userName pr or userName eq "`, `\`, "\x00\u2028\xff", `"]`, "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var back string
		q := quote(value)
		if err := json.Unmarshal([]byte(q), &back); err != nil || back != value && utf8.ValidString(value) || strings.ContainsAny(q, "\n\r\x00") {
			t.Fatalf("%q is quoted as %s, which is %q, %v", value, q, back, err)
		}
		if path := memberOp(engine.Call{Account: value}).Path; !strings.HasPrefix(path, `members[value eq "`) || !strings.HasSuffix(path, `"]`) || len(path) != len(q)+len("members[value eq ]") {
			t.Fatal(path)
		}
	})
}
