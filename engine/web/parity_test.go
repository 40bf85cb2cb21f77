package web

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofThePageAlone are addresses that programs have no use for, and why.
func ofThePageAlone() map[string]string {
	return map[string]string{
		"GET /login": "programs bring a token", "GET /login/start": "the same", "GET /login/return": "the same", "POST /login/token": "the same", "POST /logout": "the same",
		"GET /{$}": "leads to the first page, which is GET /api/v1/now", "GET /": "says that nothing is there",
	}
}

// document is what openapi.json says of each address, by method.
func document(t *testing.T) map[string]map[string]json.RawMessage {
	t.Helper()
	text, err := files.ReadFile("assets/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d.Paths
}

// TestEveryRouteIsInTheAPI: what the page shows and does, programs are shown and can do, with the same permission.
func TestEveryRouteIsInTheAPI(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	paths, calls := document(t), s.calls()
	for _, r := range s.routes() {
		if ofThePageAlone()[r.pattern] != "" {
			continue
		}
		method, path, _ := strings.Cut(r.pattern, " ")
		if _, is := paths[apiBase+path][strings.ToLower(method)]; !is {
			t.Errorf("openapi.json has no %s %s%s", method, apiBase, path)
		}
		if i := slices.IndexFunc(calls, func(c call) bool { return c.pattern == method+" "+apiBase+path }); i < 0 || calls[i].needs != r.needs {
			t.Errorf("%s: the page wants the permission %s, and the API another one, or has no such address", r.pattern, r.needs)
		}
	}
}

// form is a form of a template: what it asks for or sends, and where.
type form struct {
	template, method, action string
	fields                   []string
}

// forms reads them out of the templates.
func forms(t *testing.T) (out []form) {
	t.Helper()
	entries, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range entries {
		text, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), `{{define "`)[1:] {
			name, body, _ := strings.Cut(part, `"}}`)
			texts[name] = body
		}
	}
	attribute := func(tag, name string) string {
		if m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(tag); m != nil {
			return m[1]
		}
		return ""
	}
	for name, text := range texts {
		text = strings.ReplaceAll(text, `{{template "reason"}}`, texts["reason"])
		for _, m := range regexp.MustCompile(`(?s)<form ([^>]*)>(.*?)</form>`).FindAllStringSubmatch(text, -1) {
			f := form{template: name, method: attribute(m[1], "method"), action: attribute(m[1], "action")}
			for _, input := range regexp.MustCompile(`<(?:input|select|button|textarea) [^>]*`).FindAllString(m[2], -1) {
				if field := attribute(input, " name"); field != "" && !strings.Contains(field, "{{") && !slices.Contains(f.fields, field) {
					f.fields = append(f.fields, field)
				}
			}
			out = append(out, f)
		}
	}
	return out
}

// of are the addresses of forms that have none in the text.
func (f form) of() string {
	at := map[string]string{"person": "/people/{}", "review": "/reviews/{}", "report": "/reports/{}", "access": "/mine", "mate": "/mine/people/{}", "cut": "/people/{}/cut", "undo": "/runs/{}/undo"}[f.template]
	switch {
	case f.action == "" || f.action == "{{$path}}" || f.action == "{{.Path}}" || f.action == "{{$.Path}}":
		return at
	case strings.HasPrefix(f.action, "{{$path}}/"):
		return at + strings.TrimPrefix(f.action, "{{$path}}")
	}
	return regexp.MustCompile(`{{[^}]*}}`).ReplaceAllString(f.action, "{}")
}

// said are the names by which the API takes what a form of the page calls otherwise; "" is what only spares somebody clicks.
func said(field string) string {
	other, is := map[string]string{"do": "decision", "item": "items", "line": "lines", "role": "scope", "all": "", "shown": ""}[field]
	if is {
		return other
	}
	return field
}

// TestEveryFieldIsInTheAPI: what can be asked for or said on the page, programs can ask for and say.
func TestEveryFieldIsInTheAPI(t *testing.T) {
	all, n := operations(), 0
	for _, f := range forms(t) {
		pattern := strings.ToUpper(f.method) + " " + apiBase + f.of()
		if ofThePageAlone()[strings.ToUpper(f.method)+" "+f.of()] != "" {
			continue
		}
		i := slices.IndexFunc(all, func(o operation) bool {
			return regexp.MustCompile(`{[^}]*}`).ReplaceAllString(o.pattern, "{}") == pattern
		})
		if i < 0 {
			t.Errorf("the form of %s goes to %s, which the API does not have", f.template, pattern)
			continue
		}
		known := []string{}
		for _, p := range all[i].query {
			known = append(known, p.name)
		}
		if body := reflect.TypeOf(all[i].takes); body != nil {
			for k := range body.NumField() {
				known = append(known, body.Field(k).Tag.Get("json"))
			}
		}
		for _, field := range f.fields {
			if f.template == "report" && field == "q" { // the API gives all lines, and has words where they are for spreadsheets
				continue
			}
			if n++; said(field) != "" && !slices.Contains(known, said(field)) && !(field == "program" && slices.Contains(known, "scope")) {
				t.Errorf("%s: the API does not know %s of the form of %s, but %v", pattern, field, f.template, known)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d fields were found", n)
	}
}
