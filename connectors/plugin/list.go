package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Holdings asks for all accounts, in a process that gets no changes. The list is whole only if the plug-in says so, with the number of
// accounts that came.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	select {
	case p.lists <- struct{}{}:
		defer func() { <-p.lists }()
	case <-ctx.Done():
		return proof, ctx.Err()
	}
	s, err := p.lister(ctx)
	if err != nil {
		return proof, err
	}
	defer func() {
		p.lagged.note(s, p.options.Now())
		p.pool.put(s)
	}()
	l := listing{s: s, yield: yield, proof: &proof, seen: map[string]bool{}}
	end, err := l.read(ctx, p)
	if err != nil {
		return proof, err
	}
	l.finish(end)
	proof.Finished = p.options.Now()
	return proof, nil
}

const maxReasons = 100 // of one list; whoever gives the same page for ever is stopped by it

// listing is one list that is being read.
type listing struct {
	s     *session
	yield func(engine.Holding) error
	proof *engine.Proof
	seen  map[string]bool
	came  int
}

// read gives the plug-in's mark at the end.
func (l *listing) read(ctx context.Context, p *Program) (end mark, err error) {
	c, err := l.s.begin(ctx, "holdings", nil, true)
	if err != nil {
		return end, err
	}
	long := time.AfterFunc(p.mostFor, func() { _ = l.s.fail(fmt.Errorf("its list did not end within %s", p.mostFor)) })
	defer long.Stop()
	for {
		raw, answer, err := l.s.next(ctx, c)
		switch {
		case err != nil:
			return end, err
		case answer != nil:
			return end, l.s.decode("holdings", answer, &end)
		}
		if err := l.account(raw); err != nil {
			return end, err
		}
	}
}

func (l *listing) account(a *wireAccount) error {
	l.came++
	if len(l.proof.Reasons) > maxReasons {
		return l.s.fail(errors.New("its list is not worth reading on: " + l.proof.Reasons[0].Detail))
	}
	if err := l.s.checkAccount(a); err != nil {
		l.proof.Add(engine.ReasonMalformed, l.s.clean(err.Error()))
		return nil
	}
	if l.seen[a.ID] {
		l.proof.Add(engine.ReasonDuplicate, l.s.clean(fmt.Sprintf("the plug-in lists the account %s twice", quote(a.ID))))
		return nil
	}
	l.seen[a.ID] = true
	for _, h := range l.s.holdings(a) {
		if err := l.yield(h); err != nil {
			return err
		}
		l.proof.Count++
	}
	return nil
}

// finish judges the end of the list.
func (l *listing) finish(end mark) {
	name := l.proof.Source
	switch {
	case end.Complete == nil:
		l.proof.Add(engine.ReasonPartial, fmt.Sprintf("the plug-in of %s ended its list without saying whether that was all; it must answer with complete", name))
	case !*end.Complete:
		reason := l.s.clean(end.Reason)
		if reason == "" {
			reason = "it does not say why"
		}
		l.proof.Add(engine.ReasonPartial, fmt.Sprintf("the plug-in of %s says that its list is not complete: %s", name, reason))
	case end.Reason != "":
		l.proof.Add(engine.ReasonMalformed, fmt.Sprintf("the plug-in of %s calls its list complete, and says why it is not: %s", name, l.s.clean(end.Reason)))
	case end.Accounts == nil || *end.Accounts != l.came:
		l.proof.Add(engine.ReasonPartial, fmt.Sprintf("%d accounts came from the plug-in of %s, which does not say that it were so many; it must count them in accounts", l.came, name))
	}
}

// checkAccount says what is wrong with an account.
func (s *session) checkAccount(a *wireAccount) error {
	if err := checkName("account", a.ID); err != nil {
		return err
	}
	if a.Entitlements == nil {
		return fmt.Errorf("the account %s comes without entitlements; list them, or [] for an account that holds none", quote(a.ID))
	}
	if s.can.Accounts && a.Active == nil {
		return fmt.Errorf("the account %s comes without active, though the plug-in knows suspended accounts", quote(a.ID))
	}
	if a.Kind != "" && !slices.Contains(engine.AccountKinds(), a.Kind) {
		return fmt.Errorf("the account %s is of the unknown kind %s", quote(a.ID), quote(a.Kind))
	}
	seen := map[string]bool{}
	for _, right := range a.Entitlements {
		if err := checkRight(right); err != nil {
			return fmt.Errorf("the account %s: %w", quote(a.ID), err)
		}
		if seen[right] {
			return fmt.Errorf("the account %s holds %s twice", quote(a.ID), quote(right))
		}
		seen[right] = true
	}
	return nil
}

// holdings is an account as the engine knows it. What is known of it comes with the first one.
func (s *session) holdings(a *wireAccount) (out []engine.Holding) {
	if !s.can.Keyed {
		out = append(out, engine.Holding{Account: a.ID, Entitlement: engine.Exists})
	}
	if s.can.Accounts && *a.Active {
		out = append(out, engine.Holding{Account: a.ID, Entitlement: engine.Active})
	}
	for _, right := range a.Entitlements {
		out = append(out, engine.Holding{Account: a.ID, Entitlement: right})
	}
	if len(out) > 0 {
		out[0].Info = a.info()
	}
	return out
}

func (a *wireAccount) info() *engine.AccountInfo {
	attributes := map[string]string{}
	for k, v := range a.Attributes {
		attributes[k] = v
	}
	if a.Person != "" {
		attributes["person"] = a.Person
	}
	info := &engine.AccountInfo{Name: a.Name, Display: a.Display, Kind: a.Kind, Attributes: attributes, LastUse: a.LastUse}
	if info.Name == "" {
		info.Name = a.ID
	}
	return info
}

// Account reads one account singly where the plug-in can, else from the list.
func (p *Program) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	if checkName("account", account) != nil {
		return nil, nil // nobody can be called that
	}
	s, err := p.session(ctx, anything)
	if err != nil {
		return nil, err
	}
	if !s.can.Read {
		return p.listed(ctx, account)
	}
	var answer one
	if err := s.ask(ctx, "account", map[string]string{"account": account}, &answer); err != nil {
		return nil, err
	}
	var a *wireAccount
	switch {
	case answer.Account == nil:
		return nil, s.fail(fmt.Errorf("its answer about the account %s comes without account; null says that there is none", quote(account)))
	case known(answer.Account, &a) != nil:
		return nil, s.fail(fmt.Errorf("its answer about the account %s can't be read", quote(account)))
	case answer.ID != account || a != nil && a.ID != account:
		return nil, s.fail(fmt.Errorf("asked for the account %s, it gives another one", quote(account)))
	case a == nil:
		return nil, nil
	}
	if err := s.checkAccount(a); err != nil {
		return nil, errors.New(s.clean(err.Error()))
	}
	return s.holdings(a), nil
}

func (p *Program) listed(ctx context.Context, account string) (out []engine.Holding, err error) {
	proof, err := p.Holdings(ctx, func(h engine.Holding) error {
		if h.Account == account {
			out = append(out, h)
		}
		return nil
	})
	if err == nil && !proof.Complete() {
		err = errors.New(proof.Reasons[0].Detail)
	}
	return out, err
}
