package conformance_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// inMemory is a Program with the abilities that the fake leaves out.
type inMemory struct{ *enginetest.Program }

func (p inMemory) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	out := make([]engine.Result, len(calls))
	for i, c := range calls {
		if c.New != nil {
			out[i].ID, out[i].Outcome, out[i].Err = p.Create(ctx, *c.New)
			continue
		}
		out[i].Outcome, out[i].Err = call(ctx, p, c)
	}
	return out
}

func call(ctx context.Context, p engine.Connector, c engine.Call) (engine.Outcome, error) {
	if c.Grant {
		return p.Grant(ctx, c.Account, c.Entitlement)
	}
	return p.Revoke(ctx, c.Account, c.Entitlement)
}

func freshProgram(c func(inMemory) engine.Connector) *conformance.Subject {
	var mu sync.Mutex
	armed, now := enginetest.NoFault, time.Unix(0, 0)
	p := enginetest.NewProgram("memory", func() time.Time { return now })
	p.Rights = []string{"read", "Write All"}
	p.ID = func(name string) string { return "id of " + name }
	p.Before = func(call enginetest.ProgramCall) enginetest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if listing := armed == enginetest.BreakList || armed == enginetest.PartialList; call.Op == "read" || armed != enginetest.Unreachable && listing == call.Writes() {
			return enginetest.NoFault
		}
		f := armed
		armed = enginetest.NoFault
		return f
	}
	u := &conformance.Subject{Accounts: []string{"ann", "Ben Smith", "Łucja"}, Rights: p.Rights, Stranger: "nobody", NoRight: "fly",
		NewNames: []string{"dan", "Eve É"}, Secrets: []string{"canary"}}
	for _, a := range u.Accounts {
		p.AddAccount(a, engine.AccountInfo{}, engine.Exists, engine.Active)
	}
	u.Arm = func(f conformance.Fault) bool { armed = f; return f != enginetest.HidePart && f != enginetest.Lie }
	u.Connector = c(inMemory{p})
	return u
}

func TestConnectorSuite(t *testing.T) {
	enginetest.ConnectorSuite(t, func(*testing.T) *enginetest.ConnectorUnderTest {
		return freshProgram(func(p inMemory) engine.Connector { return p })
	})
}

// mutant is a connector with one mistake.
type mutant struct {
	inMemory
	list  func(all []engine.Holding) []engine.Holding
	write func(p inMemory, c engine.Call) (engine.Outcome, error)
	quiet bool // takes broken reads for whole
}

func (m mutant) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	var all []engine.Holding
	proof, err := m.inMemory.Holdings(ctx, func(h engine.Holding) error { all = append(all, h); return nil })
	if m.quiet {
		proof.Reasons, err = nil, nil
	}
	if m.list != nil {
		all = m.list(all)
	}
	for _, h := range all {
		if e := yield(h); e != nil && !m.quiet {
			return proof, e
		}
	}
	proof.Count = len(all)
	return proof, err
}

func (m mutant) do(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	if m.write != nil {
		if outcome, err := m.write(m.inMemory, c); outcome != "" {
			return outcome, err
		}
	}
	return call(ctx, m.inMemory, c)
}

func (m mutant) Grant(ctx context.Context, a, e string) (engine.Outcome, error) {
	return m.do(ctx, engine.Call{Grant: true, Account: a, Entitlement: e})
}
func (m mutant) Revoke(ctx context.Context, a, e string) (engine.Outcome, error) {
	return m.do(ctx, engine.Call{Account: a, Entitlement: e})
}

