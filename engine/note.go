package engine

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// note records what this read showed: what appeared and disappeared, what is managed no more, since when accounts are
// suspended. It is the whole memory that later plans have of this one.
func (p *programPlan) note() {
	p.noteUndesired()
	if !p.complete {
		p.noteFound()
		return
	}
	p.noteSeen()
	p.noteLost()
	p.noteSuspended()
	p.noteReached()
	if p.b.s.Proof.Complete() {
		p.noteMissing()
	}
}

// making names the accounts that a claimed create may have made. Until it is read back they are not noted as seen: what
// was there before is nobody's creation, and a read between a crash and the reading back would make it so.
func (p *programPlan) making() map[string]bool {
	names := map[string]bool{}
	for _, i := range p.b.s.Memory.Open {
		if i.Change.Program == p.program.Name && i.Change.Op == OpCreate && i.Change.Proposed && !i.Claimed.IsZero() && !p.settled[i.Seq] {
			name, _ := ProposedName(i.Change.Account)
			names[name] = true
		}
	}
	return names
}

// noteLost remembers since when lists lack a linked account, for as long as one more read is to be waited for.
func (p *programPlan) noteLost() {
	if p.exists == none {
		return
	}
	gone := p.known.Minus(&p.held)
	if went := gone.row(p.exists); went != nil && !went.IsEmpty() {
		for _, l := range p.links {
			key := p.accountKey(FactLost, l.number)
			if _, ok := p.b.s.Memory.Fact(key); !ok && went.Contains(l.number) && !p.sets.Managed.Has(p.exists, l.number) {
				p.b.set(Fact{FactKey: key, Since: p.reading.Proof.Started})
			}
		}
	}
	for f := range p.b.s.Memory.each(FactLost) {
		account, ok := p.reading.accounts.Find(f.Account)
		switch {
		case f.Program != p.program.Name || !ok:
		case f.Count > 0 && !p.held.Has(p.exists, account):
			p.b.set(Fact{FactKey: f.FactKey, Since: p.reading.Proof.Started})
		case p.held.Has(p.exists, account) || !p.lately(account):
			p.b.clear(f.FactKey)
		}
	}
}

// noteFound remembers that a list which is not complete shows an account that others lacked: they are to be counted anew.
func (p *programPlan) noteFound() {
	for f := range p.b.s.Memory.each(FactLost) {
		account, ok := p.reading.accounts.Find(f.Account)
		if f.Program == p.program.Name && ok && f.Count == 0 && p.exists != none && p.reading.held.Has(p.exists, account) {
			p.b.set(Fact{FactKey: f.FactKey, Since: f.Since, Count: 1})
		}
	}
}

const seenPart = 5000 // holdings a record

func (p *programPlan) noteSeen() {
	appeared, gone := p.held.Minus(&p.known), p.known.Minus(&p.held)
	var in, out, ours [][2]string
	making := p.making()
	appeared.Each(func(right, account uint32) {
		if !making[p.reading.accounts.Name(account)] {
			in = append(in, p.names(right, account))
		}
	})
	gone.Each(func(right, account uint32) {
		switch {
		case p.sets.Giving.Has(right, account):
		case p.wentWithAccount(account):
			ours = append(ours, p.names(right, account))
		default:
			out = append(out, p.names(right, account))
		}
	})
	first := !p.mem.Baseline
	for _, s := range slices.Concat(seenParts(in, func(l [][2]string) Seen { return Seen{Baseline: first, Appeared: l} }),
		seenParts(out, func(l [][2]string) Seen { return Seen{Disappeared: l} }), seenParts(ours, func(l [][2]string) Seen { return Seen{Vanished: l} })) {
		p.b.records = append(p.b.records, Record{Kind: KindSeen, Program: p.program.Name, Data: mustJSON(s)})
	}
	if first && len(in) == 0 {
		p.b.records = append(p.b.records, Record{Kind: KindSeen, Program: p.program.Name, Data: mustJSON(Seen{Baseline: true})})
	}
}

func seenParts(list [][2]string, make func([][2]string) Seen) (out []Seen) {
	for part := range slices.Chunk(list, seenPart) {
		out = append(out, make(part))
	}
	return out
}

