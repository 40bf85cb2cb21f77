package servers

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

// Provider is a small SCIM service provider in this process whose every answer a test can bend.
type Provider struct {
	URL    string
	Before func(w http.ResponseWriter, r *http.Request) (handled bool) // may answer instead
	After  func(p *Provider, r *http.Request)                          // after a change, under the lock
	Page   func(list *ListPage, r *http.Request)                       // bends a page
	ETag   bool                                                        // checks If-Match

	Mu       sync.Mutex // held while an answer is made, and while the hooks run
	Users    []map[string]any
	Groups   []map[string]any
	Requests []string // method and path of each
	made     int
}

// ListPage is one page of a list, RFC 7644 section 3.4.2.
type ListPage struct {
	Schemas      []string         `json:"schemas"`
	TotalResults *int             `json:"totalResults,omitempty"`
	Resources    []map[string]any `json:"Resources"`
}

// NewProvider starts a provider with three users and three groups, which ends with the test.
func NewProvider(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{}
	for _, id := range []string{"u1", "u2", "u3"} {
		p.Users = append(p.Users, map[string]any{"id": id, "userName": id + "@example.com", "active": "True", "version": 1})
	}
	for _, id := range []string{"g1", "g2", "g3"} {
		p.Groups = append(p.Groups, map[string]any{"id": id, "displayName": "group " + id, "members": []string{"u3"}, "version": 1})
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	p.Requests = append(p.Requests, r.Method+" "+r.URL.Path)
	if p.Before != nil && p.Before(w, r) {
		return
	}
	kind, id, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	switch list := p.list(kind); {
	case kind == "ServiceProviderConfig":
		Reply(w, 200, map[string]any{"etag": map[string]any{"supported": p.ETag}})
	case list == nil:
		http.NotFound(w, r)
	case id == "" && r.Method == http.MethodPost:
		p.create(w, r, list)
	case id == "":
		p.answerList(w, r, kind, *list)
	default:
		i := slices.IndexFunc(*list, func(x map[string]any) bool { return x["id"] == id })
		if i < 0 {
			Problem(w, 404, "not found")
			return
		}
		if r.Method == http.MethodDelete {
			*list = slices.Delete(*list, i, i+1)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		p.answerOne(w, r, kind, (*list)[i])
	}
}

func (p *Provider) create(w http.ResponseWriter, r *http.Request, list *[]map[string]any) {
	x := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&x)
	p.made++
	x["id"], x["version"] = "n"+strconv.Itoa(p.made), 1
	*list = append(*list, x)
	if p.After != nil {
		p.After(p, r)
	}
	Reply(w, http.StatusCreated, x)
}

func (p *Provider) list(kind string) *[]map[string]any {
	return map[string]*[]map[string]any{"Users": &p.Users, "Groups": &p.Groups}[kind]
}

func (p *Provider) answerList(w http.ResponseWriter, r *http.Request, kind string, all []map[string]any) {
	q := r.URL.Query()
	if _, value, ok := strings.Cut(q.Get("filter"), " eq "); ok {
		var want string
		_ = json.Unmarshal([]byte(value), &want)
		all = slices.DeleteFunc(slices.Clone(all), func(x map[string]any) bool { return x["displayName"] != want && x["userName"] != want })
	}
	start, _ := strconv.Atoi(q.Get("startIndex"))
	count, _ := strconv.Atoi(q.Get("count"))
	total := len(all)
	list := &ListPage{TotalResults: &total}
	for i := max(start, 1) - 1; i < min(len(all), start-1+count); i++ {
		list.Resources = append(list.Resources, show(kind, all[i]))
	}
	if p.Page != nil {
		p.Page(list, r)
	}
	Reply(w, 200, list)
}

func (p *Provider) answerOne(w http.ResponseWriter, r *http.Request, kind string, x map[string]any) {
	version := fmt.Sprintf(`W/"%v"`, x["version"])
	w.Header().Set("ETag", version)
	if r.Method == http.MethodPatch {
		if match := r.Header.Get("If-Match"); p.ETag && match != version {
			Problem(w, 412, "changed meanwhile, you know "+match)
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
		if p.After != nil {
			p.After(p, r)
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	Reply(w, 200, show(kind, x))
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

// Reply sends SCIM.
func Reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Problem sends an error of RFC 7644 section 3.12.
func Problem(w http.ResponseWriter, status int, detail string) {
	Reply(w, status, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail})
}
