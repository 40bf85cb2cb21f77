package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Canonical is the record as every journal keeps it: times in UTC and whole microseconds, JSON without white space, empty
// lists as nil. It refuses what no journal can keep or fold: text that is not UTF-8 or holds a NUL, broken JSON, an
// unknown kind, an intent without operation, program or account, an outcome without its word or its intent.
func (r Record) Canonical() (Record, error) {
	if err := r.check(); err != nil {
		return Record{}, fmt.Errorf("journal: a record of kind %q can't be kept: %w", r.Kind, err)
	}
	r.Time, r.Rules, r.Why = Instant(r.Time), orNil(r.Rules), orNil(r.Why)
	r.Data, _ = compact(r.Data) // checked above
	set := make([]Fact, 0, len(r.Set))
	for _, f := range r.Set {
		f.Since, f.Until = Instant(f.Since), Instant(f.Until)
		f.Data, _ = compact(f.Data)
		set = append(set, f)
	}
	r.Set, r.Clear = orNil(set), orNil(r.Clear)
	return r, nil
}

// Instant is the time as the journal keeps it: UTC, whole microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (r *Record) check() error {
	switch {
	case !r.Kind.known():
		return fmt.Errorf("the kind is unknown")
	case r.Kind == KindIntent && (r.Op == "" || r.Program == "" || r.Account == ""):
		return fmt.Errorf("an intent needs op, program and account")
	case r.Kind == KindOutcome && (r.Outcome == "" || r.Of <= 0):
		return fmt.Errorf("an outcome needs its word and the intent it belongs to")
	}
	if err := r.checkData(); err != nil {
		return err
	}
	return checkText(r.texts())
}

func (r *Record) checkData() error {
	if _, err := compact(r.Data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	for _, f := range r.Set {
		if _, err := compact(f.Data); err != nil {
			return fmt.Errorf("fact %s: data: %w", f.Kind, err)
		}
	}
	var err error
	switch r.Kind {
	case KindSeen:
		err = json.Unmarshal(r.Data, &Seen{})
	case KindIntent:
		_, _, err = IntentOf(*r)
	}
	return err
}

// texts is all text of the record that does not come as JSON.
func (r *Record) texts() []string {
	all := []string{r.Run, r.Actor, r.Person, r.Program, r.Account, r.Entitlement, string(r.Op), string(r.Outcome),
		string(r.Cause), string(r.Class)}
	all = append(append(all, r.Rules...), r.Why...)
	key := func(k *FactKey) { all = append(all, k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key) }
	for i := range r.Set {
		key(&r.Set[i].FactKey)
		all = append(all, r.Set[i].Text)
	}
	for i := range r.Clear {
		key(&r.Clear[i])
	}
	var s Seen
	if r.Kind == KindSeen && json.Unmarshal(r.Data, &s) == nil {
		for _, pair := range append(s.Appeared, s.Disappeared...) {
			all = append(all, pair[0], pair[1])
		}
	}
	return all
}

func checkText(all []string) error {
	for _, s := range all {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return fmt.Errorf("%.40q is not UTF-8 or holds a NUL; such names must be refused where they are read", s)
		}
	}
	return nil
}

func compact(data json.RawMessage) (json.RawMessage, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("JSON that is not UTF-8")
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}
