package sim

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// invariant is one of the fifteen promises.
type invariant int

// The promises, as figures name them.
const (
	I1 invariant = 1 + iota
	I2
	I3
	I4
	I5
	I6
	I7
	I8
	I9
	I10
	I11
	I12
	I13
	I14
	I15
)

var promises = [...]string{"", "a revoke needs proof", "a grant needs proof", "intent before, outcome after", "no record, no change", "one leader", "blast radius",
	"ownership", "identity", "convergence", "plan truth", "append only", "isolation", "secrets", "data is data", "authorised and attributable"}

func (i invariant) String() string { return "[I" + itoa(int(i)) + " " + promises[i] + "]" }

// checker keeps its own books of what the journal and the programs are told, simpler than the engine's and independent of
// them, and compares.
type checker struct {
	m           *model
	runs        int
	control     int   // control records
	epoch       int64 // of whoever leads
	calls       int
	intents     int
	managed     map[engine.Held3]bool
	open        map[int64]*openIntent
	owner       map[account]string    // → person
	reborn      map[account]bool      // made since it was linked
	bornAs      map[account]string    // the name under which an account was made last
	made        map[account]time.Time // proposed and active accounts: when that was settled
	absent      map[string]*absence   // person →
	cut         map[string]bool       //
	paused      map[string]bool       //
	extras      map[string]engine.Extra
	givenExtras int
	charges     []engine.Charge
	sole        map[string]string // run → the first person with a leaver mark in it
	failing     map[effect]failures
	slots       map[time.Time]bool
	only        map[line]bool // of the reviewed plan that is being applied, nil: none
	plan        *engine.Plan  // the last one that was committed
	forbade     string        // the last run that took what a block forbids,
	forbids     *policy       // and the policy that has the block

	items         map[string]int       // that wait for approval → the run that asked first
	approved      map[string]time.Time // item → until
	baselineUntil time.Time
	rekeyUntil    time.Time
	accepted      *read

	books
	seats seats

	log      []string // hashes of the records, in order
	lastTime time.Time
	fresh    []engine.Record
	lastRun  int // records of the last run
}

type account struct{ program, id string }

type effect struct {
	engine.Held3
	kind string // gives, takes, rename
}

type failures struct {
	n  int
	at time.Time
}

type absence struct {
	first    time.Time
	accepted bool // it was clear, when nobody's key seemed changed, that the person has left
}

type line struct {
	op                                    engine.Op
	program, account, entitlement, person string
}

type openIntent struct {
	engine.Record
	item   string
	called int
	at     time.Time // of the last call's effect
	now    int       // calls under the claim that lasts
	claim  int       // which claim of all it was, 0: none
	unsure bool      // the answer to its last call was lost
	lease  time.Time
	leased time.Time // until when the last claim lasts, whatever came of it
	ahead  bool      // it was by a clock that was far ahead
	halted bool      // a run said that it would not make it
}

func newChecker(m *model) *checker {
	return &checker{m: m, managed: map[engine.Held3]bool{}, open: map[int64]*openIntent{}, owner: map[account]string{}, bornAs: map[account]string{}, reborn: map[account]bool{}, made: map[account]time.Time{},
		absent: map[string]*absence{}, cut: map[string]bool{}, paused: map[string]bool{}, extras: map[string]engine.Extra{}, sole: map[string]string{},
		failing: map[effect]failures{}, books: newBooks(), seats: seats{asked: map[string]time.Time{}}, slots: map[time.Time]bool{}, approved: map[string]time.Time{}, items: map[string]int{}}
}

// ok counts one check of a promise.
func (k *checker) ok(i invariant) { k.m.count.checks[i]++ }

// appended looks at records that have become durable.
func (k *checker) appended(g engine.Guard, records []engine.Record) {
	k.guarded(g)
	k.appends++
	k.cleared = map[engine.FactKey]noted{}
	run := g.Epoch != 0 && len(records) > 0 && records[0].Kind == engine.KindRun && strings.HasPrefix(records[0].Actor, "daemon")
	if run {
		k.began()
	}
	for i := range records {
		k.record(&records[i], g.Epoch != 0)
	}
	if run {
		k.decidedAnew(records[0].Seq)
	}
	k.seatsKept()
	k.fresh = append(k.fresh, records...)
	k.lastMembers(records)
	if len(records) > 0 && records[0].Kind == engine.KindRun {
		k.lastRun = len(records)
	}
}

func (k *checker) record(r *engine.Record, planned bool) {
	k.chain(r)
	k.attributable(r)
	k.remember(r)
	k.seatAsked(r)
	k.itemsOf(r)
	if r.Kind.Control() {
		k.control++
	}
	for i := range r.Set {
		if r.Set[i].Kind == engine.FactBaseline {
			k.accept(r.Set[i])
		}
	}
	switch r.Kind {
	case engine.KindRun:
		k.run(r)
	case engine.KindCut, engine.KindLift:
		k.cut[r.Person] = r.Kind == engine.KindCut
		k.endWanted(r)
	case engine.KindPause, engine.KindResume:
		k.paused[r.Program] = r.Kind == engine.KindPause
	case engine.KindIntent:
		k.intent(r)
	case engine.KindOutcome:
		k.outcome(r, planned)
	case engine.KindAdopt:
		k.adopt(r)
	case engine.KindRelease:
		delete(k.managed, held(r))
		delete(k.last, held(r))
		delete(k.sure, held(r))
		k.released(r)
	case engine.KindLink:
		k.link(r.Program, r.Account, r.Person)
	case engine.KindApprove, engine.KindReject:
		k.decision(r)
	case engine.KindUndo:
		k.undos = true
	case engine.KindFree:
		k.repairs = map[engine.Held3][]time.Time{}
	case engine.KindExtra:
		f := r.Set[0]
		e := engine.Entitlement{Program: r.Program, Name: r.Entitlement}.String()
		k.givenExtras++
		k.extras[r.Person+" "+e] = engine.Extra{Person: r.Person, Entitlement: e, Until: f.Until, Reason: f.Text}
	}
}

