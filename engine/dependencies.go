package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// dependencies blocks grants whose implied entitlement is neither expected nor granted in the same plan, and accounts for
// which nothing would be granted.
func (b *builder) dependencies() {
	for _, p := range b.programs {
		if p.active == none && p.exists == none {
			continue
		}
		ready := map[string]bool{}
		for i := range b.plan.Changes {
			if c := &b.plan.Changes[i]; c.Program == p.program.Name && c.State == Ready && c.Op.Gives() {
				ready[c.Account+"\x1f"+c.Right()] = true
			}
		}
		p.need(p.exists, Exists, ready)
		p.need(p.active, Active, ready)
		p.useless(ready)
	}
}

// useless blocks the making of accounts whose use is held back: a program makes them active.
func (p *programPlan) useless(ready map[string]bool) {
	used := map[string]bool{}
	for key := range ready {
		account, right, _ := strings.Cut(key, "\x1f")
		used[account] = used[account] || right != Exists && (p.active == none || right == Active)
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

// need goes through what implies one reserved entitlement.
func (p *programPlan) need(right uint32, name string, ready map[string]bool) {
	if right == none {
		return
	}
	for i := range p.b.plan.Changes {
		c := &p.b.plan.Changes[i]
		if c.Program != p.program.Name || c.State != Ready || !c.Op.Gives() || c.Op == OpAdopt || c.Right() == Exists || c.Right() == name {
			continue
		}
		account, ok := p.reading.accounts.Find(c.Account)
		if ok && p.diff.Expected.Has(right, account) || ready[c.Account+"\x1f"+name] {
			continue
		}
		c.State, c.Reason = Blocked, "it needs "+Entitlement{p.program.Name, name}.String()+", which is neither there nor granted by this plan"
		delete(ready, c.Account+"\x1f"+c.Right())
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
