package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// LegalHold is why the account of somebody under a legal hold is kept: it may be suspended and lose rights, but is not deleted.
const LegalHold = "legal hold"

// held says whether somebody is under a legal hold.
func (b *builder) held(s *subject) bool {
	_, held := b.s.Memory.Fact(FactKey{Kind: FactHold, Person: s.key})
	return held
}

// Hold puts somebody under a legal hold, until somebody ends it: no account is deleted, and what is deleted already but for the call
// is taken back. The person need not be in the directory any more.
func (e *Engine) Hold(ctx context.Context, actor, person, reason string) error {
	return e.holding(ctx, person, reason, func(m *Memory, key string) ([]Record, error) {
		f := Fact{FactKey: FactKey{Kind: FactHold, Person: key}, Since: e.Now().UTC(), Text: reason}
		hold := Record{Kind: KindHold, Actor: actor, Person: key, Why: []string{reason}, Set: []Fact{f}}
		return append([]Record{hold}, stopDeletes(m, actor, key)...), nil
	})
}

// EndHold ends a legal hold.
func (e *Engine) EndHold(ctx context.Context, actor, person, reason string) error {
	return e.holding(ctx, person, reason, func(m *Memory, key string) ([]Record, error) {
		fact := FactKey{Kind: FactHold, Person: key}
		if _, held := m.Fact(fact); !held {
			return nil, fmt.Errorf("%s is under no legal hold", quote(person))
		}
		return []Record{{Kind: KindEndHold, Actor: actor, Person: key, Why: []string{reason}, Clear: []FactKey{fact}}}, nil
	})
}

// holding records a decision about a hold. Who is gone from the directory is known by the key.
func (e *Engine) holding(ctx context.Context, person, reason string, decide func(*Memory, string) ([]Record, error)) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	for try := 0; ; try++ {
		mem, err := e.Journal.Memory(ctx, e.Now())
		if err != nil {
			return err
		}
		key := person
		if !mem.knows(person) {
			if key, err = e.resolve(ctx, person); err != nil {
				return err
			}
		}
		records, err := decide(mem, key)
		if err != nil {
			return err
		}
		if err = e.Journal.Append(ctx, Free, records); try < 3 && errors.Is(err, ErrStale) { // a worker took what was to be withdrawn
			continue
		}
		return err
	}
}

// knows says whether it is the key of somebody who has a link, or is under a hold.
func (m *Memory) knows(key string) bool {
	if _, held := m.Fact(FactKey{Kind: FactHold, Person: key}); held {
		return true
	}
	for _, p := range m.Programs {
		for i := range p.Links {
			if p.Links[i].Person == key {
				return true
			}
		}
	}
	return false
}

// stopDeletes withdraws deletions that nobody has begun, and lets nobody repeat the others.
func stopDeletes(mem *Memory, actor, person string) (out []Record) {
	for _, i := range mem.Open {
		if i.Change.Person != person || i.Change.Op != OpDelete || !i.Claimed.IsZero() && !i.Repeatable() {
			continue
		}
		outcome := Halted
		if i.Claimed.IsZero() {
			outcome = Withdrawn
		}
		r := outcomeOf(&i, outcome, LegalHold)
		r.Actor = actor
		out = append(out, r)
	}
	return out
}
