package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Engine runs the loop: read, plan, commit, work. Its fields are set once, before the first call; Now may be called
// concurrently.
type Engine struct {
	Directory  Directory
	Named      []string                                               // roles that policy names, "source:name": one that is missing is unknown
	Policy     Policy                                                 //
	Former     func(ctx context.Context, hash string) (Policy, error) // policy of an earlier run; nil: none can be had
	Changes    func(ctx context.Context) ([]PolicyChange, error)      // recorded versions of the policy, oldest first; nil: nobody is kept from approving
	SamePerson func(actor, author string) bool                        // whether an actor is an author of those; set with Changes
	Programs   []Program                                              //
	Journal    Journal                                                //
	Outbox     Outbox                                                 //
	Settings   Settings                                               //
	Now        func() time.Time                                       //
	Log        *slog.Logger                                           // nil: silent
	Progress   func(phase, what string, done, of int)                 // nil: none; called concurrently, in the phases read and work
	Timing     func(phase, what string, took time.Duration)           // nil: none; called concurrently at the end of each phase, see timed
	CallTime   time.Duration                                          // one call to a program at most; 0: 30 s
	OneByOne   bool                                                   // nothing runs beside anything else, for histories that replay; a program that others come after must then stand before them
	ReadIdle   time.Duration                                          // a read of which nothing comes for so long is given up; 0: 10 min
	Settled    func(i Intent, o Outcome)                              // told what became of an intent, once it is recorded; nil: nobody; called concurrently
	Wait       func(ctx context.Context, d time.Duration) error       // between calls of a limited rate; nil: a timer
}

// Window is how far back charges are looked at.
func (s *Settings) Window() time.Duration {
	l := s.Limits
	return max(l.RevokePeople.Window, l.RevokeHoldings.Window, l.Leavers.Window, l.Grant.Window, 24*time.Hour)
}

// Plan reads everything and says what a run would change. It changes nothing: this is the dry run.
func (e *Engine) Plan(ctx context.Context) (*Plan, error) {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return e.MakePlan(s), nil
}

// MakePlan is the function of that name, timed.
func (e *Engine) MakePlan(s *Snapshot) *Plan {
	defer e.timed("plan", "")()
	s.timed = e.timed
	return MakePlan(s)
}

