package engine

import (
	"fmt"
	"slices"
	"strings"
)

// standing says what decides about somebody in this plan.
type standing uint8

const (
	present standing = iota // policy
	leaver                  // nothing is desired, the account is suspended first
	cutOff                  // every account is suspended, no limit in the way
	unseen                  // nothing can be concluded: nothing is granted, nothing is taken
)

// subject is somebody the plan has to decide about: in the directory, or only known by a link or a cut.
type subject struct {
	key      string
	source   string
	person   *Person // nil: absent
	standing standing
	cause    Cause
	why      string
}

// keyNow is the key by which the directory knows them.
func (s *subject) keyNow() string {
	if s.person != nil && s.person.NewKey != "" {
		return s.person.NewKey
	}
	return s.key
}

// gatherSubjects lists everybody, sorted by key.
func (b *builder) gatherSubjects() {
	if b.s.Person == "" {
		b.subjects = make([]subject, 0, len(b.s.People))
	}
	for i := range b.s.People {
		if p := &b.s.People[i]; b.s.Person == "" || p.Key == b.s.Person {
			b.subjects = append(b.subjects, b.presentSubject(p))
		}
	}
	absent := b.absentKeys()
	rekeyed := b.rekeyed(absent)
	if rekeyed {
		b.holdFresh()
	}
	for _, key := range absent {
		b.subjects = append(b.subjects, b.absentSubject(key, rekeyed))
	}
	slices.SortFunc(b.subjects, func(x, y subject) int { return strings.Compare(x.key, y.key) })
	b.index = make(map[string]int32, len(b.subjects))
	for i := range b.subjects {
		b.index[b.subjects[i].key] = int32(i)
	}
	if i, ok := b.index[b.s.ask]; ok {
		b.plan.asked.standing, b.plan.asked.why = b.subjects[i].standing, b.subjects[i].why
	}
}

func (b *builder) presentSubject(p *Person) subject {
	if !b.s.Proof.hasReason(ReasonOlder) { // who was there once may be gone
		b.clear(FactKey{Kind: FactAbsent, Person: p.Key})
	}
	s := subject{key: p.Key, source: p.Source, person: p, standing: present, cause: CauseRule}
	switch {
	case b.isCut(&s):
	case b.s.Proof.hasReason(ReasonOlder): // a mark in it may have been taken back since, and a role
		s.standing, s.why = unseen, "the directory shows an older state than was acted on: "+reasonsText(b.s.Proof.Reasons)
	case p.State == StateLeft && p.Marked:
		s.standing, s.cause, s.why = leaver, CauseMarked, "has left: "+strings.TrimPrefix(p.StateWhy, "left: ")
	case p.State == StateLeft || p.State == StateUnknown:
		s.standing, s.why = unseen, "the state can't be seen: "+p.StateWhy
	case !b.s.Proof.EntriesComplete(): // the lack of a value, be it the mark of a leaver, means nothing now
		s.standing, s.why = unseen, "the directory does not show all of the entries: "+reasonsText(b.s.Proof.Reasons)
	}
	return s
}

func (b *builder) isCut(s *subject) bool {
	f, ok := b.s.Memory.Fact(FactKey{Kind: FactCut, Person: s.key})
	if ok {
		s.standing, s.cause, s.why = cutOff, CauseCut, "cut off: "+f.Text
	}
	return ok
}

// absentKeys lists who is linked or cut but was not read.
func (b *builder) absentKeys() []string {
	var out []string
	found := map[string]bool{}
	add := func(key string) {
		if (b.s.Person == "" || key == b.s.Person) && !found[key] && !b.isPresent(key) {
			found[key] = true
			out = append(out, key)
		}
	}
	for _, r := range b.s.Readings {
		at := 0 // both lists are sorted by person
		for _, l := range b.s.Memory.Program(r.Program.Name).Links {
			for at < len(b.subjects) && b.subjects[at].key < l.Person {
				at++
			}
			if at == len(b.subjects) || b.subjects[at].key != l.Person {
				add(l.Person)
			}
		}
	}
	for f := range b.s.Memory.each(FactCut) {
		add(f.Person)
	}
	for i := range b.s.Memory.Open {
		add(b.s.Memory.Open[i].Change.Person)
	}
	slices.Sort(out)
	return slices.DeleteFunc(out, func(k string) bool { return k == "" })
}

// isPresent looks among those of the directory, who are sorted by key.
func (b *builder) isPresent(key string) bool {
	_, ok := slices.BinarySearchFunc(b.subjects, key, func(s subject, key string) int { return strings.Compare(s.key, key) })
	return ok
}

// OpReKey is the operation of an approval item that says: those who vanished have left, their keys were not changed.
const OpReKey Op = "rekey"

