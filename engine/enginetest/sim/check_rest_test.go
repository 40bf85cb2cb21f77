package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func itoa(n int) string { return strconv.Itoa(n) }

// link [I8]: an account never changes hands, unless it was made anew.
func (k *checker) link(program, id, person string) {
	k.ok(I8)
	a := account{program, id}
	if who := k.owner[a]; who != "" && who != person && !k.reborn[a] {
		k.m.fail(I8, "the account %s of %s moved from %s to %s", id, program, who, person)
	}
	k.owner[a] = person
	delete(k.reborn, a)
}

// born: a program has made an account, by whatever id.
func (k *checker) born(program, name, id string) {
	for _, id := range []string{name, id} {
		k.reborn[account{program, id}] = true
	}
}

// answered: a program said by what id it has the account that was to be made, now or before: under a former name, perhaps.
func (k *checker) answered(program, name, id string) { k.bornAs[account{program, id}] = name }

// memory [I7, I8]: what the journal folds to is what these books say.
func (k *checker) memory(mem *engine.Memory) {
	k.ok(I7)
	k.ok(I8)
	managed := 0
	for name, p := range mem.Programs {
		for _, row := range p.Rows {
			if row.Managed {
				managed++
				if h := (engine.Held3{Program: name, Account: p.Accounts[row.Account], Entitlement: p.Entitlements[row.Entitlement]}); !k.managed[h] {
					k.m.fail(I7, "the journal says that %v is managed", h)
				}
			}
		}
		for _, l := range p.Links {
			if who := k.owner[account{name, l.Account}]; who != l.Person && who == "" {
				k.m.fail(I8, "the journal links %s of %s to %s", l.Account, name, l.Person)
			}
		}
	}
	if managed != len(k.managed) {
		k.m.fail(I7, "%d holdings are managed, and the journal knows %d", len(k.managed), managed)
	}
	k.ok(I3)
	if len(mem.Open) != len(k.open) {
		k.m.fail(I3, "%d intents are open, and the journal knows %d", len(k.open), len(mem.Open))
	}
}

// chain [I11]: records come one after the other, in time too.
func (k *checker) chain(r *engine.Record) {
	k.ok(I11)
	if r.Seq != int64(len(k.log))+1 || r.Time.Before(k.lastTime) {
		k.m.fail(I11, "record %d of %s follows %d of %s", r.Seq, r.Time, len(k.log), k.lastTime)
	}
	k.log, k.lastTime = append(k.log, r.Hash), r.Time
	k.m.note(r.Hash)
}

// chained [I11]: a record of before is still the one that it was.
func (k *checker) chained() {
	k.ok(I11)
	if len(k.log) == 0 {
		return
	}
	n := int64(k.m.faults.IntN(len(k.log)))
	err := k.m.store.Journal.Records(context.Background(), engine.Query{After: n, Before: n + 2}, func(r engine.Record) error {
		if r.Hash != k.log[n] {
			k.m.fail(I11, "record %d is not the one it was", r.Seq)
		}
		return nil
	})
	if err != nil {
		k.m.fail(I11, "%v", err)
	}
}

// noSecret [I13]: nothing that Rolecall was not told to use gets into the journal.
func (k *checker) noSecret() {
	for i := range k.fresh {
		k.ok(I13)
		r := &k.fresh[i]
		bad := bytes.Contains(r.Data, []byte(secret)) || strings.Contains(strings.Join(r.Why, " "), secret)
		for _, f := range r.Set {
			bad = bad || strings.Contains(f.Text, secret) || bytes.Contains(f.Data, []byte(secret))
		}
		if bad {
			k.m.fail(I13, "record %d (%s) shows a secret", r.Seq, r.Kind)
		}
	}
}

// attributable [I15]: whatever people decide has a name and a reason.
func (k *checker) attributable(r *engine.Record) {
	switch r.Kind {
	case engine.KindCut, engine.KindLift, engine.KindPause, engine.KindApprove, engine.KindReject, engine.KindExtra, engine.KindUndo, engine.KindFree:
		k.ok(I15)
		if r.Actor == "" || len(r.Why) == 0 {
			k.m.fail(I15, "record %d (%s) has no actor or no reason", r.Seq, r.Kind)
		}
	case engine.KindRun, engine.KindResume, engine.KindIntent:
		k.ok(I15)
		if r.Actor == "" {
			k.m.fail(I15, "record %d (%s) has no actor", r.Seq, r.Kind)
		}
	}
}

func (k *checker) slotDone(slot time.Time) {
	k.ok(I5)
	for s := range k.slots {
		if !s.Before(slot) {
			return
		}
	}
	k.m.fail(I5, "the slot %s did not run, and was given up", slot)
}

// planned looks at a plan that was committed by a run of everything.
func (k *checker) planned(p *engine.Plan, o engine.ApplyOptions) {
	if k.m.depth == 0 {
		k.plan = p
	}
	k.reviewed(o)
	k.shownPauses(p)
	k.tripped(p)
	if o.Only == nil {
		k.leaversGo(p)
	}
}

// reviewed [I10]: a reviewed plan is applied once, and within a day.
func (k *checker) reviewed(o engine.ApplyOptions) {
	if o.Only == nil {
		return
	}
	k.ok(I10)
	if k.planTime().Sub(o.Only.Time) > engine.ApprovalLife+5*time.Second {
		k.m.fail(I10, "a plan is applied %s after it was made", k.planTime().Sub(o.Only.Time))
	}
	id := o.Only.ID + o.Only.Time.String()
	if k.applied[id] {
		k.m.fail(I10, "a reviewed plan is applied for the second time")
	}
	k.applied[id] = true
}

