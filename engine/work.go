package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Report says what became of the work of a run.
type Report struct {
	Run      string          `json:"run"`
	Outcomes map[Outcome]int `json:"outcomes"`
	Failures []Failure       `json:"failures"`          // sorted by program, account, entitlement
	Dropped  []Change        `json:"dropped,omitempty"` // lines of a reviewed plan that no longer hold
	Seats    []SeatCheck     `json:"seats,omitempty"`   // of programs that count them, where some were given
}

// Failure is one change that was not made, or of which nobody knows.
type Failure struct {
	Change  Change  `json:"change"`
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error"`
}

// Work carries out open intents of all programs until none is left that may be claimed. A program that fails stays its
// own problem. An error means that the journal failed: nothing more is done, and what was being done is read back later; or that a
// program was set aside, see Program.Lost.
func (e *Engine) Work(ctx context.Context) (Report, error) { return e.work(ctx, true) }

// work is Work; a cut keeps to no order among programs.
func (e *Engine) work(ctx context.Context, inOrder bool) (Report, error) {
	total := Report{Outcomes: map[Outcome]int{}}
	var mu sync.Mutex
	var errs []error
	done := map[string]chan struct{}{}
	for _, p := range e.Programs {
		done[p.Name] = make(chan struct{})
	}
	var wg sync.WaitGroup
	start := e.beside(&wg)
	for i := range e.Programs {
		p := &e.Programs[i]
		start(func() {
			defer close(done[p.Name])
			for _, before := range p.After {
				if c := done[before]; inOrder && c != nil && before != p.Name && !e.waitsFor(before, p.Name, map[string]bool{}) { // else each would wait for the other
					<-c
				}
			}
			r, err := e.WorkProgram(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			total.merge(r)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.Name, err))
			}
		})
	}
	wg.Wait()
	total.sort()
	return total, errors.Join(errs...)
}

// waitsFor says whether one program's work waits for another's, directly or not.
func (e *Engine) waitsFor(program, other string, seen map[string]bool) bool {
	i := slices.IndexFunc(e.Programs, func(p Program) bool { return p.Name == program })
	if i < 0 || seen[program] {
		return false
	}
	seen[program] = true
	return slices.ContainsFunc(e.Programs[i].After, func(before string) bool {
		return before == other || e.waitsFor(before, other, seen)
	})
}

func (r *Report) merge(o Report) {
	for k, n := range o.Outcomes {
		r.Outcomes[k] += n
	}
	r.Failures, r.Seats = append(r.Failures, o.Failures...), append(r.Seats, o.Seats...)
}

func (r *Report) sort() {
	slices.SortFunc(r.Seats, func(a, b SeatCheck) int {
		return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortFunc(r.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Change.Program, b.Change.Program), cmp.Compare(a.Change.Account, b.Change.Account), cmp.Compare(a.Change.Entitlement, b.Change.Entitlement))
	})
}

// claimed counts intents; before the first of them the program is asked what it can do.
func (w *worker) claimed(ctx context.Context, n int) {
	if w.lanes == nil {
		w.describe(ctx)
		lanes := max(1, cmp.Or(w.p.Concurrency, w.p.Describes.Concurrency))
		w.lanes, w.writing = make(chan struct{}, lanes), make(chan struct{}, lanes)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of += n
	w.seats.stale.Store(true)
}

// worker carries out the claimed intents of one program.
type worker struct {
	e       *Engine
	p       *Program
	lanes   chan struct{} // full while as many accounts are worked on as may be at once
	writing chan struct{} // the same for outcomes being written
	lost    *atomic.Int32 // see Program.Lost
	flight  sync.WaitGroup
	pauses  pauses
	leases  uptimes
	seats   seatLook

	mu     sync.Mutex
	errs   []error // of the journal
	blind  error   // why it could not be read while calls were to start; nil: it could
	report Report
	done   int
	of     int
	next   time.Time // when the next call may start, where the rate is limited
}

// describe asks the program what it can do, since whoever works may not be who has read it.
func (w *worker) describe(ctx context.Context) {
	d, ok := w.p.Connector.(Describer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.callTime())
	defer cancel()
	type answer struct {
		Description
		err error
	}
	a, ok := attempt(ctx, w, func() (a answer) {
		a.err = errLost
		defer func() { _ = recover() }()
		a.Description, a.err = d.Describe(ctx)
		return a
	})
	if ok && a.err == nil { // else what is known has to do
		w.p.Describes = a.Description
	}
}

// all carries out claimed intents, or begins to; ahead is called once, when it is time to claim the next ones. It is false
// when the journal has failed.
func (w *worker) all(ctx context.Context, intents []Intent, ahead func()) bool {
	if b, ok := w.p.Connector.(Batcher); ok {
		ahead()
		w.batch(ctx, b, intents)
		return w.failed() == nil
	}
	groups := onePersons(byAccount(intents))
	for n, g := range groups {
		if n == max(0, len(groups)-aheadBy*cap(w.lanes)) {
			ahead()
		}
		w.lanes <- struct{}{}
		if cap(w.lanes) == 1 { // one at a time means that the next call knows of the last outcome
			w.fail(w.account(ctx, g))
		} else {
			w.flight.Go(func() { w.fail(w.account(ctx, g)) })
		}
		if w.failed() != nil {
			return false
		}
	}
	return true
}

// settle waits for what is under way.
func (w *worker) settle() error {
	w.flight.Wait()
	return w.failed()
}

// end is settle, when nothing more is claimed.
func (w *worker) end() error {
	err := w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(err, w.blind)
}

func (w *worker) fail(err error) {
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errs = append(w.errs, err)
	}
}

