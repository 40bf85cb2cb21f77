package conformance_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

// wired is a connector whose program is behind a wire; its mistakes are what the checks are for.
type wired struct {
	inMemory
	wire    *conformance.Wire
	mistake string
}

// ask is an exchange that carries an answer of four bytes.
func (p wired) ask(ctx context.Context, do func() error) error {
	answer, err := p.wire.Step(ctx, func() ([]byte, error) { return []byte("fine"), do() })
	if err == nil && string(answer) != "fine" {
		err = errors.New("that is no answer")
	}
	return err
}

func (p wired) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	var proof engine.Proof
	err := p.ask(ctx, func() (err error) { proof, err = p.inMemory.Holdings(ctx, yield); return err })
	if err == nil {
		err = p.ask(ctx, func() error { return nil })
	}
	if p.mistake == "takes a part for the whole" && err != nil {
		proof.Source, proof.Finished, err = "memory", proof.Started, nil
	}
	return proof, err
}

func (p wired) Account(ctx context.Context, account string) (held []engine.Holding, err error) {
	err = p.ask(ctx, func() (err error) { held, err = p.inMemory.Account(ctx, account); return err })
	if p.mistake == "takes no answer for no account" {
		err = nil
	}
	return held, err
}

func (p wired) Grant(ctx context.Context, account, right string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: right})
}

func (p wired) Revoke(ctx context.Context, account, right string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: right})
}

func (p wired) change(ctx context.Context, c engine.Call) (outcome engine.Outcome, err error) {
	if err := p.ask(ctx, func() error { return nil }); err != nil {
		return engine.Failed, err // nothing was sent yet
	}
	var answer error
	if err := p.ask(ctx, func() error { outcome, answer = call(ctx, p.inMemory, c); return nil }); err != nil {
		return map[string]engine.Outcome{"says that it failed": engine.Failed, "says that it is refused": engine.Refused}[p.mistake], err
	}
	return outcome, answer
}

func (p wired) honest() engine.Connector { return honest{p} }

// honest says that nothing is known where an answer is lost.
type honest struct{ wired }

func (p honest) Grant(ctx context.Context, account, right string) (engine.Outcome, error) {
	return sure(p.wired.Grant(ctx, account, right))
}

func (p honest) Revoke(ctx context.Context, account, right string) (engine.Outcome, error) {
	return sure(p.wired.Revoke(ctx, account, right))
}

func sure(outcome engine.Outcome, err error) (engine.Outcome, error) {
	if outcome == "" {
		outcome = engine.Uncertain
	}
	return outcome, err
}

// The checks let an honest connector pass, and catch each mistake.
func TestWhatBreaksIsNoticed(t *testing.T) {
	const lost, part, silent, nobody = "survives lost answers", "never takes a part for the whole", "comes back when nobody answers", "knows when nobody is there"
	for _, tc := range []struct{ mistake, check, want string }{
		{"", lost, ""}, {"", part, ""}, {"", silent, ""}, {"", nobody, ""},
		{"says that it failed", lost, `gives failed`},
		{"says that it failed", silent, `gives failed`},
		{"says that it is refused", lost, `gives refused`},
		{"takes a part for the whole", part, "the list is taken for whole"},
		{"takes a part for the whole", nobody, "are taken for all"},
		{"takes no answer for no account", part, "the account is taken for read"},
		{"takes no answer for no account", nobody, "is said to hold"},
	} {
		t.Run(tc.mistake+" "+tc.check, func(t *testing.T) {
			t.Parallel()
			card := conformance.Card{Most: time.Minute, Only: tc.check, Fresh: func(conformance.T) *conformance.Subject {
				wire := &conformance.Wire{}
				u := freshProgram(func(p inMemory) engine.Connector { return wired{p, wire, tc.mistake}.honest() })
				u.Arm, u.Wire = nil, wire
				return u
			}}
			l := card.Score(t.Context())[0]
			found := strings.Join(l.Details, "\n")
			if tc.want == "" && l.Result != conformance.Passed || tc.want != "" && !strings.Contains(found, tc.want) {
				t.Errorf("%s, looking for %q in:\n%.2000s", l.Result, tc.want, found)
			}
		})
	}
}

// echo answers each line with itself, in capitals.
func echo(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buffer := make([]byte, 100)
				for {
					n, err := c.Read(buffer)
					if err != nil {
						return
					}
					_, _ = c.Write([]byte(strings.ToUpper(string(buffer[:n]))))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestAWireBreaksWhereItIsToldTo(t *testing.T) {
	address := echo(t)
	for fault, want := range map[conformance.WireFault]string{
		conformance.LostRequest: "", conformance.LostAnswer: "", conformance.LostForGood: "", conformance.HalfAnswer: "TW", conformance.Garbage: "\x15",
	} {
		w := &conformance.Wire{}
		c, err := w.Dialing(nil)(t.Context(), "tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		if c.RemoteAddr().String() != address {
			t.Errorf("the other end claims to be %s", c.RemoteAddr())
		}
		w.Arm(fault, 2)
		ask := func(text string) string {
			_, _ = io.WriteString(c, text)
			buffer := make([]byte, 100)
			n, _ := c.Read(buffer)
			return string(buffer[:n])
		}
		if first, second := ask("one."), ask("two."); first != "ONE." || !strings.HasPrefix(second, want) || second == "TWO." || ask("more") != "" && fault != conformance.Garbage {
			t.Errorf("%s: %q, %q", fault, first, second)
		}
		_, err = w.Dialing(nil)(t.Context(), "tcp4", address)
		if refused := err != nil; refused != (fault == conformance.LostForGood) || !w.Disarm() {
			t.Errorf("%s: another connection: %v", fault, err)
		}
		_ = c.Close()
	}
}

// What was held back comes when nobody waits for it any more.
func TestASilentWireIsLate(t *testing.T) {
	w := &conformance.Wire{}
	c, err := w.Dialing(nil)(t.Context(), "tcp4", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.Arm(conformance.Silence, 1)
	hit := w.Hit()
	_, _ = io.WriteString(c, "one.")
	<-hit
	_ = c.SetReadDeadline(time.Unix(1, 0))
	buffer := make([]byte, 100)
	if n, err := c.Read(buffer); err == nil {
		t.Errorf("it is not silent: %q", buffer[:n])
	}
	w.Disarm()
	_ = c.SetReadDeadline(time.Time{})
	if n, err := c.Read(buffer); err != nil || string(buffer[:n]) != "ONE." {
		t.Errorf("late: %q, %v", buffer[:n], err)
	}
}