// shownPauses [I15]: a pause is never silent.
func (k *checker) shownPauses(p *engine.Plan) {
	if k.m.cur.hurt {
		return // decided while the plan was carried out
	}
	for _, program := range k.pausedNow() {
		k.ok(I15)
		if !slices.ContainsFunc(p.Notices, func(n engine.Notice) bool { return n.Code == "paused" && n.Program == program }) {
			k.m.fail(I15, "nothing says that %q is paused", program)
		}
	}
}

// leaversGo [I12]: whoever carries an explicit mark is suspended by the first run that reads it, whatever else fails, or the
// plan says why not.
func (k *checker) leaversGo(p *engine.Plan) {
	d := k.m.cur
	read := d.seen.read
	if d.hurt || d.dead || !read.entries {
		return
	}
	marked := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Cause == engine.CauseMarked {
			marked[c.Person] = true
		}
	}
	for a, who := range k.owner {
		e := read.people[who]
		if e == nil || !e.Marked || k.cut[who] || k.program(a.program).Describes.Keyed {
			continue
		}
		l, prog := d.seen.lists[a.program], k.program(a.program)
		if a.program == "grp" || l == nil || !l.complete || prog.Revoke == engine.RevokeNever || k.m.program(a.program).Describes.Lag > 0 ||
			d.engine.Settings.Unmanaged != engine.UnmanagedSuspend || !l.held[[2]string{a.id, engine.Active}] {
			continue
		}
		k.ok(I12)
		k.leaverGoes(p, a, who, len(marked) == 1)
	}
}

func (k *checker) leaverGoes(p *engine.Plan, a account, who string, alone bool) {
	i := slices.IndexFunc(p.Changes, func(c engine.Change) bool {
		return c.Op == engine.OpSuspend && c.Program == a.program && c.Account == a.id && c.Person == who
	})
	pending := k.pending(a)
	switch {
	case i < 0 && !pending:
		k.m.fail(I12, "%s carries a leaver's mark, and the plan says nothing of the account %s of %s", who, a.id, a.program)
	case i >= 0 && alone && p.Changes[i].State == engine.NeedsApproval && k.items[p.Changes[i].Item] == k.runs && strings.HasPrefix(p.Changes[i].Reason, "limit"):
		k.m.fail(I12, "%s is the only leaver, and is held back: %s", who, p.Changes[i].Reason)
	}
}

// pending: something is open on the account, or was until this run.
func (k *checker) pending(a account) bool {
	for _, i := range k.open {
		if i.Program == a.program && i.Account == a.id {
			return true
		}
	}
	return !k.m.program(a.program).Has(a.id, engine.Active)
}

// dryRun [I10, I12, I14]: nothing changes, equal snapshots give equal plans, a program that can't be read changes nothing
// for the others, and names change no more than names.
func (m *model) dryRun() {
	calls, records := m.check.calls, len(m.check.log)
	s, err := m.cur.engine.Snapshot(context.Background())
	if err != nil {
		return
	}
	p := engine.MakePlan(s)
	one, two := mustJSON(p), mustJSON(engine.MakePlan(s))
	if m.check.ok(I10); !bytes.Equal(one, two) {
		m.fail(I10, "equal snapshots gave different plans:\n%s\n%s", one, two)
	}
	if calls != m.check.calls || records != len(m.check.log) {
		m.fail(I10, "a dry run changed something")
	}
	m.check.hostile(s, p)
	m.check.isolated(s, p)
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// shape is a plan without names and words.
func shape(p *engine.Plan, without string) (out []string) {
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Program != without {
			out = append(out, strings.Join([]string{string(c.Op), c.Program, c.Account, c.Entitlement, c.Person, string(c.State), string(c.Cause), c.Item}, "\x00"))
		}
	}
	return out
}

// hostile [I14]: display names made to break out of whatever they are put in.
func (k *checker) hostile(s *engine.Snapshot, plain *engine.Plan) {
	k.ok(I14)
	changed := *s
	changed.People = slices.Clone(s.People)
	for i := range changed.People {
		p := &changed.People[i]
		p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: "name", Values: []string{"\x1b]0;x\a\"},{\"op\":\"grant\"\r\n=1+1\u202e'; DROP" + itoa(i)}})
	}
	if other := engine.MakePlan(&changed); !slices.Equal(shape(plain, ""), shape(other, "")) || len(slices.Collect(plain.Records("r", "a"))) != len(slices.Collect(other.Records("r", "a"))) {
		k.m.fail(I14, "names change the plan:\n%q\n%q", shape(plain, ""), shape(other, ""))
	}
}

// isolated [I12]: without one program, the rest of the plan is the same, where no limit counts over all of them.
func (k *checker) isolated(s *engine.Snapshot, plain *engine.Plan) {
	if s.Settings.Limits.RevokePeople.Floor < 1000 {
		return
	}
	k.ok(I12)
	without := k.m.programs[k.m.faults.IntN(3)].Name
	changed := *s
	changed.Readings = slices.Clone(s.Readings)
	for i, r := range changed.Readings {
		if r.Program.Name == without {
			changed.Readings[i] = engine.NewReading(r.Program, s.Memory.Program(without))
			changed.Readings[i].Proof.Add(engine.ReasonUnreachable, "no route")
		}
	}
	if other := engine.MakePlan(&changed); !slices.Equal(shape(plain, without), shape(other, without)) {
		k.m.fail(I12, "without %s the rest of the plan changes:\n%q\n%q", without, shape(plain, without), shape(other, without))
	}
}
