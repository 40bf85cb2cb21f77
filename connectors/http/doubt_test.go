package http_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// One 404 in JSON is also what a gateway without the route says, or a program to a token without the right: what the list
// still shows is not gone.
func TestGoneButListed(t *testing.T) {
	p := newAPI(t, "page")
	p.members["g1"] = []string{"1"}
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		gone := r.URL.Path == "/api/users/1"
		if gone {
			reply(w, 404, map[string]any{"message": "no route"})
		}
		return gone
	}
	c := p.open(t)
	for _, right := range []string{"Sales", engine.Active, engine.Exists} {
		if outcome, err := c.Revoke(t.Context(), "1", right); outcome != engine.Failed || err == nil || !strings.Contains(err.Error(), "still lists it") {
			t.Errorf("revoke %q: %s, %v", right, outcome, err)
		}
	}
	if held, err := c.Account(t.Context(), "1"); err == nil {
		t.Errorf("it holds %v", held)
	}
	if outcome, err := c.Revoke(t.Context(), "2", engine.Exists); outcome != engine.Done || err != nil {
		t.Errorf("a deletion: %s, %v", outcome, err)
	}
	reads := 0
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/users/3" {
			return false
		}
		if reads++; reads > 1 {
			reply(w, 404, map[string]any{"message": "no route"})
		}
		return reads > 1
	}
	if outcome, err := c.Revoke(t.Context(), "3", engine.Exists); outcome != engine.Uncertain || err == nil {
		t.Errorf("a deletion that is answered 404: %s, %v", outcome, err)
	}
}

// The same for one right of one account.
func TestRightGoneButListed(t *testing.T) {
	everywhere := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/groups/") }
	single := func(r *http.Request) bool {
		return r.Method == http.MethodGet && r.URL.Path == "/api/groups/g1/members/1"
	}
	for name, tc := range map[string]struct {
		gone func(r *http.Request) bool
		want engine.Outcome
		left int
	}{"everywhere": {everywhere, engine.Refused, 2}, "the pair alone": {single, engine.Done, 1}} {
		p := newAPI(t, "page")
		c := p.config()
		c.Rights[0].One = &rest.Read{Path: "/groups/{right.id}/members/{account}"}
		p.members["g1"] = []string{"1", "2"}
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			gone := tc.gone(r)
			if gone {
				reply(w, 404, map[string]any{"message": "Not Found"})
			}
			return gone
		}
		if outcome, err := open(t, c, nil, canary).Revoke(t.Context(), "1", "Sales"); outcome != tc.want || (err == nil) != (tc.want == engine.Done) || len(p.members["g1"]) != tc.left {
			t.Errorf("%s: %s, %v, %v", name, outcome, err, p.members)
		}
	}
}

// lateFailure lets the first write take effect and answers it 503; there is no connection for a second one.
type lateFailure struct{ writes *int }

func (f lateFailure) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return http.DefaultTransport.RoundTrip(r)
	}
	if *f.writes++; *f.writes > 1 {
		return nil, &net.OpError{Op: "dial", Err: fmt.Errorf("connection refused")}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		response.StatusCode = http.StatusServiceUnavailable
	}
	return response, err
}

// A write that is answered 503 may have taken effect: it is sent once, and nobody knows.
func TestWriteAnswered503(t *testing.T) {
	p, writes := newAPI(t, "page"), 0
	c := open(t, p.config(), lateFailure{&writes}, canary)
	if outcome, err := c.Grant(t.Context(), "1", "Sales"); outcome != engine.Uncertain || err == nil || writes != 1 || len(p.members["g1"]) != 1 {
		t.Errorf("grant: %s, %v after %d writes, %v", outcome, err, writes, p.members)
	}
	writes = 0
	if id, outcome, err := c.Create(t.Context(), engine.NewAccount{Name: "zoe", Person: "9"}); outcome != engine.Uncertain || err == nil || writes != 1 || p.made != 1 {
		t.Errorf("create: %q, %s, %v after %d writes", id, outcome, err, writes)
	}
	reads := 0
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if reads++; reads == 1 {
			reply(w, http.StatusServiceUnavailable, map[string]any{})
			return true
		}
		return false
	}
	if _, proof, err := read(c); err != nil || !proof.Complete() {
		t.Errorf("a read that is answered 503 once: %v, %v", proof, err)
	}
}

