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
	for _, name := range s.Settings.ProtectedPeople { // also while they are not to be seen
		if key, ok := known[name]; ok {
			s.Settings.ProtectedPeople = append(slices.Clip(s.Settings.ProtectedPeople), key)
		}
	}
	s.Memory.knownLinks(known)
	changed := false
	for i := range s.People {
		if key, ok := known[s.People[i].Key]; ok {
			s.People[i].Key, s.People[i].NewKey, changed = key, s.People[i].Key, true
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

// knownLinks gives what a program linked to a key of the directory itself, before that was confirmed to be somebody's new one, to
// that person.
func (m *Memory) knownLinks(known map[string]string) {
	for _, p := range m.Programs {
		links := slices.Clone(p.Links)
		for i := range links {
			links[i].Person = cmp.Or(known[links[i].Person], links[i].Person)
		}
		slices.SortStableFunc(links, func(a, b Link) int {
			return cmp.Or(strings.Compare(a.Person, b.Person), strings.Compare(a.Kind, b.Kind))
		})
		p.Links = links
	}
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
	records = append(records, followKeys(s, pairs, actor, reason)...)
	return e.Journal.Append(ctx, Guard{Control: s.Memory.Control}, records)
}

// carry takes along what was decided under the new key meanwhile: a cut would else be lifted by the confirmation.
func (m *Memory) carry(p KeyPair, r *Record) {
	for _, kind := range []string{FactCut, FactExtra, FactHold, FactBlock, FactTake} {
		for f := range m.each(kind) {
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
		case v.linked[p.Key] && !s.selfLinked(p.Key):
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

// keyedLinks calls do for the links of the pairs in programs whose accounts bear the directory's own keys.
func keyedLinks(s *Snapshot, pairs []KeyPair, do func(*Reading, KeyPair, Link)) {
	keys := map[string]string{}
	for _, p := range pairs {
		keys[p.Person] = p.Key
	}
	for _, r := range s.Readings {
		if !r.Program.Describes.Keyed {
			continue
		}
		for _, l := range s.Memory.Program(r.Program.Name).Links {
			if key, ok := keys[l.Person]; ok {
				do(r, KeyPair{l.Person, key}, l)
			}
		}
	}
}

// selfLinked says that a key of the directory is linked only where accounts bear such keys, to its own.
func (s *Snapshot) selfLinked(key string) bool {
	for _, r := range s.Readings {
		for _, l := range s.Memory.Program(r.Program.Name).Links {
			if l.Person == key && (l.Account != key || !r.Program.Describes.Keyed) {
				return false
			}
		}
	}
	return true
}

// keyedBefore refuses to follow people where it can't be told what the new key holds, or it is somebody else's.
func keyedBefore(s *Snapshot, pairs []KeyPair) (errs []error) {
	keyedLinks(s, pairs, func(r *Reading, p KeyPair, _ Link) {
		if !r.Proof.Complete() {
			errs = append(errs, fmt.Errorf("%s knows people by the directory's keys and can't be read completely now, so %s can't be followed there; try again when it can", r.Program.Name, quote(p.Person)))
		}
		for _, l := range s.Memory.Program(r.Program.Name).Links {
			if l.Account == p.Key && l.Person != p.Person && l.Person != p.Key {
				errs = append(errs, fmt.Errorf("%s knows people by the directory's keys, and its account %s belongs to person %s already; links never move", r.Program.Name, quote(p.Key), quote(l.Person)))
			}
		}
	})
	return errs
}

// followKeys goes with people into programs whose accounts bear the directory's own keys, which have changed as well: there the
// account is another one, and what was managed stays so. A leaver would else keep what the new key holds.
func followKeys(s *Snapshot, pairs []KeyPair, actor, reason string) (records []Record) {
	keyedLinks(s, pairs, func(r *Reading, p KeyPair, l Link) {
		mem := s.Memory.Program(r.Program.Name)
		one := Record{Actor: actor, Person: p.Person, Program: r.Program.Name, Why: []string{reason, "the program knows people by the directory's keys"}}
		link := one
		link.Kind, link.Account, link.Entitlement = KindLink, p.Key, l.Kind
		records = append(records, link)
		account, there := r.accounts.Find(p.Key)
		for _, row := range mem.Rows {
			if !row.Managed || mem.Accounts[row.Account] != l.Account {
				continue
			}
			was, is := one, one
			was.Kind, was.Account, was.Entitlement = KindRelease, l.Account, mem.Entitlements[row.Entitlement]
			records = append(records, was)
			if right, ok := r.rights.Find(was.Entitlement); there && ok && r.held.Has(right, account) {
				is.Kind, is.Op, is.Cause, is.Account, is.Entitlement, is.Rules = KindAdopt, OpAdopt, CauseAdopt, p.Key, was.Entitlement, mem.RuleSets[row.Rules]
				records = append(records, is)
			}
		}
	})
	return records
}
