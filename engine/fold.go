package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Fold is the meaning of the journal: what the records come to, one after the other. The stores keep the same views in
// tables, and the journal's suite compares the two. Not safe for concurrent use.
type Fold struct {
	seq, control int64
	runs         int
	time         time.Time
	holdings     map[Held3]*HoldingState
	links        map[LinkKey]Link
	open         map[int64]*Intent
	effects      map[effectKey]int // number of open intents for each
	facts        map[FactKey]*Fact // none is changed once it is here
	lent         bool              // facts are a memory's, too
	charges      Charges
	baseline     map[string]bool
	touched      Touched
	part         bool // see FoldFrom
	only         bool // see FoldOnly
	proposed     map[accountKey]*proposed
	shown        shown
}

// Held3 names one holding of one program.
type Held3 struct{ Program, Account, Entitlement string }

// HoldingState is what is known of one holding. One that is neither managed nor seen is not kept.
type HoldingState struct {
	Managed   bool      // granted or adopted by Rolecall
	Confirmed bool      // its grant is known to have had effect
	Seen      bool      // exists, as far as reads and outcomes tell
	Since     time.Time // when it last became managed, or was last changed by Rolecall
	Rules     []string  // that give it
}

// LinkKey names a link.
type LinkKey struct{ Person, Program, Kind string }

// NewFold starts from nothing.
func NewFold() *Fold {
	return &Fold{holdings: map[Held3]*HoldingState{}, links: map[LinkKey]Link{}, open: map[int64]*Intent{},
		effects: map[effectKey]int{}, proposed: map[accountKey]*proposed{}, facts: map[FactKey]*Fact{}, baseline: map[string]bool{}}
}

// Apply folds the next record in. Records come in order of Seq, without gaps.
func (f *Fold) Apply(r Record) error {
	if r.Seq != f.seq+1 {
		return fmt.Errorf("journal: record %d follows %d", r.Seq, f.seq)
	}
	f.seq, f.time = r.Seq, r.Time
	f.touched.reset()
	if r.Kind == KindLate { // neither do its facts
		return nil
	}
	if r.Kind.Control() {
		f.control = r.Seq
	}
	if err := f.byKind(r); err != nil {
		return fmt.Errorf("journal: record %d (%s): %w", r.Seq, r.Kind, err)
	}
	for _, k := range r.Clear {
		f.clear(k)
	}
	for _, fact := range r.Set {
		f.set(fact)
	}
	f.shown.forget(&r, &f.touched)
	return nil
}

func (f *Fold) byKind(r Record) error {
	switch r.Kind {
	case KindRun:
		f.runs++
	case KindIntent:
		return f.intent(r)
	case KindOutcome:
		f.outcome(r)
	case KindAdopt:
		f.manage(r, true)
	case KindRelease:
		f.release(r)
	case KindLink:
		f.link(r)
	case KindSeen:
		return f.seen(r)
	case KindCharge:
		return f.charge(r)
	}
	return nil
}

// Management is written with the intent, not with the result: a crash after the effect would else leave access behind
// that nobody takes away.
func (f *Fold) intent(r Record) error {
	if f.part {
		f.begin(bareIntent(&r))
	} else if err := f.whole(r); err != nil {
		return err
	}
	if r.Op.Gives() {
		f.manage(r, false)
	}
	return nil
}

// whole keeps of an intent what Memory gives.
func (f *Fold) whole(r Record) error {
	i, source, err := IntentOf(r)
	if err != nil {
		return err
	}
	f.begin(&i)
	if r.Class != "" {
		f.charges.Add(chargeOf(&r, source))
	}
	return nil
}

// charge is what Memory gives of a lost intent.
func (f *Fold) charge(r Record) error {
	source, err := IntentSource(&r)
	if err == nil {
		f.charges.Add(chargeOf(&r, source))
	}
	return err
}

func chargeOf(r *Record, source string) Charge {
	return Charge{Time: r.Time, Person: r.Person, Account: r.Account, ChargeKind: ChargeKind{
		Class: r.Class, Program: r.Program, Source: source, Entitlement: r.Entitlement, Approved: r.Approved, Cause: r.Cause}}
}

func (f *Fold) manage(r Record, confirmed bool) {
	h := f.row(Held3{r.Program, r.Account, r.Entitlement})
	if !h.Managed {
		h.Managed, h.Since, h.Confirmed = true, r.Time, false
	}
	h.Confirmed = h.Confirmed || confirmed
	h.Rules = r.Rules
}

