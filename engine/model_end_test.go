package engine_test

import (
	"context"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// end [I9]: nothing is left to do, and what is not as desired is so on purpose, with a reason that the plan shows.
func (k *checker) end(p *engine.Plan) {
	if p.Ready() > 0 {
		k.m.fail("[I9] the plan is still not empty: %v", lines(p))
	}
	for _, i := range k.open {
		k.m.fail("[I3] intent %d (%s %s/%s of %s) is still open", i.Seq, i.Op, i.Program, i.Entitlement, i.Account)
	}
	for _, who := range k.m.people {
		switch {
		case k.cut[who.Key], !who.there, who.State == engine.StateLeft && who.Marked:
			k.out(p, who)
		case who.State == engine.StateActive:
			k.in(p, who)
		}
	}
	k.nothingExtra(p)
}

// accountsOf lists the accounts of somebody in a program.
func (k *checker) accountsOf(program, person string) []string {
	var out []string
	for key, who := range k.owner {
		if key[0] == program && who == person {
			out = append(out, key[1])
		}
	}
	return out
}

// out: whoever has left or is cut off can use nothing that is linked.
func (k *checker) out(p *engine.Plan, who *modelPerson) {
	for _, program := range k.m.order {
		for _, account := range k.accountsOf(program, who.Key) {
			for _, right := range []string{engine.Active, "x", "y", "z"} {
				usable := k.m.targets[program].Has(account, right) && (program == "grp" || right == engine.Active)
				if usable && !k.excused(p, program, right, who.Key, "rejected") {
					k.m.fail("[I9] %s is out but still has %s/%s as %s", who.Key, program, right, account)
				}
			}
		}
	}
}

// in: whoever should have something has it, or the plan says why not.
func (k *checker) in(p *engine.Plan, who *modelPerson) {
	for _, v := range k.m.policy.Decide(&who.Person, k.m.now, nil, nil) {
		e := k.m.policy.entitlements[v.Entitlement]
		if v.Say != engine.Desired {
			continue
		}
		has := slices.ContainsFunc(k.accountsOf(e.Program, who.Key), func(a string) bool { return k.m.targets[e.Program].Has(a, e.Name) })
		if !has && !k.undone(e) && !k.excused(p, e.Program, e.Name, who.Key, "rejected", "removed by somebody else", "suspended by somebody else", "contested", "nobody knows whose", "which is neither there nor granted", "held back") {
			k.m.fail("[I9] %s should have %s and does not", who.Key, e)
		}
	}
}

func (k *checker) excused(p *engine.Plan, program, right, person string, reasons ...string) bool {
	e := engine.Entitlement{Program: program, Name: right}.String()
	return slices.ContainsFunc(p.Changes, func(c engine.Change) bool {
		return c.Program == program && c.Person == person && c.Entitlement == e && c.State != engine.Ready &&
			slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(c.Reason, r) })
	})
}

// undone: somebody froze the inverse of an earlier change of that entitlement.
func (k *checker) undone(e engine.Entitlement) bool {
	mem, err := k.m.journal.Memory(context.Background(), k.m.now)
	return err == nil && slices.ContainsFunc(mem.Facts(engine.FactUndone), func(f engine.Fact) bool { return f.Program == e.Program && f.Entitlement == e.Name })
}

// nothingExtra: what Rolecall manages, people who are there no longer should have and is not kept for a reason is gone.
func (k *checker) nothingExtra(p *engine.Plan) {
	for h := range k.managed {
		who := k.m.person(k.owner[[2]string{h.Program, h.Account}])
		if h.Program == "grp" {
			who = k.m.person(h.Account)
		}
		if who == nil || !who.there || who.State != engine.StateActive || k.cut[who.Key] || h.Entitlement == engine.Active || h.Entitlement == engine.Exists {
			continue
		}
		say := k.m.saysTo(&who.Person, h.Program, h.Entitlement)
		if say != engine.Denied || !k.m.targets[h.Program].Has(h.Account, h.Entitlement) || k.undone(engine.Entitlement{Program: h.Program, Name: h.Entitlement}) || k.additive(h) {
			continue
		}
		if !k.excused(p, h.Program, h.Entitlement, who.Key, "rejected") {
			k.m.fail("[I9] %s still has %s/%s, which nothing gives", who.Key, h.Program, h.Entitlement)
		}
	}
}

// additive: an additive rule once gave it.
func (k *checker) additive(h engine.Held3) bool {
	e := engine.Entitlement{Program: h.Program, Name: h.Entitlement}.String()
	return slices.ContainsFunc(k.m.policy.rules, func(r engine.Rule) bool {
		return r.Mode == "additive" && slices.Contains(k.m.policy.gives[r.Name], e)
	})
}
