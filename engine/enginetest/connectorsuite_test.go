package enginetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// inMemory is a Program with the abilities that the fake leaves out.
type inMemory struct{ *Program }

func (p inMemory) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	out := make([]engine.Result, len(calls))
	for i, c := range calls {
		u := ConnectorUnderTest{Connector: p}
		if c.New != nil {
			out[i].ID, out[i].Outcome, out[i].Err = p.Create(ctx, *c.New)
			continue
		}
		out[i].Outcome, out[i].Err = u.do(ctx, c)
	}
	return out
}

func freshProgram(c func(inMemory) engine.Connector) *ConnectorUnderTest {
	var mu sync.Mutex
	armed, now := NoFault, time.Unix(0, 0)
	p := NewProgram("memory", func() time.Time { return now })
	p.Rights = []string{"read", "Write All"}
	p.ID = func(name string) string { return "id of " + name }
	p.Before = func(call ProgramCall) Fault {
		mu.Lock()
		defer mu.Unlock()
		if listing := armed == BreakList || armed == PartialList; call.Op == "read" || armed != Unreachable && listing == call.Writes() {
			return NoFault
		}
		f := armed
		armed = NoFault
		return f
	}
	u := &ConnectorUnderTest{Accounts: []string{"ann", "Ben Smith", "Łucja"}, Rights: p.Rights, Stranger: "nobody", NoRight: "fly",
		NewNames: []string{"dan", "Eve É"}, Secrets: []string{"canary"}}
	for _, a := range u.Accounts {
		p.AddAccount(a, engine.AccountInfo{}, engine.Exists, engine.Active)
	}
	u.Arm = func(f Fault) bool { armed = f; return f != HidePart && f != Lie }
	u.Connector = c(inMemory{p})
	return u
}

func TestConnectorSuite(t *testing.T) {
	ConnectorSuite(t, func(*testing.T) *ConnectorUnderTest {
		return freshProgram(func(p inMemory) engine.Connector { return p })
	})
}

// recorder stands in for a test that may fail.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(f, args...))
}
func (r *recorder) Fatal(args ...any) { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, args ...any) {
	r.Errorf(f, args...)
	runtime.Goexit()
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
	u := ConnectorUnderTest{Connector: m.inMemory}
	return u.do(ctx, c)
}

func (m mutant) Grant(ctx context.Context, a, e string) (engine.Outcome, error) {
	return m.do(ctx, grant(a, e))
}
func (m mutant) Revoke(ctx context.Context, a, e string) (engine.Outcome, error) {
	return m.do(ctx, revoke(a, e))
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
			u := ConnectorUnderTest{Connector: p}
			outcome, err := u.do(context.Background(), c)
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
			var r recorder
			for _, check := range connectorChecks() {
				var ended sync.WaitGroup
				ended.Go(func() {
					u := freshProgram(func(p inMemory) engine.Connector { m.inMemory = p; return m })
					check.run(&r, u)
					u.noSecrets(&r)
				})
				ended.Wait()
			}
			if found := len(r.said) > 0; found != (name != "none") {
				t.Errorf("found: %q", r.said)
			}
		})
	}
}
