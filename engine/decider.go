package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Decider is who decides, where more is known of them than the name that the journal has.
type Decider struct {
	Person  string   // key, "" where they are nobody in the directory
	Words   []string // logins, addresses and names that they are known by
	InPlace bool     // they decide only in the place of somebody who lets them
	Asked   bool     // they review only the lines for which they are asked
	Shown   bool     // they decide on what they were shown as waiting, and nobody may have decided on it since
}

// names are all that an actor is called by.
func (d *Decider) names(actor string) []string { return append([]string{actor}, d.Words...) }

// ErrOwnAccess refuses a decision on the access of whoever decides.
var ErrOwnAccess = errors.New("this needs somebody else: nobody decides on their own access")

// As is the engine for the decisions of somebody: what they are known by counts where they may not decide, on their own access
// and on what follows from their own change of the policy. Without it only the actor's name does.
func (e *Engine) As(d Decider) *Engine {
	as := *e
	as.by, as.Programs = d, slices.Clone(e.Programs)
	return &as
}

// isOwn says whether somebody's access is the actor's own. A login alone is enough: the directory may not be readable now.
func (e *Engine) isOwn(actor, person, login string) bool {
	if person != "" && person == e.by.Person {
		return true
	}
	return slices.ContainsFunc(e.by.names(actor), func(word string) bool {
		return word != "" && (word == person || login != "" && strings.EqualFold(word, login))
	})
}

// isTheirs is isOwn with what else somebody is called: where nobody said who decides, the actor is a login, and no key. Accounts are
// asked, too, since the directory may not be readable now, and who has left is not in it.
func (e *Engine) isTheirs(ctx context.Context, mem *Memory, actor, person, login string) bool {
	if person == "" || e.by.Person != "" || e.isOwn(actor, person, login) {
		return e.isOwn(actor, person, login)
	}
	var names []string
	for _, p := range mem.Programs {
		for _, l := range p.Links {
			if l.Person == person {
				names = append(names, l.Account)
			}
		}
	}
	if e.Directory != nil {
		if p, err := e.Find(ctx, person); err == nil {
			names = append(names, p.Names()...)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool { return e.isOwn(actor, person, name) })
}

// refuse records a decision that was refused, and gives why.
func (e *Engine) refuse(ctx context.Context, actor string, refusal error, c *Change, data any) error {
	r := Record{Kind: KindRefusal, Actor: actor, Person: c.Person, Program: c.Program, Account: c.Account, Op: c.Op, Cause: c.Cause, Why: []string{refusal.Error()}}
	if c.Entitlement != "" {
		r.Entitlement = c.Right()
	}
	if data != nil {
		r.Data = mustJSON(data)
	}
	return errors.Join(refusal, e.Journal.Append(ctx, Free, []Record{r}))
}

// ownAccess refuses to decide on items of the actor's own access.
func (e *Engine) ownAccess(ctx context.Context, actor string, items []Item) error {
	for i := range items {
		if c := &items[i].Change; e.isOwn(actor, c.Person, c.Login) {
			return e.refuse(ctx, actor, ErrOwnAccess, c, items[i].ID)
		}
	}
	return nil
}
