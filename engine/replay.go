package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// CauseAccept marks what became managed when a gap in the journal was accepted.
const CauseAccept Cause = "accept"

// Replay gives the records after which what now folds to comes to what lost folds to: management, links, what is known to
// exist, and facts. Both begin with the same records; since are the records that only now has, and what they are about stays
// as they say: a cut that was made after the loss is not lifted by a lift from before it. Intents are not made again: the
// next run decides anew what should be, from what is. why is put to each record.
func Replay(now, lost *Fold, since []Record, why string) []Record {
	r := &replay{now: now, lost: lost, why: why, heldSince: map[Held3]bool{}, linkSince: map[LinkKey]bool{}, factSince: map[FactKey]bool{}, owners: map[accountKey]string{}}
	for i := range since {
		r.after(&since[i])
	}
	r.links()
	r.holdings()
	r.facts()
	return r.records
}

type replay struct {
	now, lost *Fold
	why       string
	heldSince map[Held3]bool
	linkSince map[LinkKey]bool
	factSince map[FactKey]bool
	owners    map[accountKey]string // by the links of both
	records   []Record
}

// after notes what a record that only now has is about.
func (r *replay) after(s *Record) {
	r.heldSince[Held3{s.Program, s.Account, s.Entitlement}] = true
	if s.Kind == KindLink {
		r.linkSince[LinkKey{s.Person, s.Program, cmp.Or(s.Entitlement, PersonalAccount)}] = true
	}
	for _, f := range s.Set {
		r.factSince[f.FactKey] = true
	}
	for _, k := range s.Clear {
		r.factSince[k] = true
	}
}

func (r *replay) add(one Record) {
	one.Why = append(one.Why, r.why)
	r.records = append(r.records, one)
}

// links are made where there is none, or where the lost one took the place of it, as when the account was gone and another one
// made; but an account that is somebody's stays so.
func (r *replay) links() {
	for key, l := range r.now.links {
		if was, lost := r.lost.links[key]; !lost || was.Account == l.Account || r.linkSince[key] {
			r.owners[accountKey{key.Program, l.Account}] = l.Person
		}
	}
	keys := slices.SortedFunc(maps.Keys(r.lost.links), func(a, b LinkKey) int {
		return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Person, b.Person), strings.Compare(a.Kind, b.Kind))
	})
	for _, key := range keys {
		l := r.lost.links[key]
		if _, owned := r.owners[accountKey{key.Program, l.Account}]; owned || r.linkSince[key] {
			continue
		}
		r.owners[accountKey{key.Program, l.Account}] = l.Person
		r.add(Record{Kind: KindLink, Person: l.Person, Program: key.Program, Account: l.Account, Entitlement: key.Kind, Cause: CauseAccept})
	}
	for key, l := range r.now.links { // of what they held before
		if at := (accountKey{key.Program, l.Account}); r.owners[at] == "" {
			r.owners[at] = l.Person
		}
	}
}

func (r *replay) holdings() {
	keys := map[Held3]bool{}
	for key := range r.now.holdings {
		keys[key] = true
	}
	for key := range r.lost.holdings {
		keys[key] = true
	}
	seen := map[string]*Seen{}
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareHeld) {
		if _, proposed := ProposedName(key.Account); proposed || r.heldSince[key] {
			continue
		}
		if seen[key.Program] == nil {
			seen[key.Program] = &Seen{}
		}
		r.holding(key, seen[key.Program])
	}
	for _, program := range slices.Sorted(maps.Keys(seen)) {
		r.seen(program, seen[program])
	}
}

func (r *replay) holding(key Held3, seen *Seen) {
	is, _ := r.now.Holding(key)
	was, _ := r.lost.Holding(key)
	one := Record{Program: key.Program, Account: key.Account, Entitlement: key.Entitlement, Person: r.owners[accountKey{key.Program, key.Account}]}
	switch {
	case was.Managed && !is.Managed:
		one.Kind, one.Op, one.Cause, one.Rules = KindAdopt, OpAdopt, CauseAccept, was.Rules
		r.add(one)
		is.Confirmed = true
	case is.Managed && !was.Managed:
		one.Kind = KindRelease
		r.add(one)
	}
	pair := [2]string{key.Account, key.Entitlement}
	switch {
	case was.Seen && !is.Seen:
		seen.Appeared = append(seen.Appeared, pair)
	case !was.Seen && !was.Confirmed && (is.Seen || is.Confirmed):
		seen.Vanished = append(seen.Vanished, pair)
	case !was.Seen && is.Seen:
		seen.Disappeared = append(seen.Disappeared, pair)
	}
}

func (r *replay) seen(program string, s *Seen) {
	for _, part := range slices.Concat(seenParts(s.Appeared, func(l [][2]string) Seen { return Seen{Appeared: l} }),
		seenParts(s.Disappeared, func(l [][2]string) Seen { return Seen{Disappeared: l} }), seenParts(s.Vanished, func(l [][2]string) Seen { return Seen{Vanished: l} })) {
		r.add(Record{Kind: KindSeen, Program: program, Data: mustJSON(part)})
	}
}

// facts are put as they were: cuts, approvals, rejections, extras, pauses, who is absent since when.
func (r *replay) facts() {
	var sets []Fact
	for key, f := range r.lost.facts {
		if old, ok := r.now.facts[key]; !r.factSince[key] && key.Kind != FactRestored && (!ok || !sameFact(*old, *f)) {
			sets = append(sets, *f)
		}
	}
	var clears []FactKey
	for key := range r.now.facts {
		if _, ok := r.lost.facts[key]; !ok && !r.factSince[key] && key.Kind != FactRestored {
			clears = append(clears, key)
		}
	}
	slices.SortFunc(sets, func(x, y Fact) int { return compareKeys(x.FactKey, y.FactKey) })
	slices.SortFunc(clears, compareKeys)
	for part := range slices.Chunk(sets, notePart) {
		r.add(Record{Kind: KindNote, Set: part})
	}
	for part := range slices.Chunk(clears, notePart) {
		r.add(Record{Kind: KindNote, Clear: part})
	}
}

func compareHeld(a, b Held3) int {
	return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account), strings.Compare(a.Entitlement, b.Entitlement))
}

// ChargeAgain gives the record by which a lost intent, or what was charged again before, counts against the budgets of now on,
// if it does: journal time never runs backwards, so it counts as made when the gap is accepted. why is put to it.
func ChargeAgain(lost *Record, why string) (Record, bool) {
	source, err := IntentSource(lost)
	if err != nil || !lost.Kind.Charges() || lost.Class == "" {
		return Record{}, false
	}
	return Record{Kind: KindCharge, Person: lost.Person, Program: lost.Program, Account: lost.Account, Entitlement: lost.Entitlement, Op: lost.Op,
		Cause: lost.Cause, Class: lost.Class, Approved: lost.Approved, Why: []string{why}, Data: mustJSON(intentData{From: source})}, true
}

// Unmade closes what the journal has open: after a gap nobody knows whether it was made, or withdrawn, since. The next run decides
// anew. Cuts go on, and what was begun and can't be repeated is read back as always.
func (m *Memory) Unmade(why string) (out []Record) {
	for n := range m.Open {
		switch i := &m.Open[n]; {
		case i.Change.Cause == CauseCut:
		case i.Claimed.IsZero():
			out = append(out, outcomeOf(i, Withdrawn, why))
		case i.Repeatable() && !i.Halted:
			out = append(out, outcomeOf(i, Halted, why))
		}
	}
	return out
}
