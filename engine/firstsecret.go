package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// SecretLetter is one secret for whoever gets it. It is written down nowhere else.
type SecretLetter struct {
	To, For          *Person // who gets it, for whose account
	Address          string  // where
	Program, Account string  // the account by its name
	Secret           string
}

// SecretPost takes letters to where they belong. An error says that nobody has the letter, as far as is known.
type SecretPost interface {
	Send(ctx context.Context, l *SecretLetter) error
	Close()
}

// SendSecrets has the first secrets of new accounts made, and sends them, as far as the people of the outlook show to whom. The post
// is opened before anything is made. A second secret makes the first one void, so of several processes one alone asks for it: the one
// that is the first to write so.
//
// What is remembered ends with the record that a secret was sent. Whatever happens before, the next time a new one is made, and the one
// that may be under way is void.
func (e *Engine) SendSecrets(ctx context.Context, o *Outlook, open func(context.Context) (SecretPost, error)) (sent int, err error) {
	due, err := e.secretsDue(ctx, o)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	post, err := open(ctx)
	if err != nil {
		return 0, fmt.Errorf("first secrets are not sent: %w", err)
	}
	defer post.Close()
	var wrong []error
	for i := range due {
		if ctx.Err() != nil {
			break
		}
		ok, err := e.sendSecret(ctx, post, &due[i])
		if ok {
			sent++
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		if errors.Is(err, errJournal) {
			break
		}
	}
	return sent, errors.Join(wrong...)
}

var errJournal = errors.New("it could not be recorded")

// dueSecret is one that can be made and sent now.
type dueSecret struct {
	w     *worker
	maker SecretMaker
	fact  Fact
	to    SecretLetter
}

func (e *Engine) secretsDue(ctx context.Context, o *Outlook) (due []dueSecret, err error) {
	facts, ok := e.Journal.(Facts)
	if !ok || o == nil || !slices.ContainsFunc(e.Programs, func(p Program) bool { return p.FirstLogin == FirstSecret }) {
		return nil, nil
	}
	all, err := facts.Facts(ctx, FactSecret)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	cuts, err := facts.Facts(ctx, FactCut)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Fact) int { return compareKeys(a.FactKey, b.FactKey) })
	workers := map[string]*worker{}
	for _, f := range all {
		cut := slices.ContainsFunc(cuts, func(c Fact) bool { return c.Person == f.Person })
		if d, ok := e.dueNow(ctx, o, f, workers); ok && !cut {
			due = append(due, d)
		}
	}
	return due, nil
}

func (e *Engine) dueNow(ctx context.Context, o *Outlook, f Fact, workers map[string]*worker) (d dueSecret, ok bool) {
	i := slices.IndexFunc(e.Programs, func(p Program) bool { return p.Name == f.Program })
	who := o.Person(f.Person)
	if i < 0 || who == nil || e.Programs[i].FirstLogin != FirstSecret || e.Now().Before(f.Until) {
		return d, false
	}
	p := &e.Programs[i]
	d = dueSecret{fact: f, to: SecretLetter{For: who, Program: p.Name, Account: secretName(f)}}
	var wait string
	if d.to.To, d.to.Address, wait = p.secretReceiver(o.People, who, e.Now()); wait != "" {
		return d, false
	}
	if d.maker, ok = p.Connector.(SecretMaker); !ok {
		return d, false
	}
	if d.w = workers[p.Name]; d.w == nil {
		d.w = e.caller(p)
		d.w.describe(ctx)
		workers[p.Name] = d.w
	}
	state, unsure := d.w.standing(ctx)
	return d, d.w.p.Describes.Secrets && d.w.setAside() == nil && unsure == nil && state == breakerClosed && d.w.mayStart(ctx) == nil
}

// caller is a worker for calls that are no changes of a plan.
func (e *Engine) caller(p *Program) *worker {
	described := *p
	return &worker{e: e, p: &described, lost: cmp.Or(p.Lost, &atomic.Int32{}), report: Report{Outcomes: map[Outcome]int{}}}
}

// secretName is what the account is called.
func secretName(f Fact) string {
	var name string
	if json.Unmarshal(f.Data, &name) != nil || name == "" {
		return f.Account
	}
	return name
}

// sendSecret records that a secret is asked for before it is, and what became of it.
func (e *Engine) sendSecret(ctx context.Context, post SecretPost, d *dueSecret) (sent bool, err error) {
	f, mine, err := e.askFor(ctx, d.fact)
	if err != nil || !mine {
		return false, err
	}
	ended := Record{Kind: KindSecret, Actor: "rolecall", Person: f.Person, Program: f.Program, Account: f.Account}
	letter := d.to
	if letter.Secret, err = d.w.newSecret(ctx, d.maker, f.Account); err == nil {
		err = Scrub(post.Send(ctx, &letter), letter.Secret)
	}
	if err == nil {
		ended.Why, ended.Clear = []string{"a one-time secret was sent to " + letter.role() + ", the person " + letter.To.Key}, []FactKey{f.FactKey}
	} else {
		f.Text, f.Until = err.Error(), e.Now().UTC().Add(backOff(f.Count-1))
		ended.Why, ended.Set = []string{"no one-time secret was sent: " + f.Text}, []Fact{f}
		err = fmt.Errorf("no first secret for the account %s of %s: %w", quote(f.Account), f.Program, err)
	}
	if wrong := e.Journal.Append(context.WithoutCancel(ctx), Free, []Record{ended}); wrong != nil {
		return false, errors.Join(err, fmt.Errorf("%w what became of a first secret, so another one is made: %w", errJournal, wrong))
	}
	return err == nil, err
}

// askFor records that a secret is asked for, unless somebody else has, or has sent it, since the fact was read: of two that look at the
// same time, one alone can write.
func (e *Engine) askFor(ctx context.Context, before Fact) (f Fact, mine bool, err error) {
	f = before
	f.Count, f.Until = f.Count+1, e.Now().UTC().Add(secretAsked)
	asked := Record{Kind: KindSecret, Actor: "rolecall", Person: f.Person, Program: f.Program, Account: f.Account,
		Why: []string{"a new one-time secret is asked for; one that was asked for before is void"}, Set: []Fact{f}}
	err = e.Journal.Append(ctx, Guard{Control: -1, Fact: &before}, []Record{asked})
	if errors.Is(err, ErrStale) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("%w, so no first secret is made: %w", errJournal, err)
	}
	return f, true, nil
}

// secretAsked is how long a secret that was asked for is left to whoever did.
const secretAsked = 2 * time.Minute

// role is who gets it, without a name.
func (l *SecretLetter) role() string {
	if l.To == l.For || l.To.Key == l.For.Key {
		return "whom it is for"
	}
	return "the manager"
}

func (w *worker) newSecret(ctx context.Context, maker SecretMaker, account string) (string, error) {
	type answer struct {
		secret string
		err    error
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.callTime())
	defer cancel()
	a, ok := attempt(ctx, w, func() (a answer) {
		a.err = errors.New("the connector failed") // a panic may say anything
		defer func() { _ = recover() }()
		a.secret, a.err = maker.NewSecret(ctx, account)
		return a
	})
	switch {
	case !ok:
		return "", errLost
	case a.err != nil:
		return "", Scrub(a.err, a.secret)
	case a.secret == "":
		return "", errors.New("the connector gave no secret")
	}
	return a.secret, nil
}