// Each mistake is found by some check; the right connector by none.
func TestTheSuiteFindsMistakes(t *testing.T) {
	mistakes := map[string]mutant{
		"none": {},
		"changes case": {list: func(all []engine.Holding) []engine.Holding {
			for i := range all {
				all[i].Entitlement = strings.ToLower(all[i].Entitlement)
			}
			return all
		}},
		"drops the last": {list: func(all []engine.Holding) []engine.Holding { return all[:max(0, len(all)-1)] }},
		"lists twice":    {list: func(all []engine.Holding) []engine.Holding { return append(all, all[:min(1, len(all))]...) }},
		"loses a page":   {quiet: true},
		"says done again": {write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
			p.Set(c.Account, c.Entitlement, c.Grant)
			return engine.Done, nil
		}},
		"replaces the list": {write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
			if !p.Has(c.Account, c.Entitlement) && c.Grant {
				for _, h := range p.Truth() {
					if h.Account != c.Account && h.Entitlement == c.Entitlement && c.Entitlement != engine.Active {
						p.Set(h.Account, h.Entitlement, false)
					}
				}
			}
			return "", nil
		}},
		"makes accounts silently": {write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
			if c.Grant && !p.Has(c.Account, engine.Exists) {
				p.AddAccount(c.Account, engine.AccountInfo{}, engine.Exists, c.Entitlement)
				return engine.Done, nil
			}
			return "", nil
		}},
		"takes lost for failed": {write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
			outcome, err := call(context.Background(), p, c)
			if outcome == engine.Uncertain {
				outcome = engine.Failed
			}
			return outcome, err
		}},
		"tells a secret": {write: func(_ inMemory, c engine.Call) (engine.Outcome, error) {
			if c.Account == "nobody" && c.Grant {
				return engine.Refused, errors.New("https://x?token=canary")
			}
			return "", nil
		}},
		"drops rights of suspended": {write: func(p inMemory, c engine.Call) (engine.Outcome, error) {
			if !c.Grant && c.Entitlement == engine.Active {
				p.Set(c.Account, "read", false)
			}
			return "", nil
		}},
	}
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
				return freshProgram(func(p inMemory) engine.Connector { m.inMemory = p; return m })
			}}
			var said []string
			for _, line := range card.Score(t.Context()) {
				if line.Result == conformance.Wrong {
					said = append(said, line.Details...)
				}
			}
			if found := len(said) > 0; found != (name != "none") {
				t.Errorf("found: %q", said)
			}
		})
	}
}

// lagging is a program whose lists lag by some time, and that declares another.
func lagging(lag, declared time.Duration) *conformance.Subject {
	p := enginetest.NewProgram("memory", time.Now)
	p.Describes.Lag = lag
	p.Rights = []string{"read", "Write All"}
	u := &conformance.Subject{Accounts: []string{"ann", "Ben Smith", "Łucja"}, Rights: p.Rights, Stranger: "nobody", NoRight: "fly", NewNames: []string{"dan", "Eve É"}}
	for _, a := range u.Accounts {
		p.AddAccount(a, engine.AccountInfo{}, engine.Exists, engine.Active)
	}
	for shown := 0; shown == 0; time.Sleep(time.Millisecond) { // what was there before the test is in the lists
		_, _ = p.Holdings(context.Background(), func(engine.Holding) error { shown++; return nil })
	}
	u.Connector = declares{p, declared}
	return u
}

type declares struct {
	*enginetest.Program
	lag time.Duration
}

func (d declares) Describe(ctx context.Context) (engine.Description, error) {
	out, err := d.Program.Describe(ctx)
	out.Lag = d.lag
	return out, err
}

func failures(lines []conformance.Line) (out []string) {
	for _, l := range lines {
		if l.Result == conformance.Wrong {
			out = append(out, l.Check)
		}
	}
	return out
}

// A list that is behind by what it declares is waited for; one that is behind by more is found out.
func TestLag(t *testing.T) {
	score := func(lag, declared time.Duration) []string {
		card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject { return lagging(lag, declared) }}
		return failures(card.Score(t.Context()))
	}
	if got := score(5*time.Millisecond, 10*time.Millisecond); len(got) > 0 {
		t.Errorf("a list that lags as it declares fails: %q", got)
	}
	if got := score(200*time.Millisecond, time.Nanosecond); len(got) == 0 {
		t.Error("a list that lags by more than it declares passes")
	}
}

