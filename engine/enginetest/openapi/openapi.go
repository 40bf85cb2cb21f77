// Package openapi holds answers of a running server against the OpenAPI 3.1 document that describes it.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI document whose schemas are taken strictly: an answer may have nothing that is not described.
type Document struct {
	paths    map[string]map[string]operation
	schemas  *jsonschema.Compiler
	answered map[string]bool
}

type operation struct {
	RequestBody *content           `json:"requestBody"`
	Responses   map[string]content `json:"responses"`
}

type content struct {
	Content map[string]struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"content"`
}

const (
	place  = "mem:///openapi.json"
	inside = place + "#"
)

// Parse reads a document, and refuses one that is not OpenAPI 3.1.
func Parse(text []byte) (*Document, error) {
	var d struct {
		OpenAPI string                          `json:"openapi"`
		Paths   map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		return nil, fmt.Errorf("it is OpenAPI %q, not 3.1", d.OpenAPI)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	return &Document{paths: d.Paths, schemas: c, answered: map[string]bool{}}, c.AddResource(place, strict(parsed))
}

// strict forbids what is not described, in every object that says what it has.
func strict(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = strict(v[name])
		}
		if _, has := v["properties"]; has && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
	case []any:
		for i := range v {
			v[i] = strict(v[i])
		}
	}
	return v
}

// Operations are all that are described, "GET /path", sorted.
func (d *Document) Operations() (out []string) {
	for path, methods := range d.paths {
		for method := range methods {
			out = append(out, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(out)
	return out
}

// Unanswered are the operations of which no good answer was checked, sorted.
func (d *Document) Unanswered() []string {
	return slices.DeleteFunc(d.Operations(), func(o string) bool { return d.answered[o] })
}

// find is the description of what is asked for, with its template.
func (d *Document) find(method, path string) (template string, o operation, err error) {
	path, _, _ = strings.Cut(path, "?")
	for _, template := range slices.Sorted(maps.Keys(d.paths)) {
		if o, known := d.paths[template][strings.ToLower(method)]; known && fits(template, path) {
			return template, o, nil
		}
	}
	return "", o, fmt.Errorf("%s %s is not described", method, path)
}

func fits(template, path string) bool {
	return slices.EqualFunc(strings.Split(template, "/"), strings.Split(path, "/"), func(want, have string) bool {
		return strings.HasPrefix(want, "{") || want == have
	})
}

// Answer checks one answer.
func (d *Document) Answer(method, path string, status int, kind string, body []byte) error {
	template, o, err := d.find(method, path)
	if err != nil {
		return err
	}
	said, known := o.Responses[strconv.Itoa(status)]
	where := "/paths/" + escaped(template) + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(status)
	if !known {
		if said, known = o.Responses["default"]; !known || status < 400 {
			return fmt.Errorf("%s %s: the answer %d is not described", method, path, status)
		}
		where = strings.TrimSuffix(where, strconv.Itoa(status)) + "default"
	}
	if status < 400 {
		d.answered[strings.ToUpper(method)+" "+template] = true
	}
	if kind, _, _ = strings.Cut(kind, ";"); said.Content[kind].Schema == nil {
		return fmt.Errorf("%s %s: an answer %q is not described", method, path, kind)
	}
	if err := d.validate(where+"/content/"+escaped(kind)+"/schema", kind, body); err != nil {
		return fmt.Errorf("%s %s answers %d otherwise than described: %w\n%s", method, path, status, err, body)
	}
	return nil
}

// Body checks what is sent.
func (d *Document) Body(method, path string, body []byte) error {
	template, o, err := d.find(method, path)
	if err != nil {
		return err
	}
	if o.RequestBody == nil {
		return fmt.Errorf("%s %s takes no body", method, path)
	}
	return d.validate("/paths/"+escaped(template)+"/"+strings.ToLower(method)+"/requestBody/content/application~1json/schema", "application/json", body)
}

// validate holds JSON against a schema of the document; of other kinds every line of JSON Lines, and of the rest nothing.
func (d *Document) validate(pointer, kind string, body []byte) error {
	schema, err := d.schemas.Compile(inside + pointer)
	if err != nil {
		return err
	}
	texts := [][]byte{body}
	switch {
	case kind == "application/jsonl":
		texts = bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	case !strings.HasSuffix(kind, "json"):
		return nil
	}
	for _, text := range texts {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// escaped is a part of a JSON pointer within a URL.
func escaped(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(part)
}
