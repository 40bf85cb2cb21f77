package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// OpBaseline is the operation of an approval item that accepts a read which shows less than the one before.
const OpBaseline Op = "baseline"

// judge holds the directory's read against the last accepted one, and against a change of what was asked for. What is
// refused waits for approval; an approved one becomes the new baseline. Roles that could not be seen in full are
// unknown for everybody who is not shown to hold them.
func (s *Snapshot) judge(named []string) {
	accepted := s.acceptedProof()
	s.accepted = accepted
	s.Proof = Judge(s.Proof, accepted, named, s.tolerance())
	s.judgeFilter(accepted)
	if refused := s.refusals(); len(refused) > 0 {
		id := shortHash(append([]string{"baseline", s.Proof.Source}, refused...)...)
		key := FactKey{Kind: FactItem, Key: id}
		_, ok := s.Memory.Fact(key)
		if item := s.Memory.item(id); ok && item.State == Approved && item.Until.After(s.Now) {
			s.Proof = Excuse(Excuse(s.Proof, ReasonBaseline), ReasonAttribute)
			s.excused = append(s.excused, key)
		} else {
			s.refused = &refusedBaseline{asked: s.otherwise && len(refused) == 1, Item: Item{ID: id, State: Waiting, Since: s.Now, Reason: inShort(refused),
				Change: Change{Op: OpBaseline, Program: s.Proof.Source, Cause: CauseRule, State: NeedsApproval, Why: refused}}}
		}
	}
	s.acceptProof(accepted)
	for i := range s.Proof.Partners {
		s.hidePartner(&s.Proof.Partners[i])
	}
	if missing := s.Proof.Unseen(); len(missing) > 0 {
		for i := range s.People {
			s.People[i].Miss(missing...)
		}
	}
}

// hidePartner makes unknown what a partner tells whose read is not complete, of all who are not shown to have it: that it
// is not complete may have come out only now, when people were joined already.
func (s *Snapshot) hidePartner(p *Proof) {
	if p.Complete() {
		return
	}
	for i := range s.People {
		for _, what := range p.Tells {
			s.People[i].hide(what)
		}
	}
}

func (s *Snapshot) tolerance() Tolerance {
	if s.Settings.Tolerance == (Tolerance{}) {
		return DefaultTolerance()
	}
	return s.Settings.Tolerance
}

// proofReader reads the accepted proof for one memory after the other: while it is the same fact, it is not read again.
type proofReader struct {
	mu   sync.Mutex
	last *Fact
	read *Proof
}