// A connector whose other side decides has every method; what it does not declare, it must refuse.
func TestUndeclaredAbilities(t *testing.T) {
	card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector {
			p.Describes.Lifecycle = false
			return p
		})
	}}
	lines := card.Score(t.Context())
	if lines[0].Result != conformance.Wrong || !strings.Contains(lines[0].Details[0], "does not declare that it creates accounts") {
		t.Errorf("%+v", lines[0])
	}
	for _, l := range lines[1:] {
		if l.Result != conformance.NotTried {
			t.Errorf("%s: %s after something vital failed", l.Check, l.Result)
		}
	}
}

// uncounted counts seats as it is told, whatever it declares.
type uncounted struct {
	inMemory
	counts []engine.SeatCount
	err    error
}

func (u uncounted) Seats(context.Context) ([]engine.SeatCount, error) { return u.counts, u.err }

// Seats that are declared are counted, each kind once, and what is not declared is not told.
func TestSeatsAreCountedAsDeclared(t *testing.T) {
	one := []engine.SeatCount{{Total: 3, Used: engine.SeatsUntold}}
	for name, c := range map[string]struct {
		declared bool
		counts   []engine.SeatCount
		err      error
		wrong    string
	}{
		"told":         {declared: true, counts: one},
		"not declared": {counts: one, wrong: "does not declare that it counts its seats"},
		"refused":      {err: errors.New("no seats")},
		"no answer":    {declared: true, err: errors.New("down"), wrong: "declares that it counts"},
		"nothing":      {declared: true, wrong: "declares that it counts"},
		"twice":        {declared: true, counts: append(one, one...), wrong: "twice"},
		"negative":     {declared: true, counts: []engine.SeatCount{{Total: -2}}, wrong: "less than none"},
	} {
		card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
			return freshProgram(func(p inMemory) engine.Connector {
				p.Describes.Seats = c.declared
				return uncounted{p, c.counts, c.err}
			})
		}}
		line := card.Score(t.Context())[0]
		if c.wrong == "" && line.Result == conformance.Wrong || c.wrong != "" && (line.Result != conformance.Wrong || !strings.Contains(line.Details[0], c.wrong)) {
			t.Errorf("%s: %+v", name, line)
		}
	}
}

// stuck hangs when it is asked to change something, panicking fails there.
type stuck struct {
	inMemory
	forever chan struct{}
}

func (s stuck) Grant(context.Context, string, string) (engine.Outcome, error) {
	<-s.forever
	panic("enough")
}

func TestAConnectorThatHangsOrPanics(t *testing.T) {
	forever := make(chan struct{})
	card := conformance.Card{Most: 200 * time.Millisecond, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector { return stuck{p, forever} })
	}}
	lines := card.Score(t.Context())
	if got := failures(lines); len(got) != 1 || lines[len(lines)-1].Result != conformance.NotTried {
		t.Errorf("after a check that does not end: %q, %+v", got, lines[len(lines)-1])
	}
	close(forever)
	card.Most = time.Minute
	if got := failures(card.Score(t.Context())); len(got) < 5 {
		t.Errorf("panics are found by %q only", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, l := range card.Score(ctx) {
		if l.Result != conformance.NotTried || l.Details[0] != "interrupted" {
			t.Errorf("after an interrupt: %+v", l)
		}
	}
}

type complaining struct{ inMemory }

func (complaining) Complaints() []string { return []string{"it left children behind"} }

func TestComplaintsCount(t *testing.T) {
	card := conformance.Card{Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject {
		return freshProgram(func(p inMemory) engine.Connector { return complaining{p} })
	}}
	if lines := card.Score(t.Context()); lines[0].Result != conformance.Wrong || lines[0].Details[0] != "it left children behind" {
		t.Errorf("%+v", lines[0])
	}
}
