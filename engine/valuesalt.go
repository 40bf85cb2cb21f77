package engine

import (
	"context"
	"crypto/rand"
	"io"
)

// A value of somebody, such as a mail address, can be guessed from its hash. What later values are compared with, and the id of an
// approval, are hashed with a salt that is made once for a journal and is nowhere else: whoever has but the hash, from a message, a
// page or a log, can try nothing against it.

func saltKey() FactKey { return FactKey{Kind: FactSalt} }

// valueHash tells values apart.
func valueHash(salt string, values ...string) string {
	if salt == "" { // of a journal that has none yet
		return shortHash(values...)
	}
	return shortHash(append([]string{salt}, values...)...)
}

// salt is the journal's. The first plan that needs it, and is committed, makes it: a dry run writes nothing.
func (b *builder) salt() string {
	if f, ok := b.s.Memory.Fact(saltKey()); ok {
		return f.Text
	}
	if b.s.salt != "" {
		b.set(Fact{FactKey: saltKey(), Since: b.s.Now, Text: b.s.salt})
	}
	return b.s.salt
}

// newSalt is one that the plan may begin to use.
func (e *Engine) newSalt(m *Memory) (string, error) {
	if _, ok := m.Fact(saltKey()); ok {
		return "", nil
	}
	random := e.Random
	if random == nil {
		random = rand.Reader
	}
	var text [16]byte
	_, err := io.ReadFull(random, text[:])
	return shortHash(string(text[:8])) + shortHash(string(text[8:])), err
}

// salted looks the salt up before the first value that is given to an account. Where it can't be read, no hash is remembered, and the
// value may be given once more.
func (w *worker) salted(ctx context.Context, intents []Intent) {
	facts, ok := w.e.Journal.(FactReader)
	if w.salt != nil || !ok || !anyUpdate(intents) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.callTime())
	defer cancel()
	if f, _, err := facts.Fact(ctx, saltKey()); err == nil {
		w.salt = &f.Text
	}
}

func anyUpdate(intents []Intent) bool {
	for n := range intents {
		if intents[n].Change.Op == OpUpdate {
			return true
		}
	}
	return false
}
