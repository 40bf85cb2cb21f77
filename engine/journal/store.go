package journal

import (
	"strconv"

	"github.com/rolecall/rolecall/engine"
)

// storePublic and storePersonal write a canonical record as encode would write the types public and personal: by hand,
// since every record goes through here, most of them under the head lock.
func storePublic(r *engine.Record, person, account int64) []byte {
	w := make(object, 0, 256)
	w = append(w, `{"seq":`...)
	w = strconv.AppendInt(w, r.Seq, 10)
	w = append(w, `,"time":`...)
	w = strconv.AppendInt(w, micros(r.Time), 10)
	w = append(w, `,"kind":`...)
	w = w.quote(string(r.Kind))
	w = w.text("run", r.Run).number("person", person).text("program", r.Program).number("account", account)
	w = w.text("entitlement", r.Entitlement).text("op", string(r.Op)).text("outcome", string(r.Outcome)).number("of", r.Of)
	w = w.text("cause", string(r.Cause)).text("class", string(r.Class))
	if r.Approved {
		w = append(w, `,"approved":true`...)
	}
	return append(w.list("rules", r.Rules).number("claim", int64(r.Claim)), '}')
}

func storePersonal(r *engine.Record) ([]byte, error) {
	w := make(object, 0, 256)
	w = append(w, `{"actor":`...)
	w = w.quote(r.Actor).text("person", r.Person).text("account", r.Account).list("why", r.Why)
	if len(r.Data) > 0 {
		w = append(w, `,"data":`...)
		w = append(w, r.Data...) // compact
	}
	if len(r.Set)+len(r.Clear) == 0 {
		return append(w, '}'), nil
	}
	p := struct {
		Set   []fact    `json:"set,omitempty"`
		Clear []factKey `json:"clear,omitempty"`
	}{}
	for _, f := range r.Set {
		p.Set = append(p.Set, fact{factKey(f.FactKey), micros(f.Since), micros(f.Until), f.Count, f.Text, f.Data})
	}
	for _, k := range r.Clear {
		p.Clear = append(p.Clear, factKey(k))
	}
	facts, err := encode(p)
	return append(append(w, ','), facts[1:]...), err
}

// object is a JSON object on its way. Its methods leave empty values out, as omitempty does; names need no escapes.
type object []byte

func (w object) name(name string) object {
	w = append(w, `,"`...)
	w = append(w, name...)
	return append(w, `":`...)
}

func (w object) text(name, value string) object {
	if value == "" {
		return w
	}
	return w.name(name).quote(value)
}

func (w object) number(name string, value int64) object {
	if value == 0 {
		return w
	}
	return strconv.AppendInt(w.name(name), value, 10)
}

func (w object) list(name string, values []string) object {
	if len(values) == 0 {
		return w
	}
	w = append(w.name(name), '[')
	for i, v := range values {
		if i > 0 {
			w = append(w, ',')
		}
		w = w.quote(v)
	}
	return append(w, ']')
}

// quote writes a string; where something may need an escape, encode does.
func (w object) quote(s string) object {
	if plain(s) {
		w = append(w, '"')
		w = append(w, s...)
		return append(w, '"')
	}
	text, _ := encode(s) // a string
	return append(w, text...)
}

// plain: nothing in s, which is UTF-8, is escaped by encode, which escapes quotes, backslashes, control characters, and U+2028 and U+2029,
// whose first byte is 0xE2.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == 0xE2 {
			return false
		}
	}
	return true
}
