package engine

import (
	"cmp"
	"slices"
)

// builder makes one plan. It exists for the time of MakePlan only.
type builder struct {
	s        *Snapshot
	plan     *Plan
	subjects []subject // sorted by key
	index    map[string]int32
	programs []*programPlan
	catalog  []target // by the policy's entitlement number
	rules    []Rule
	set_     map[FactKey]Fact
	clear_   map[FactKey]bool
	givers   map[giversKey]*givers
	charged  *charged            // nil before any budget is counted
	needed   map[string][]string // program → why an account is needed there, shared by all
	records  []Record
	gone     map[string]bool // people of whom somebody approved that they have left
	sole     string          // the one person with an explicit leaver mark in this run
	items    map[string]bool // approval items whose reason lives
	tasks    map[FactKey]bool
	again    int               // people who are missing in content that was counted before
	asked    map[string][]Fact // program → who asks for seats, as memory knows; nil before it is looked up
}

// target is where an entitlement of the policy's catalogue lives.
type target struct {
	program *programPlan // nil: a program that is not configured or not looked at
	right   uint32
}

// MakePlan compares what should be with what is. It is a pure function: equal snapshots give byte-equal plans. The snapshot's
// readings gain names; nothing else of it is changed.
func MakePlan(s *Snapshot) *Plan {
	b := &builder{s: s, set_: map[FactKey]Fact{}, clear_: map[FactKey]bool{}, rules: s.Policy.Rules(), items: map[string]bool{}, gone: map[string]bool{}, tasks: map[FactKey]bool{},
		givers: map[giversKey]*givers{}, needed: map[string][]string{}}
	b.plan = &Plan{Version: PlanVersion, Time: s.Now.UTC(), now: s.Now, Policy: cmp.Or(s.Hash, s.Policy.Hash()), Config: s.Settings.Hash, control: s.Memory.Control, runs: s.Memory.Runs,
		asked: asked{kept: map[string]string{}}, Changes: []Change{}, Unmanaged: []Unmanaged{}, Notices: []Notice{}, sources: sources{usual: s.Proof.Source, others: map[string]string{}}}
	sortReadings(s.Readings)
	b.noteAhead()
	b.gatherSubjects()
	for _, r := range s.Readings {
		if s.Only != "" && r.Program.Name != s.Only {
			continue
		}
		b.programs = append(b.programs, b.openProgram(r))
	}
	done := s.phase("evaluate")
	b.evaluate()
	done()
	b.doubts()
	b.decide()
	b.notePolicy()
	b.approvals()
	b.seats()        // what was rejected takes none; who waits for one fills no budget
	b.dependencies() // what can't be made anyway asks for no approval and fills no budget
	b.limits()
	b.dependencies()
	b.useless()
	b.neverEmpty()
	b.heldLeavers()
	b.staying()
	b.settleQueue()
	b.watch()
	b.noteBaseline()
	b.endItems()
	b.offerBack()
	b.reviews()
	b.delegations()
	b.escalate()
	b.endTasks()
	b.remind()
	b.finish()
	return b.plan
}

func (b *builder) finish() {
	p := b.plan
	p.Proofs = append(p.Proofs, b.s.Proof)
	for _, prog := range b.programs {
		p.Proofs = append(p.Proofs, prog.reading.Proof)
		prog.note()
	}
	b.noteRun()
	b.notePauses()
	b.sortChanges()
	b.costs()
	slices.SortStableFunc(p.Unmanaged, func(x, y Unmanaged) int {
		return cmp.Or(cmp.Compare(x.Program, y.Program), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Entitlement, y.Entitlement))
	})
	slices.SortStableFunc(p.Notices, func(x, y Notice) int {
		return cmp.Or(cmp.Compare(x.Level, y.Level), cmp.Compare(x.Code, y.Code), cmp.Compare(x.Program, y.Program), cmp.Compare(x.Person, y.Person), cmp.Compare(x.Text, y.Text))
	})
	p.Notices = slices.Compact(p.Notices)
	b.summarise()
	p.observed = append(b.factRecords(), b.records...)
	p.ID = identify(p)
	p.Sum = p.sum()
}