func (w *worker) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.errs...)
}

func byAccount(intents []Intent) (groups [][]Intent) {
	for i := 0; i < len(intents); {
		j := i + 1
		for j < len(intents) && intents[j].Change.Account == intents[i].Change.Account {
			j++
		}
		groups = append(groups, intents[i:j])
		i = j
	}
	return groups
}

// onePersons puts the accounts of one person behind each other while one of them is only proposed, see Outbox.
func onePersons(groups [][]Intent) [][]Intent {
	first := map[string]int{} // person → place of the first account
	for _, g := range groups {
		if c := &g[0].Change; c.Proposed && c.Person != "" {
			first[c.Person] = -1
		}
	}
	out := groups[:0]
	for _, g := range groups {
		person := g[0].Change.Person
		if at, shared := first[person]; !shared || at < 0 {
			if shared {
				first[person] = len(out)
			}
			out = append(out, g)
		} else {
			out[at] = slices.Concat(out[at], g)
		}
	}
	slices.SortStableFunc(out, func(a, b []Intent) int { return order(a) - order(b) })
	return out
}

// order lets leavers and people cut off go first.
func order(intents []Intent) int {
	if slices.ContainsFunc(intents, func(i Intent) bool { return i.Repeatable() }) {
		return 0
	}
	return 1
}

// account carries out what is to be done on one account, or several of one person, in order. Once its account could not be made, the rest is not
// tried. The lane is free for another account as soon as the calls are made, while the outcomes are being written.
func (w *worker) account(ctx context.Context, intents []Intent) error {
	records := w.calls(ctx, intents)
	w.writing <- struct{}{}
	<-w.lanes
	defer func() { <-w.writing }()
	return w.record(ctx, intents, records)
}

func (w *worker) calls(ctx context.Context, intents []Intent) (records []Record) {
	account, made, broken := "", "", false
	for _, i := range intents {
		c := i.Change
		if c.Account != account {
			account, made, broken = c.Account, "", false
		}
		c.basis = &basis{class: i.Class}
		if made != "" {
			c.Account, c.Proposed = made, false
		}
		var res Result
		notNow := w.notNow(ctx, &i, &c)
		switch {
		case broken || c.Proposed && c.Op != OpCreate: // there is no account of that name
			res = Result{Outcome: Failed, Err: errNoAccount}
		case notNow != nil:
			res = Result{Outcome: Failed, Err: notNow}
		default:
			res = w.call(ctx, i.Lease, c)
		}
		if c.Op == OpCreate && c.Proposed {
			made, broken = afterCreate(res)
			w.seats.madeAs(account, made)
		}
		records = append(records, w.outcome(i, c, res))
	}
	return records
}

// record writes what happened, also while everything is being stopped.
func (w *worker) record(ctx context.Context, intents []Intent, outcomes []Record) error {
	outcomes = slices.DeleteFunc(outcomes, func(r Record) bool { return r.Kind == "" })
	if len(outcomes) == 0 {
		return nil
	}
	Failpoint("outcome.before")
	err := w.e.ended(context.WithoutCancel(ctx), outcomes)
	Failpoint("outcome.after")
	if err != nil || w.e.Settled == nil {
		return err
	}
	bySeq := map[int64]*Intent{}
	for n := range intents {
		bySeq[intents[n].Seq] = &intents[n]
	}
	for n := range outcomes {
		if outcomes[n].Kind == KindLate { // told when it was closed, by whoever did
			continue
		}
		w.e.Settled(*bySeq[outcomes[n].Of], outcomes[n].Outcome)
	}
	return nil
}

// Errors of changes that were not tried; they are no failures of the program, so nothing waits longer because of them.
var (
	errNoAccount = errors.New("its account could not be made")
	errStopped   = errors.New("the work was stopped before this call started")
	errUnread    = errors.New("the account could not be read before its deletion")
	errKept      = errors.New("the account is not deleted")
)

func afterCreate(r Result) (made string, broken bool) {
	if (r.Outcome == Done || r.Outcome == Already) && r.ID != "" {
		return r.ID, false
	}
	return "", true
}

func (w *worker) callTime() time.Duration { return cmp.Or(w.e.CallTime, 30*time.Second) }

// begin gives the context of a call that may take as long as most, but ends before the lease does. A call does not start
// once everything is being stopped or the program is paused, nor with less of the lease left than a call may take: by then somebody else may act. One
// that has begun is let finish.
func (w *worker) begin(ctx context.Context, lease time.Time, most time.Duration) (context.Context, context.CancelFunc, error) {
	if err := w.setAside(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errStopped, err)
	}
	if err := w.mayStart(ctx); err != nil {
		return nil, nil, err
	}
	left := w.left(lease) - skew // after the look, which may have taken long
	if ctx.Err() != nil || left < w.callTime() {
		return nil, nil, errStopped
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(most, left))
	return ctx, cancel, nil
}

// pace waits until so many calls may start at once.
func (w *worker) pace(ctx context.Context, calls int) error {
	if w.p.Rate <= 0 {
		return nil
	}
	w.mu.Lock()
	now := w.e.Now()
	start := w.next
	if start.Before(now) {
		start = now
	}
	w.next = start.Add(time.Duration(float64(calls) * float64(time.Second) / w.p.Rate))
	w.mu.Unlock()
	if d := start.Sub(now); d > 0 {
		return w.e.wait(ctx, d)
	}
	return nil
}

func (e *Engine) wait(ctx context.Context, d time.Duration) error {
	if e.Wait != nil {
		return e.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
