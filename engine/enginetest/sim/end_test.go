package sim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// idle: the last run found nothing to do and nothing to wait for.
func (k *checker) idle() bool {
	return k.lastRun == 1 && !slices.ContainsFunc(k.plan.Changes, func(c engine.Change) bool {
		return c.State == engine.Ready || c.State == engine.Scheduled || c.State == engine.NeedsApproval ||
			c.State == engine.Blocked && (strings.HasPrefix(c.Reason, "failed ") && !strings.Contains(c.Reason, "has an account") || strings.HasPrefix(c.Reason, "first seen due"))
	})
}

// end [I9]: nothing is left to do, and what is not as desired is so on purpose, with a reason that the plan shows.
func (k *checker) end() {
	k.ok(I9)
	if !k.idle() {
		k.m.fail(I9, "after %d runs without faults there is still something to do: %q", 80, shape(k.plan, ""))
	}
	for _, seq := range slices.Sorted(maps.Keys(k.open)) {
		i := k.open[seq]
		k.m.fail(I3, "intent %d (%s %s/%s of %s) is still open", i.Seq, i.Op, i.Program, i.Entitlement, i.Account)
	}
	undone := k.allUndone()
	for _, who := range k.m.people {
		k.ok(I9)
		switch {
		case k.cut[who.Key], !who.there, who.State == engine.StateLeft && who.Marked:
			k.out(who)
		case who.State == engine.StateActive:
			k.in(who, undone)
		}
	}
	k.nothingExtra(undone)
}

// accountsOf lists the accounts of somebody in a program.
func (k *checker) accountsOf(program, person string) (out []string) {
	for a, who := range k.owner {
		if a.program == program && who == person {
			out = append(out, a.id)
		}
	}
	slices.Sort(out)
	return out
}

// out: whoever has left or is cut off can use nothing that is linked.
func (k *checker) out(who *person) {
	report := k.m.cur.engine.Settings.Unmanaged == engine.UnmanagedReport && !k.cut[who.Key]
	for _, p := range k.m.programs {
		if k.program(p.Name).Revoke == engine.RevokeNever && !k.cut[who.Key] {
			continue
		}
		for _, id := range k.accountsOf(p.Name, who.Key) {
			for _, right := range []string{engine.Active, "x", "y", "z"} {
				usable := p.Has(id, right) && (p.Name == "grp" || right == engine.Active)
				if report && !k.managed[engine.Held3{Program: p.Name, Account: id, Entitlement: right}] {
					continue
				}
				if usable && !k.excused(p.Name, right, who.Key, "rejected") {
					k.m.fail(I9, "%s is out but still has %s/%s as %s", who.Key, p.Name, right, id)
				}
			}
		}
	}
}

// in: whoever should have something has it, or the plan says why not.
func (k *checker) in(who *person, undone map[engine.Held3]bool) {
	pol := k.m.policyNow()
	for _, v := range pol.Decide(&who.Person, k.m.now, nil, nil) {
		e := pol.entitlements[v.Entitlement]
		if v.Say != engine.Desired {
			continue
		}
		has := slices.ContainsFunc(k.accountsOf(e.Program, who.Key), func(a string) bool {
			return k.m.program(e.Program).Has(a, e.Name) || undone[engine.Held3{Program: e.Program, Account: a, Entitlement: e.Name}]
		})
		proposed := engine.Held3{Program: e.Program, Account: engine.ProposedPrefix + who.Login(), Entitlement: e.Name}
		if !has && !undone[proposed] && !k.excused(e.Program, e.Name, who.Key, "rejected", "removed by somebody else", "suspended by somebody else", "contested", "nobody knows whose",
			"which is neither there nor granted", "held back", "would get the account", "waiting for a name", "may belong to somebody else", "being made for somebody else", "refuses", "review it with adopt", "waiting for a seat of wiki") {
			k.m.fail(I9, "%s should have %s and does not", who.Key, e)
		}
	}
}

