package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ReKeying is the review of a directory in which many keys vanished while as many appeared.
type ReKeying struct {
	Source string      `json:"source"`
	Proof  Proof       `json:"proof"`
	Lines  []ReKeyLine `json:"lines"`  // those who vanished, sorted by sureness, then key
	Others []Candidate `json:"others"` // people without any account whom no line names
}

// ReKeyLine is one person who vanished, and who in the directory that may be now.
type ReKeyLine struct {
	Person   string      `json:"person"` // key by which the journal knows them
	Login    string      `json:"login,omitempty"`
	Name     string      `json:"name,omitempty"` // as they were last called
	Accounts []string    `json:"accounts"`       // program/account
	Sure     Sureness    `json:"sure"`
	By       []string    `json:"by,omitempty"` // what agrees: number, login, mail, name
	People   []Candidate `json:"people,omitempty"`
}

// KeyPair is a reviewed decision: the person whom the journal knows as Person has the key Key in the directory now.
type KeyPair struct {
	Person string `json:"person"`
	Key    string `json:"key"`
}

// knownKeys gives everybody the key by which the journal knows them: who was re-keyed is the same person, whose links,
// cuts and dates stay as they are. Two entries for one person say nothing about either.
func (s *Snapshot) knownKeys() {
	known := s.Memory.reKeyed()
	if len(known) == 0 {
		return
	}
	changed := false
	for i := range s.People {
		if key, ok := known[s.People[i].Key]; ok {
			s.People[i].Key, changed = key, true
		}
	}
	if !changed {
		return
	}
	slices.SortStableFunc(s.People, func(a, b Person) int { return strings.Compare(a.Key, b.Key) })
	twice := map[string]bool{}
	for i := 1; i < len(s.People); i++ {
		if a, b := &s.People[i-1], &s.People[i]; a.Key == b.Key && !twice[a.Key] {
			twice[a.Key] = true
			s.Proof.Add(ReasonDuplicate, fmt.Sprintf("%s and %s are both said to be the person %s, whose key was changed; take one of them out of the directory", a.Entry, b.Entry, quote(a.Key)))
		}
	}
	s.People = slices.DeleteFunc(s.People, func(p Person) bool { return twice[p.Key] })
}

// reKeyed maps a key of the directory to the one by which the journal knows the person, where these differ.
func (m *Memory) reKeyed() map[string]string {
	facts := m.Facts(FactReKeyed)
	out := make(map[string]string, len(facts))
	for _, f := range facts {
		out[f.Key] = f.Person
	}
	return out
}

// Known is the key by which the journal knows whom the directory calls key.
func (m *Memory) Known(key string) string { return cmp.Or(m.reKeyed()[key], key) }

// ReKeyed shows who vanished, and who of those nobody knows they may be now. Read-only.
func (e *Engine) ReKeyed(ctx context.Context, log Log) (*ReKeying, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	v := gatherVanished(s)
	if err := v.called(ctx, log); err != nil {
		return nil, err
	}
	return v.review(s), nil
}

// ErrUnsettled refuses a decision about changed keys that leaves somebody out: they would count as leavers soon.
var ErrUnsettled = errors.New("nobody was named for some of those who vanished")

// ReKey records that people are known by other keys in the directory now, and that the others in left have left. Nothing
// moves: links, cuts and dates stay with the person. Everybody who vanished must be named, in one decision.
func (e *Engine) ReKey(ctx context.Context, actor, reason string, pairs []KeyPair, left []string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return err
	}
	if !s.Proof.Complete() {
		return errors.New("the directory's read is not complete, so who vanished can't be told; try again later")
	}
	v := gatherVanished(s)
	if err := v.check(s, pairs, left); err != nil {
		return err
	}
	now := e.Now().UTC()
	var records []Record
	for _, p := range pairs {
		r := Record{Kind: KindReKey, Actor: actor, Person: p.Person, Why: []string{reason}, Data: mustJSON(p),
			Set: []Fact{{FactKey: FactKey{Kind: FactReKeyed, Person: p.Person, Key: p.Key}, Since: now, Text: actor}}, Clear: []FactKey{{Kind: FactAbsent, Person: p.Person}}}
		s.Memory.carry(p, &r)
		records = append(records, r)
	}
	for _, key := range left {
		records = append(records, Record{Kind: KindReKey, Actor: actor, Person: key, Why: []string{reason, "has left"}, Set: []Fact{hasLeft(s, key, now)}})
	}
	return e.Journal.Append(ctx, Guard{Control: s.Memory.Control}, records)
}