// A list shows less of an account than the account itself: a change that copies it is made from the latter, be it in a batch.
func TestBatchCopiesTheAccountItself(t *testing.T) {
	for name, one := range map[string]bool{"with one": true, "with the list alone": false} {
		p := newAPI(t, "page")
		p.by = ""
		for i := range 12 {
			p.users = append(p.users, map[string]any{"id": 50 + i, "login": fmt.Sprint("u", i), "enabled": true, "person": ""})
		}
		for _, u := range p.users {
			u["roles"], u["phone"] = []any{}, "123"
		}
		c := p.config()
		c.Users.List.Paging = rest.Paging{}
		p.page = func(_ *http.Request, list []any, total int) ([]any, int) {
			for i := range list {
				list[i] = maps.Clone(list[i].(map[string]any))
				if one {
					delete(list[i].(map[string]any), "phone")
				}
			}
			return list, total
		}
		if !one {
			c.Users.One = nil
		}
		from := func(roles string) []rest.Write {
			return []rest.Write{{Method: "PATCH", Path: "/users/{account}", From: `{"phone": has(item.phone) ? item.phone : "", "roles": ` + roles + `}`}}
		}
		c.Rights = []rest.Right{{Names: []string{"agent", "boss"}, Each: "/roles", Grant: from("item.roles + [right]"), Revoke: from("item.roles.filter(r, r != right)")}}
		var calls []engine.Call
		for i := range 10 {
			calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint(50 + i), Entitlement: "agent"})
		}
		for i, r := range open(t, c, nil, canary).Apply(t.Context(), calls) {
			if u := p.users[4+i]; r.Outcome != engine.Done || r.Err != nil || u["phone"] != "123" || fmt.Sprint(u["roles"]) != "[agent]" {
				t.Errorf("%s, %d: %v, %v", name, i, r, u)
			}
		}
	}
}

// A change that copies the account does not undo the one before it, whose account was listed before.
func TestBatchCopiesNoAccountTwice(t *testing.T) {
	p := newAPI(t, "")
	c := p.config()
	for _, u := range p.users {
		u["roles"] = []any{}
	}
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		held := []any{}
		for _, u := range p.users {
			for _, role := range u["roles"].([]any) {
				held = append(held, map[string]any{"user": u["id"], "role": role})
			}
		}
		if r.URL.Path == "/api/roles" {
			reply(w, 200, map[string]any{"data": held, "total": len(held)})
		}
		return r.URL.Path == "/api/roles"
	}
	c.Users.One = nil
	list, from := c.Users.List, []rest.Write{{Method: "PATCH", Path: "/users/{account}", From: `{"roles": item.roles + [right]}`}}
	list.Path = "/roles"
	c.Rights = []rest.Right{{List: &list, Account: "/user", Right: "/role", Grant: from, Revoke: from}}
	var calls []engine.Call
	for i := range 8 {
		calls = append(calls, engine.Call{Grant: true, Account: "1", Entitlement: fmt.Sprint("r", i)})
	}
	for i, r := range open(t, c, nil, canary).Apply(t.Context(), calls) {
		if r.Outcome != engine.Done || r.Err != nil {
			t.Errorf("%d: %v", i, r)
		}
	}
	if got := fmt.Sprint(p.users[0]["roles"]); got != "[r0 r1 r2 r3 r4 r5 r6 r7]" {
		t.Errorf("%s", got)
	}
}

// Two rights of one id can't be told apart by those who hold it.
func TestTwoRightsOfOneID(t *testing.T) {
	p := newAPI(t, "page")
	p.groups = append(p.groups, map[string]any{"id": "g4", "name": "admins"})
	c := p.open(t)
	if held, proof, err := read(c); err != nil || proof.Complete() || proof.Reasons[0].Code != engine.ReasonDuplicate {
		t.Errorf("%v, %v, %v", held, proof.Reasons, err)
	}
	if outcome, err := c.Grant(t.Context(), "1", "admins"); outcome != engine.Failed || err == nil || len(p.members["g4"]) != 1 {
		t.Errorf("%s, %v", outcome, err)
	}
}

