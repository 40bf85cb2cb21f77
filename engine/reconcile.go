package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	SamePerson func(names []string, author string) bool               // whether somebody who is called so is an author of those; set with Changes
	Programs   []Program                                              //
	Journal    Journal                                                //
	Outbox     Outbox                                                 //
	Settings   Settings                                               //
	Now        func() time.Time                                       //
	Uptime     func() time.Duration                                   // since some moment, whatever the clock is set to meanwhile; nil: leases go by Now alone; called concurrently
	Log        *slog.Logger                                           // nil: silent
	Progress   func(phase, what string, done, of int)                 // nil: none; called concurrently, in the phases read and work
	Timing     func(phase, what string, took time.Duration)           // nil: none; called concurrently at the end of each phase, see timed
	CallTime   time.Duration                                          // one call to a program at most; 0: 30 s
	OneByOne   bool                                                   // nothing runs beside anything else, for histories that replay; a program that others come after must then stand before them
	ReadIdle   time.Duration                                          // a read of which nothing comes for so long is given up; 0: 10 min
	Settled    func(i Intent, o Outcome)                              // told what became of an intent, once it is recorded; nil: nobody; called concurrently
	Looked     func(o *Outlook)                                       // told of each run's plan once it is committed, who may keep it; nil: nobody
	Wait       func(ctx context.Context, d time.Duration) error       // between calls of a limited rate; nil: a timer

	by Decider // see As
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
	return e.snapshot(ctx, time.Time{})
}

// snapshot takes approvals for expired that were so at a time of the journal's clock, which may be ahead of this one.
func (e *Engine) snapshot(ctx context.Context, journal time.Time) (*Snapshot, error) {
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
	s.expired(journal)
	s.Readings = e.readPrograms(ctx, mem)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.knownKeys()
	done = e.timed("judge", "")
	s.judge(e.Named)
	done()
	s.lapse()
	s.Policy, s.Hash = WithGiven(e.Policy, s.given()), e.Policy.Hash()
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

// WithGiven adds what was decided elsewhere than in the policy's files: dated extras, and blocks that reviews of access led to.
func WithGiven(p Policy, m *Memory) Policy { return withBlocks(withExtras(p, m), m) }

func withBlocks(p Policy, m *Memory) Policy {
	x, ok := p.(Blocker)
	facts := m.Facts(FactBlock)
	if !ok || len(facts) == 0 {
		return p
	}
	blocks := make([]Block, 0, len(facts))
	for _, f := range facts {
		blocks = append(blocks, Block{Person: f.Person, Entitlement: Entitlement{f.Program, f.Entitlement}.String(), Review: f.Until, Reason: f.Text, Place: "review"})
	}
	return x.WithBlocks(blocks)
}

func withExtras(p Policy, m *Memory) Policy {
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

// ApplyOptions say who applies and what.
type ApplyOptions struct {
	Actor string
	Only  *Plan     // a reviewed plan: only its lines that still hold are applied
	Slot  time.Time // of the schedule, zero: none. A slot runs once, whoever tries
	Leave bool      // commit, and leave the work to others
}

// Apply plans anew, commits and works. With Only it applies the reviewed lines that still hold and adds nothing. A run of
// the schedule gives way (ErrDeposed) to whoever began to plan after it: two that took turns in deposing each other would
// never end. Where the journal's clock is ahead of this one and says that an approval has expired, it is taken for expired:
// this clock would use it again until it has caught up. All else goes by this clock, since the other one may be wrong by years.
func (e *Engine) Apply(ctx context.Context, o ApplyOptions) (*Plan, Report, error) {
	var journal time.Time // by its own clock, as far as that is known
	for try := 0; ; try++ {
		p, r, err := e.applyOnce(ctx, o, journal)
		if over := (*overError)(nil); errors.As(err, &over) {
			journal = over.now
		}
		if try < 3 && (errors.Is(err, ErrStale) || errors.Is(err, ErrDeposed) && o.Slot.IsZero()) {
			continue
		}
		return p, r, err
	}
}

func (e *Engine) applyOnce(ctx context.Context, o ApplyOptions, journal time.Time) (*Plan, Report, error) {
	Failpoint("plan.before")
	epoch, err := e.Journal.Lead(ctx)
	if err != nil {
		return nil, Report{}, fmt.Errorf("becoming the one that plans: %w", err)
	}
	s, err := e.snapshot(ctx, journal)
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
	if e.Looked != nil {
		e.Looked(s.outlook(p, run))
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
