package dispatch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Jobs is what a process can be asked to do. All of it is safe to do twice, at once and on several machines: the journal
// decides who acts. The functions are called concurrently; they end soon after their context does.
type Jobs struct {
	// Run makes one run: read, plan, commit. A zero slot is a run out of turn. engine.ErrSlotDone is no failure, neither is
	// what GaveWay knows.
	Run func(ctx context.Context, slot time.Time) error
	// Work carries out the open intents of one program, and does nothing if there are none.
	Work func(ctx context.Context, program string) error
	// Then gives the programs that waited for one whose work has just ended, so that they are worked at once; nil: none did.
	Then func(program string) []string
	// Last is the last slot that was run, by the journal (engine.LastSlot); zero: none ever.
	Last func(ctx context.Context) (time.Time, error)
	// Programs that may be worked; asked at each sweep.
	Programs func() []string
}

// Options of Local and River.
type Options struct {
	Jobs
	Schedule func() *Schedule // asked at each look, see Look; nil: nothing is planned here, only worked
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: silent
	Sweep    time.Duration    // how long a lost wake-up, an ended lease or a dead process may go unnoticed; 0: a minute
	Grace    time.Duration    // what is under way at the end of Serve may go on for so long; 0: 30 s
}

// maxTries is how often a slot is tried whose runs give way or kill their process: the next slot has a fresh count.
const maxTries = 5

// GaveWay says that a run came to nothing because somebody else decided something meanwhile, so that it is to be tried
// again.
func GaveWay(err error) bool {
	return errors.Is(err, engine.ErrDeposed) || errors.Is(err, engine.ErrStale)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Sweep = cmp.Or(o.Sweep, time.Minute)
	o.Grace = cmp.Or(o.Grace, 30*time.Second)
	return o
}

// outlive gives a context that ends some time after the other one.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	hard, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, end)
		context.AfterFunc(hard, func() { timer.Stop() })
	})
	return hard, end
}

// planner finds the slot that is due. It is used by one goroutine.
type planner struct {
	Options
	started time.Time
	wake    chan struct{}
}

func newPlanner(o Options) planner {
	return planner{Options: o.withDefaults(), wake: make(chan struct{}, 1)}
}

// Look asks Serve to look at once whether a run is due, as after a reload that changed the schedule. It does not wait. May
// be called concurrently, and before Serve.
func (p *planner) Look() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// due is the last slot of the schedule if nobody has run it yet, else zero. As long as the journal knows of no slot at
// all, those before this process started count as run.
func (p *planner) due(ctx context.Context) (time.Time, error) {
	if p.Schedule == nil {
		return time.Time{}, nil
	}
	last, err := p.Last(ctx)
	if err != nil {
		return time.Time{}, err
	}
	now := p.Now()
	if ahead := last.Sub(now); ahead > time.Minute {
		p.Log.Error("the last slot that was run lies in the future, so no run is made until then; was a clock wrong? Set the clocks right, and run apply by hand meanwhile",
			"slot", last, "ahead", ahead)
	}
	if last.IsZero() {
		last = p.started
	}
	if slot := p.Schedule().Last(now); slot.After(last) {
		return slot, nil
	}
	return time.Time{}, nil
}

// wait is the time until the next slot, or the next sweep if that comes first.
func (p *planner) wait() time.Duration {
	if p.Schedule == nil {
		return p.Sweep
	}
	now := p.Now()
	next := p.Schedule().Next(now)
	if next.IsZero() {
		return p.Sweep
	}
	return min(next.Sub(now), p.Sweep)
}

// crew works programs, each at most once at a time in this process, so that a program's limits of rate and concurrency
// hold; side by side, so that a slow one delays no other.
type crew struct {
	Options
	ctx   context.Context // of all work, set before it begins
	wg    sync.WaitGroup
	mu    sync.Mutex
	again map[string]bool // what is being worked, and whether more came meanwhile
}

func newCrew(o Options) *crew { return &crew{Options: o, again: map[string]bool{}} }

// all starts to work every program, and does not wait.
func (c *crew) all() {
	for _, program := range c.Programs() {
		c.wg.Go(func() { c.work(program) })
	}
}

// work works one program until nothing more came for it. If it is being worked already, that work looks once more.
func (c *crew) work(program string) {
	if !c.begin(program) {
		return
	}
	for more := true; more; more = c.more(program) {
		if err := c.Work(c.ctx, program); err != nil && (c.ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
			c.Log.Error("working a program failed; it is tried again within a minute", "program", program, "error", err)
		}
	}
	if c.Then == nil || c.ctx.Err() != nil {
		return
	}
	for _, waited := range c.Then(program) {
		c.wg.Go(func() { c.work(waited) })
	}
}

func (c *crew) begin(program string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, busy := c.again[program]
	c.again[program] = busy
	return !busy
}

func (c *crew) more(program string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again[program] && c.ctx.Err() == nil {
		c.again[program] = false
		return true
	}
	delete(c.again, program)
	return false
}