func (k *checker) excused(program, right, person string, reasons ...string) bool {
	e := engine.Entitlement{Program: program, Name: right}.String()
	return slices.ContainsFunc(k.plan.Changes, func(c engine.Change) bool {
		return c.Program == program && c.Person == person && c.Entitlement == e && c.State != engine.Ready &&
			slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(c.Reason, r) })
	})
}

// allUndone lists what somebody froze by an undo.
func (k *checker) allUndone() map[engine.Held3]bool {
	out := map[engine.Held3]bool{}
	all, err := k.m.store.Journal.Facts(k.m.context(), engine.FactUndone)
	if err != nil {
		return out
	}
	for _, f := range all {
		out[engine.Held3{Program: f.Program, Account: f.Account, Entitlement: f.Entitlement}] = true
	}
	return out
}

func (k *checker) undone(h engine.Held3) bool { return k.undos && k.allUndone()[h] }

// nothingExtra: what Rolecall manages, people who are there no longer should have and is not kept for a reason is gone.
func (k *checker) nothingExtra(undone map[engine.Held3]bool) {
	pol := k.m.policyNow()
	order := func(a, b engine.Held3) int {
		return cmp.Or(compare(a.Program, b.Program), compare(a.Account, b.Account), compare(a.Entitlement, b.Entitlement))
	}
	for _, h := range slices.SortedFunc(maps.Keys(k.managed), order) {
		who := k.m.person(k.owner[account{h.Program, h.Account}])
		if h.Program == "grp" {
			who = k.m.person(h.Account)
		}
		if who == nil || !who.there || who.State != engine.StateActive || k.cut[who.Key] || h.Entitlement == engine.Active || h.Entitlement == engine.Exists {
			continue
		}
		if pol.says(&who.Person, k.m.now, h.Program, h.Entitlement) != engine.Denied || !k.m.program(h.Program).Has(h.Account, h.Entitlement) || undone[h] ||
			k.additive(h) || k.program(h.Program).Revoke == engine.RevokeNever {
			continue
		}
		if !k.excused(h.Program, h.Entitlement, who.Key, "rejected") {
			k.m.fail(I9, "%s still has %s/%s, which nothing gives", who.Key, h.Program, h.Entitlement)
		}
	}
}

// additive: an additive rule once gave it.
func (k *checker) additive(h engine.Held3) bool {
	e := engine.Entitlement{Program: h.Program, Name: h.Entitlement}.String()
	return slices.ContainsFunc(k.m.pol.rules, func(r engine.Rule) bool {
		return r.Mode == "additive" && slices.Contains(k.m.pol.gives[r.Name], e)
	})
}

// settle switches all faults off and lets the daemon run: everything must become as it should be.
func (m *model) settle() {
	m.quiet = true
	m.draws(1 << 20)
	m.cur = m.daemons[0]
	m.cur.revive()
	m.say("--- all faults are switched off")
	for _, name := range m.check.pausedNow() {
		if err := m.cur.engine.Unpause(m.context(), "boss", name); err != nil {
			m.fail(I9, "%v", err)
		}
	}
	for i, still := 0, 0; i < 80 && still < 3 && m.failed == ""; i++ { // longer than any grace, back-off, approval and wait
		m.now = m.now.Add(3 * time.Hour)
		m.approveAll()
		m.run(engine.ApplyOptions{})
		m.check.step()
		m.watch()
		if still++; m.failed == "" && !m.check.idle() {
			still = 0
		}
	}
	if m.failed == "" {
		m.check.end()
	}
}

// approveAll lets everything through that waits, and what was rejected of the directory's reads.
func (m *model) approveAll() {
	mem, err := m.store.Memory(m.context(), m.now)
	if err != nil {
		m.fail(I9, "%v", err)
		return
	}
	var ids []string
	for _, i := range mem.Items() {
		if i.State == engine.Waiting || i.State == engine.Rejected && (i.Change.Op == engine.OpBaseline || i.Change.Op == engine.OpReKey) {
			ids = append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	if _, err := m.cur.engine.Approve(m.context(), "boss", ids, "yes"); err != nil {
		m.fail(I9, "%v", err)
	}
}
