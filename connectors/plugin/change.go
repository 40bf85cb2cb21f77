package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// Methods that change something.
const (
	methodGrant   = "grant"
	methodRevoke  = "revoke"
	methodSuspend = "suspend"
	methodResume  = "resume"
	methodDelete  = "delete"
	methodCreate  = "create"
	methodUpdate  = "update"
	methodBatch   = "batch"
)

// change is a question that changes something; Method stands in it only within a batch.
type change struct {
	Method      string            `json:"method,omitempty"`
	Account     string            `json:"account,omitempty"`
	Entitlement string            `json:"entitlement,omitempty"`
	Name        string            `json:"name,omitempty"`
	Person      string            `json:"person,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
}

// Grant gives a right, or resumes an account.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	if entitlement == engine.Exists {
		return p.exists(ctx, account)
	}
	r := p.do(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
	return r.Outcome, r.Err
}

// Revoke takes a right, suspends an account or deletes it.
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	r := p.do(ctx, engine.Call{Account: account, Entitlement: entitlement})
	return r.Outcome, r.Err
}

// Create makes an account; the plug-in refuses if it does not declare that.
func (p *Program) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	r := p.do(ctx, engine.Call{New: &a})
	return r.ID, r.Outcome, r.Err
}

// Update changes an account's name and attributes.
func (p *Program) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	s, err := p.session(ctx, anything)
	if err != nil {
		return engine.Failed, err
	}
	if !s.can.Update {
		return engine.Refused, fmt.Errorf("the plug-in of %s does not change accounts; do it by hand", p.options.Program)
	}
	r := s.change(ctx, &change{Method: methodUpdate, Account: account, Name: to.Name, Person: to.Person, Attributes: to.Attributes})
	return r.Outcome, r.Err
}

// exists answers the grant of an existence, which only a look can: accounts are made by Create.
func (p *Program) exists(ctx context.Context, account string) (engine.Outcome, error) {
	held, err := p.Account(ctx, account)
	switch {
	case err != nil:
		return engine.Failed, err
	case len(held) == 0:
		return engine.Refused, fmt.Errorf("%s has no account %s; it must be created first", p.options.Program, quote(account))
	}
	return engine.Already, nil
}

func (p *Program) do(ctx context.Context, call engine.Call) engine.Result {
	r, again := p.once(ctx, call)
	if again {
		r, _ = p.once(ctx, call)
	}
	return r
}

// once makes a change; again says that it was not sent, and that another process could make it.
func (p *Program) once(ctx context.Context, call engine.Call) (r engine.Result, again bool) {
	s, err := p.session(ctx, wants(call))
	if err != nil {
		return engine.Result{Outcome: engine.Failed, Err: err}, false
	}
	q, err := s.question(call)
	if err != nil {
		return engine.Result{Outcome: engine.Refused, Err: err}, false
	}
	r = s.change(ctx, q)
	return r, s.missed(ctx, r.Err)
}

// wants is urgent if one of the calls takes something.
func wants(calls ...engine.Call) want {
	if slices.ContainsFunc(calls, func(c engine.Call) bool { return !c.Grant && c.New == nil }) {
		return urgent
	}
	return anything
}

// missed: nothing was sent, since the process ended while the call waited behind another one.
func (s *session) missed(ctx context.Context, err error) bool {
	var none unsent
	return errors.As(err, &none) && !s.alive() && ctx.Err() == nil
}

// question puts a call into the protocol's words; an error says why the plug-in can't be asked.
func (s *session) question(c engine.Call) (*change, error) {
	if c.New != nil {
		if !s.can.Lifecycle {
			return nil, fmt.Errorf("the plug-in of %s does not create accounts; make it by hand", s.program)
		}
		return &change{Method: methodCreate, Name: c.New.Name, Person: c.New.Person, Attributes: c.New.Attributes}, checkName("account", c.New.Name)
	}
	q := &change{Account: c.Account}
	var err error
	switch {
	case c.Entitlement == engine.Active && s.can.Accounts:
		q.Method = map[bool]string{true: methodResume, false: methodSuspend}[c.Grant]
	case c.Entitlement == engine.Exists && s.can.Lifecycle && !c.Grant:
		q.Method = methodDelete
	case c.Entitlement == engine.Active || c.Entitlement == engine.Exists:
		err = fmt.Errorf("the plug-in of %s does not declare that it can do that to an account; do it by hand", s.program)
	default:
		q.Method, q.Entitlement = map[bool]string{true: methodGrant, false: methodRevoke}[c.Grant], c.Entitlement
		err = checkName("entitlement", c.Entitlement)
	}
	if wrong := checkName("account", c.Account); wrong != nil {
		err = wrong
	}
	return q, err
}

// change makes one change.
func (s *session) change(ctx context.Context, q *change) engine.Result {
	asked := *q
	asked.Method = "" // it is the call's own
	answer, err := s.answer(ctx, q.Method, &asked)
	if err != nil {
		return failure(err)
	}
	var c changed
	if err := s.decode(q.Method, answer, &c); err != nil {
		return engine.Result{Outcome: engine.Uncertain, Err: err}
	}
	return s.result(q, &c)
}

// answer asks, and gives the raw answer.
func (s *session) answer(ctx context.Context, method string, params any) (json.RawMessage, error) {
	c, err := s.begin(ctx, method, params, false)
	if err != nil {
		return nil, err
	}
	_, answer, err := s.next(ctx, c)
	return answer, err
}

// failure says what an error tells of the effect: nothing was sent, it is not known how to do that, or nobody knows.
func failure(err error) engine.Result {
	var none unsent
	var unknown noMethod
	switch {
	case errors.As(err, &none):
		return engine.Result{Outcome: engine.Failed, Err: err}
	case errors.As(err, &unknown):
		return engine.Result{Outcome: engine.Refused, Err: err}
	}
	return engine.Result{Outcome: engine.Uncertain, Err: err}
}

// result takes an answer for what it says, if it answers the question. What does not is nonsense, and the effect unknown.
func (s *session) result(q *change, c *changed) engine.Result {
	if err := c.check(q); err != nil {
		return engine.Result{Outcome: engine.Uncertain, Err: s.fail(fmt.Errorf("its answer to %s is wrong: %w", q.Method, err))}
	}
	r := engine.Result{Outcome: c.Outcome}
	switch {
	case c.Outcome != engine.Done && c.Outcome != engine.Already:
		reason := s.clean(c.Reason)
		if reason == "" {
			reason = "it gives no reason"
		}
		r.Err = fmt.Errorf("the plug-in of %s: %s", s.program, reason)
	case q.Method == methodCreate:
		r.ID = c.Account
	}
	return r
}
