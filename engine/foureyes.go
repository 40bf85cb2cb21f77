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
	Authors []string // "Name <address>"; empty: nobody can tell, and nobody needs to (the files are under no version control)
	Unknown string   // why the authors can't be told although they should be; then nobody's approval counts
}

// ErrOwnChange refuses an approval by whoever changed the policy that asks for it.
var ErrOwnChange = errors.New("this needs somebody else: it follows from your own change of the policy")

// ErrUnknownAuthor refuses an approval of what follows from a change of the policy that nobody is known to have made.
var ErrUnknownAuthor = errors.New("who changed the policy can't be told, so nobody can be told to be somebody else")

// fourEyes refuses an approval of what follows from the actor's own change of the policy, and records that it did.
func (e *Engine) fourEyes(ctx context.Context, mem *Memory, actor string, items []Item) error {
	if e.Changes == nil {
		return nil
	}
	versions, err := e.Changes(ctx)
	if err != nil {
		return fmt.Errorf("who changed the policy could not be read, so nothing was approved: %w", err)
	}
	for i := range items {
		refusal := e.ownChange(mem, versions, actor, &items[i])
		if refusal == nil {
			continue
		}
		c := &items[i].Change
		r := Record{Kind: KindRefusal, Actor: actor, Person: c.Person, Program: c.Program, Account: c.Account, Entitlement: c.Right(), Op: c.Op, Cause: c.Cause,
			Why: []string{refusal.Error()}, Data: mustJSON(items[i].ID)}
		return errors.Join(refusal, e.Journal.Append(ctx, Free, []Record{r}))
	}
	return nil
}

func (e *Engine) ownChange(mem *Memory, versions []PolicyChange, actor string, item *Item) error {
	for _, v := range e.bearing(mem, versions, item) {
		if v.Unknown != "" {
			return fmt.Errorf("item %s: %w: %s", item.ID, ErrUnknownAuthor, v.Unknown)
		}
		if i := slices.IndexFunc(v.Authors, func(author string) bool { return e.SamePerson(actor, author) }); i >= 0 {
			return fmt.Errorf("item %s: %w (%s, recorded %s)", item.ID, ErrOwnChange, v.Authors[i], day(v.Time))
		}
	}
	return nil
}

// bearing are the versions of the policy that an item may follow from: for a removal those after the one that still gave
// it; for a grant that a limit keeps back those of the limit's window before it began to wait.
func (e *Engine) bearing(mem *Memory, versions []PolicyChange, item *Item) []PolicyChange {
	c := &item.Change
	switch {
	case c.Cause == CausePolicy:
		return afterVersion(versions, formerOf(mem, c), item.Since)
	case c.Op.Gives() && c.Op != OpAdopt:
		from := item.Since.Add(-e.Settings.Limits.Grant.Window)
		return slices.DeleteFunc(slices.Clone(versions), func(v PolicyChange) bool { return v.Time.Before(from) || v.Time.After(item.Since) })
	}
	return nil
}

// formerOf is the hash of the policy that last wanted what is to be taken, "" if that is not known.
func formerOf(mem *Memory, c *Change) string {
	for _, kind := range []string{FactUndesired, FactFormer} {
		if f, ok := mem.Fact(FactKey{Kind: kind, Program: c.Program, Account: c.Account, Entitlement: c.Right()}); ok {
			return f.Text
		}
	}
	return ""
}

// afterVersion are the versions after the last one of a hash; where that is not among them, the one in force at a time and
// those after it.
func afterVersion(versions []PolicyChange, hash string, since time.Time) []PolicyChange {
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].Hash == hash {
			return versions[i+1:]
		}
	}
	first := slices.IndexFunc(versions, func(v PolicyChange) bool { return v.Time.After(since) })
	if first < 0 {
		first = len(versions)
	}
	return versions[max(0, first-1):]
}

// SameAuthor compares a login with an author of version control, "Name <address>": by the names and addresses that are
// known of the login, or, where neither is in that list, by the address' part before the @, or the name.
func SameAuthor(known map[string][]string, login, author string) bool {
	name, address, _ := strings.Cut(strings.TrimSuffix(author, ">"), " <")
	is := func(word string) bool { return strings.EqualFold(word, name) || strings.EqualFold(word, address) }
	if mine, listed := known[login]; listed {
		return slices.ContainsFunc(mine, is)
	}
	for _, others := range known {
		if slices.ContainsFunc(others, is) {
			return false
		}
	}
	local, _, _ := strings.Cut(address, "@")
	return strings.EqualFold(local, login) || strings.EqualFold(name, login)
}
