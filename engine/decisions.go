package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// ErrUnknownItem and the others are what decisions are refused with.
var (
	ErrUnknownItem   = errors.New("no such approval item; see: rolecall approvals list")
	ErrUnknownPerson = errors.New("nobody of that login or key is in the directory or has an account")
	ErrAmbiguous     = errors.New("more than one person has that login; name the key")
	ErrNoReason      = errors.New("a reason is needed")
	ErrNotCut        = errors.New("the person is not cut off")
	ErrNothingToUndo = errors.New("nothing of this run can be undone")
)

// Approve lets the named items through, each once and for 24 hours; they are checked again against the plan of that time.
// "all" names everything that waits. Nobody decides on their own access, nor approves what follows from their own change of the
// policy: one such item refuses them all.
func (e *Engine) Approve(ctx context.Context, actor string, ids []string, reason string) ([]Item, error) {
	return e.decide(ctx, KindApprove, Approved, actor, ids, reason)
}

// Reject keeps the named items from happening, with a reason, until their own reason ends.
func (e *Engine) Reject(ctx context.Context, actor string, ids []string, reason string) ([]Item, error) {
	return e.decide(ctx, KindReject, Rejected, actor, ids, reason)
}

func (e *Engine) decide(ctx context.Context, kind Kind, state ItemState, actor string, ids []string, reason string) ([]Item, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, ErrNoReason
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, err
	}
	items, err := pickItems(mem.Items(), ids)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	if i := slices.IndexFunc(items, func(i Item) bool { return i.State != Waiting }); i >= 0 && e.by.Shown {
		return nil, fmt.Errorf("%w: %s was %s by %s meanwhile; look again", ErrDecided, items[i].ID, items[i].State, items[i].By)
	}
	if err := e.ownAccess(ctx, actor, items); err != nil {
		return nil, err
	}
	whose, words, err := e.inPlace(ctx, mem, actor, items)
	if err != nil {
		return nil, err
	}
	if state == Approved {
		if err := e.fourEyes(ctx, mem, actor, words, items); err != nil {
			return nil, err
		}
	}
	now := e.Now().UTC()
	records := make([]Record, 0, len(items))
	for n := range items {
		i := &items[n]
		i.State, i.By, i.For, i.At, i.Note, i.Until = state, actor, strings.Join(whose, ", "), now, reason, time.Time{}
		if state == Approved {
			i.Until = now.Add(ApprovalLife)
		}
		c := &i.Change
		records = append(records, Record{Kind: kind, Actor: actor, Person: c.Person, Program: c.Program, Account: c.Account, Entitlement: c.Right(),
			Op: c.Op, Cause: c.Cause, Why: i.why(), Data: mustJSON(i.ID), Set: []Fact{i.fact()}})
	}
	return items, e.Journal.Append(ctx, Guard{Control: mem.Control}, records)
}

func pickItems(all []Item, ids []string) (out []Item, err error) {
	for _, i := range all {
		if slices.Equal(ids, []string{"all"}) && i.State == Waiting || slices.Contains(ids, i.ID) {
			out = append(out, i)
		}
	}
	for _, id := range ids {
		if id != "all" && !slices.ContainsFunc(out, func(i Item) bool { return i.ID == id }) {
			return nil, fmt.Errorf("%w: %s", ErrUnknownItem, quote(id))
		}
	}
	return out, nil
}

// Pause stops all calls to a program, or to all with "", until Unpause; it survives restarts.
func (e *Engine) Pause(ctx context.Context, actor, program, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	if err := e.knows(program); err != nil {
		return err
	}
	f := Fact{FactKey: FactKey{Kind: FactPause, Program: program}, Since: e.Now().UTC(), Text: reason}
	return e.Journal.Append(ctx, Free, []Record{{Kind: KindPause, Actor: actor, Program: program, Why: []string{reason}, Set: []Fact{f}}})
}

// Unpause is the inverse of Pause.
func (e *Engine) Unpause(ctx context.Context, actor, program string) error {
	if err := e.knows(program); err != nil {
		return err
	}
	return e.Journal.Append(ctx, Free, []Record{{Kind: KindResume, Actor: actor, Program: program, Clear: []FactKey{{Kind: FactPause, Program: program}}}})
}

func (e *Engine) knows(program string) error {
	if program == "" || slices.ContainsFunc(e.Programs, func(p Program) bool { return p.Name == program }) {
		return nil
	}
	return fmt.Errorf("no program is called %s in the configuration", quote(program))
}

