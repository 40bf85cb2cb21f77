// Package enginetest holds what tests of the engine and of its parts share: a program in memory with faults, and the
// suites that every implementation of an interface must pass.
package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

// Fault is how a call to a Program goes wrong.
type Fault = conformance.Fault

// The faults, as package conformance describes them.
const (
	NoFault     = conformance.NoFault
	FailBefore  = conformance.FailBefore
	LoseBefore  = conformance.LoseBefore
	LoseAfter   = conformance.LoseAfter
	Lie         = conformance.Lie
	Refuse      = conformance.Refuse
	Unreachable = conformance.Unreachable
	BreakList   = conformance.BreakList
	PartialList = conformance.PartialList
	HidePart    = conformance.HidePart
)

// Errors of a Program.
var (
	ErrUnreachable = errors.New("the program does not answer; check its address")
	ErrLost        = errors.New("the answer was lost")
	ErrRefused     = errors.New("the program refuses")
)

// ProgramCall is one call to a Program.
type ProgramCall struct {
	N           int       // 1, 2, …
	Op          string    // list, read, seats, grant, revoke, create, update
	Account     string    // for create: the name asked for
	Entitlement string    // for grant and revoke
	Time        time.Time // of the start
}

// Writes says whether the call may change the program.
func (c ProgramCall) Writes() bool { return c.Op != "list" && c.Op != "read" && c.Op != "seats" }

// Program is a program in memory. It is deterministic, holds what it is told to, and fails as Before says. The fields
// are set before the first call; the methods are safe for concurrent use.
type Program struct {
	Name      string
	Now       func() time.Time                           // nil: the zero time
	Describes engine.Description                         // Identity may be left out; Lag delays lists (not single reads)
	Rights    []string                                   // the only ones that exist, nil: any
	ID        func(name string) string                   // of a new account, nil: its name
	SeatTotal int                                        // with Describes.Seats: how many there are
	Counts    func(used int) ([]engine.SeatCount, error) // what it says of its seats instead, while so many accounts are active; nil: that
	Before    func(call ProgramCall) Fault               // asked at the start of each call, outside of the lock; nil: NoFault

	mu       sync.Mutex
	accounts map[string]*programAccount
	listed   map[string]*programAccount // what lists show, behind by Lag
	behind   []programEvent             // what they do not show yet
	calls    int
	busy     map[string]int
	overlaps int
}

type programEvent struct {
	at    time.Time
	apply func(accounts map[string]*programAccount)
}

// NewProgram makes a program with accounts that can be created, suspended and deleted.
func NewProgram(name string, now func() time.Time) *Program {
	return &Program{Name: name, Now: now, Describes: engine.Description{Accounts: true, Lifecycle: true}}
}

// Describe gives Describes.
func (p *Program) Describe(context.Context) (engine.Description, error) {
	d := p.Describes
	d.Identity = cmp.Or(d.Identity, "memory:"+p.Name)
	if p.Rights != nil {
		d.Grantable = slices.Sorted(slices.Values(p.Rights))
	}
	return d, nil
}

// Holdings lists accounts by id, each with its existence, activity and rights in order.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.Name, Started: p.now()}
	all, fault, err := p.list()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return proof, err
	}
	part := all
	if fault == BreakList || fault == PartialList || fault == HidePart {
		part = all[:len(all)/2]
	}
	for _, h := range part {
		if err := yield(h); err != nil {
			return proof, err
		}
		proof.Count++
	}
	switch fault {
	case BreakList:
		return proof, ErrUnreachable
	case PartialList:
		proof.Add(engine.ReasonPartial, p.Name+" ended its list early; read it again")
	}
	proof.Finished = p.now()
	return proof, nil
}

