package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PolicyChange is one recorded version of the policy, and who made it what it is.
type PolicyChange struct {
	Time    time.Time
	Hash    string
	Authors []string          // "Name <address>" of all who had a hand in it; empty: nobody can tell, and nobody needs to (no version control)
	Unknown string            // why the authors can't be told although they should be; then nobody's approval counts
	Rules   map[string]string // hash by name; nil: nobody can tell
}

// ErrOwnChange refuses an approval by whoever changed the policy that asks for it.
var ErrOwnChange = errors.New("this needs somebody else: it follows from your own change of the policy")

// ErrUnknownAuthor refuses an approval of what follows from a change of the policy that nobody is known to have made.
var ErrUnknownAuthor = errors.New("who changed the policy can't be told, so nobody can be told to be somebody else")

// fourEyes refuses an approval of what follows from the actor's own change of the policy, and records that it did.
// Whom the actor stands in for is no other than the actor here.
func (e *Engine) fourEyes(ctx context.Context, mem *Memory, actor string, words []string, items []Item) error {
	if e.Changes == nil {
		return nil
	}
	versions, err := e.Changes(ctx)
	if err != nil {
		return fmt.Errorf("who changed the policy could not be read, so nothing was approved: %w", err)
	}
	for i := range items {
		refusal := e.ownChange(mem, versions, append(e.by.names(actor), words...), &items[i])
		if refusal == nil {
			continue
		}
		return e.refuse(ctx, actor, refusal, &items[i].Change, items[i].ID)
	}
	return nil
}

func (e *Engine) ownChange(mem *Memory, versions []PolicyChange, names []string, item *Item) error {
	for _, v := range e.bearing(mem, versions, item) {
		if v.Unknown != "" {
			return fmt.Errorf("item %s: %w: %s", item.ID, ErrUnknownAuthor, v.Unknown)
		}
		if i := slices.IndexFunc(v.Authors, func(author string) bool { return e.SamePerson(names, author) }); i >= 0 {
			return fmt.Errorf("item %s: %w (%s, recorded %s)", item.ID, ErrOwnChange, v.Authors[i], day(v.Time))
		}
	}
	return nil
}

// bearing are the versions of the policy that an item may follow from: for a removal those after the one that still gave it;
// for a grant that a limit keeps back those that brought in, or changed, a rule that gives it, however long ago, and all from
// the limit's window before it began to wait on, which may have dropped what stood against it. What the first version of all
// had is nobody's change.
func (e *Engine) bearing(mem *Memory, versions []PolicyChange, item *Item) (out []PolicyChange) {
	c := &item.Change
	switch {
	case c.Cause == CausePolicy:
		return afterVersion(versions, formerOf(mem, c))
	case c.Op.Gives() && c.Op != OpAdopt:
		from := item.Since.Add(-e.Settings.Limits.Grant.Window)
		for i := range versions {
			if !versions[i].Time.Before(from) || i > 0 && broughtIn(versions, i, c.Rules) {
				out = append(out, versions[i])
			}
		}
	}
	return out
}

// broughtIn says whether a version has one of the rules as it is now and the version before had not.
func broughtIn(versions []PolicyChange, i int, rules []string) bool {
	now, is, was := versions[len(versions)-1].Rules, versions[i].Rules, versions[i-1].Rules
	if now == nil || is == nil || was == nil {
		return true
	}
	return slices.ContainsFunc(rules, func(name string) bool { return is[name] == now[name] && was[name] != now[name] })
}

// formerOf is the hash of the oldest policy that may have wanted last what is to be taken, "" if that is not known.
func formerOf(mem *Memory, c *Change) string {
	for _, kind := range []string{FactUndesired, FactFormer} {
		if f, ok := mem.Fact(FactKey{Kind: kind, Program: c.Program, Account: c.Account, Entitlement: c.Right()}); ok {
			return formersOf(f.Text)[0]
		}
	}
	return ""
}

// afterVersion are the versions after the last one of a hash, all where that is not among them.
func afterVersion(versions []PolicyChange, hash string) []PolicyChange {
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].Hash == hash {
			return versions[i+1:]
		}
	}
	return versions
}

// SameAuthor compares what somebody is called by with an author of version control, "Name <address>": by the names and addresses
// that are known of one of the logins, by the address or its part before the @ and by the name; these only if the author is
// not known to be another login than all of them.
func SameAuthor(known map[string][]string, logins []string, author string) bool {
	name, address, _ := strings.Cut(strings.TrimSuffix(author, ">"), " <")
	is := func(word string) bool { return strings.EqualFold(word, name) || strings.EqualFold(word, address) }
	others := false
	for login, called := range known {
		if !slices.ContainsFunc(called, is) {
			continue
		}
		if slices.ContainsFunc(logins, func(own string) bool { return strings.EqualFold(own, login) }) {
			return true
		}
		others = true
	}
	if others {
		return false
	}
	local, _, _ := strings.Cut(address, "@")
	return slices.ContainsFunc(logins, func(login string) bool { return is(login) || strings.EqualFold(local, login) })
}
