package journal

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// The stored form of a record is two JSON texts, public and personal, whose bytes go into the record's leaf. They are
// kept and hashed as they were written, never written anew, so old leaves keep their hashes. The rule for changing the
// types below: fields may be added, with omitempty and at the end; a field is never removed, renamed, retyped or given
// another meaning. Actor stays the first field of personal: records are searched by it.

// public is what may stay for ever: it knows people and accounts by number only.
type public struct {
	Seq         int64    `json:"seq"`
	Time        int64    `json:"time"` // microseconds since 1970
	Kind        string   `json:"kind"`
	Run         string   `json:"run,omitempty"`
	Person      int64    `json:"person,omitempty"` // number in the table person
	Program     string   `json:"program,omitempty"`
	Account     int64    `json:"account,omitempty"` // number in the table account
	Entitlement string   `json:"entitlement,omitempty"`
	Op          string   `json:"op,omitempty"`
	Outcome     string   `json:"outcome,omitempty"`
	Of          int64    `json:"of,omitempty"`
	Cause       string   `json:"cause,omitempty"`
	Class       string   `json:"class,omitempty"`
	Approved    bool     `json:"approved,omitempty"`
	Rules       []string `json:"rules,omitempty"`
	Claim       int64    `json:"claim,omitempty"`
}

// personal is what can be blanked.
type personal struct {
	Actor   string          `json:"actor"`
	Person  string          `json:"person,omitempty"`
	Account string          `json:"account,omitempty"`
	Why     []string        `json:"why,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Set     []fact          `json:"set,omitempty"`
	Clear   []factKey       `json:"clear,omitempty"`
}

type factKey struct {
	Kind        string `json:"kind"`
	Program     string `json:"program,omitempty"`
	Account     string `json:"account,omitempty"`
	Entitlement string `json:"entitlement,omitempty"`
	Person      string `json:"person,omitempty"`
	Key         string `json:"key,omitempty"`
}

type fact struct {
	factKey
	Since int64           `json:"since,omitempty"`
	Until int64           `json:"until,omitempty"`
	Count int             `json:"count,omitempty"`
	Text  string          `json:"text,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// load is the inverse of storePublic and storePersonal; without personal the record has no names, reasons, data and facts.
func load(publicText, personalText []byte) (r engine.Record, who public, err error) {
	return (*spelling)(nil).load(publicText, personalText)
}

func (s *spelling) load(publicText, personalText []byte) (r engine.Record, who public, err error) {
	if who, err = loadPublic(publicText, s); err != nil {
		return r, who, err
	}
	r = engine.Record{Seq: who.Seq, Time: instant(who.Time), Kind: engine.Kind(who.Kind), Run: who.Run, Program: who.Program,
		Entitlement: who.Entitlement, Op: engine.Op(who.Op), Outcome: engine.Outcome(who.Outcome), Of: who.Of, Cause: engine.Cause(who.Cause),
		Class: engine.Class(who.Class), Approved: who.Approved, Rules: who.Rules, Claim: int(who.Claim)}
	if personalText == nil {
		return r, who, nil
	}
	p, err := loadPersonal(personalText, s)
	if err != nil {
		return r, who, err
	}
	r.Actor, r.Person, r.Account, r.Why, r.Data = p.Actor, p.Person, p.Account, p.Why, p.Data
	for _, f := range p.Set {
		r.Set = append(r.Set, engine.Fact{FactKey: engine.FactKey(f.factKey), Since: instant(f.Since), Until: instant(f.Until), Count: f.Count, Text: f.Text, Data: f.Data})
	}
	for _, k := range p.Clear {
		r.Clear = append(r.Clear, engine.FactKey(k))
	}
	return r, who, nil
}

// encode is JSON without escapes for HTML, so that records can be searched for what people type.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// micros and instant are the stored form of times: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
