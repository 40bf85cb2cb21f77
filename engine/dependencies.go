package engine

// dependencies blocks grants whose implied entitlement is neither expected nor granted in the same plan, and suspends what
// would be taken before it.
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
		p := b.programNamed(c.Program)
		account, ok := p.reading.accounts.Find(c.Account)
		right, ok2 := p.reading.rights.Find(c.Right())
		if q, open := p.queued[pair(right, account)]; ok && ok2 && open && q.Change.Op == c.Op && c.State == Ready {
			c.Queued = q.Seq
		}
	}
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
		for _, i := range b.s.Memory.Open {
			if q, ok := p.queued[p.pairOf(i)]; ok && q.Seq == i.Seq && !again[i.Seq] {
				p.withdraw(i)
			}
		}
	}
}