func (p *programPlan) names(right, account uint32) [2]string {
	return [2]string{p.reading.accounts.Name(account), p.reading.rights.Name(right)}
}

// wentWithAccount: what vanishes together with a suspend or delete of Rolecall's own counts as removed by Rolecall.
func (p *programPlan) wentWithAccount(account uint32) bool {
	if f, ok := p.b.s.Memory.Fact(p.accountKey(FactSuspended, account)); ok && f.Text == "rolecall" {
		return true
	}
	return p.gone(account)
}

// noteReached forgets failures of what has come about by another change: who waits for the next try waits for nothing, and
// would be held back when the same is wanted again, long after.
func (p *programPlan) noteReached() {
	var taken map[string]bool
	for f := range p.b.s.Memory.each(FactFailing) {
		if f.Program != p.program.Name || p.reading.Proof.Started.Before(f.Since.Add(p.program.Describes.Lag)) {
			continue
		}
		if taken == nil {
			taken = p.takenNames()
		}
		if p.reached(f, taken) {
			p.b.clear(f.FactKey)
		}
	}
}

// reached: the list shows what the change was to lead to; of an account to be made, that there is one of that name. Renames see
// to themselves.
func (p *programPlan) reached(f Fact, taken map[string]bool) bool {
	name, proposed := ProposedName(f.Account)
	there := taken[name]
	if !proposed {
		there = p.isHere(f, p.held.Has)
	}
	return f.Key == OpGrant.Effect() && there || f.Key == OpRevoke.Effect() && !there
}

// noteMissing releases what two complete reads, further apart than the lag, miss and nobody desires.
func (p *programPlan) noteMissing() {
	absent := p.sets.Managed.Minus(&p.held)
	absent = absent.Minus(&p.sets.Desired)
	absent.Each(func(right, account uint32) {
		key := p.key(FactMissing, right, account)
		if s, ok := p.subjectOf(account); ok && s.standing == unseen || p.undecided.Has(right, account) || p.busy(right, account) {
			return
		}
		f, ok := p.b.s.Memory.Fact(key)
		if !ok {
			p.b.set(Fact{FactKey: key, Since: p.reading.Proof.Started})
			return
		}
		if p.reading.Proof.Started.Sub(f.Since) <= p.program.Describes.Lag {
			return
		}
		p.b.clear(key)
		for _, kind := range undesiredKinds() {
			p.b.clear(p.key(kind, right, account))
		}
		p.b.records = append(p.b.records, Record{Kind: KindRelease, Program: p.program.Name, Account: key.Account, Entitlement: key.Entitlement,
			Person: p.personOf(account), Why: []string{"two complete reads no longer show it, and nobody should have it"}})
	})
	for f := range p.b.s.Memory.each(FactMissing) {
		if p.isHere(f, func(right, account uint32) bool { return !absent.Has(right, account) }) {
			p.b.clear(f.FactKey)
		}
	}
}

// busy: an intent on it is open.
func (p *programPlan) busy(right, account uint32) bool {
	_, gives := p.queued[effectOn{pair(right, account), "gives"}]
	_, takes := p.queued[effectOn{pair(right, account), "takes"}]
	return gives || takes || p.sets.Giving.Has(right, account) || p.sets.Taking.Has(right, account)
}

func (p *programPlan) personOf(account uint32) string {
	if s, ok := p.subjectOf(account); ok {
		return s.key
	}
	return ""
}

// isHere asks about the holding that a fact of this program is about.
func (p *programPlan) isHere(f Fact, ask func(right, account uint32) bool) bool {
	if f.Program != p.program.Name {
		return false
	}
	account, ok := p.reading.accounts.Find(f.Account)
	right, ok2 := p.reading.rights.Find(f.Entitlement)
	return ok && ok2 && ask(right, account)
}

