package http

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// The examples of RFC 6901 section 5.
func TestPointers(t *testing.T) {
	doc, err := decodeJSON([]byte(`{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8, "id": 9007199254740993}`))
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]any{"/foo": []any{"bar", "baz"}, "/foo/0": "bar", "/": int64(0), "/a~1b": int64(1), "/c%d": int64(2), "/e^f": int64(3), "/g|h": int64(4),
		`/i\j`: int64(5), `/k"l`: int64(6), "/ ": int64(7), "/m~0n": int64(8), "/id": int64(9007199254740993), "": doc, "/foo/2": nil, "/foo/01": nil, "/foo/-1": nil, "/no": nil, "/foo/0/x": nil} {
		p, err := parsePointer(pointer)
		if got, ok := follow(p, doc); err != nil || !reflect.DeepEqual(got, want) || ok != (want != nil) {
			t.Errorf("%q gives %v, %v, %v", pointer, got, ok, err)
		}
	}
	for _, wrong := range []string{"foo", "/a~b", "/~2", "/x~"} {
		if _, err := parsePointer(wrong); err == nil {
			t.Errorf("%q is taken for a pointer", wrong)
		}
	}
}

func TestNextLink(t *testing.T) {
	for header, want := range map[string]string{
		`<https://x/?page=2>; rel="next"`:                                   "https://x/?page=2",
		`<a>; rel=prev, <b>; rel=next`:                                      "b",
		`<a>; title="x, <y>; rel=next", <b>; title="\"," ; REL="last Next"`: "b",
		`<a>; rel="prev"; rel="next"`:                                       "", // the first rel counts
		`<a>; title=next`:                                                   "",
		`<a`:                                                                "",
		`<a>; rel="next`:                                                    "a",
		``:                                                                  "",
	} {
		if got := nextLink(http.Header{"Link": {header}}); got != want {
			t.Errorf("%s gives %q, want %q", header, got, want)
		}
	}
}

// Credentials go nowhere but below the url.
func TestBelow(t *testing.T) {
	c, err := httpconn.New(httpconn.Config{URL: "https://h.example.com/api", Auth: httpconn.Auth{Bearer: engine.Secret{Env: "T"}}}, httpconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{client: c}
	for raw, want := range map[string]string{"?page=2": "/users?page=2", "https://h.example.com/api/users?x=1": "/users?x=1", "/api/more": "/more", "//h.example.com/api/a%2Fb": "/a%2Fb",
		"https://evil.example.com/api/users": "", "http://h.example.com/api/users": "", "https://u:p@h.example.com/api/users": "", "/other": "", "../../x": "", "https://h.example.com.evil/api/users": "", "/apix/users": "", ":": "",
		"/api/%2e%2e/x": "", "/api/.%2E/x": "", "/api/%2e/x": "", "/api/a%2F..%2F..%2Fx": "", `/api/a%5C..%5C..%5Cx`: "", "/api/..;v=1/x": "", "/api/%252e%252e/x": "", "/api/a..b/100%25": "/a..b/100%25"} {
		if got, err := p.below(raw, "/users"); got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v", raw, got, err)
		}
	}
}

// FuzzTemplate: whatever a value is, it stays the one segment, parameter or text that it was meant to be.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"ann", "../admin", "..", ".", "a/b?c=d#e", `"}], "admin": true, "x": ["`, "%2e%2e", "a&role=admin", "\x00\r\n", "ü{account}", "", "a;b", "\\"} {
		f.Add(s)
	}
	a, err := parseAddress("/users/{account}/x?role={account}&z=1", []string{"account"})
	if err != nil {
		f.Fatal(err)
	}
	b, err := parseBody(map[string]any{"user": "{account}", "list": []any{"a {account} {{b}}", 1, true}}, []string{"account"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		v := values{"account": value}
		if path, err := a.fill(v); err == nil {
			u, err := url.Parse("https://h" + path)
			if err != nil {
				t.Fatalf("%q: %v", path, err)
			}
			segments, q := strings.Split(u.EscapedPath(), "/"), u.Query()
			got, errPath := url.PathUnescape(segments[2])
			if errPath != nil || len(segments) != 4 || got != value || got == "." || got == ".." || len(q) != 2 || q.Get("role") != value || q.Get("z") != "1" || u.Fragment != "" {
				t.Fatalf("%q gives %q", value, path)
			}
		}
		filled, err := fillBody(b, v)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(filled)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			User string
			List []any
		}
		valid := strings.ToValidUTF8(value, "\ufffd")
		if err := json.Unmarshal(data, &back); err != nil || strings.ToValidUTF8(back.User, "\ufffd") != back.User || len(back.List) != 3 || value == valid && (back.User != value || back.List[0] != "a "+value+" {b}") {
			t.Fatalf("%q gives %s", value, data)
		}
	})
}

// FuzzAnswers: whatever a program answers to each request, nothing panics; a list that is taken for whole names every account
// and right once; and no change is taken for made, since no answer ever changes.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`[{"id":"1","groups":["a"],"on":true}]`, `{"id":"1","groups":["a"],"on":true}`, `[{"id":1,"groups":["a","a",".exists",""],"on":true},{"id":1}]`, `[]`, `null`, `{`, `<html>`, `[{"id":1e999}]`,
		`{"message":"no"}`, `[{"id":" \u0000","groups":{},"on":1}]`} {
		for _, status := range []int{200, 404, 500} {
			f.Add([]byte(s), status, "application/json", "")
		}
	}
	f.Add([]byte("[]"), 200, "application/json", `<?x>; rel=next`)
	f.Fuzz(func(t *testing.T, body []byte, status int, kind, link string) {
		answers := roundTrip(func(r *http.Request) *http.Response {
			return &http.Response{StatusCode: 200 + (status&0x7fff)%400, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {kind}, "Link": {link}}, Body: bodyOf(body)}
		})
		write := []Write{{Method: "PUT", Path: "/u/{account}"}}
		p, err := Open(Config{URL: "https://crm.example.com", Auth: httpconn.Auth{Bearer: engine.Secret{Env: "T"}}, Users: Users{List: Read{Path: "/u", Paging: Paging{By: "link"}}, One: &Read{Path: "/u/{account}"}, ID: "/id", Active: "/on", Suspend: write, Resume: write},
			Rights: []Right{{Each: "/groups", Grant: write, Revoke: write}}}, fuzzOptions(answers))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[engine.Holding]bool{}
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
			h.Info = nil
			if h.Account == "" || seen[h] {
				t.Fatalf("%+v", h)
			}
			seen[h] = true
			return nil
		})
		if err == nil && proof.Complete() && (proof.Count != len(seen) || len(seen) == 0) {
			t.Fatalf("%d in the proof, %d came", proof.Count, len(seen))
		}
		for _, c := range []engine.Call{{Grant: true, Account: "1", Entitlement: "a"}, {Account: "1", Entitlement: "a"}, {Account: "1"}, {Account: "1", Entitlement: engine.Exists}} {
			outcome, err := p.change(t.Context(), c)
			if good := outcome == engine.Done || outcome == engine.Already; good != (err == nil) || outcome == engine.Done {
				t.Fatalf("%+v: %s, %v, though no answer ever changes", c, outcome, err)
			}
		}
	})
}
