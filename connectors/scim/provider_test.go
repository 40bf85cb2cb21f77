package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// provider is a small SCIM service provider in this process whose every answer a test can bend.
type provider struct {
	URL    string
	before func(w http.ResponseWriter, r *http.Request) (handled bool) // may answer instead
	after  func(p *provider, r *http.Request)                          // after a change, under the lock
	page   func(list *page, r *http.Request)                           // bends a page
	etag   bool                                                        // checks If-Match

	mu       sync.Mutex
	users    []map[string]any
	groups   []map[string]any
	requests []string
}

type page struct {
	Schemas      []string         `json:"schemas"`
	TotalResults *int             `json:"totalResults,omitempty"`
	Resources    []map[string]any `json:"Resources"`
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	for _, id := range []string{"u1", "u2", "u3"} {
		p.users = append(p.users, map[string]any{"id": id, "userName": id + "@example.com", "active": "True", "version": 1})
	}
	for _, id := range []string{"g1", "g2", "g3"} {
		p.groups = append(p.groups, map[string]any{"id": id, "displayName": "group " + id, "members": []string{"u3"}, "version": 1})
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.Path)
	if p.before != nil && p.before(w, r) {
		return
	}
	kind, id, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	switch list := p.list(kind); {
	case kind == "ServiceProviderConfig":
		reply(w, 200, map[string]any{"etag": map[string]any{"supported": p.etag}})
	case list == nil:
		http.NotFound(w, r)
	case id == "":
		p.answerList(w, r, kind, *list)
	default:
		i := slices.IndexFunc(*list, func(x map[string]any) bool { return x["id"] == id })
		if i < 0 {
			problem(w, 404, "not found")
			return
		}
		p.answerOne(w, r, kind, (*list)[i])
	}
}

func (p *provider) list(kind string) *[]map[string]any {
	return map[string]*[]map[string]any{"Users": &p.users, "Groups": &p.groups}[kind]
}

func (p *provider) answerList(w http.ResponseWriter, r *http.Request, kind string, all []map[string]any) {
	q := r.URL.Query()
	if _, value, ok := strings.Cut(q.Get("filter"), " eq "); ok {
		var want string
		_ = json.Unmarshal([]byte(value), &want)
		all = slices.DeleteFunc(slices.Clone(all), func(x map[string]any) bool { return x["displayName"] != want && x["userName"] != want })
	}
	start, _ := strconv.Atoi(q.Get("startIndex"))
	count, _ := strconv.Atoi(q.Get("count"))
	total := len(all)
	list := &page{TotalResults: &total}
	for i := max(start, 1) - 1; i < min(len(all), start-1+count); i++ {
		list.Resources = append(list.Resources, show(kind, all[i]))
	}
	if p.page != nil {
		p.page(list, r)
	}
	reply(w, 200, list)
}

func (p *provider) answerOne(w http.ResponseWriter, r *http.Request, kind string, x map[string]any) {
	version := fmt.Sprintf(`W/"%v"`, x["version"])
	w.Header().Set("ETag", version)
	if r.Method == http.MethodPatch {
		if match := r.Header.Get("If-Match"); p.etag && match != version {
			problem(w, 412, "changed meanwhile, you know "+match)
			return
		}
		var body struct {
			Operations []struct {
				Op, Path string
				Value    any
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		for _, op := range body.Operations {
			apply(x, op.Op, op.Path, op.Value)
		}
		x["version"] = x["version"].(int) + 1
		if p.after != nil {
			p.after(p, r)
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	reply(w, 200, show(kind, x))
}

func apply(x map[string]any, op, path string, value any) {
	members, _ := x["members"].([]string)
	switch {
	case path == "members" && op == "add":
		for _, m := range value.([]any) {
			members = append(members, m.(map[string]any)["value"].(string))
		}
		x["members"] = members
	case strings.HasPrefix(path, "members[") && op == "remove":
		x["members"] = slices.DeleteFunc(members, func(m string) bool { return path == fmt.Sprintf("members[value eq %q]", m) })
	default:
		x[path] = value
	}
}

func show(kind string, x map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range x {
		out[k] = v
	}
	if kind == "Groups" {
		members := []map[string]string{}
		for _, m := range x["members"].([]string) {
			members = append(members, map[string]string{"value": m})
		}
		out["members"] = members
	}
	return out
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, detail string) {
	reply(w, status, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail})
}
