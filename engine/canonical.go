package engine

import (
	"bytes"
	"cmp"
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
	r.Time, r.Rules, r.Why = Instant(r.Time), orNil(r.Rules), orNil(r.Why)
	err := r.canonicalData()
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return Record{}, fmt.Errorf("journal: a record of kind %q can't be kept: %w", r.Kind, err)
	}
	r.Clear = orNil(r.Clear)
	return r, nil
}

// canonicalData makes JSON compact, and the facts a list of the record's own.
func (r *Record) canonicalData() (err error) {
	if r.Data, err = compact(r.Data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	set := make([]Fact, 0, len(r.Set))
	for _, f := range r.Set {
		f.Since, f.Until = Instant(f.Since), Instant(f.Until)
		if f.Data, err = compact(f.Data); err != nil {
			return fmt.Errorf("fact %s: data: %w", f.Kind, err)
		}
		set = append(set, f)
	}
	r.Set = orNil(set)
	return nil
}

// Instant is the time as the journal keeps it: UTC, whole microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (r *Record) check() error {
	switch {
	case !r.Kind.known():
		return fmt.Errorf("the kind is unknown")
	case r.Kind == KindIntent && (r.Op == "" || r.Program == "" || r.Account == ""):
		return fmt.Errorf("an intent needs op, program and account")
	case r.Kind == KindLate:
		return fmt.Errorf("what is late is for the journal to say; append an outcome")
	case r.Kind == KindOutcome && (r.Outcome == "" || r.Of <= 0):
		return fmt.Errorf("an outcome needs its word and the intent it belongs to")
	}
	var seen Seen
	switch r.Kind {
	case KindSeen:
		if err := json.Unmarshal(r.Data, &seen); err != nil {
			return err
		}
	case KindIntent:
		if _, err := parseIntentData(r.Data); err != nil {
			return err
		}
	}
	return r.checkTexts(&seen)
}

// checkTexts looks at all text of the record that does not come as JSON, and at the names that a read has seen.
func (r *Record) checkTexts(seen *Seen) error {
	err := checkText(r.Run, r.Actor, r.Person, r.Program, r.Account, r.Entitlement, string(r.Op), string(r.Outcome), string(r.Cause), string(r.Class))
	err = cmp.Or(err, checkText(r.Rules...), checkText(r.Why...), checkNames(r.Person, r.Account))
	for i := range r.Set {
		err = cmp.Or(err, r.Set[i].FactKey.check(), checkText(r.Set[i].Text))
	}
	for i := range r.Clear {
		err = cmp.Or(err, r.Clear[i].check())
	}
	for _, list := range [][][2]string{seen.Appeared, seen.Disappeared, seen.Vanished} {
		for i := range list {
			err = cmp.Or(err, checkText(list[i][:]...), checkNames(list[i][0]))
		}
	}
	return err
}

func (k *FactKey) check() error {
	return checkText(k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key)
}

func checkText(all ...string) error {
	for _, s := range all {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
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
	if isCompact(data) {
		return bytes.Clone(data), nil
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

// checkNames refuses names that tables have for what was blanked.
func checkNames(all ...string) error {
	for _, s := range all {
		if blankedName(s) {
			return fmt.Errorf("%.40q begins as the names of what was blanked do; such names must be refused where they are read", s)
		}
	}
	return nil
}