// Late gives an outcome whose intent was closed before, as by a read-back, or claimed again since, the kind late. Journals ask
// for each record just before they keep it; claims are no records, so Apply can't tell.
func (f *Fold) Late(r *Record) {
	if r.Kind != KindOutcome {
		return
	}
	if i := f.open[r.Of]; i == nil || i.claimedSince(r.Claim) {
		r.Kind = KindLate
	}
}

// An outcome closes only the intent it names, and only once.
func (f *Fold) outcome(r Record) {
	i := f.open[r.Of]
	if i == nil {
		return
	}
	if r.Outcome == Uncertain {
		if i.Unknown = true; i.Lease.IsZero() || r.Time.Before(i.Lease) { // the journal's time may be one that a clock far ahead left
			i.Lease = r.Time // the call is over: a read that starts later can tell
		}
		f.touched.Open = append(f.touched.Open, i.Seq)
		return
	}
	if r.Outcome == Halted {
		i.Halted = f.part || i.Halted || i.Repeatable()
		f.touched.Open = append(f.touched.Open, i.Seq)
		return
	}
	f.end(i)
	if r.Outcome != Done && r.Outcome != Already {
		return
	}
	if i.Change.Proposed && i.Change.Op == OpCreate && r.Account != i.Change.Account {
		f.move(r.Program, i.Change.Account, r.Account)
		f.put(Link{Person: r.Person, Account: r.Account, Kind: PersonalAccount, Since: r.Time}, r.Program)
	}
	key := Held3{r.Program, r.Account, r.Entitlement}
	switch {
	case i.Change.Op.Gives():
		h := f.row(key)
		h.Seen, h.Confirmed = true, h.Managed
	case i.Change.Op.Takes():
		f.unsee(key, true)
	}
	if h := f.holdings[key]; h != nil && h.Managed && (i.Change.Op.Gives() || i.Change.Op.Takes()) { // a list may lag behind this moment
		f.row(key).Since = r.Time
	}
}

func (f *Fold) release(r Record) {
	key := Held3{r.Program, r.Account, r.Entitlement}
	if f.holdings[key] != nil {
		h := f.row(key)
		h.Managed, h.Confirmed, h.Rules = false, false, nil
		f.drop(key)
	}
}

func (f *Fold) link(r Record) {
	f.put(Link{Person: r.Person, Account: r.Account, Kind: cmp.Or(r.Entitlement, PersonalAccount), Since: r.Time}, r.Program)
}

func (f *Fold) put(l Link, program string) {
	key := LinkKey{l.Person, program, l.Kind}
	f.links[key] = l
	f.touched.Links = append(f.touched.Links, key)
}

func (f *Fold) set(fact Fact) {
	f.own()
	f.facts[fact.FactKey] = &fact
	if p := f.under(fact.Program, fact.Account); p != nil {
		p.facts = append(p.facts, fact.FactKey)
	}
	f.touched.Facts = append(f.touched.Facts, fact.FactKey)
}

func (f *Fold) clear(k FactKey) {
	f.own()
	delete(f.facts, k)
	f.touched.Facts = append(f.touched.Facts, k)
}

func (f *Fold) seen(r Record) error {
	var s Seen
	if err := json.Unmarshal(r.Data, &s); err != nil {
		return err
	}
	f.baseline[r.Program] = true
	for _, a := range s.Appeared {
		h := f.row(Held3{r.Program, a[0], a[1]})
		h.Seen, h.Confirmed = true, h.Managed
	}
	for _, d := range s.Disappeared {
		f.unsee(Held3{r.Program, d[0], d[1]}, false)
	}
	for _, d := range s.Vanished {
		f.unsee(Held3{r.Program, d[0], d[1]}, true)
	}
	return nil
}

// unsee ends what is known to exist. ours: Rolecall took it away, so that nobody else is blamed when it is wanted again.
func (f *Fold) unsee(key Held3, ours bool) {
	if f.holdings[key] != nil {
		h := f.row(key)
		h.Seen, h.Confirmed = false, h.Confirmed && !ours
		f.drop(key)
	}
}

func (f *Fold) row(key Held3) *HoldingState {
	f.touched.Holdings = append(f.touched.Holdings, key)
	h := f.holdings[key]
	if h == nil {
		h = &HoldingState{}
		f.hold(key, h)
	}
	return h
}

func (f *Fold) drop(key Held3) {
	if h := f.holdings[key]; !h.Managed && !h.Seen {
		delete(f.holdings, key)
	}
}
