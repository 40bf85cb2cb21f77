package engine

import "time"

// Part is that part of what records fold to which some further records may touch: the state of a store from which a Fold
// goes on. It must have every holding and every open intent of the accounts that those records name (an outcome names the
// account of its intent too), and the facts of proposed accounts whose creation they report.
type Part struct {
	Seq, Control int64
	Runs         int
	Time         time.Time
	Holdings     map[Held3]HoldingState
	Open         []Intent // Change needs only Op, Program, Account, Proposed and Entitlement
	Facts        []Fact
}

// FoldFrom goes on from a part; what the Fold then says of anything outside the part means nothing. Intents are folded with
// no more than a Part needs of them, and charges are not: the Fold is no good for Memory.
func FoldFrom(p Part) *Fold {
	f := NewFold()
	f.part = true
	f.seq, f.control, f.runs, f.time = p.Seq, p.Control, p.Runs, p.Time
	for key, h := range p.Holdings {
		f.hold(key, &h)
	}
	for _, i := range p.Open {
		f.begin(&i)
	}
	for _, fact := range p.Facts {
		f.set(fact)
	}
	f.touched = Touched{}
	return f
}

// FoldOnly starts from nothing with a Fold for whoever wants to know no more than what records come to: it is no good for
// Admit, Claim and Memory.
func FoldOnly() *Fold {
	f := FoldFrom(Part{})
	f.only = true
	return f
}

// bareIntent is what a Part needs of an intent.
func bareIntent(r *Record) *Intent {
	_, proposed := ProposedName(r.Account)
	return &Intent{Seq: r.Seq, Class: r.Class, Change: Change{Op: r.Op, Cause: r.Cause, Person: r.Person, Program: r.Program, Account: r.Account, Proposed: proposed,
		Entitlement: Entitlement{r.Program, r.Entitlement}.String()}}
}

// Head is the last record and the last control record, the number of runs begun and the time of the last record.
func (f *Fold) Head() (seq, control int64, runs int, last time.Time) {
	return f.seq, f.control, f.runs, f.time
}

// Holding is what is known of one holding; ok is false for one that is neither managed nor seen.
func (f *Fold) Holding(k Held3) (h HoldingState, ok bool) {
	if p := f.holdings[k]; p != nil {
		return *p, true
	}
	return HoldingState{}, false
}

// Link is the current link of that key.
func (f *Fold) Link(k LinkKey) (l Link, ok bool) { l, ok = f.links[k]; return l, ok }

// OpenIntent is the open intent of that Seq.
func (f *Fold) OpenIntent(seq int64) (i Intent, ok bool) {
	if p := f.open[seq]; p != nil {
		return *p, true
	}
	return Intent{}, false
}

// Fact is the fact of that key.
func (f *Fold) Fact(k FactKey) (fact Fact, ok bool) {
	if p := f.facts[k]; p != nil {
		return *p, true
	}
	return Fact{}, false
}