// rekeyed notices that many keys vanished while as many unknown ones appeared: nothing moves until somebody confirms who is
// who (Engine.ReKey), or that those who vanished have left. Up to three may do so by chance.
func (b *builder) rekeyed(absent []string) bool {
	if b.s.Person != "" {
		return false
	}
	if !b.s.Proof.Complete() { // whoever got something now would be unknown no more, and the doubt be gone
		return b.reKeyWaits()
	}
	var vanished []string
	for _, key := range absent {
		if f, ok := b.s.Memory.Fact(FactKey{Kind: FactAbsent, Person: key}); !ok || f.Until.IsZero() {
			vanished = append(vanished, key)
		}
	}
	if len(vanished) <= 3 {
		return false
	}
	linked := b.linkedPresent()
	fresh := len(b.s.People) - linked
	if !b.reKeyWaits() && (fresh*2 < len(vanished) || len(vanished)*10 < len(absent)+linked) { // once asked, it ends with an answer
		return false
	}
	return !b.letGo(vanished, fmt.Sprintf("%d known people vanished from the directory while %d unknown ones appeared, as when every key was changed: nothing moves until somebody confirms who is who (rolecall adopt --keys), or approves that those who vanished have left", len(vanished), fresh))
}

// reKeyWaits: an earlier run saw that keys seem to have changed, and nobody has said yet what that was.
func (b *builder) reKeyWaits() bool {
	return slices.ContainsFunc(b.s.Memory.Items(), func(i Item) bool { return i.Change.Op == OpReKey && i.State != Approved })
}

// letGo asks once whether those who vanished have left, and remembers the answer.
func (b *builder) letGo(vanished []string, reason string) bool {
	id := shortHash(append([]string{"rekey", b.s.Proof.Source}, vanished...)...)
	f, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: id})
	item := b.s.Memory.item(id)
	if ok && item.State == Approved && item.Until.After(b.s.Now) {
		b.plan.usedBefore(item.Until)
		for _, key := range vanished {
			b.gone[key] = true
		}
		b.clear(f.FactKey)
		return true
	}
	b.items[id] = true
	b.alarm("rekeyed", "", "", reason+" (approval item "+id+")")
	switch {
	case ok:
		b.expire(item)
	default:
		b.set(Item{ID: id, State: Waiting, Reason: reason, Since: b.s.Now, Change: Change{Op: OpReKey, Program: b.s.Proof.Source, Cause: CauseAbsent,
			State: NeedsApproval, Why: []string{reason}}}.fact())
	}
	return false
}

// holdFresh: while keys seem to have changed, people without any link may be those who vanished; they get nothing either.
func (b *builder) holdFresh() {
	linked := b.linkedKeys()
	for i := range b.subjects {
		if s := &b.subjects[i]; s.standing == present && !linked[s.key] {
			s.standing, s.why = unseen, "many known people vanished as many unknown ones appeared"
		}
	}
}

func (b *builder) linkedKeys() map[string]bool {
	linked := map[string]bool{}
	for _, r := range b.s.Readings {
		for _, l := range b.s.Memory.Program(r.Program.Name).Links {
			linked[l.Person] = true
		}
	}
	return linked
}

func (b *builder) linkedPresent() int {
	linked := b.linkedKeys()
	n := 0
	for i := range b.s.People {
		if linked[b.s.People[i].Key] {
			n++
		}
	}
	return n
}

// absentSubject counts an absence. It needs several complete reads, from different content where the source is a file,
// a set time apart: one read that misses somebody proves nothing.
func (b *builder) absentSubject(key string, rekeyed bool) subject {
	s := subject{key: key, source: b.s.Proof.Source, standing: unseen, cause: CauseAbsent}
	cut := b.isCut(&s)
	if !b.s.Proof.Complete() {
		if !cut {
			s.why = "not in the directory, but its read is not complete"
		}
		return s
	}
	f := b.countAbsence(key) // also of who is cut off: a cut may be lifted
	left := f.Count >= b.s.Settings.Absences && b.s.Now.Sub(f.Since) >= b.s.Settings.Apart && (!rekeyed || !f.Until.IsZero())
	if f.Until.IsZero() && (left || b.gone[key]) {
		f.Until = b.s.Now
	}
	b.set(f)
	if cut {
		return s
	}
	s.why = fmt.Sprintf("not in the directory since %s (%s)", day(f.Since), plural(f.Count, "complete read", "complete reads"))
	if left {
		s.standing = leaver
	} else {
		s.why += fmt.Sprintf("; that counts as leaving after %d from different content, the last at least %s after the first", b.s.Settings.Absences, hours(b.s.Settings.Apart))
	}
	return s
}

// countAbsence counts this read if it is new evidence.
func (b *builder) countAbsence(key string) Fact {
	f, ok := b.s.Memory.Fact(FactKey{Kind: FactAbsent, Person: key})
	if !ok {
		f = Fact{FactKey: FactKey{Kind: FactAbsent, Person: key}, Since: b.s.Now}
	}
	fresh := !ok || b.s.Proof.Digest == "" || f.Text != b.s.Proof.Digest
	if f.Count >= b.s.Settings.Absences && b.s.Now.Sub(f.Since) >= b.s.Settings.Apart {
		return f
	}
	if fresh {
		f.Count++
		f.Text = b.s.Proof.Digest
	} else {
		b.again++
	}
	return f
}