// Where the program answers of one right of one account, 404 before a grant and after a revoke is what the list says, too.
func TestOneRightOfOneAccount(t *testing.T) {
	p := newAPI(t, "page")
	c := p.config()
	c.Rights[0].One = &rest.Read{Path: "/groups/{right.id}/members/{account}"}
	p.members["g1"] = []string{"2"}
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		asked := r.Method == http.MethodGet && r.URL.Path == "/api/groups/g1/members/1"
		switch {
		case asked && slices.Contains(p.members["g1"], "1"):
			reply(w, 200, map[string]any{"user": "1"})
		case asked:
			reply(w, 404, map[string]any{"message": "no member"})
		}
		return asked
	}
	q := open(t, c, nil, canary)
	for i, change := range []func(context.Context, string, string) (engine.Outcome, error){q.Revoke, q.Grant, q.Grant, q.Revoke} {
		want := []engine.Outcome{engine.Already, engine.Done}[i%2]
		if outcome, err := change(t.Context(), "1", "Sales"); outcome != want || err != nil {
			t.Errorf("%d: %s, %v, %v", i, outcome, err, p.members)
		}
	}
}

// Whatever a program, or what signs in, echoes of what it was sent: no secret is in an error or in the reasons of a read.
func TestEchoesOfSecrets(t *testing.T) {
	const secret = "canary/+ 7f3a"
	oauth := func(p *api) httpconn.Auth {
		return httpconn.Auth{OAuth: &httpconn.OAuth{URL: p.URL + "/token", Client: "rc", Secret: engine.Secret{Env: "T"}}}
	}
	bearer := func(*api) httpconn.Auth { return httpconn.Auth{Bearer: engine.Secret{Env: "T"}} }
	for name, tc := range map[string]struct {
		auth   func(p *api) httpconn.Auth
		answer func(w http.ResponseWriter, sent string)
	}{
		"type": {bearer, func(w http.ResponseWriter, sent string) { w.Header().Set("Content-Type", "text/html; you-sent="+sent) }},
		"id": {bearer, func(w http.ResponseWriter, sent string) {
			x := map[string]any{"id": sent, "login": "x", "enabled": true}
			reply(w, 200, map[string]any{"data": []any{x, x}, "total": 2})
		}},
		"escaped": {bearer, func(w http.ResponseWriter, sent string) {
			reply(w, 500, map[string]any{"error": url.QueryEscape(sent)})
		}},
		"escaped path": {bearer, func(w http.ResponseWriter, sent string) { reply(w, 500, map[string]any{"error": url.PathEscape(sent)}) }},
		"sign-in":      {oauth, func(w http.ResponseWriter, sent string) { reply(w, 400, map[string]any{"error": sent}) }},
		"sign-in, decoded": {oauth, func(w http.ResponseWriter, sent string) {
			raw, _ := base64.StdEncoding.DecodeString(sent)
			reply(w, 400, map[string]any{"error": string(raw)})
		}},
	} {
		p := newAPI(t, "page")
		sent := ""
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			_, sent, _ = strings.Cut(r.Header.Get("Authorization"), " ")
			tc.answer(w, sent)
			return true
		}
		c := p.config()
		c.Auth = tc.auth(p)
		q := open(t, c, nil, secret)
		_, proof, err := read(q)
		_, errWrite := q.Grant(t.Context(), "1", "Sales")
		said := fmt.Sprint(proof.Reasons, err, errWrite)
		raw, _ := base64.StdEncoding.DecodeString(sent)
		_, escaped, _ := strings.Cut(string(raw), ":")
		for _, form := range []string{secret, sent, url.QueryEscape(secret), url.PathEscape(secret), string(raw), escaped} {
			if form != "" && strings.Contains(said, form) {
				t.Errorf("%s: %q is in %s", name, form, said)
			}
		}
		if !strings.Contains(said, "[secret]") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// statusEcho answers sign-ins with a status that repeats what was sent.
type statusEcho struct{}

func (statusEcho) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
	return &http.Response{StatusCode: 400, Status: "400 you sent " + sent, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func TestEchoInTheStatus(t *testing.T) {
	p := newAPI(t, "page")
	c := p.config()
	c.Auth = httpconn.Auth{OAuth: &httpconn.OAuth{URL: p.URL + "/token", Client: "rc", Secret: engine.Secret{Env: "T"}}}
	if _, _, err := read(open(t, c, statusEcho{}, canary)); err == nil || !strings.Contains(err.Error(), "400 you sent [secret]") {
		t.Errorf("%v", err)
	}
}

// Numbers beyond 64 bits are not rounded: the account next to one is another one.
func TestBigNumbers(t *testing.T) {
	p := newAPI(t, "page")
	writes := 0
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		one := `{"id":100000000000000000001,"login":"x","enabled":true,"person":""}`
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/api/users":
			fmt.Fprint(w, `{"data":[`+one+`],"total":1}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"data":`+one+`}`)
		default:
			writes++
			w.WriteHeader(http.StatusNoContent)
		}
		return true
	}
	if outcome, err := p.open(t).Revoke(t.Context(), "100000000000000000000", engine.Active); outcome != engine.Failed || err == nil || writes > 0 {
		t.Errorf("%s, %v, %d writes", outcome, err, writes)
	}
	if held, _, _ := read(p.open(t)); len(held) == 0 || held[0] != "100000000000000000001/.exists" {
		t.Errorf("%v", held)
	}
}