// Snapshot reads people, programs and memory. A source that can't be read is an incomplete proof, not an error; an error
// means that memory could not be read, and nothing may be concluded.
func (e *Engine) Snapshot(ctx context.Context) (*Snapshot, error) {
	now := e.Now()
	s := &Snapshot{Now: now, Settings: e.Settings}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	e.beside(&wg)(func() { s.People, s.Proof = e.readPeople(reading) })
	done := e.timed("memory", "")
	mem, err := e.Journal.Memory(ctx, e.Settings.Since(now))
	done()
	if err != nil {
		stop()
		wg.Wait()
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	s.Memory = mem
	s.outlived()
	s.Readings = e.readPrograms(ctx, mem)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.knownKeys()
	done = e.timed("judge", "")
	s.judge(e.Named)
	done()
	s.Policy, s.Hash = WithExtras(e.Policy, mem), e.Policy.Hash()
	s.Former = e.formers(ctx, mem, s.Hash)
	return s, nil
}

// beside starts something next to its caller, or does it at once where one thing follows the other.
func (e *Engine) beside(wg *sync.WaitGroup) func(func()) {
	if e.OneByOne {
		return func(do func()) { do() }
	}
	return wg.Go
}

// WithExtras adds the dated extras that were given on the command line or the page.
func WithExtras(p Policy, m *Memory) Policy {
	x, ok := p.(Extender)
	facts := m.Facts(FactExtra)
	if !ok || len(facts) == 0 {
		return p
	}
	extras := make([]Extra, 0, len(facts))
	for _, f := range facts {
		extras = append(extras, Extra{Person: f.Person, Entitlement: Entitlement{f.Program, f.Entitlement}.String(), Until: f.Until, Reason: f.Text})
	}
	return x.WithExtras(extras)
}

func (e *Engine) readPeople(ctx context.Context) ([]Person, Proof) {
	defer e.timed("people", "")()
	started := e.Now()
	r, ok := watched(ctx, e.idle(), e.people)
	if !ok {
		r.err = errStalled
	}
	if r.err != nil { // no proof came, so nothing that was yielded may be believed
		proof := Proof{Source: r.proof.Source, Started: started, Finished: e.Now()}
		proof.Add(ReasonUnreachable, r.err.Error())
		return nil, proof
	}
	slices.SortFunc(r.people, func(a, b Person) int { return strings.Compare(a.Key, b.Key) })
	return r.people, r.proof
}

// peopleRead is what the directory answered.
type peopleRead struct {
	people []Person
	proof  Proof
	err    error
}

func (e *Engine) people(ctx context.Context, came *atomic.Int64) (r peopleRead) {
	defer func() {
		if panicked := recover(); panicked != nil {
			r.err = fmt.Errorf("reading the directory failed: %v", panicked)
		}
	}()
	var parts [][]Person // a slice that grows would be copied again and again, and leave twice its size behind
	n := 0
	r.proof, r.err = e.Directory.People(ctx, func(p Person) error {
		came.Add(1)
		if n++; len(parts) == 0 || len(parts[len(parts)-1]) == cap(parts[len(parts)-1]) {
			parts = append(parts, make([]Person, 0, 16<<min(len(parts), 6)))
		}
		last := &parts[len(parts)-1]
		*last = append(*last, p)
		e.progress("read", "people", n, 0)
		return ctx.Err()
	})
	r.people = slices.Concat(parts...)
	return r
}

// readPrograms reads the programs side by side; each stays its own problem.
func (e *Engine) readPrograms(ctx context.Context, mem *Memory) []*Reading {
	out := make([]*Reading, len(e.Programs))
	var wg sync.WaitGroup
	most := make(chan struct{}, 8)
	var read atomic.Int32
	start := e.beside(&wg)
	for i := range e.Programs {
		start(func() {
			most <- struct{}{}
			defer func() { <-most }()
			out[i] = e.ReadProgram(ctx, &e.Programs[i], mem)
			e.progress("read", "programs", int(read.Add(1)), len(e.Programs))
		})
	}
	wg.Wait()
	return out
}

// ReadProgram reads one program on top of what is remembered of it.
func (e *Engine) ReadProgram(ctx context.Context, p *Program, mem *Memory) *Reading {
	defer e.timed("program", p.Name)()
	started := e.Now()
	r, ok := watched(ctx, e.idle(), func(ctx context.Context, came *atomic.Int64) *Reading { return e.readProgram(ctx, *p, mem, came) })
	if !ok {
		r = NewReading(p, mem.Program(p.Name))
		r.Proof = Proof{Source: p.Name, Started: started, Finished: e.Now()}
		r.Proof.Add(ReasonUnreachable, errStalled.Error())
	}
	return r
}

func (e *Engine) readProgram(ctx context.Context, described Program, mem *Memory, came *atomic.Int64) (r *Reading) {
	p := &described
	r = NewReading(&described, mem.Program(p.Name))
	started := e.Now()
	defer func() {
		if panicked := recover(); panicked != nil {
			r.Proof.Add(ReasonMalformed, fmt.Sprintf("the connector of %s failed: %v", p.Name, panicked))
		}
		r.Proof.Source, r.Proof.Started, r.Proof.Finished = p.Name, started, e.Now()
		r.Proof.Count = r.Count()
	}()
	if d, ok := p.Connector.(Describer); ok {
		if description, err := d.Describe(ctx); err != nil { // what is known has to do
			r.Proof.Add(ReasonUnreachable, err.Error())
		} else {
			described.Describes = description
		}
	}
	proof, err := p.Connector.Holdings(ctx, func(h Holding) error {
		came.Add(1)
		if c, ok := p.Connector.(Canonicaler); ok {
			h.Account, h.Entitlement = c.Canonical(h.Account, h.Entitlement)
		}
		r.Add(h)
		return nil
	})
	r.Proof.Reasons = append(r.Proof.Reasons, proof.Reasons...)
	r.Proof.Notices, r.Proof.Digest, r.Proof.Mark = proof.Notices, proof.Digest, proof.Mark
	if err != nil {
		r.Proof.Add(ReasonUnreachable, err.Error())
	}
	return r
}

// formers fetches the earlier policies that something undesired refers to. One that can't be had is left out: the plan
// then asks for approval.
func (e *Engine) formers(ctx context.Context, mem *Memory, now string) map[string]Policy {
	out := map[string]Policy{}
	if e.Former == nil {
		return out
	}
	hashes := map[string]bool{}
	for _, f := range slices.Concat(mem.Facts(FactUndesired), mem.Facts(FactFormer), mem.Facts(FactPolicy)) {
		hashes[f.Text] = true
	}
	for hash := range hashes {
		if hash == now || hash == "" {
			continue
		}
		if p, err := e.Former(ctx, hash); err == nil {
			out[hash] = WithExtras(p, mem)
		} else {
			e.log().Warn("an earlier policy can't be had; what it gave is taken only after approval", "policy", hash, "error", err)
		}
	}
	return out
}

// Commit writes a plan's observations and intents. Everything is durable when it returns; from then on work may start.
// ErrStale and ErrDeposed ask for a new plan.
func (e *Engine) Commit(ctx context.Context, p *Plan, actor string, epoch int64) (run string, err error) {
	run = fmt.Sprintf("r%d", p.runs+1)
	defer e.timed("journal", "")()
	guard := Guard{Epoch: epoch, Control: p.control, Until: p.until}
	Failpoint("commit.before")
	for part := range chunks(p.Records(run, actor), 5000) {
		if err := e.Journal.Append(ctx, guard, part); err != nil {
			return run, err
		}
		for i := range part { // the plan's own records make it no more stale
			if part[i].Kind.Control() {
				guard.Control = part[i].Seq
			}
		}
		Failpoint("commit.torn")
	}
	Failpoint("commit.after")
	return run, nil
}

// chunks gives what comes in lists of at most n. The first one grows as it fills, since most plans are far smaller than n.
func chunks[T any](all iter.Seq[T], n int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		var part []T
		for one := range all {
			if part = append(part, one); len(part) == n {
				if !yield(part) {
					return
				}
				part = make([]T, 0, n)
			}
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}

// Records is all that committing the plan writes, one by one: the run, what it observed, the items that wait, the intents.
func (p *Plan) Records(run, actor string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, part := range []iter.Seq[Record]{slices.Values([]Record{p.runRecord()}), slices.Values(p.observed), p.itemRecords(), p.intentRecords(run, actor)} {
			for r := range part {
				r.Run, r.Actor = run, actor
				if !yield(r) {
					return
				}
			}
		}
	}
}

func (p *Plan) runRecord() Record {
	return Record{Kind: KindRun, Data: mustJSON(struct {
		Plan, Policy, Config string
		Proofs               []Proof
		Summary              Summary
		Notices              []Notice
	}{p.ID, p.Policy, p.Config, p.Proofs, p.Summary, p.Notices}), Set: p.used}
}

// itemRecords keeps what newly waits for approval.
func (p *Plan) itemRecords() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for part := range chunks(p.newItems(), notePart) {
			if !yield(Record{Kind: KindNote, Set: part}) {
				return
			}
		}
	}
}

