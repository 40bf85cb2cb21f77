package http_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// api is a program with a REST interface whose every answer a test can bend.
type api struct {
	*httptest.Server
	by     string                                                    // how lists are paged
	before func(w http.ResponseWriter, r *http.Request) (done bool)  // may answer instead
	after  func(r *http.Request)                                     // after a change
	page   func(r *http.Request, list []any, total int) ([]any, int) // bends a page

	mu       sync.Mutex
	users    []map[string]any
	groups   []map[string]any
	members  map[string][]string // group id → user ids
	requests []string
	made     int
}

func newAPI(t *testing.T, by string) *api {
	t.Helper()
	p := &api{by: by, members: map[string][]string{}}
	for i, name := range []string{"ann", "Ben B. Smith", "Łucja"} {
		p.users = append(p.users, map[string]any{"id": i + 1, "login": name, "enabled": true, "profile": map[string]any{"mail": name + "@example.com"}, "person": ""})
	}
	for i, name := range []string{"Sales", "Büro / Süd?", "x", "all"} {
		p.groups = append(p.groups, map[string]any{"id": fmt.Sprint("g", i+1), "name": name})
	}
	p.users = append(p.users, map[string]any{"id": 9007199254740993, "login": "owner", "enabled": true, "person": ""})
	p.members["g4"] = []string{"9007199254740993"}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.EscapedPath())
	if p.before != nil && p.before(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+canary {
		reply(w, http.StatusUnauthorized, map[string]any{"message": "who are you"})
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/api/"), "/")
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	switch {
	case parts[0] == "users" && len(parts) == 1 && r.Method == http.MethodGet:
		p.list(w, r, p.users)
	case parts[0] == "users" && len(parts) == 1:
		p.create(w, r)
	case parts[0] == "users":
		p.user(w, r, parts)
	case parts[0] == "groups" && len(parts) == 1:
		p.list(w, r, p.groups)
	case parts[0] == "groups" && len(parts) > 2:
		p.group(w, r, parts)
	case parts[0] == "licences":
		reply(w, http.StatusOK, map[string]any{"plan": map[string]any{"bought": 10, "used": len(p.users), "free": 10 - len(p.users), "note": "many"}})
	default:
		http.NotFound(w, r)
	}
	if p.after != nil && r.Method != http.MethodGet {
		p.after(r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

const pageSize = 2

// list answers one page as p.by says.
func (p *api) list(w http.ResponseWriter, r *http.Request, of []map[string]any) {
	list := make([]any, 0, len(of))
	for _, x := range of {
		list = append(list, x)
	}
	q := r.URL.Query()
	n, _ := strconv.Atoi(cmp.Or(q.Get("page"), q.Get("offset"), strings.TrimPrefix(q.Get("cursor"), "c")))
	from := min(n, len(list))
	if p.by == "page" {
		from = min((n-1)*pageSize, len(list))
	}
	to := min(from+pageSize, len(list))
	if p.by == "" {
		from, to = 0, len(list)
	}
	part, total := list[from:to], len(list)
	if p.page != nil {
		part, total = p.page(r, slices.Clone(part), total)
	}
	answer := map[string]any{"data": part, "total": total}
	switch next := fmt.Sprint("c", to); {
	case to == len(list):
	case p.by == "cursor":
		answer["next"] = next
	case p.by == "next":
		answer["next"] = p.URL + r.URL.EscapedPath() + "?cursor=" + next
	case p.by == "link":
		w.Header().Add("Link", `<https://example.com/>; rel=first; title="a, b <c>; rel=next", <?cursor=`+next+`>; title="more"; rel="last next"`)
	}
	reply(w, http.StatusOK, answer)
}

func (p *api) index(id string) int {
	return slices.IndexFunc(p.users, func(u map[string]any) bool { return fmt.Sprint(u["id"]) == id })
}

func (p *api) create(w http.ResponseWriter, r *http.Request) {
	u := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&u)
	if slices.ContainsFunc(p.users, func(o map[string]any) bool { return o["login"] == u["login"] }) {
		reply(w, http.StatusConflict, map[string]any{"message": "taken"})
		return
	}
	p.made++
	u["id"], u["enabled"] = 100+p.made, true
	p.users = append(p.users, u)
	reply(w, http.StatusCreated, u)
}

func (p *api) user(w http.ResponseWriter, r *http.Request, parts []string) {
	i := p.index(parts[1])
	if i < 0 {
		reply(w, http.StatusNotFound, map[string]any{"error": "no such user"})
		return
	}
	switch r.Method {
	case http.MethodGet:
		if len(parts) > 2 {
			p.list(w, r, p.groupsOf(parts[1]))
			return
		}
		reply(w, http.StatusOK, map[string]any{"data": p.users[i]})
		return
	case http.MethodDelete:
		p.users = slices.Delete(p.users, i, i+1)
		for g := range p.members {
			p.members[g] = slices.DeleteFunc(p.members[g], func(m string) bool { return m == parts[1] })
		}
	case http.MethodPatch:
		change := map[string]any{}
		_ = json.NewDecoder(r.Body).Decode(&change)
		for name, value := range change {
			p.users[i][name] = value
		}
	case http.MethodPost:
		p.users[i]["enabled"] = parts[2] == "resume"
	}
	w.WriteHeader(http.StatusNoContent)
}

// groupsOf are those of one user, with one that is only asked for.
func (p *api) groupsOf(id string) (list []map[string]any) {
	for _, g := range p.groups {
		if slices.Contains(p.members[g["id"].(string)], id) {
			list = append(list, map[string]any{"group": g["id"], "state": "member"})
		}
	}
	return append(list, map[string]any{"group": "g1", "state": "asked"})
}

func (p *api) group(w http.ResponseWriter, r *http.Request, parts []string) {
	id := parts[1]
	if !slices.ContainsFunc(p.groups, func(g map[string]any) bool { return g["id"] == id }) {
		reply(w, http.StatusNotFound, map[string]any{"error": "no such group"})
		return
	}
	at := -1
	if len(parts) == 4 {
		at = slices.Index(p.members[id], parts[3])
	}
	switch r.Method {
	case http.MethodGet:
		if len(parts) == 4 && at < 0 {
			reply(w, http.StatusNotFound, map[string]any{"error": "no member"})
			return
		}
		if len(parts) == 4 {
			reply(w, http.StatusOK, map[string]any{"user": parts[3]})
			return
		}
		var list []map[string]any
		for _, m := range p.members[id] {
			list = append(list, map[string]any{"user": m})
		}
		p.list(w, r, list)
		return
	case http.MethodPut:
		if at < 0 {
			p.members[id] = append(p.members[id], parts[3])
		}
	case http.MethodDelete:
		if at < 0 {
			reply(w, http.StatusNotFound, map[string]any{"error": "no member"})
			return
		}
		p.members[id] = slices.Delete(p.members[id], at, at+1)
	}
	w.WriteHeader(http.StatusNoContent)
}

// config describes the program.
func (p *api) config() rest.Config {
	paging := map[string]rest.Paging{
		"":       {Total: "/total"},
		"page":   {By: "page", Param: "page", First: 1, Limit: "size", Size: pageSize, Total: "/total"},
		"offset": {By: "offset", Param: "offset", Total: "/total"},
		"cursor": {By: "cursor", Param: "cursor", Next: "/next", Total: "/total"},
		"next":   {By: "next", Next: "/next", Total: "item.total"},
		"link":   {By: "link", Total: "/total"},
	}[p.by]
	read := func(path string) rest.Read { return rest.Read{Path: path, Items: "/data", Paging: paging} }
	catalogue, members := read("/groups"), read("/groups/{right.id}/members?all=1")
	return rest.Config{URL: p.URL + "/api", Auth: httpconn.Auth{Bearer: engine.Secret{Env: "T"}},
		Users: rest.Users{List: read("/users"), One: &rest.Read{Path: "/users/{account}", Items: "/data"}, ID: "/id", Name: "/login", Person: "/person", Active: "/enabled",
			Attributes: map[string]string{"mail": "/profile/mail"},
			Create:     []rest.Write{{Method: "POST", Path: "/users", Body: map[string]any{"login": "{name}", "person": "{person}", "profile": map[string]any{"mail": "{attributes.mail}"}}}},
			Update:     []rest.Write{{Method: "PATCH", Path: "/users/{account}", From: `{"login": name, "profile": {"mail": "mail" in attributes ? attributes.mail : item.profile.mail}}`}},
			Suspend:    []rest.Write{{Method: "POST", Path: "/users/{account}/suspend"}}, Resume: []rest.Write{{Method: "POST", Path: "/users/{account}/resume"}},
			Delete: []rest.Write{{Method: "DELETE", Path: "/users/{account}", Expect: []int{204}}}},
		Rights: []rest.Right{{Catalogue: &catalogue, Name: "/name", ID: "/id", List: &members, Account: "/user", Held: true,
			Grant:  []rest.Write{{Method: "PUT", Path: "/groups/{right.id}/members/{account}", Form: map[string]string{"role": "member of {right}"}}},
			Revoke: []rest.Write{{Method: "DELETE", Path: "/groups/{right.id}/members/{account}"}}}}}
}
