package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// loadPublic and loadPersonal read the stored form as json.Unmarshal would. The texts that storePublic and storePersonal write are
// read by hand, being read by the million; what looks different is left to json. The spelling may be nil.
func loadPublic(text []byte, s *spelling) (p public, err error) {
	if p.quick(text, s) {
		return p, nil
	}
	p = public{}
	return p, json.Unmarshal(text, &p)
}

func loadPersonal(text []byte, s *spelling) (p personal, err error) {
	if p.quick(text, s) {
		return p, nil
	}
	p = personal{}
	return p, json.Unmarshal(text, &p)
}

func (p *public) quick(text []byte, s *spelling) bool {
	r := begin(text, s)
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

func (p *personal) quick(text []byte, s *spelling) bool {
	r := begin(text, s)
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
	rest  []byte
	ok    bool
	first bool // no member was read yet, so that the next one has no comma before it
	spell *spelling
}

func begin(text []byte, s *spelling) *members {
	r := &members{rest: text, ok: utf8.Valid(text), first: true, spell: s}
	r.ok = r.ok && r.cutRest("{")
	return r
}

func (r *members) end() bool { return r.ok && string(r.rest) == "}" }

// cut goes past a whole member, which begins with a comma here even if it is the first one.
func (r *members) cut(member string) bool {
	if r.first {
		member = member[1:]
	}
	ok := r.cutRest(member)
	r.first = r.first && !ok
	return ok
}

func (r *members) cutRest(prefix string) bool {
	if len(r.rest) < len(prefix) || string(r.rest[:len(prefix)]) != prefix {
		return false
	}
	r.rest = r.rest[len(prefix):]
	return true
}

// name goes past a name and its colon, if that member comes next.
func (r *members) name(name string) bool {
	rest := r.rest
	if !r.first {
		if len(rest) == 0 || rest[0] != ',' {
			return false
		}
		rest = rest[1:]
	}
	n := len(name) + len(`"":`)
	if len(rest) < n || rest[0] != '"' || string(rest[1:1+len(name)]) != name || rest[n-2] != '"' || rest[n-1] != ':' {
		return false
	}
	r.rest, r.first = rest[n:], false
	return true
}

func (r *members) number(name string, to *int64) {
	if !r.name(name) {
		return
	}
	digits := r.rest[:max(0, bytes.IndexAny(r.rest, ",}"))]
	n, err := strconv.ParseInt(string(digits), 10, 64)
	leading := bytes.TrimPrefix(digits, []byte("-"))
	*to, r.rest, r.ok = n, r.rest[len(digits):], r.ok && err == nil && (leading[0] > '0' || len(digits) == 1)
}

func (r *members) text(name string, to *string) {
	if r.name(name) {
		*to = r.spell.of(r.quoted())
	}
}

func (r *members) list(name string, to *[]string) {
	if !r.name(name) {
		return
	}
	whole, n := r.rest, 0
	for more := r.cutRest("["); more && r.ok; more = r.cutRest(",") {
		r.quoted()
		n++
	}
	if r.ok = r.ok && r.cutRest("]"); r.ok {
		*to = r.spell.list(whole[:len(whole)-len(r.rest)], n)
	}
}

// quoted is a text without escapes.
func (r *members) quoted() []byte {
	if !r.cutRest(`"`) {
		r.ok = false
		return nil
	}
	end := bytes.IndexByte(r.rest, '"')
	if end < 0 {
		r.ok = false
		return nil
	}
	text := r.rest[:end]
	for _, c := range text {
		r.ok = r.ok && c >= ' ' && c != '\\'
	}
	r.rest = r.rest[end+1:]
	return text
}

// raw is a value of its own, valid JSON, that is the last member.
func (r *members) raw(name string, to *json.RawMessage) {
	if !r.name(name) || len(r.rest) == 0 {
		return
	}
	value := bytes.Clone(r.rest[:len(r.rest)-1])
	r.rest = r.rest[len(r.rest)-1:]
	*to, r.ok = value, r.ok && json.Valid(value) && len(bytes.TrimSpace(value)) == len(value)
}