func (p *Plan) newItems() iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for i := range p.Changes {
			if c := &p.Changes[i]; c.waits && !yield(c.item(p.now).fact()) {
				return
			}
		}
	}
}

func (p *Plan) intentRecords(run, actor string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range p.Changes {
			c := &p.Changes[i]
			if c.State == Ready && c.Queued == 0 && !yield(p.intentRecord(c, run, actor)) {
				return
			}
		}
	}
}

func (p *Plan) intentRecord(c *Change, run, actor string) Record {
	r := IntentRecord(run, actor, p.sources.of(c.Person), *c, c.class())
	if c.Op == OpAdopt {
		r.Kind, r.Class = KindAdopt, ""
	}
	if c.note != nil {
		r.Set = append(r.Set, *c.note)
	}
	if c.Item != "" { // an approval is used once
		r.Clear = append(r.Clear, FactKey{Kind: FactItem, Key: c.Item})
	}
	return r
}

// ApplyOptions say who applies and what.
type ApplyOptions struct {
	Actor string
	Only  *Plan     // a reviewed plan: only its lines that still hold are applied
	Slot  time.Time // of the schedule, zero: none. A slot runs once, whoever tries
	Leave bool      // commit, and leave the work to others
}

// Apply plans anew, commits and works. With Only it applies the reviewed lines that still hold and adds nothing. A run of
// the schedule gives way (ErrDeposed) to whoever began to plan after it: two that took turns in deposing each other would
// never end.
func (e *Engine) Apply(ctx context.Context, o ApplyOptions) (*Plan, Report, error) {
	for try := 0; ; try++ {
		p, r, err := e.applyOnce(ctx, o)
		if try < 3 && (errors.Is(err, ErrStale) || errors.Is(err, ErrDeposed) && o.Slot.IsZero()) {
			continue
		}
		return p, r, err
	}
}

func (e *Engine) applyOnce(ctx context.Context, o ApplyOptions) (*Plan, Report, error) {
	Failpoint("plan.before")
	epoch, err := e.Journal.Lead(ctx)
	if err != nil {
		return nil, Report{}, fmt.Errorf("becoming the one that plans: %w", err)
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, Report{}, err
	}
	if done, ok := s.Memory.Fact(FactKey{Kind: FactSlot}); ok && !o.Slot.IsZero() && !done.Since.Before(o.Slot) {
		return nil, Report{}, ErrSlotDone
	}
	Failpoint("plan.torn")
	p := e.MakePlan(s)
	Failpoint("plan.after")
	if !o.Slot.IsZero() {
		p.used = append(p.used, Fact{FactKey: FactKey{Kind: FactSlot}, Since: o.Slot.UTC()})
	}
	var dropped []Change
	if o.Only != nil {
		if dropped, err = p.restrict(o.Only, s.Memory); err != nil {
			return p, Report{}, err
		}
	}
	run, err := e.Commit(ctx, p, o.Actor, epoch)
	if err != nil {
		return p, Report{Run: run}, err
	}
	if o.Leave {
		return p, Report{Run: run, Dropped: dropped}, nil
	}
	done := e.timed("work", "")
	r, err := e.Work(ctx)
	done()
	r.Run, r.Dropped = run, dropped
	return p, r, err
}

func (e *Engine) progress(phase, what string, done, of int) {
	if e.Progress != nil {
		e.Progress(phase, what, done, of)
	}
}

// timed begins a phase, and gives the function that ends it. The phases of a run are memory, people and program (which run
// side by side), judge, plan with evaluate in it, journal and work; what is the program's name.
func (e *Engine) timed(phase, what string) (done func()) {
	if e.Timing == nil {
		return func() {}
	}
	began := e.Now()
	return func() { e.Timing(phase, what, e.Now().Sub(began)) }
}

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}
