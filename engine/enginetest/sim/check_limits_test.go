package sim

import (
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// charge [I6]: in no window more than the limits allow, but for approvals, cuts and a leaver who is alone in the run.
func (k *checker) charge(r *engine.Record) {
	k.ok(I6)
	c := engine.Charge{Time: k.m.now, Person: r.Person, Account: r.Account,
		ChargeKind: engine.ChargeKind{Class: r.Class, Program: r.Program, Entitlement: r.Entitlement, Approved: r.Approved, Cause: r.Cause}}
	k.charges = append(k.charges, c)
	if r.Class == "" || r.Approved || r.Cause == engine.CauseCut || k.alone(r) {
		return
	}
	l := k.m.cur.engine.Settings.Limits
	switch r.Class {
	case engine.ChargeRevoke:
		k.within(r, l.RevokePeople, func(c *engine.Charge) string { return c.Person })
		k.within(r, l.RevokeHoldings, holding)
	case engine.ChargeLeaver:
		k.within(r, l.Leavers, func(c *engine.Charge) string { return c.Person })
	case engine.ChargeGrant:
		k.within(r, l.Grant, holding)
	}
}

func holding(c *engine.Charge) string {
	return strings.Join([]string{c.Program, c.Account, c.Entitlement}, " ")
}

// alone: the one person with an explicit mark in a run is never held.
func (k *checker) alone(r *engine.Record) bool {
	if r.Cause != engine.CauseMarked {
		return false
	}
	if k.sole[r.Run] == "" {
		k.sole[r.Run] = r.Person
	}
	return k.sole[r.Run] == r.Person
}

// within: the record takes nothing over the limit that was not over it before.
func (k *checker) within(r *engine.Record, l engine.Limit, unit func(*engine.Charge) string) {
	most := max(l.Floor, l.Cap) // the percentage is of a count that only the engine makes
	if most >= 1000 {
		return
	}
	k.ok(I6)
	counted, last := map[string]bool{}, len(k.charges)-1
	own := unit(&k.charges[last])
	for n := last - 1; n >= 0 && k.planTime().Sub(k.charges[n].Time) < l.Window+5e9; n-- {
		switch c := &k.charges[n]; {
		case c.Class != r.Class || c.Approved:
		case k.m.now.Sub(c.Time) < l.Window-5e9:
			counted[unit(c)] = true
		case unit(c) == own: // maybe counted when the run planned, by its clock, and over since: nobody can have been charged in between
			return
		}
	}
	if !counted[own] && len(counted)+1 > most {
		k.m.fail(I6, "%s of %s/%s of %s by %s: %d within %s, where %d are allowed", r.Op, r.Program, r.Entitlement, r.Account, r.Cause, len(counted)+1, l.Window, most)
	}
}

// lastMembers [I6]: what was listed of a right, and of the admins who can use theirs, is not taken to the last without an
// approval, a cut or, but for admins, a leaver.
func (k *checker) lastMembers(records []engine.Record) {
	taken, given := map[string]map[string]*engine.Record{}, map[string]bool{}
	for _, i := range k.open {
		given[i.Program+"/"+i.Entitlement] = given[i.Program+"/"+i.Entitlement] || i.Op.Gives()
	}
	for i := range records {
		r := &records[i]
		if r.Kind != engine.KindIntent {
			continue
		}
		e := r.Program + "/" + r.Entitlement
		if r.Op.Gives() {
			given[e] = true
		}
		if r.Op.Takes() {
			if taken[e] == nil {
				taken[e] = map[string]*engine.Record{}
			}
			taken[e][r.Account] = r
		}
	}
	for e, from := range taken {
		k.ok(I6)
		k.lastMember(e, from, given[e])
	}
	k.lastAdmin(taken)
}

func (k *checker) lastMember(e string, from map[string]*engine.Record, given bool) {
	program, right, _ := strings.Cut(e, "/")
	l := k.m.cur.seen.lists[program]
	if given || l == nil || !l.complete || k.m.program(program).Describes.Lag > 0 {
		return
	}
	ours := false
	for _, r := range from {
		ours = ours || r.Class == engine.ChargeRevoke && !r.Approved && l.held[[2]string{r.Account, right}]
	}
	for h := range l.held {
		if h[1] == right && from[h[0]] == nil {
			return
		}
	}
	if ours {
		k.m.fail(I6, "nobody is left who holds %s", e)
	}
}

func (k *checker) lastAdmin(taken map[string]map[string]*engine.Record) {
	for i := range k.m.cur.engine.Programs {
		p := &k.m.cur.engine.Programs[i]
		l := k.m.cur.seen.lists[p.Name]
		if p.Admin == "" || l == nil || !l.complete || k.m.program(p.Name).Describes.Lag > 0 {
			continue
		}
		ours, approved, left := false, false, false
		for h := range l.held {
			if h[1] != p.Admin || !l.held[[2]string{h[0], engine.Active}] {
				continue
			}
			gone := false
			for _, right := range []string{p.Admin, engine.Active, engine.Exists} {
				if r := taken[p.Name+"/"+right][h[0]]; r != nil {
					gone = true
					ours = ours || r.Cause != engine.CauseCut
					approved = approved || r.Approved
				}
			}
			left = left || !gone
		}
		if k.ok(I6); ours && !approved && !left {
			k.m.fail(I6, "no admin of %s is left", p.Name)
		}
	}
}
