package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Grant gives a right, or resumes the account.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
}

// Revoke takes a right, suspends the account, or deletes it.
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: entitlement})
}

func (p *Program) change(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	a, err := p.find(ctx, c.Account)
	if err != nil {
		return httpconn.OutcomeOf(httpconn.Before(err)), p.explain(err)
	}
	var outcome engine.Outcome
	switch {
	case a == nil && c.Grant:
		err = httpconn.Refuse("there is no account %q; it must be created first", c.Account)
	case a == nil, c.Grant && c.Entitlement == engine.Exists:
		return engine.Already, nil
	case c.Entitlement == engine.Exists:
		outcome, err = p.remove(ctx, a)
	case c.Entitlement == engine.Active:
		outcome, err = p.setActive(ctx, a, c.Grant)
	default:
		outcome, err = p.setRight(ctx, a, c)
	}
	return p.settle(outcome, err)
}

// settle gives an error its outcome, if it has none yet.
func (p *Program) settle(outcome engine.Outcome, err error) (engine.Outcome, error) {
	if err == nil {
		return outcome, nil
	}
	if outcome == "" {
		outcome = httpconn.OutcomeOf(err)
	}
	return outcome, p.explain(err)
}

// subject is what a change of a right is about.
type subject struct {
	group *group
	pair  pair
	id    string            // of the right
	names map[string]string // of the group's catalogue
}

func (s *subject) values() values {
	return values{"account": s.pair.account, "right": s.pair.right, "right.id": s.id}
}

// about looks a right up. Where it has an id, the catalogue is read anew: the right of that id may have another name by now.
func (p *Program) about(ctx context.Context, c engine.Call) (*subject, error) {
	g, name := p.groupOf(c.Entitlement)
	if g == nil || !httpconn.Plain(name) {
		return nil, httpconn.Refuse("there is no right %q", c.Entitlement)
	}
	p.mu.Lock()
	names := p.names[g]
	p.mu.Unlock()
	if g.counted() && (names[name] == "" || g.id != nil) {
		var err error
		if names, err = p.catalogue(ctx, g); err != nil {
			return nil, err
		}
	}
	return g.subject(c.Account, name, names)
}

// subject looks a right up in a catalogue.
func (g *group) subject(account, name string, names map[string]string) (*subject, error) {
	s := &subject{group: g, pair: pair{account, name}, id: name, names: names}
	if g.counted() {
		s.id = names[name]
	}
	if s.id == "" || !httpconn.Plain(name) {
		return nil, httpconn.Refuse("there is no right %q", g.prefix+name)
	}
	return s, nil
}

// writes are what gives or takes a right.
func (g *group) writes(grant bool) []write {
	if grant {
		return g.grant
	}
	return g.revoke
}

// setRight gives or takes a right, and compares what can be seen around it before and after.
func (p *Program) setRight(ctx context.Context, a *account, c engine.Call) (engine.Outcome, error) {
	s, err := p.about(ctx, c)
	if err != nil {
		return "", httpconn.Before(err)
	}
	old, err := p.look(ctx, s, a)
	if err != nil {
		return "", httpconn.Before(err)
	}
	if old[s.pair] == c.Grant {
		return engine.Already, nil
	}
	sent := p.send(ctx, s.group.writes(c.Grant), s.values(), a.item)
	if sent != nil && httpconn.OutcomeOf(sent) != engine.Refused {
		return "", sent
	}
	now, err := p.lookAgain(ctx, s)
	switch {
	case sent != nil && err == nil && now[s.pair] == c.Grant: // somebody else was faster
		return engine.Already, nil
	case sent != nil:
		return "", sent
	case err != nil:
		return engine.Uncertain, fmt.Errorf("the change can't be read back: %w", err)
	case now[s.pair] != c.Grant:
		return p.lied(fmt.Errorf("the program accepted the change of %q of the account %q, and does not show it", c.Entitlement, c.Account))
	}
	if err := vanished(old, now, func(h pair) bool { return h == s.pair }); err != nil {
		return engine.Uncertain, err
	}
	return engine.Done, nil
}

