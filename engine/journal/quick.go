package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// loadPublic and loadPersonal read the stored form as json.Unmarshal would. The texts that storePublic and storePersonal write are
// read by hand, being read by the million; what looks different is left to json.
func loadPublic(text []byte) (p public, err error) {
	if p.quick(text) {
		return p, nil
	}
	p = public{}
	return p, json.Unmarshal(text, &p)
}

func loadPersonal(text []byte) (p personal, err error) {
	if p.quick(text) {
		return p, nil
	}
	p = personal{}
	return p, json.Unmarshal(text, &p)
}

func (p *public) quick(text []byte) bool {
	r := members{string(text), utf8.Valid(text)}
	r.begin()
	r.number("seq", &p.Seq)
	r.number("time", &p.Time)
	r.text("kind", &p.Kind)
	r.text("run", &p.Run)
	r.number("person", &p.Person)
	r.text("program", &p.Program)
	r.number("account", &p.Account)
	r.text("entitlement", &p.Entitlement)
	r.text("op", &p.Op)
	r.text("outcome", &p.Outcome)
	r.number("of", &p.Of)
	r.text("cause", &p.Cause)
	r.text("class", &p.Class)
	p.Approved = r.cut(`,"approved":true`)
	r.list("rules", &p.Rules)
	r.number("claim", &p.Claim)
	return r.end()
}

func (p *personal) quick(text []byte) bool {
	r := members{string(text), utf8.Valid(text)}
	r.begin()
	r.text("actor", &p.Actor)
	r.text("person", &p.Person)
	r.text("account", &p.Account)
	r.list("why", &p.Why)
	r.raw("data", &p.Data)
	return r.end()
}

// members reads the members of a JSON object in order, each of which may be missing; texts have no escapes. ok is false once
// something looks different.
type members struct {
	rest string
	ok   bool
}

// begin makes the first member look like the others.
func (r *members) begin() {
	if r.ok = r.ok && r.cut("{"); r.ok {
		r.rest = "," + r.rest
	}
}

func (r *members) end() bool { return r.ok && r.rest == "}" }

func (r *members) cut(prefix string) (ok bool) {
	r.rest, ok = strings.CutPrefix(r.rest, prefix)
	return ok
}

// name goes past a name and its colon, if that member comes next.
func (r *members) name(name string) bool {
	n := len(name) + len(`,"":`)
	if len(r.rest) < n || r.rest[:2] != `,"` || r.rest[2:2+len(name)] != name || r.rest[n-2:n] != `":` {
		return false
	}
	r.rest = r.rest[n:]
	return true
}

func (r *members) number(name string, to *int64) {
	if !r.name(name) {
		return
	}
	digits := r.rest[:max(0, strings.IndexAny(r.rest, ",}"))]
	n, err := strconv.ParseInt(digits, 10, 64)
	leading := strings.TrimPrefix(digits, "-")
	*to, r.rest, r.ok = n, r.rest[len(digits):], r.ok && err == nil && (leading[0] > '0' || digits == "0")
}

func (r *members) text(name string, to *string) {
	if r.name(name) {
		*to = r.quoted()
	}
}

func (r *members) list(name string, to *[]string) {
	if !r.name(name) {
		return
	}
	for more := r.cut("["); more && r.ok; more = r.cut(",") {
		*to = append(*to, r.quoted())
	}
	r.ok = r.ok && r.cut("]")
}

// quoted is a text without escapes.
func (r *members) quoted() string {
	if !r.cut(`"`) {
		r.ok = false
		return ""
	}
	end := strings.IndexByte(r.rest, '"')
	if end < 0 {
		r.ok = false
		return ""
	}
	text := r.rest[:end]
	for i := range len(text) {
		r.ok = r.ok && text[i] >= ' ' && text[i] != '\\'
	}
	r.rest = r.rest[end+1:]
	return text
}

// raw is a value of its own, valid JSON, that is the last member.
func (r *members) raw(name string, to *json.RawMessage) {
	if !r.name(name) || len(r.rest) == 0 {
		return
	}
	value := []byte(r.rest[:len(r.rest)-1])
	r.rest = r.rest[len(r.rest)-1:]
	*to, r.ok = value, r.ok && json.Valid(value) && len(bytes.TrimSpace(value)) == len(value)
}