func (p *Program) list() ([]engine.Holding, Fault, error) {
	fault, done := p.begin(ProgramCall{Op: "list"})
	defer done()
	if fault == Unreachable {
		return nil, fault, ErrUnreachable
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	return p.holdings(p.listed), fault, nil
}

// Account reads one account as it is now, without lag.
func (p *Program) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	fault, done := p.begin(ProgramCall{Op: "read", Account: account})
	defer done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if fault != NoFault {
		return nil, ErrUnreachable
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.accounts[account]; a != nil {
		return p.holdings(map[string]*programAccount{account: a}), nil
	}
	return nil, nil
}

// Seats counts the active accounts as they are now, without lag; of a program without accounts, all.
func (p *Program) Seats(ctx context.Context) ([]engine.SeatCount, error) {
	fault, done := p.begin(ProgramCall{Op: "seats"})
	defer done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if fault != NoFault {
		return nil, ErrUnreachable
	}
	if !p.Describes.Seats {
		return nil, errors.New(p.Name + " does not count its seats")
	}
	p.mu.Lock()
	used := 0
	for _, a := range p.accounts {
		if !p.Describes.Accounts || a.holds(engine.Active) {
			used++
		}
	}
	p.mu.Unlock()
	if p.Counts != nil {
		return p.Counts(used)
	}
	return []engine.SeatCount{{Total: p.SeatTotal, Used: used}}, nil
}

// Grant gives a right, or resumes an account.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.write(ctx, ProgramCall{Op: "grant", Account: account, Entitlement: entitlement}, func() (engine.Outcome, error) {
		a := p.accounts[account]
		switch {
		case a != nil && a.holds(entitlement):
			return engine.Already, nil
		case a == nil && p.Describes.Lifecycle:
			return engine.Refused, fmt.Errorf("%s has no account %q; it must be created first", p.Name, account)
		case p.Rights != nil && entitlement != engine.Active && entitlement != engine.Exists && !slices.Contains(p.Rights, entitlement):
			return engine.Refused, fmt.Errorf("%s has no right %q", p.Name, entitlement)
		}
		p.change(setHolding(account, entitlement, true))
		return engine.Done, nil
	})
}

// Revoke takes a right away, suspends an account or deletes it.
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.write(ctx, ProgramCall{Op: "revoke", Account: account, Entitlement: entitlement}, func() (engine.Outcome, error) {
		if a := p.accounts[account]; a == nil || !a.holds(entitlement) {
			return engine.Already, nil
		}
		p.change(setHolding(account, entitlement, false))
		return engine.Done, nil
	})
}

// Create makes an active account. A taken name is refused, unless it was taken for the same person.
func (p *Program) Create(ctx context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	id := n.Name
	if p.ID != nil {
		id = p.ID(n.Name)
	}
	outcome, err := p.write(ctx, ProgramCall{Op: "create", Account: n.Name}, func() (engine.Outcome, error) {
		for _, other := range slices.Sorted(maps.Keys(p.accounts)) {
			if a := p.accounts[other]; a.info.Name == n.Name || other == id {
				if n.Person != "" && a.info.Attributes["person"] == n.Person {
					id = other
					return engine.Already, nil
				}
				return engine.Refused, fmt.Errorf("%s has an account %q already; review it with adopt", p.Name, n.Name)
			}
		}
		attributes := map[string]string{"person": n.Person}
		maps.Copy(attributes, n.Attributes)
		p.change(addAccount(id, engine.AccountInfo{Name: n.Name, Attributes: attributes}, []string{engine.Exists, engine.Active}))
		return engine.Done, nil
	})
	if outcome != engine.Done && outcome != engine.Already {
		id = ""
	}
	return id, outcome, err
}

// Rename is what engine.Updater asks for, under a name of its own: a Program can rename only where a test makes it one.
func (p *Program) Rename(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	return p.write(ctx, ProgramCall{Op: "update", Account: account}, func() (engine.Outcome, error) {
		for other, a := range p.accounts {
			if other != account && a.info.Name == to.Name {
				return engine.Refused, fmt.Errorf("%s has an account %q already", p.Name, to.Name)
			}
		}
		if p.accounts[account] == nil {
			return engine.Refused, fmt.Errorf("%s has no account %q", p.Name, account)
		}
		p.change(func(accounts map[string]*programAccount) {
			if a := accounts[account]; a != nil {
				attributes := map[string]string{}
				maps.Copy(attributes, a.info.Attributes)
				maps.Copy(attributes, to.Attributes)
				a.info.Name, a.info.Attributes = to.Name, attributes
			}
		})
		return engine.Done, nil
	})
}