// Give adds a dated extra for one person. It always expires: until is the last day on which it holds.
func (e *Engine) Give(ctx context.Context, actor, person, entitlement string, until time.Time, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	if !until.After(e.Now().Add(-24 * time.Hour)) {
		return errors.New("an extra must end in the future; choose a later --until")
	}
	who, err := e.Find(ctx, person)
	if err != nil {
		return err
	}
	key, t := who.Key, ParseEntitlement(entitlement)
	if err := e.knows(t.Program); err != nil || t.Program == "" {
		return errors.Join(err, fmt.Errorf("%s can't be given", quote(entitlement)))
	}
	if e.isOwn(actor, key, who.Login()) {
		return e.refuse(ctx, actor, ErrOwnAccess, &Change{Op: OpGrant, Person: key, Program: t.Program, Entitlement: t.String()}, nil)
	}
	f := Fact{FactKey: FactKey{Kind: FactExtra, Person: key, Program: t.Program, Entitlement: t.Name}, Since: e.Now().UTC(), Until: until.UTC(), Text: reason}
	return e.Journal.Append(ctx, Free, []Record{{Kind: KindExtra, Actor: actor, Person: key, Program: t.Program, Entitlement: t.Name, Why: []string{reason}, Set: []Fact{f}}})
}

// Cut suspends every linked account of a person now, managed or not, no limit in the way, also while the directory or a
// program's list can't be read. It stays until Lift. A journal that fails comes with the list of what to do by hand.
func (e *Engine) Cut(ctx context.Context, actor, person, reason string) (*Plan, Report, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, Report{}, ErrNoReason
	}
	who, err := e.Find(ctx, person)
	if err != nil {
		return nil, Report{}, err
	}
	key := who.Key
	f := Fact{FactKey: FactKey{Kind: FactCut, Person: key}, Since: e.Now().UTC(), Text: reason}
	cut := Record{Kind: KindCut, Actor: actor, Person: key, Why: []string{reason}, Set: []Fact{f}}
	if err := e.Journal.Append(ctx, Free, []Record{cut}); err != nil {
		p, cannot := e.cutPlan(ctx, who, f) // no record, no change: but say what is to be done by hand
		return p, Report{}, errors.Join(fmt.Errorf("%w: %w", ErrNotCutOff, err), cannot)
	}
	p, r, err := e.cutNow(ctx, actor, who)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrCutUnfinished, err)
	}
	return p, r, err
}

// ErrNotCutOff is what Cut gives with the list of what to do by hand.
var ErrNotCutOff = errors.New("the cut could not be recorded, so nothing was done")

// ErrCutUnfinished is what Cut gives where the cut holds, but not all that follows from it was done: the next run goes on.
var ErrCutUnfinished = errors.New("the cut is recorded, but not at its end")

// ErrDecided refuses a decision on an item that somebody decided on since it was shown.
var ErrDecided = errors.New("somebody decided on this already")

// CutPreview is what Cut would do, as far as can be told without reading any program. Read-only.
func (e *Engine) CutPreview(ctx context.Context, person string) (*Plan, error) {
	who, err := e.Find(ctx, person)
	if err != nil {
		return nil, err
	}
	return e.cutPlan(ctx, who, Fact{FactKey: FactKey{Kind: FactCut, Person: who.Key}, Since: e.Now().UTC(), Text: "as it would be"})
}

// cutNow plans for one person from memory alone, without waiting for any read, and works.
func (e *Engine) cutNow(ctx context.Context, actor string, who Person) (*Plan, Report, error) {
	for try := 0; ; try++ {
		epoch, err := e.Journal.Lead(ctx)
		if err != nil {
			return nil, Report{}, err
		}
		p, err := e.cutPlan(ctx, who)
		if err != nil {
			return nil, Report{}, err
		}
		run, err := e.Commit(ctx, p, actor, epoch)
		if try < 5 && (errors.Is(err, ErrStale) || errors.Is(err, ErrDeposed)) {
			continue
		}
		if err != nil {
			return p, Report{Run: run}, err
		}
		r, err := e.work(ctx, false)
		r.Run = run
		return p, r, err
	}
}

// cutPlan is what a cut does; facts are added to what is remembered.
func (e *Engine) cutPlan(ctx context.Context, who Person, facts ...Fact) (*Plan, error) {
	now := e.Now()
	mem, err := e.Journal.Memory(ctx, e.Settings.Since(now))
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		mem.put(f)
	}
	mem.knownLinks(mem.reKeyed()) // an account may be linked under the other key
	s := &Snapshot{Now: now, Memory: mem, Policy: e.Policy, Hash: e.Policy.Hash(), Settings: e.Settings, Person: who.Key}
	if who.Entry != "" || len(who.Attributes) > 0 { // only for its name
		s.People = []Person{who}
	}
	s.outlived()
	s.Proof.Add("not-read", "a cut does not wait for the directory")
	for i := range e.Programs {
		p := e.Programs[i]
		r := NewReading(&p, mem.Program(p.Name))
		r.Proof = Proof{Source: p.Name, Started: now, Finished: now}
		r.Proof.Add("not-read", "a cut does not wait for the program's list")
		s.Readings = append(s.Readings, r)
	}
	return MakePlan(s), nil
}