// opOrder is the order in which changes of one account happen: what must exist comes first, what is taken goes the other
// way round, but the suspend of a leaver goes before everything else that is taken.
func opOrder(c *Change) int {
	switch c.Op {
	case OpAdopt:
		return 0
	case OpCreate:
		return 1
	case OpUpdate, OpRename:
		return 2
	case OpResume:
		return 3
	case OpGrant:
		if c.Right() == Active {
			return 3
		}
		return 4
	case OpSuspend:
		if c.Cause == CauseMarked || c.Cause == CauseAbsent || c.Cause == CauseCut {
			return 5
		}
		return 7
	case OpRevoke:
		return 6
	}
	return 8 // delete
}

func (b *builder) summarise() {
	s := &b.plan.Summary
	s.Ops = map[Op]int{}
	s.People = len(b.s.People)
	for i := range b.plan.Changes {
		switch c := &b.plan.Changes[i]; c.State {
		case Ready:
			s.Ops[c.Op]++
		case NeedsApproval:
			s.Approval++
		case Blocked:
			s.Blocked++
		case Scheduled:
			s.Scheduled++
		}
	}
	for _, p := range b.programs {
		s.Unchanged += p.unchanged
	}
}

// identify hashes what a plan would do, so that the same intentions have the same id at any time.
func identify(p *Plan) string {
	h := newPartsHash()
	h.part([]byte(p.Policy))
	h.part([]byte(p.Config))
	var text []byte
	for i := range p.Changes {
		text = p.Changes[i].appendJSON(text[:0])
		h.part(text)
	}
	return h.short()
}

func (b *builder) set(f Fact) {
	if old, ok := b.s.Memory.Fact(f.FactKey); ok && sameFact(old, f) {
		return
	}
	b.set_[f.FactKey] = f
	delete(b.clear_, f.FactKey)
}

func (b *builder) clear(k FactKey) {
	delete(b.set_, k)
	if _, ok := b.s.Memory.Fact(k); ok {
		b.clear_[k] = true
	}
}

func sameFact(a, b Fact) bool {
	return a.Since.Equal(b.Since) && a.Until.Equal(b.Until) && a.Count == b.Count && a.Text == b.Text && string(a.Data) == string(b.Data)
}

// notePart is the most facts that one note sets or clears.
const notePart = 500

// factRecords packs the facts that changed into notes of bounded size.
func (b *builder) factRecords() []Record {
	var sets []Fact
	for _, f := range b.set_ {
		sets = append(sets, f)
	}
	slices.SortFunc(sets, func(x, y Fact) int { return compareKeys(x.FactKey, y.FactKey) })
	var clears []FactKey
	for k := range b.clear_ {
		clears = append(clears, k)
	}
	slices.SortFunc(clears, compareKeys)
	var out []Record
	for part := range slices.Chunk(sets, notePart) {
		out = append(out, Record{Kind: KindNote, Set: part})
	}
	for part := range slices.Chunk(clears, notePart) {
		out = append(out, Record{Kind: KindNote, Clear: part})
	}
	return out
}

func (b *builder) notice(level, code, program, person, text string) {
	b.plan.Notices = append(b.plan.Notices, Notice{Level: level, Code: code, Program: program, Person: person, Text: text})
}

func (b *builder) alarm(code, program, person, text string) {
	b.notice("alarm", code, program, person, text)
}

func (b *builder) warn(code, program, person, text string) {
	b.notice("warning", code, program, person, text)
}

// whole: the plan is about everybody and everything, from a complete read.
func (b *builder) whole() bool { return b.s.Only == "" && b.s.Person == "" && b.s.Proof.Complete() }

// notePauses: a pause holds leavers and cuts back, too, so it is never silent.
func (b *builder) notePauses() {
	for _, f := range b.s.Memory.Facts(FactPause) {
		b.alarm("paused", f.Program, "", pausedText(f))
	}
}

// noteRun puts the time of the run into its own record, so that a gap in the runs can be told from a gap in the journal.
func (b *builder) noteRun() {
	if b.s.Person == "" && b.s.Only == "" {
		b.plan.used = append(b.plan.used, Fact{FactKey: FactKey{Kind: FactRun}, Since: Instant(b.s.Now)})
	}
}