// write makes one change with the fault it is given.
func (p *Program) write(ctx context.Context, call ProgramCall, do func() (engine.Outcome, error)) (engine.Outcome, error) {
	fault, done := p.begin(call)
	defer done()
	if err := ctx.Err(); err != nil {
		return engine.Failed, err
	}
	switch fault {
	case FailBefore, Unreachable:
		return engine.Failed, ErrUnreachable
	case LoseBefore:
		return engine.Uncertain, ErrLost
	case Lie:
		return engine.Done, nil
	case Refuse:
		return engine.Refused, ErrRefused
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	outcome, err := do()
	if fault == LoseAfter {
		return engine.Uncertain, ErrLost
	}
	return outcome, err
}

// begin counts a call, asks for its fault and watches that no account has two calls at once.
func (p *Program) begin(call ProgramCall) (Fault, func()) {
	p.mu.Lock()
	p.calls++
	call.N, call.Time = p.calls, p.now()
	if call.Writes() {
		if p.busy == nil {
			p.busy = map[string]int{}
		}
		if p.busy[call.Account]++; p.busy[call.Account] > 1 {
			p.overlaps++
		}
	}
	p.mu.Unlock()
	fault := NoFault
	if p.Before != nil {
		fault = p.Before(call)
	}
	return fault, func() {
		if call.Writes() {
			p.mu.Lock()
			p.busy[call.Account]--
			p.mu.Unlock()
		}
	}
}

// AddAccount adds or replaces an account by hand, with the given entitlements ("" is Active; Exists is not implied).
func (p *Program) AddAccount(id string, info engine.AccountInfo, entitlements ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info.Name = cmp.Or(info.Name, id)
	p.change(addAccount(id, info, entitlements))
}

// Set gives or takes one entitlement by hand; taking Exists deletes the account.
func (p *Program) Set(account, entitlement string, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(setHolding(account, entitlement, on))
}

// Has says whether somebody holds something now, whatever lists show.
func (p *Program) Has(account, entitlement string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[account]
	return a != nil && a.holds(entitlement)
}

// Truth is all that is held now, whatever lists show: by account, then Exists, Active and rights in order.
func (p *Program) Truth() []engine.Holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holdings(p.accounts)
}

// Shown is what a list would show now, with the lag, and is no call.
func (p *Program) Shown() []engine.Holding {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	return p.holdings(p.listed)
}

// Calls counts the calls so far.
func (p *Program) Calls() int { p.mu.Lock(); defer p.mu.Unlock(); return p.calls }

// Overlaps counts writes that began while another one of the same account was running, which the engine must not let
// happen.
func (p *Program) Overlaps() int { p.mu.Lock(); defer p.mu.Unlock(); return p.overlaps }

func (p *Program) now() time.Time {
	if p.Now == nil {
		return time.Time{}
	}
	return p.Now()
}

// change takes effect at once; lists show it after the lag.
func (p *Program) change(apply func(map[string]*programAccount)) {
	if p.accounts == nil {
		p.accounts, p.listed = map[string]*programAccount{}, map[string]*programAccount{}
	}
	apply(p.accounts)
	p.behind = append(p.behind, programEvent{at: p.now(), apply: apply})
}

func (p *Program) catchUp() {
	limit := p.now().Add(-p.Describes.Lag)
	n := 0
	for n < len(p.behind) && !p.behind[n].at.After(limit) {
		p.behind[n].apply(p.listed)
		n++
	}
	p.behind = slices.Delete(p.behind, 0, n)
}