// One account without a name does not hide all others.
func TestAccountWithoutName(t *testing.T) {
	p := newAPI(t, "page")
	p.users[2]["login"] = nil
	c := p.open(t)
	if held, proof, err := read(c); err != nil || !proof.Complete() || len(held) != 9 {
		t.Errorf("%v, %v, %v", held, proof.Reasons, err)
	}
	if held, err := c.Account(t.Context(), "3"); err != nil || len(held) != 2 || held[0].Info.Name != "3" {
		t.Errorf("%v, %v", held, err)
	}
}

// A PUT would overwrite an account that one 404 calls gone.
func TestCreateOverwritesNobody(t *testing.T) {
	p := newAPI(t, "page")
	c, puts := p.config(), 0
	c.Users.Named = &rest.Read{Path: "/named/{name}"}
	c.Users.Create[0].Method = "PUT"
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			puts++
		}
		asked := strings.HasPrefix(r.URL.Path, "/api/named/")
		if asked {
			reply(w, 404, map[string]any{"message": "no route"})
		}
		return asked
	}
	if id, outcome, err := open(t, c, nil, canary).Create(t.Context(), engine.NewAccount{Name: "ann", Person: "9"}); outcome != engine.Refused || err == nil || puts > 0 {
		t.Errorf("%q, %s, %v after %d writes", id, outcome, err, puts)
	}
	if id, outcome, err := open(t, c, nil, canary).Create(t.Context(), engine.NewAccount{Name: "zoe", Person: "9"}); outcome != engine.Done || err != nil {
		t.Errorf("%q, %s, %v", id, outcome, err)
	}
}

// Accounts are made side by side: a look-up that sees its list grow reads it again.
func TestALookUpReadsAListThatGrewAgain(t *testing.T) {
	p := newAPI(t, "page")
	config, grew := p.config(), 0
	config.Users.Named = &rest.Read{Path: "/users?name={name}", Items: "/data", Paging: config.Users.List.Paging}
	p.page = func(r *http.Request, list []any, total int) ([]any, int) {
		if r.URL.Query().Get("name") != "" && later(r) && grew == 0 {
			grew, total = 1, total+1
		}
		return list, total
	}
	id, outcome, err := open(t, config, nil, canary).Create(t.Context(), engine.NewAccount{Name: "eve", Person: "p1"})
	if id == "" || outcome != engine.Done || err != nil || grew == 0 {
		t.Errorf("%q, %s, %v; the list grew %d times", id, outcome, err, grew)
	}
}
