package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// dependencies blocks grants whose implied entitlement is neither expected nor granted in the same plan. What waits for
// approval may rest on what waits as well.
func (b *builder) dependencies() {
	for _, p := range b.programs {
		p.dependencies()
	}
}

func (p *programPlan) dependencies() {
	if p.active == none && p.exists == none || p.from == p.to {
		return
	}
	g := newGiven()
	for i := range p.changes() {
		if c := &p.changes()[i]; c.Op.Gives() && c.account != none {
			g.note(p, c)
		}
	}
	p.need(p.exists, Exists, g)
	p.need(p.active, Active, g)
}

// useless blocks accounts for which nothing would be granted. It comes last: what waits for approval rests on an account that
// can be made, in the run that holds it back as in every later one.
func (b *builder) useless() {
	for _, p := range b.programs {
		if p.active != none || p.exists != none {
			p.useless()
		}
	}
}

// given says which accounts a plan makes and makes active, and whether that is ready or waits for approval.
type given struct{ existReady, existWaits, activeReady, activeWaits *roaring.Bitmap }

func newGiven() *given { return &given{roaring.New(), roaring.New(), roaring.New(), roaring.New()} }

// of are the accounts that are given one reserved entitlement; nil for another right.
func (g *given) of(p *programPlan, right uint32) (ready, waits *roaring.Bitmap) {
	switch right {
	case p.exists:
		return g.existReady, g.existWaits
	case p.active:
		return g.activeReady, g.activeWaits
	}
	return nil, nil
}

func (g *given) note(p *programPlan, c *Change) {
	ready, waits := g.of(p, c.right)
	if ready == nil {
		return
	}
	ready.Remove(c.account)
	waits.Remove(c.account)
	switch c.State {
	case Ready:
		ready.Add(c.account)
	case NeedsApproval:
		waits.Add(c.account)
	}
}

// need goes through what implies one reserved entitlement.
func (p *programPlan) need(right uint32, name string, g *given) {
	if right == none {
		return
	}
	ready, waits := g.of(p, right)
	for i := range p.changes() {
		c := &p.changes()[i]
		if !c.Op.Gives() || c.Op == OpAdopt || c.right == p.exists || c.right == right || c.account == none {
			continue
		}
		if p.diff.Expected.Has(right, c.account) || ready.Contains(c.account) || waits.Contains(c.account) && c.State == NeedsApproval || c.State != Ready && c.State != NeedsApproval {
			continue
		}
		c.State, c.baseless, c.Reason = Blocked, true, "it needs "+Entitlement{p.program.Name, name}.String()+", which is neither there nor granted by this plan"
		g.note(p, c)
	}
}

// useless blocks the making of accounts whose use is held back: a program makes them active.
func (p *programPlan) useless() {
	used := roaring.New()
	for i := range p.changes() {
		c := &p.changes()[i]
		if c.Op.Gives() && c.State == Ready && c.account != none && (c.right == p.active || p.active == none && c.right != p.exists) {
			used.Add(c.account)
		}
	}
	for i := range p.changes() {
		if c := &p.changes()[i]; c.Op == OpCreate && c.State == Ready && !used.Contains(c.account) {
			c.State, c.Reason = Blocked, "what the account is for is held back"
		}
	}
}

// staying blocks the suspend and the delete of accounts that keep something whose removal is held back. A leaver's suspend
// and a cut wait for nothing, and whoever is away keeps everything but the account.
func (b *builder) staying() {
	for _, p := range b.programs {
		stays := map[uint32]*Change{} // by account
		for i := range p.changes() {
			if c := &p.changes()[i]; c.Op == OpRevoke && c.State != Ready {
				stays[c.account] = c
			}
		}
		for i := range p.changes() {
			c := &p.changes()[i]
			if c.State == Ready && (c.Op == OpDelete || c.Op == OpSuspend && c.class() == ChargeRevoke && !c.away) && stays[c.account] != nil {
				c.State, c.Reason = Blocked, "the account goes last, and "+stays[c.account].Entitlement+" is "+string(stays[c.account].State)
			}
		}
	}
}

// markQueued marks the changes that an open, unclaimed intent already stands for: they were charged when it was written.
func (b *builder) markQueued() {
	for _, p := range b.programs {
		for i := range p.changes() {
			c := &p.changes()[i]
			if q, open := p.waitingIntent(c); open && c.State == Ready {
				c.Queued = q.Seq
			}
		}
	}
}

func sortedIntents(queued map[effectOn]Intent) []Intent {
	return slices.SortedFunc(maps.Values(queued), func(x, y Intent) int { return cmp.Compare(x.Seq, y.Seq) })
}

// settleQueue withdraws the queued intents that this plan would not make again.
func (b *builder) settleQueue() {
	again := map[int64]bool{}
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if c.State != Ready {
			c.Queued = 0
		}
		again[c.Queued] = true
	}
	for _, p := range b.programs {
		for _, i := range sortedIntents(p.queued) {
			if !again[i.Seq] {
				p.withdraw(i)
			}
		}
	}
}
