package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// breakAfter is how many accounts in a row must fail before a program is set aside. One that is broken fails alone, however much is to
// be done on it; a program that fails most of the time gets that far within some dozen calls.
const breakAfter = 5

// asideMost is how many accounts that failed are remembered, so that they alone neither keep a program set aside nor have it set aside
// again, the newest ones.
const asideMost = 100

// breaker keeps calls from a program in which most of them fail. What it knows is in the journal, so that it holds for every process
// and survives all of them: the program was set aside (FactAside) in the run that was the last one then, and gets no calls but for cuts
// until the next one, or for asideRest, which begins with a single call.
type breaker struct {
	mu      sync.Mutex
	at      time.Time // of the last look at the journal
	state   breakerState
	aside   Fact            // unless closed
	known   []string        // accounts that failed while the program was set aside, hashed: that they fail again says nothing of it
	row     map[string]bool // other accounts that failed since the last answer, hashed
	failed  int             // calls since then
	back    []Intent        // claimed, and left alone
	unsaid  []Record        // that must get into the journal with the next outcomes
	writing int             // how often they are on their way
	broke   bool            // it was set aside here, or tried in vain
	again   bool            // it was found well here
}

type breakerState int

const (
	breakerClosed breakerState = iota
	breakerTrying              // a single call may be made
	breakerOpen
)

// SetAside is a program that gets no calls, since they failed in a row; people are cut off there all the same.
type SetAside struct {
	Program string    `json:"program"`
	Since   time.Time `json:"since"`
	Failed  int       `json:"failed"` // calls, those that tried whether it works again among them
	Error   string    `json:"error"`  // of the last one
}

// SetAsideOf is what a FactAside says.
func SetAsideOf(f Fact) SetAside { return SetAside{f.Program, f.Since, f.Count, f.Text} }

// String says it in a sentence.
func (s SetAside) String() string {
	return fmt.Sprintf("%s is set aside since %s: %s failed in a row, the last one with: %s", s.Program, s.Since.UTC().Format(time.RFC3339), plural(s.Failed, "call", "calls"), s.Error)
}

func (w *worker) asideKey() FactKey { return FactKey{Kind: FactAside, Program: w.p.Name} }

// standing is what the journal says of the program now, whoever set it aside or found it well. A look is believed as long as one at
// the pauses.
func (w *worker) standing(ctx context.Context) (breakerState, error) {
	b := &w.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	facts, ok := w.e.Journal.(FactReader)
	if age := w.e.Now().Sub(b.at); !ok || len(b.unsaid)+b.writing > 0 || !b.at.IsZero() && age >= 0 && age < pauseLook {
		return b.state, nil
	}
	if err := w.lookAside(ctx, facts); err != nil {
		return b.state, fmt.Errorf("%w: whether %s is set aside can't be read: %w", ErrNotTried, w.p.Name, err)
	}
	b.at = w.e.Now()
	return b.state, nil
}

// lookAside takes over what the journal says.
func (w *worker) lookAside(ctx context.Context, facts FactReader) error {
	b := &w.breaker
	ctx, cancel := context.WithTimeout(ctx, w.callTime())
	defer cancel()
	aside, is, err := facts.Fact(ctx, w.asideKey())
	if err != nil {
		return err
	}
	if b.aside, b.known = aside, failedOf(aside).Failed; !is {
		return w.lookBroken(ctx, facts)
	}
	run, _, err := facts.Fact(ctx, FactKey{Kind: FactRun})
	if b.state = breakerTrying; err != nil || aside.Until.Equal(run.Since) && !w.rested(aside) {
		b.state = breakerOpen
	}
	return err
}

// asideRest is how long a program that is set aside gets no call at all, so that nobody who has left waits for the next run, which may be
// a day away.
const asideRest = 15 * time.Minute

func (w *worker) rested(aside Fact) bool { return w.e.Now().Sub(failedOf(aside).Tried) >= asideRest }

// keptAside says why a change is left alone: its program is set aside. Whoever is cut off does not wait, whatever their account was
// to lose before.
func (w *worker) keptAside(ctx context.Context, i *Intent) error {
	state, err := w.standing(ctx)
	if i.Change.Cause == CauseCut || err == nil && state != breakerOpen {
		return nil
	}
	if err != nil {
		return w.blinded(ctx, err)
	}
	if cut, err := w.cutSince(ctx, i); cut || err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", errAside, w.p.Name)
}

// cutSince says whether somebody who had left was cut off, too.
func (w *worker) cutSince(ctx context.Context, i *Intent) (bool, error) {
	facts, ok := w.e.Journal.(FactReader)
	if !ok || !i.Repeatable() {
		return false, nil
	}
	_, cut, err := facts.Fact(ctx, FactKey{Kind: FactCut, Person: i.Change.Person})
	if err != nil {
		return false, w.blinded(ctx, fmt.Errorf("%w: whether somebody is cut off can't be read: %w", ErrNotTried, err))
	}
	return cut, nil
}

var errAside = fmt.Errorf("%w: its calls fail in a row, so the program is set aside", ErrNotTried)

// givesBack notes what was claimed and is left alone, so that it stays open and nobody waits for the end of its lease.
func (w *worker) givesBack(i *Intent, res Result) bool {
	_, able := w.e.Outbox.(Releaser)
	if !able || !errors.Is(res.Err, errAside) {
		return false
	}
	w.breaker.mu.Lock()
	defer w.breaker.mu.Unlock()
	w.breaker.back = append(w.breaker.back, *i)
	return true
}

// giveBack does it, once the outcomes of what was called are written.
func (w *worker) giveBack(ctx context.Context) error {
	w.breaker.mu.Lock()
	back := w.breaker.back
	w.breaker.back = nil
	w.breaker.mu.Unlock()
	if len(back) == 0 {
		return nil
	}
	return w.e.Outbox.(Releaser).Release(context.WithoutCancel(ctx), w.e.Now(), back)
}