// Lift ends a cut, and what of it is still open; what policy gives comes back with the next run.
func (e *Engine) Lift(ctx context.Context, actor, person, reason string) error {
	for try := 0; ; try++ {
		err := e.lift(ctx, actor, person, reason)
		if try < 3 && errors.Is(err, ErrStale) { // a worker took what was to be withdrawn
			continue
		}
		return err
	}
}

func (e *Engine) lift(ctx context.Context, actor, person, reason string) error {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	key := FactKey{Kind: FactCut, Person: person}
	if _, ok := mem.Fact(key); !ok {
		resolved, err := e.resolve(ctx, person)
		if err != nil {
			return err
		}
		key.Person = resolved
	}
	if _, ok := mem.Fact(key); !ok {
		return fmt.Errorf("%w: %s", ErrNotCut, quote(person))
	}
	if e.isOwn(actor, key.Person, person) {
		return e.refuse(ctx, actor, ErrOwnAccess, &Change{Person: key.Person}, nil)
	}
	lift := Record{Kind: KindLift, Actor: actor, Person: key.Person, Why: []string{reason}, Clear: []FactKey{key}}
	return e.Journal.Append(ctx, Free, append([]Record{lift}, endCut(mem, actor, key.Person)...))
}

// endCut withdraws what nobody has begun of a cut, and lets nobody repeat the rest.
func endCut(mem *Memory, actor, person string) (out []Record) {
	for _, i := range mem.Open {
		if i.Change.Person != person || i.Change.Cause != CauseCut || !i.Repeatable() {
			continue
		}
		outcome := Halted
		if i.Claimed.IsZero() {
			outcome = Withdrawn
		}
		r := outcomeOf(&i, outcome, "the cut was lifted")
		r.Actor = actor
		out = append(out, r)
	}
	return out
}

// resolve finds the key of a person named by key or login. While the directory can't be read, keys and account names that
// the journal knows are enough.
func (e *Engine) resolve(ctx context.Context, person string) (string, error) {
	p, err := e.Find(ctx, person)
	return p.Key, err
}

// Find is resolve with the person's entry, where the directory shows it.
func (e *Engine) Find(ctx context.Context, person string) (who Person, err error) {
	r, ok := watched(ctx, min(e.idle(), findIdle), func(ctx context.Context, came *atomic.Int64) peopleRead { return e.called(ctx, person, came) })
	if err = r.err; !ok {
		err = errStalled
	}
	mem, memErr := e.Journal.Memory(ctx, e.Now())
	if memErr != nil {
		return who, memErr
	}
	var found []string
	for _, p := range r.people {
		if known := mem.Known(p.Key); known != p.Key {
			p.Key, p.NewKey = known, p.Key
		}
		found, who = append(found, p.Key), p
	}
	if len(found) == 0 || len(found) == 1 && !linkedAny(mem, e.Programs, found[0]) { // who vanished may have the account of that name
		found = append(found, linkedAs(mem, e.Programs, person)...)
	}
	slices.Sort(found)
	switch found = slices.Compact(found); {
	case len(found) == 1 && who.Key == found[0]:
		return who, nil
	case len(found) == 1:
		return Person{Key: found[0]}, nil
	case len(found) > 1:
		return who, fmt.Errorf("%w: %s (keys %s)", ErrAmbiguous, quote(person), strings.Join(found, ", "))
	case err != nil:
		return who, fmt.Errorf("%w: %s; the directory can't be read now (%w), so only keys and account names work", ErrUnknownPerson, quote(person), err)
	}
	return who, fmt.Errorf("%w: %s", ErrUnknownPerson, quote(person))
}

// called reads whom a login or key names.
func (e *Engine) called(ctx context.Context, person string, came *atomic.Int64) (r peopleRead) {
	defer func() {
		if panicked := recover(); panicked != nil {
			r.err = fmt.Errorf("reading the directory failed: %v", panicked)
		}
	}()
	_, r.err = e.Directory.People(ctx, func(p Person) error {
		came.Add(1)
		if p.Key == person || p.Login() == person {
			r.people = append(r.people, p)
		}
		return ctx.Err()
	})
	return r
}

func linkedAny(m *Memory, programs []Program, key string) bool {
	return slices.ContainsFunc(programs, func(p Program) bool {
		return slices.ContainsFunc(m.Program(p.Name).Links, func(l Link) bool { return l.Person == key })
	})
}

func linkedAs(m *Memory, programs []Program, person string) (keys []string) {
	for i := range programs {
		for _, l := range m.Program(programs[i].Name).Links {
			if l.Person == person || l.Account == person {
				keys = append(keys, l.Person)
			}
		}
	}
	return keys
}
