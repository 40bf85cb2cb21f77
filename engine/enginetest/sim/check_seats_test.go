package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// fewSeats is how many seats wiki has in a history; 0: any number.
func (m *model) fewSeats() int {
	return []int{0, 3, 5, 0}[m.seed>>1%4]
}

// seated is the configuration of that.
func (m *model) seated(p *engine.Program) {
	if n := m.fewSeats(); n > 0 && p.Name == "wiki" {
		p.Seats = &engine.SeatRules{Kinds: []engine.SeatKind{{Count: n}}}
	}
}

// seats are the books about who waits.
type seats struct {
	asked     map[string]time.Time // person → since when they ask, as the journal remembers it
	forgotten []string             // people who ask no more, by the append that is looked at
	given     []string             // accounts that an append gives one to
}

// seatAsked keeps since when people ask.
func (k *checker) seatAsked(r *engine.Record) {
	for _, f := range r.Set {
		if f.Kind == engine.FactSeat {
			k.ok(I9)
			if before, asked := k.seats.asked[f.Person]; asked && f.Since.After(before) {
				k.m.fail(I9, "%s asks for a seat since %s, and did so since %s", f.Person, f.Since, before)
			}
			k.seats.asked[f.Person] = f.Since
		}
	}
	for _, key := range r.Clear {
		if key.Kind == engine.FactSeat {
			delete(k.seats.asked, key.Person)
			k.seats.forgotten = append(k.seats.forgotten, key.Person)
		}
	}
}

// seatForgotten: whoever is seen to be without a seat and should have one keeps the place.
func (k *checker) seatForgotten(person string) {
	l := k.m.cur.seen.lists["wiki"]
	if l == nil || k.undos || k.m.program("wiki").Describes.Lag > 0 || !k.wantedNow()[engine.Held3{Program: "wiki", Account: person, Entitlement: engine.Active}] {
		return
	}
	if p := k.believed(person); p != nil && p.State == engine.StateAway && k.program("wiki").Away == "suspend" {
		return // who is away needs none
	}
	k.ok(I9)
	ids := k.accountsOf("wiki", person)
	if who := k.m.person(person); who != nil { // it may have been made, and this run found it so
		ids = append(ids, who.Login())
	}
	for _, id := range ids {
		if l.held[[2]string{id, engine.Active}] || k.m.program("wiki").Has(id, engine.Active) {
			return
		}
	}
	k.m.fail(I9, "%s should have a seat of wiki and has none, and the place in the list is forgotten", person)
}

// seatTaken notes that an intent may take a seat.
func (k *checker) seatTaken(r *engine.Record) {
	if r.Program == "wiki" && (r.Op == engine.OpCreate || r.Entitlement == engine.Active) {
		k.seats.given = append(k.seats.given, strings.TrimPrefix(r.Account, engine.ProposedPrefix))
	}
}

// seatsKept [I6]: whoever is active in the list that the run saw, and whoever is being made so, are no more than there are seats once a
// run gives one: what is being taken is not free before a list shows so. What was done by hand may be more.
func (k *checker) seatsKept() {
	for _, person := range k.seats.forgotten {
		k.seatForgotten(person)
	}
	k.seats.forgotten = nil
	most, l := k.m.fewSeats(), k.m.cur.seen.lists["wiki"]
	given := k.seats.given
	k.seats.given = nil
	if most == 0 || l == nil || !slices.ContainsFunc(given, func(id string) bool { return !l.held[[2]string{id, engine.Active}] }) {
		return // whom the list shows with a seat is given the same one
	}
	k.ok(I6)
	if n := k.sitting(l); n > most {
		k.m.fail(I6, "%d seats of wiki are taken or given, of %d", n, most)
	}
}

// sitting counts accounts by name, since a new one has that of its proposal.
func (k *checker) sitting(l *list) int {
	names := map[string]bool{}
	for h := range l.held {
		if h[1] == engine.Active {
			names[h[0]] = true
		}
	}
	for _, i := range k.open {
		if i.Program == "wiki" && (i.Op == engine.OpCreate || i.Op.Gives() && i.Entitlement == engine.Active) {
			names[strings.TrimPrefix(i.Account, engine.ProposedPrefix)] = true
		}
	}
	return len(names)
}

// seatOrder [I9]: nobody gets a seat before somebody who has a higher priority, or the same and asked before; who waits keeps the
// place; and nobody waits beside a free seat.
func (k *checker) seatOrder(p *engine.Plan) {
	if k.m.fewSeats() == 0 || k.only != nil || len(p.Seats) != 1 {
		return
	}
	l := k.m.cur.seen.lists["wiki"]
	waiting := map[string]engine.SeatClaim{}
	for _, w := range p.Seats[0].Waiting {
		k.ok(I9)
		w.Priority = k.seatPriority(p, w.Person)
		waiting[w.Person] = w
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Program != "wiki" || !c.Op.Gives() || c.Op == engine.OpAdopt || c.Right() != engine.Active || c.State != engine.Ready && c.State != engine.NeedsApproval || l == nil || l.held[[2]string{c.Account, engine.Active}] {
			continue
		}
		if !strings.HasPrefix(c.Account, engine.ProposedPrefix) { // its priority comes from what the account holds, too, which no change of the plan tells
			continue
		}
		for _, w := range waiting {
			k.ok(I9)
			since, asked := k.seats.asked[c.Person]
			mine := k.seatPriority(p, c.Person)
			if w.Priority > mine || w.Priority == mine && w.Since.Before(p.Time) && (!asked || since.After(w.Since)) {
				k.m.fail(I9, "%s (priority %d) gets a seat before %s (priority %d, since %s)", c.Person, mine, w.Person, w.Priority, w.Since)
			}
		}
	}
	k.seatsFree(p, l, len(waiting))
}

// seatsFree: where nothing is uncertain, nobody waits while a seat is free.
func (k *checker) seatsFree(p *engine.Plan, l *list, waiting int) {
	s := &p.Seats[0]
	if waiting == 0 || l == nil || !l.complete || k.m.program("wiki").Describes.Lag > 0 || k.m.cur.hurt {
		return
	}
	for _, i := range k.open {
		if i.Program == "wiki" && i.claim > 0 {
			return
		}
	}
	k.ok(I9)
	active := map[string]bool{}
	for h := range l.held {
		if h[1] == engine.Active {
			active[h[0]] = true
		}
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Program == "wiki" && c.Op.Gives() && c.Op != engine.OpAdopt && (c.State == engine.Ready || c.State == engine.NeedsApproval) {
			active[c.Account] = true // also where somebody else made one of that name meanwhile: until the call finds it, a seat is kept for it
		}
	}
	if len(active) < k.m.fewSeats() && s.Unknown == "" {
		k.m.fail(I9, "%d wait for a seat of wiki, and %d of %d are taken", waiting, len(active), k.m.fewSeats())
	}
}

// seatPriority is the highest of the rules that give somebody anything in wiki.
func (k *checker) seatPriority(p *engine.Plan, person string) (most int) {
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Program == "wiki" && c.Person == person && c.Op.Gives() && (c.State != engine.Blocked || strings.HasPrefix(c.Reason, "waiting for a seat") || strings.HasPrefix(c.Reason, "it needs wiki")) {
			for _, name := range c.Rules {
				if name == "r:b" && k.m.seed%2 == 0 {
					most = seatPriority
				}
			}
		}
	}
	return most
}

// seatPriority is that of one rule in half of the histories.
const seatPriority = 5