// carry takes along what was decided under the new key meanwhile: a cut would else be lifted by the confirmation.
func (m *Memory) carry(p KeyPair, r *Record) {
	for _, kind := range []string{FactCut, FactExtra} {
		for _, f := range m.Facts(kind) {
			if f.Person == p.Key {
				r.Clear = append(r.Clear, f.FactKey)
				f.Person = p.Person
				r.Set = append(r.Set, f)
			}
		}
	}
}

// hasLeft notes that somebody said so; the absence itself is still counted.
func hasLeft(s *Snapshot, key string, now time.Time) Fact {
	f, ok := s.Memory.Fact(FactKey{Kind: FactAbsent, Person: key})
	if !ok {
		f = Fact{FactKey: FactKey{Kind: FactAbsent, Person: key}, Since: now}
	}
	f.Until = now
	return f
}

func (v *vanished) check(s *Snapshot, pairs []KeyPair, left []string) error {
	here, named := map[string]bool{}, map[string]bool{}
	for i := range s.People {
		here[s.People[i].Key] = true
	}
	var errs []error
	for _, p := range pairs {
		switch {
		case v.lines[p.Person] == nil:
			errs = append(errs, fmt.Errorf("the person %s did not vanish", quote(p.Person)))
		case !here[p.Key]:
			errs = append(errs, fmt.Errorf("the directory has no person %s", quote(p.Key)))
		case v.linked[p.Key]:
			errs = append(errs, fmt.Errorf("the person %s has accounts already, and links never move", quote(p.Key)))
		case named[p.Person] || named[p.Key]:
			errs = append(errs, fmt.Errorf("%s or %s is named twice", quote(p.Person), quote(p.Key)))
		}
		named[p.Person], named[p.Key] = true, true
	}
	for _, key := range left {
		if v.lines[key] == nil || named[key] {
			errs = append(errs, fmt.Errorf("the person %s did not vanish, or is named twice", quote(key)))
		}
		named[key] = true
	}
	var rest []string
	for _, key := range v.keys {
		if !named[key] {
			rest = append(rest, key)
		}
	}
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("%w: %s", ErrUnsettled, strings.Join(rest, ", ")))
	}
	errs = append(errs, keyedBefore(s, pairs)...)
	if len(pairs)+len(left) == 0 {
		errs = append(errs, errors.New("nobody vanished from the directory, so there is nothing to confirm"))
	}
	return errors.Join(errs...)
}

// keyedBefore refuses to follow people into programs whose accounts bear the directory's own keys, which have changed as well:
// a leaver would keep what the new key holds there.
func keyedBefore(s *Snapshot, pairs []KeyPair) (errs []error) {
	for _, r := range s.Readings {
		if !r.Program.Describes.Keyed {
			continue
		}
		linked := map[string]bool{}
		for _, l := range s.Memory.Program(r.Program.Name).Links {
			linked[l.Person] = true
		}
		for _, p := range pairs {
			if linked[p.Person] {
				errs = append(errs, fmt.Errorf("%s knows people by the directory's keys, so %s can't be followed there; approve instead that those who vanished have left, see: rolecall approvals list", r.Program.Name, quote(p.Person)))
			}
		}
	}
	return errs
}