// noteUndesired forgets the beginning of a grace, and what goes with it, once the holding is desired again or gone. What was
// begun to be taken is not gone before that is known, and whoever took it, somebody may put it back while it is managed: the
// policy's doing would else become a rule's.
func (p *programPlan) noteUndesired() {
	mayReturn := p.sets.Managed.Or(&p.sets.Taking)
	over := func(right, account uint32) bool {
		return p.sets.Desired.Has(right, account) || p.complete && !p.diff.Expected.Has(right, account) && !mayReturn.Has(right, account)
	}
	for _, kind := range undesiredKinds() {
		for f := range p.b.s.Memory.each(kind) {
			if p.isHere(f, over) {
				p.b.clear(f.FactKey)
			}
		}
	}
}

// undesiredKinds are the facts about a holding that is not desired.
func undesiredKinds() []string { return []string{FactUndesired, FactExpiry, FactFormer} }

// mayReturn is what is managed and does not exist, as far as anybody can tell, but has not been taken by Rolecall.
func (p *programPlan) mayReturn() Set {
	others := p.sets.Managed.And(&p.confirmed)
	return others.Or(&p.sets.Taking)
}

// noteSuspended keeps since when accounts are suspended, and by whom: only what Rolecall suspended, done and not seen active
// since, is it ever to resume.
func (p *programPlan) noteSuspended() {
	if p.active == none {
		return
	}
	for f := range p.b.s.Memory.each(FactSuspended) {
		account, ok := p.reading.accounts.Find(f.Account)
		if f.Program != p.program.Name || !ok {
			continue
		}
		f, _ = p.suspension(account)
		switch {
		case p.exists != none && !p.held.Has(p.exists, account): // one that comes back under its name is another one
			p.b.clear(f.FactKey)
		case p.held.Has(p.active, account) && !p.sets.Taking.Has(p.active, account) && p.reading.Proof.Started.After(f.Since.Add(p.program.Describes.Lag)):
			p.b.clear(f.FactKey)
		case !p.b.s.Proof.Complete():
		case p.sets.Desired.Has(p.active, account) && f.Count == 0: // wanted again: the wait will start anew
			f.Count = 1
			p.b.set(f)
		case !p.sets.Desired.Has(p.active, account) && f.Count == 1:
			f.Count, f.Since = 0, p.b.s.Now
			p.b.set(f)
		}
	}
	p.noteReadBackWanted()
	p.noteOthersSuspends()
}

// noteReadBackWanted: whoever is to have an account that this plan finds to have been suspended is back since then.
func (p *programPlan) noteReadBackWanted() {
	for key, f := range p.b.set_ {
		account, ok := p.reading.accounts.Find(key.Account)
		if _, known := p.b.s.Memory.Fact(key); ok && !known && key.Kind == FactSuspended && key.Program == p.program.Name && p.b.s.Proof.Complete() && p.sets.Desired.Has(p.active, account) {
			f.Count = 1
			p.b.set_[key] = f
		}
	}
}

// suspension is what is known of an account's being suspended: what this plan has read back, else what memory says.
func (p *programPlan) suspension(account uint32) (Fact, bool) {
	key := p.accountKey(FactSuspended, account)
	if f, ok := p.b.set_[key]; ok {
		return f, true
	}
	return p.b.s.Memory.Fact(key)
}

// suspended is every account that is there and not active.
func (p *programPlan) suspended() *roaring.Bitmap {
	there := p.held.row(p.exists)
	if p.exists == none || there == nil {
		return roaring.New()
	}
	if active := p.held.row(p.active); active != nil {
		return roaring.AndNot(there, active)
	}
	return there
}

func (p *programPlan) noteOthersSuspends() {
	suspended := p.suspended()
	for it := suspended.Iterator(); it.HasNext(); {
		account := it.Next()
		if _, owned := p.owner[account]; !owned || p.busy(p.active, account) {
			continue
		}
		key := p.accountKey(FactSuspended, account)
		unfinished := p.sets.Managed.Has(p.active, account) && !p.confirmed.Has(p.active, account)
		fresh := p.sets.Managed.Has(p.exists, account) && !p.sets.Managed.Has(p.active, account)
		if _, ok := p.b.s.Memory.Fact(key); !ok && !unfinished && !fresh {
			p.b.set(Fact{FactKey: key, Since: p.b.s.Now, Text: "other"})
		}
	}
}