// judge looks at how a call ended. What was not tried says nothing, and a refusal is an answer.
func (w *worker) judge(ctx context.Context, account string, c *Change, res Result) {
	if errors.Is(res.Err, errNoAccount) || errors.Is(res.Err, ErrNotTried) || errors.Is(res.Err, errKept) {
		return
	}
	b := &w.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered(res) {
		b.row, b.failed = nil, 0
		w.answer(account, res)
		return
	}
	b.fails(account)
	if b.state == breakerTrying || b.state == breakerClosed && (len(b.row) >= cmp.Or(w.e.BreakAfter, breakAfter) || w.setAside() != nil) {
		w.breaks(ctx, unnamed(res.Err.Error(), c))
	}
}

// answered: a refusal is an answer, and so is a change that was accepted and that no list must show yet.
func answered(res Result) bool {
	return res.Outcome != Failed && res.Outcome != Uncertain || errors.Is(res.Err, ErrNotShown)
}

// answer takes an account whose call was made for sound, and so the program.
func (w *worker) answer(account string, res Result) {
	b := &w.breaker
	if res.Outcome == Refused {
		return
	}
	n := slices.Index(b.known, shortHash(account))
	if n >= 0 {
		b.known = slices.Delete(slices.Clone(b.known), n, n+1)
	}
	switch {
	case b.state == breakerTrying:
		w.works()
	case b.state == breakerClosed && n >= 0:
		set, ends := w.broken()
		b.unsaid = append(b.unsaid, Record{Kind: KindNote, Actor: "rolecall", Program: w.p.Name, Why: []string{"an account that failed works again"}, Set: set, Clear: ends})
	}
}

// fails notes it. One that failed before others worked says nothing of the program.
func (b *breaker) fails(account string) {
	hash := shortHash(account)
	if b.state == breakerClosed && slices.Contains(b.known, hash) {
		return
	}
	if b.row == nil {
		b.row = map[string]bool{}
	}
	b.row[hash] = true
	b.failed++
}

// judgeAll looks at how a batch ended. What failed in it before something else was answered, by the same call, says nothing.
func (w *worker) judgeAll(ctx context.Context, intents []Intent, results []Result) {
	last := -1
	for n := range intents {
		if answered(results[n]) {
			last = n
		}
	}
	for n := range intents {
		if n >= last || answered(results[n]) {
			w.judge(ctx, intents[n].Change.Account, &intents[n].Change, results[n])
		}
	}
}

// breaks sets the program aside, once more if it was tried in vain.
func (w *worker) breaks(ctx context.Context, why string) {
	b := &w.breaker
	f := Fact{FactKey: w.asideKey(), Since: w.e.Now().UTC(), Until: w.lastRun(ctx), Count: b.failed, Text: why}
	if b.state == breakerTrying {
		f.Since, f.Count = b.aside.Since, b.aside.Count+1
	}
	failed := slices.DeleteFunc(slices.Clone(b.known), func(account string) bool { return b.row[account] })
	failed = slices.Concat(failed, slices.Sorted(maps.Keys(b.row)))
	b.known = failed[max(0, len(failed)-asideMost):]
	f.Data = mustJSON(asideFailed{Failed: b.known, Tried: w.e.Now().UTC()})
	b.state, b.aside, b.row, b.failed, b.broke, b.again = breakerOpen, f, nil, 0, true, false
	b.unsaid = append(b.unsaid, Record{Kind: KindNote, Actor: "rolecall", Program: w.p.Name, Why: []string{SetAsideOf(f).String()}, Set: []Fact{f}, Clear: []FactKey{w.backKey()}})
}

func (w *worker) backKey() FactKey { return FactKey{Kind: FactBack, Program: w.p.Name} }

// works ends it.
func (w *worker) works() {
	b := &w.breaker
	f := Fact{FactKey: w.backKey(), Since: w.e.Now().UTC(), Until: b.aside.Since, Count: b.aside.Count}
	set, ends := w.broken()
	b.unsaid = append(b.unsaid, Record{Kind: KindNote, Actor: "rolecall", Program: w.p.Name, Why: []string{w.p.Name + " works again"}, Set: append(set, f), Clear: append(ends, w.asideKey())})
	b.state, b.aside, b.broke, b.again = breakerClosed, Fact{}, false, true
}

// lastRun names the run in which the program was set aside by when it planned; no clock is compared with another one. Where it can't
// be read the next piece of work tries again.
func (w *worker) lastRun(ctx context.Context) time.Time {
	facts, ok := w.e.Journal.(FactReader)
	if !ok {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.callTime())
	defer cancel()
	run, _, err := facts.Fact(ctx, FactKey{Kind: FactRun})
	if err != nil {
		return time.Time{}
	}
	return run.Since
}

func (b *breaker) failedBefore(account string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.known, shortHash(account))
}

// say gives what must be written with outcomes. Until it is said the journal is not believed, which does not have it yet.
func (b *breaker) say() (records []Record, said func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(1, len(b.unsaid))
	records, b.unsaid = b.unsaid, nil
	b.writing += n
	return records, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.writing -= n
	}
}

// calm says that nothing failed lately, so that more may be claimed than is begun at once.
func (b *breaker) calm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == breakerClosed && b.failed == 0
}

// tellAside puts what was found into the report.
func (w *worker) tellAside() {
	b := &w.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.broke && b.state != breakerClosed: // else somebody else found it well
		w.report.SetAside = []SetAside{SetAsideOf(b.aside)}
	case b.again:
		w.report.Again = []string{w.p.Name}
	}
}
