package engine

type accountKey struct{ program, account string }

// proposed is what was recorded under a proposed account, as far as it may still be there: looking through everything for
// each account that is made would take time that grows with its square.
type proposed struct {
	rights []string
	open   []int64
	facts  []FactKey
}

// under is the list for an account, nil for one that is not proposed.
func (f *Fold) under(program, account string) *proposed {
	if _, is := ProposedName(account); !is {
		return nil
	}
	key := accountKey{program, account}
	if f.proposed[key] == nil {
		f.proposed[key] = &proposed{}
	}
	return f.proposed[key]
}

func (f *Fold) hold(key Held3, h *HoldingState) {
	f.holdings[key] = h
	if p := f.under(key.Program, key.Account); p != nil {
		p.rights = append(p.rights, key.Entitlement)
	}
}

// move renames a proposed account to the id that the program gave it.
func (f *Fold) move(program, from, to string) {
	p := f.under(program, from)
	if p == nil {
		return
	}
	delete(f.proposed, accountKey{program, from})
	for _, right := range p.rights {
		f.moveHolding(Held3{program, from, right}, to)
	}
	for _, seq := range p.open {
		if i := f.open[seq]; i != nil && i.Change.Account == from {
			f.count(i, -1)
			i.Change.Account, i.Change.Proposed = to, false
			f.count(i, +1)
			f.touched.Open = append(f.touched.Open, i.Seq)
		}
	}
	for _, key := range p.facts {
		if fact, is := f.Fact(key); is {
			f.clear(key)
			fact.Account = to
			f.set(fact)
		}
	}
}

func (f *Fold) moveHolding(key Held3, to string) {
	h := f.holdings[key]
	if h == nil {
		return
	}
	delete(f.holdings, key)
	f.touched.Holdings = append(f.touched.Holdings, key)
	key.Account = to
	t := f.row(key)
	t.Managed, t.Confirmed, t.Seen = t.Managed || h.Managed, t.Confirmed || h.Confirmed, t.Seen || h.Seen
	t.Since, t.Rules = h.Since, h.Rules
}