// proof reads the proof of a fact, for reading.
func (m *Memory) proof(f Fact) (*Proof, error) {
	r := m.proofs
	if r == nil {
		r = &proofReader{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := m.facts[f.FactKey]; r.last != of || of == nil {
		var p Proof
		if err := json.Unmarshal(f.Data, &p); err != nil {
			return nil, err
		}
		r.last, r.read = of, &p
	}
	return r.read, nil
}

func (s *Snapshot) acceptedProof() *Proof {
	f, ok := s.Memory.Fact(FactKey{Kind: FactBaseline, Key: s.Proof.Source})
	if !ok {
		return nil
	}
	p, err := s.Memory.proof(f)
	if err != nil { // written by a program that this one can't follow: believe nothing new
		s.Proof.Add(ReasonBaseline, "the accepted baseline of "+s.Proof.Source+" can't be read: "+err.Error())
		return nil
	}
	return p
}

// refusedBaseline is the item that asks whether a read is right against which the accepted one speaks.
type refusedBaseline struct {
	Item
	asked bool // the configuration asks for something else, and that is all
}

// judgeFilter: a changed base or filter shows other people, and those who are missing then have not left.
func (s *Snapshot) judgeFilter(accepted *Proof) {
	f, ok := s.Memory.Fact(FactKey{Kind: FactFiltered, Key: s.Proof.Source})
	if accepted != nil && ok && f.Text != s.Settings.Filters[s.Proof.Source] {
		s.otherwise = true
		why := Reason{ReasonBaseline, "what is asked of " + s.Proof.Source + " was changed in the configuration; look at the plan, then approve it as the new baseline"}
		if !slices.Contains(s.Proof.Reasons, why) {
			s.Proof.Reasons = slices.Insert(slices.Clone(s.Proof.Reasons), 0, why) // before all that follows from it: a reader sees the first few
		}
	}
}

// refusals lists what the baseline speaks against, of the whole read, of roles and of partners.
func (s *Snapshot) refusals() (out []string) {
	var walk func(p *Proof)
	walk = func(p *Proof) {
		add := func(rs []Reason) {
			for _, r := range rs {
				if r.Code == ReasonBaseline || r.Code == ReasonAttribute {
					out = append(out, r.Detail)
				}
			}
		}
		add(p.Reasons)
		for i := range p.Roles {
			add(p.Roles[i].Reasons)
		}
		for i := range p.Partners {
			walk(&p.Partners[i])
		}
	}
	walk(&s.Proof)
	return out
}

// refusedSources names the directory and the partners that the baseline speaks against.
func refusedSources(p *Proof) (out []string) {
	against := func(r Reason) bool { return r.Code == ReasonBaseline }
	if slices.ContainsFunc(p.Reasons, against) || slices.ContainsFunc(p.Roles, func(r RoleProof) bool { return slices.ContainsFunc(r.Reasons, against) }) {
		out = append(out, p.Source)
	}
	for i := range p.Partners {
		out = append(out, refusedSources(&p.Partners[i])...)
	}
	return out
}

// acceptProof remembers what later reads are held against; times are left out, so that an equal read changes nothing.
func (s *Snapshot) acceptProof(before *Proof) {
	next := Accept(s.Proof, before)
	if next == nil || !s.Proof.Complete() {
		return
	}
	kept := *next
	kept.Partners = slices.Clone(kept.Partners)
	kept.Started, kept.Finished = time.Time{}, time.Time{}
	for i := range kept.Partners {
		kept.Partners[i].Started, kept.Partners[i].Finished = time.Time{}, time.Time{}
	}
	s.baseline = []Fact{
		{FactKey: FactKey{Kind: FactBaseline, Key: s.Proof.Source}, Data: mustJSON(kept)},
		{FactKey: FactKey{Kind: FactFiltered, Key: s.Proof.Source}, Text: s.Settings.Filters[s.Proof.Source]},
	}
}

// inShort names the first reasons and counts the rest.
func inShort(reasons []string) string {
	const most = 3
	text := strings.Join(reasons[:min(most, len(reasons))], "; ")
	if more := len(reasons) - most; more > 0 {
		text += fmt.Sprintf("; and %d more of the kind", more)
	}
	return text
}

// noteBaseline puts into the plan what judging found.
func (b *builder) noteBaseline() {
	for _, f := range b.s.baseline {
		b.set(f)
	}
	for _, k := range b.s.excused {
		b.plan.usedBefore(b.s.Memory.item(k.Key).Until)
		b.clear(k)
	}
	r := b.s.refused
	if r == nil {
		return
	}
	b.items[r.ID] = true
	less := " shows less than the last accepted read of it"
	if r.asked {
		less = " is asked something else than in the last accepted read of it"
	}
	b.alarm("baseline", "", "", strings.Join(refusedSources(&b.s.Proof), " and ")+less+": nothing that this hides is taken away; if it is right, approve item "+r.ID)
	if _, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: r.ID}); ok {
		b.expire(b.s.Memory.item(r.ID))
	} else {
		b.set(r.fact())
	}
}

// endRefused ends a refused baseline, or a doubt about changed keys, once a complete read gives no reason for it any more.
func (b *builder) endRefused(item Item) bool {
	return (item.Change.Op == OpBaseline || item.Change.Op == OpReKey) && b.s.Proof.Complete()
}
