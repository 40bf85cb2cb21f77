package sim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// restored [I11]: a daemon finds a journal that was restored from before the last checkpoint. The checkpoint says so, so that neither a
// run nor work begins; a cut goes on, and nothing else is done with it, whatever the old journal says is open.
func (k *checker) restored(l *treeLog) {
	newest := k.sealed[len(k.sealed)-1]
	if newest.Size == 0 { // it was sealed before there was anything
		return
	}
	size := k.m.tries.Int64N(newest.Size)
	k.ok(I11)
	if wrong, err := newest.Continued(size, l.runs()); wrong == "" || err != nil {
		k.m.fail(I11, "the journal was restored with %d of %d records, and nobody is told: %v", size, newest.Size, err)
		return
	}
	k.m.count.fault("journal: restored from before a checkpoint")
	old := &oldJournal{at: k.m.now}
	if err := old.restore(l.plain[:size]); err != nil {
		k.m.fail(I11, "the first %d records can't be read back: %v", size, err)
		return
	}
	k.cutOn(old)
}

// oldJournal is a journal that was restored, and programs that remember what they were told.
type oldJournal struct {
	*enginetest.Journal
	at    time.Time
	calls []engine.Held3
}

// restore appends what was appended, at its own time.
func (o *oldJournal) restore(records []engine.Record) error {
	now := o.at
	o.Journal = enginetest.NewJournal(func() time.Time { return o.at })
	for _, r := range records {
		o.at = r.Time
		if r.Kind == engine.KindLate { // which has no effect, and is for the journal to say
			r.Kind, r.Set, r.Clear = engine.KindNote, nil, nil
		}
		if err := o.Append(context.Background(), engine.Free, []engine.Record{r}); err != nil {
			return err
		}
	}
	o.at = now
	return nil
}

// cutOn cuts somebody off on an old journal.
func (k *checker) cutOn(o *oldJournal) {
	m := k.m
	who := m.people[m.tries.IntN(len(m.people))]
	e := o.daemon(m)
	p, _, err := e.Cut(m.context(), "boss", who.Key, "stop")
	if err != nil && !errors.Is(err, engine.ErrUnknownPerson) && !errors.Is(err, engine.ErrAmbiguous) {
		m.fail(I11, "nobody can be cut off on an old journal: %v", err)
	}
	mem, err := o.Memory(m.context(), m.now)
	if err != nil {
		m.fail(I11, "%v", err)
		return
	}
	k.cutsAlone(o, p, mem)
}

// cutsAlone: all calls are of cuts, and the cut that was asked for is done.
func (k *checker) cutsAlone(o *oldJournal, p *engine.Plan, mem *engine.Memory) {
	k.ok(I11)
	for _, h := range o.calls {
		if !o.cutOff(mem, h) {
			k.m.fail(I11, "on a journal that was restored from before a checkpoint %v is changed", h)
		}
	}
	if p == nil {
		return
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.State == engine.Ready && !paused(mem, c.Program) && !slices.Contains(o.calls, engine.Held3{Program: c.Program, Account: c.Account, Entitlement: c.Right()}) {
			k.m.fail(I11, "on a journal that was restored the cut of %s is not carried out: %s %s", c.Person, c.Op, c.Account)
		}
	}
}

// paused: a program is, or all of them are.
func paused(mem *engine.Memory, program string) bool {
	_, one := mem.Fact(engine.FactKey{Kind: engine.FactPause, Program: program})
	_, all := mem.Fact(engine.FactKey{Kind: engine.FactPause})
	return one || all
}

// cutOff: it is the account of somebody who is cut off, which is suspended, or any right of theirs where there are no accounts.
func (o *oldJournal) cutOff(mem *engine.Memory, h engine.Held3) bool {
	if h.Entitlement != engine.Active && (h.Program != "grp" || strings.HasPrefix(h.Entitlement, given)) {
		return false
	}
	for _, l := range mem.Program(h.Program).Links {
		if _, cut := mem.Fact(engine.FactKey{Kind: engine.FactCut, Person: l.Person}); cut && l.Account == h.Account {
			return true
		}
	}
	_, keyed := mem.Fact(engine.FactKey{Kind: engine.FactCut, Person: h.Account})
	return keyed
}

// daemon is one that works on it, and trusts it as far as a server does.
func (o *oldJournal) daemon(m *model) *engine.Engine {
	e := m.daemons[0].engine.As(engine.Decider{})
	e.Journal, e.Outbox, e.Directory, e.Looked = o, engine.CutsOnly{Outbox: o}, plainly{m}, nil
	for i := range e.Programs {
		p := &e.Programs[i]
		about, _ := m.program(p.Name).Describe(m.context()) // it can't fail
		about.Seats = false
		p.Connector, p.Lost = &remembering{o, p.Name, about}, nil
	}
	return e
}

// plainly is the directory as it is.
type plainly struct{ *model }

// People implements engine.Directory.
func (d plainly) People(_ context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	proof := engine.Proof{Source: "corp"}
	for _, p := range d.people {
		if !p.there {
			continue
		}
		if err := yield(p.Person); err != nil {
			return proof, err
		}
		proof.Count++
	}
	return proof, nil
}

const given = "given: "

// remembering is a program that does all that it is told.
type remembering struct {
	o         *oldJournal
	name      string
	describes engine.Description
}

// Describe implements engine.Describer.
func (p *remembering) Describe(context.Context) (engine.Description, error) { return p.describes, nil }

// Holdings implements engine.Connector.
func (p *remembering) Holdings(context.Context, func(engine.Holding) error) (engine.Proof, error) {
	return engine.Proof{Source: p.name}, errors.New("nobody lists anything for a cut")
}

func (p *remembering) call(account, right string) (engine.Outcome, error) {
	p.o.calls = append(p.o.calls, engine.Held3{Program: p.name, Account: account, Entitlement: right})
	return engine.Done, nil
}

// Grant implements engine.Connector.
func (p *remembering) Grant(_ context.Context, account, right string) (engine.Outcome, error) {
	return p.call(account, given+right)
}

// Revoke implements engine.Connector.
func (p *remembering) Revoke(_ context.Context, account, right string) (engine.Outcome, error) {
	return p.call(account, right)
}

// Create implements engine.Creator.
func (p *remembering) Create(_ context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	outcome, err := p.call(n.Name, engine.Exists)
	return n.Name, outcome, err
}

// Update implements engine.Updater.
func (p *remembering) Update(_ context.Context, account string, _ engine.NewAccount) (engine.Outcome, error) {
	return p.call(account, "renamed")
}