func held(r *engine.Record) engine.Held3 {
	return engine.Held3{Program: r.Program, Account: r.Account, Entitlement: r.Entitlement}
}

func (k *checker) decision(r *engine.Record) {
	var id string
	_ = json.Unmarshal(r.Data, &id)
	delete(k.approved, id)
	if r.Kind == engine.KindReject {
		return
	}
	until := r.Set[0].Until
	k.decided[id] = *r
	k.approved[id] = until
	switch r.Op {
	case engine.OpBaseline:
		k.baselineUntil = until
	case engine.OpReKey:
		k.rekeyUntil = until
	}
}

func (k *checker) pausedNow() (out []string) {
	for _, p := range slices.Sorted(maps.Keys(k.paused)) {
		if k.paused[p] {
			out = append(out, p)
		}
	}
	return out
}

// run counts absences the way the rules say it: complete runs that miss somebody.
func (k *checker) run(r *engine.Record) {
	k.runs++
	read := k.m.cur.seen.read
	for _, f := range r.Set {
		if f.Kind == engine.FactRun {
			k.ran, k.runAt = k.runAt, f.Since
		}
		if f.Kind == engine.FactSlot {
			k.ok(I5)
			if k.slots[f.Since] {
				k.m.fail(I5, "the slot %s ran twice", f.Since)
			}
			k.slots[f.Since] = true
		}
	}
	if read == nil || strings.HasPrefix(r.Actor, "boss") { // a cut's run has read nothing
		return
	}
	if !read.whole {
		for key := range read.people { // whoever is shown is there, but by a replica that lags
			if read.marks {
				delete(k.absent, key)
			}
		}
		return
	}
	rekeyed, letGo := k.rekeyed(read), k.m.now.Before(k.rekeyUntil)
	for _, p := range k.m.people {
		a := k.absent[p.Key]
		switch {
		case read.people[p.Key] != nil:
			delete(k.absent, p.Key)
		case a == nil:
			k.absent[p.Key] = &absence{first: read.at, accepted: letGo}
		case letGo, !rekeyed && k.apart(a, read):
			a.accepted = true
		}
	}
}

// accept [I1]: what later reads are held against comes from a read that may be believed.
func (k *checker) accept(f engine.Fact) {
	k.ok(I1)
	var p engine.Proof
	if err := json.Unmarshal(f.Data, &p); err != nil {
		k.m.fail(I1, "the baseline can't be read: %v", err)
		return
	}
	if r := k.m.cur.seen.read; r == nil || !r.whole {
		k.m.fail(I1, "a read that may not be believed became the baseline")
	}
	next := &read{count: p.Count, holders: map[string]int{}, counts: map[string]int{}, mark: versionOf(p.Mark)}
	if k.accepted != nil { // a read without a mark makes nobody forget the one before
		next.mark = max(next.mark, k.accepted.mark)
	}
	for _, c := range p.Counts {
		next.counts[c.Name] = c.N
	}
	for _, role := range p.Roles {
		next.holders[role.Role] = role.Holders
	}
	for _, partner := range p.Partners {
		for _, role := range partner.Roles {
			next.holders[role.Role] = role.Holders
		}
	}
	k.accepted = next
}

// rekeyed: many of those who have accounts vanished while as many others appeared.
func (k *checker) rekeyed(r *read) bool {
	linked, vanished, present := map[string]bool{}, 0, 0
	for _, who := range k.owner {
		linked[who] = true
	}
	for who := range linked {
		if r.people[who] != nil {
			present++
		} else if a := k.absent[who]; a == nil || !a.accepted {
			vanished++
		}
	}
	return vanished > 4 && (r.count-present)*2 >= vanished+2 && vanished*10 >= len(linked)+10 // clearly more than the engine asks for
}

func (k *checker) longAbsent(key string, r *read) bool {
	a := k.absent[key]
	return a != nil && a.accepted && r.whole && r.people[key] == nil && k.apart(a, r)
}

func (k *checker) apart(a *absence, r *read) bool {
	return r.at.Sub(a.first) >= k.m.cur.engine.Settings.Apart-4*time.Second
}

// step is checked after every event.
func (k *checker) step() {
	k.chained()
	k.noSecret()
	k.intentsFirst()
	k.overlaps()
	k.ok(I5)
	if k.fresh = k.fresh[:0]; k.epoch < 0 {
		k.m.fail(I5, "the epoch is %d", k.epoch)
	}
}

func compare(a, b string) int { return cmp.Compare(a, b) }