// vanished finds what went with a change that did not ask for it.
func vanished(old, now map[pair]bool, asked func(pair) bool) error {
	n, first := 0, pair{}
	for h := range old {
		if now[h] || asked(h) {
			continue
		}
		if n++; n == 1 || h.account < first.account || h.account == first.account && h.right < first.right {
			first = h
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("with this change %d other holdings vanished, %q of the account %q first; stop and check whether the program replaces lists", n, first.right, first.account)
}

// look reads what tells whether the account holds the right, and what else can be seen there.
func (p *Program) look(ctx context.Context, s *subject, a *account) (map[pair]bool, error) {
	out := map[pair]bool{}
	keep := func(h pair) error { out[h] = true; return nil }
	g, key := s.group, s.values()
	var err error
	switch {
	case g.each != nil:
		var held []pair
		if held, err = p.namesIn(g, a); err == nil {
			for _, h := range held {
				out[h] = true
			}
		}
	case g.one != nil:
		err = p.read(ctx, g, g.one, key, s.names, keep)
		if httpconn.Gone(err) && (g.one.address.uses("right") || g.one.address.uses("right.id")) { // of the pair, or of the address
			err = p.lookInList(ctx, s, func(h pair) error { out[s.pair] = out[s.pair] || h == s.pair; return nil })
		}
	default:
		err = p.lookInList(ctx, s, keep)
	}
	return out, err
}

// lookInList reads the list that shows whether the account holds the right.
func (p *Program) lookInList(ctx context.Context, s *subject, keep func(pair) error) error {
	var key values
	if s.group.listsBy("account", "right", "right.id") {
		key = s.values()
	}
	return p.read(ctx, s.group, s.group.list, key, s.names, keep)
}

// lookAgain is look after a change.
func (p *Program) lookAgain(ctx context.Context, s *subject) (map[pair]bool, error) {
	if s.group.each == nil {
		return p.look(ctx, s, nil)
	}
	a, err := p.find(ctx, s.pair.account)
	if err == nil && a == nil {
		err = errors.New("the account is gone")
	}
	if err != nil {
		return nil, err
	}
	return p.look(ctx, s, a)
}

// lied: an accepted change that is not to be seen did not happen, unless lists may lag.
func (p *Program) lied(err error) (engine.Outcome, error) {
	if p.lag > 0 {
		return engine.Uncertain, err
	}
	return engine.Failed, err
}

// send makes the requests of a change, one after the other. All are made up before the first one leaves.
func (p *Program) send(ctx context.Context, writes []write, v values, item any) error {
	calls := make([]httpconn.Call, len(writes))
	for i := range writes {
		var err error
		if calls[i], err = p.request(&writes[i], v, item); err != nil {
			return httpconn.Before(err)
		}
	}
	for i, call := range calls {
		answer, err := p.client.Do(ctx, call)
		if err == nil {
			err = noPage(answer)
		}
		if err != nil && i > 0 { // what was sent before may have happened
			err = fmt.Errorf("after %d of %d requests: %s", i, len(calls), err.Error())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noPage refuses a page for people, such as one to sign in, whatever its status is.
func noPage(a *httpconn.Answer) error {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
		return fmt.Errorf("%s: the answer is a page for people and not JSON; check the url, and whether something before the program wants a sign-in", a.Call)
	}
	return nil
}

func (p *Program) request(w *write, v values, item any) (call httpconn.Call, err error) {
	call = httpconn.Call{Method: w.method, Expect: w.expect, Header: p.headers, Type: "application/json"}
	if call.Path, err = w.address.fill(v); err != nil {
		return call, err
	}
	var value any
	switch {
	case w.body != nil:
		value, err = fillBody(w.body, v)
	case w.from != nil:
		if value, err = w.from.value(item, v); err != nil {
			err = fmt.Errorf("from: %w", err)
		}
	case len(w.form) > 0:
		call.Type = "application/x-www-form-urlencoded"
		call.Body, err = w.formBody(v)
		return call, err
	default:
		return call, nil
	}
	if err == nil {
		call.Body, err = json.Marshal(value)
	}
	return call, err
}

func (w *write) formBody(v values) ([]byte, error) {
	form := url.Values{}
	for name, t := range w.form {
		value, missing := t.fill(v, func(s string) string { return s })
		if missing != "" {
			return nil, httpconn.Refuse("there is no value for {%s}", missing)
		}
		form.Set(name, value)
	}
	return []byte(form.Encode()), nil
}
