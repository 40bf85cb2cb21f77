package main

import (
	"slices"
	"strings"
	"sync"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/login"
)

// matched is who in the directory somebody may be who signs in. The zero value knows nothing.
type matched struct {
	keys  []string // sorted; several where the directory calls several people so
	words []string // all that the directory calls them
	left  bool     // all of them have left
	sure  bool     // that there are no others
}

// one is the key where there is just one, else "".
func (m *matched) one() string {
	if len(m.keys) == 1 {
		return m.keys[0]
	}
	return ""
}

// or gives the keys and one more word, if there is one. It is a list of its own: others ask for the same person at the same time.
func (m *matched) or(word string) []string {
	all := slices.Clone(m.keys)
	if word != "" {
		all = append(all, word)
	}
	return all
}

// unsure says why it can't be told whose access is theirs, "" where it can: nobody in the directory is an answer.
func (m *matched) unsure(who login.Identity) string {
	switch {
	case len(m.keys) > 1:
		return "the directory calls several people " + who.Person + ", so that nobody can tell which of them you are"
	case len(m.keys) == 0 && !m.sure:
		return "people were not read completely yet, so that nobody can tell whose access is whose; try again in a moment"
	}
	return ""
}

// mostMatched bounds what is remembered of names that people sign in with.
const mostMatched = 10_000

// matching finds people by what they are called. What was found stays while the directory can't be read. Safe for concurrent use.
type matching struct {
	mu    sync.Mutex
	in    *engine.Outlook // the last one with people
	found map[string]matched
	once  map[string]matched // of names of which one person was found, in whatever outlook
}

// of finds people by key, login or mail, in lower case.
func (m *matching) of(o *engine.Outlook, name string) matched {
	if name == "" {
		return matched{sure: true}
	}
	m.mu.Lock()
	if o != nil && len(o.People) > 0 && o != m.in {
		m.in, m.found = o, map[string]matched{}
	}
	o = m.in
	got, known := m.found[name]
	m.mu.Unlock()
	if known || o == nil {
		return got
	}
	got = called(o, name) // outside the lock: it goes through everybody
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.once[name]; len(got.keys) == 0 && !got.sure && len(before.keys) > 0 {
		got = before
	}
	m.keep(o, name, got)
	return got
}

func (m *matching) keep(o *engine.Outlook, name string, got matched) {
	if o == m.in && len(m.found) < mostMatched {
		m.found[name] = got
	}
	if m.once == nil || len(m.once) >= mostMatched {
		m.once = map[string]matched{}
	}
	if len(got.keys) == 1 {
		m.once[name] = got
	}
}

func called(o *engine.Outlook, name string) (m matched) {
	m.sure = o.Plan != nil && len(o.Plan.Proofs) > 0 && o.Plan.Proofs[0].Complete()
	m.left = true
	for i := range o.People {
		p := &o.People[i]
		words := []string{p.Key, p.NewKey, p.Login(), p.Attributes.First("mail")}
		if !slices.ContainsFunc(words, func(w string) bool { return w != "" && strings.ToLower(w) == name }) {
			continue
		}
		m.keys = append(m.keys, p.Key)
		m.words = append(m.words, slices.DeleteFunc(words, func(w string) bool { return w == "" })...)
		m.left = m.left && p.State == engine.StateLeft
	}
	m.left = m.left && len(m.keys) > 0
	return m
}
