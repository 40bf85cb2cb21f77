package engine

import (
	"cmp"
	"maps"
	"slices"
)

// dependencies blocks grants whose implied entitlement is neither expected nor granted in the same plan, and accounts for
// which nothing would be granted. What waits for approval may rest on what waits as well.
func (b *builder) dependencies() {
	for _, p := range b.programs {
		if p.active == none && p.exists == none {
			continue
		}
		gives := map[given]ChangeState{}
		for i := range b.plan.Changes {
			if c := &b.plan.Changes[i]; c.Program == p.program.Name && c.Op.Gives() {
				gives[c.gives()] = c.State
			}
		}
		p.need(p.exists, Exists, gives)
		p.need(p.active, Active, gives)
		p.useless(gives)
	}
}

// given is one holding that a plan gives.
type given struct{ account, right string }

func (c *Change) gives() given { return given{c.Account, c.Right()} }

// need goes through what implies one reserved entitlement.
func (p *programPlan) need(right uint32, name string, gives map[given]ChangeState) {
	if right == none {
		return
	}
	for i := range p.b.plan.Changes {
		c := &p.b.plan.Changes[i]
		if c.Program != p.program.Name || !c.Op.Gives() || c.Op == OpAdopt || c.Right() == Exists || c.Right() == name {
			continue
		}
		account, ok := p.reading.accounts.Find(c.Account)
		by := gives[given{c.Account, name}]
		if ok && p.diff.Expected.Has(right, account) || by == Ready || by == NeedsApproval && c.State == NeedsApproval || c.State != Ready && c.State != NeedsApproval {
			continue
		}
		c.State, c.Reason = Blocked, "it needs "+Entitlement{p.program.Name, name}.String()+", which is neither there nor granted by this plan"
		gives[c.gives()] = Blocked
	}
}

// useless blocks the making of accounts whose use is held back: a program makes them active.
func (p *programPlan) useless(gives map[given]ChangeState) {
	used := map[string]bool{}
	for g, state := range gives {
		if state == Ready && g.right != Exists && (p.active == none || g.right == Active) {
			used[g.account] = true
		}
	}
	for i := range p.b.plan.Changes {
		c := &p.b.plan.Changes[i]
		if c.Program == p.program.Name && c.Op == OpCreate && c.State == Ready && !used[c.Account] {
			c.State, c.Reason = Blocked, "what the account is for is held back"
		}
	}
}

// staying blocks the suspend and the delete of accounts that keep something whose removal is held back. A leaver's suspend
// and a cut wait for nothing, and whoever is away keeps everything but the account.
func (b *builder) staying() {
	stays := map[string]string{}
	for i := range b.plan.Changes {
		if c := &b.plan.Changes[i]; c.Op == OpRevoke && c.State != Ready {
			stays[c.Program+"\x1f"+c.Account] = c.Entitlement + " is " + string(c.State)
		}
	}
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		why := stays[c.Program+"\x1f"+c.Account]
		if why != "" && c.State == Ready && (c.Op == OpDelete || c.Op == OpSuspend && c.class == ChargeRevoke && !c.away) {
			c.State, c.Reason = Blocked, "the account goes last, and "+why
		}
	}
}

// markQueued marks the changes that an open, unclaimed intent already stands for: they were charged when it was written.
func (b *builder) markQueued() {
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if q, open := b.programNamed(c.Program).waitingIntent(c); open && c.State == Ready {
			c.Queued = q.Seq
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
