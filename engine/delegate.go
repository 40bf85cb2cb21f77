package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Delegation lets somebody decide on what waits for approval in the place of somebody else, for some days.
type Delegation struct {
	Of     string    `json:"of"` // key of who is stood in for
	OfName string    `json:"of_name"`
	To     string    `json:"to"` // key of who stands in
	ToName string    `json:"to_name"`
	From   time.Time `json:"from"`  // first day
	Until  time.Time `json:"until"` // last day
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	words  []string  // that who is stood in for is known by
	called []string  // the same of who stands in
}

// delegationData is what is stored besides. Fields are only ever added.
type delegationData struct {
	OfName, ToName, By string
	Words, Called      []string
}

// mostDelegated is how long a delegation may last: who is away for longer is no approver.
const mostDelegated = 366 * 24 * time.Hour

// ErrNoDelegation and ErrStandsFor refuse what is done in the place of somebody.
var (
	ErrNoDelegation = errors.New("nobody lets you stand in for them now")
	ErrStandsFor    = errors.New("this needs somebody else: nobody decides on the access of whom they stand in for")
)

// DelegationOf is the delegation of a FactDelegate.
func DelegationOf(f Fact) Delegation {
	var d delegationData
	_ = json.Unmarshal(f.Data, &d) // what is known then is its key
	return Delegation{Of: f.Person, OfName: d.OfName, To: f.Key, ToName: d.ToName, From: f.Since, Until: f.Until, Reason: f.Text, By: d.By, words: d.Words, called: d.Called}
}

// Holds says whether it is in force.
func (d *Delegation) Holds(now time.Time, zone *time.Location) bool {
	return !now.Before(dayAfter(d.From.AddDate(0, 0, -1), zone)) && !d.Over(now, zone)
}

// Over says whether its last day is over.
func (d *Delegation) Over(now time.Time, zone *time.Location) bool {
	return !now.Before(dayAfter(d.Until, zone))
}

// Delegate lets one person stand in for another. Days are calendar days, both included.
func (e *Engine) Delegate(ctx context.Context, actor, of, to string, from, until time.Time, reason string) (Delegation, error) {
	d := Delegation{From: from.UTC(), Until: until.UTC(), Reason: reason, By: actor}
	switch {
	case strings.TrimSpace(reason) == "":
		return d, ErrNoReason
	case until.Before(from), !e.Now().Before(dayAfter(until, e.Settings.Zone)):
		return d, badOrder("a delegation ends in the future, and not before it begins; choose a later --until")
	case until.Sub(from) > mostDelegated:
		return d, badOrder("a delegation lasts a year at most; choose an earlier --until")
	}
	whose, err := e.Find(ctx, of)
	if err != nil {
		return d, err
	}
	who, err := e.Find(ctx, to)
	if err != nil {
		return d, err
	}
	if whose.Key == who.Key {
		return d, badOrder("nobody stands in for themselves")
	}
	d.Of, d.OfName, d.To, d.ToName = whose.Key, whose.Name(), who.Key, who.Name()
	d.words, d.called = allNames(&whose), allNames(&who)
	f := Fact{FactKey: FactKey{Kind: FactDelegate, Person: d.Of, Key: d.To}, Since: d.From, Until: d.Until, Text: reason, Data: mustJSON(delegationData{d.OfName, d.ToName, actor, d.words, d.called})}
	return d, e.Journal.Append(ctx, Free, []Record{{Kind: KindDelegate, Actor: actor, Person: d.Of, Why: []string{reason}, Data: mustJSON(d), Set: []Fact{f}}})
}

func allNames(p *Person) []string {
	return slices.DeleteFunc(append(p.Names(), p.Name()), func(w string) bool { return w == "" })
}

// EndDelegation ends one before its time.
func (e *Engine) EndDelegation(ctx context.Context, actor, of, to, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return ErrNoReason
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	for f := range mem.each(FactDelegate) {
		d := DelegationOf(f)
		if slices.Contains(d.words, of) && slices.Contains(d.called, to) {
			return e.Journal.Append(ctx, Free, []Record{{Kind: KindDelegate, Actor: actor, Person: d.Of, Why: []string{reason}, Data: mustJSON(d), Clear: []FactKey{f.FactKey}}})
		}
	}
	return fmt.Errorf("%w: %s for %s", ErrNoStandIn, quote(to), quote(of))
}

// ErrNoStandIn refuses to end a delegation that is not there.
var ErrNoStandIn = errors.New("no such delegation; see: rolecall approvals delegates")

// standsFor are the delegations in force to whoever decides. Those of people who are cut off count for nothing.
func (e *Engine) standsFor(m *Memory, actor string) (out []Delegation) {
	for f := range m.each(FactDelegate) {
		d := DelegationOf(f)
		_, cut := m.Fact(FactKey{Kind: FactCut, Person: d.Of})
		theirs := slices.ContainsFunc(d.called, func(name string) bool { return e.isOwn(actor, d.To, name) })
		if !cut && theirs && d.Holds(e.Now(), e.Settings.Zone) {
			out = append(out, d)
		}
	}
	return out
}

// inPlace refuses what may not be decided by a stand-in, and says for whom somebody decides: for nobody where they may by themselves.
func (e *Engine) inPlace(ctx context.Context, m *Memory, actor string, items []Item) (names []string, words []string, err error) {
	all := e.standsFor(m, actor)
	for i := range items {
		c := &items[i].Change
		if slices.ContainsFunc(all, func(d Delegation) bool { return c.Person == d.Of }) {
			return nil, nil, e.refuse(ctx, actor, ErrStandsFor, c, items[i].ID)
		}
	}
	if !e.by.InPlace {
		return nil, nil, nil
	}
	if len(all) == 0 {
		return nil, nil, e.refuse(ctx, actor, ErrNoDelegation, &items[0].Change, items[0].ID)
	}
	for i := range all {
		names, words = append(names, fmt.Sprintf("%s (%s)", all[i].OfName, all[i].Of)), append(words, all[i].words...)
	}
	return names, words, nil
}

// delegations ends those that are over, and those of and to people who have left.
func (b *builder) delegations() {
	if !b.whole() {
		return
	}
	left := func(key string) bool {
		i, there := b.index[key]
		return there && b.subjects[i].standing == leaver
	}
	for f := range b.s.Memory.each(FactDelegate) {
		if !b.s.Now.Before(dayAfter(f.Until, b.s.Settings.Zone)) || left(f.Person) || left(f.Key) {
			b.clear(f.FactKey)
		}
	}
}

// Escalation says when what waits for approval is told to others, and to whom.
type Escalation struct {
	After time.Duration // 0: never
	To    []string
}

// Since is when an item was escalated, zero if it is not.
func (x *Escalation) Since(i *Item, now time.Time) time.Time {
	if at := i.Since.Add(x.After); x.After > 0 && i.State == Waiting && !now.Before(at) {
		return at
	}
	return time.Time{}
}

// escalate tells, as long as it is so, of what has waited for too long.
func (b *builder) escalate() {
	if b.s.Person != "" || b.s.Only != "" {
		return
	}
	x := &b.s.Settings.Escalate
	n, oldest := 0, b.s.Now
	for _, i := range b.s.Memory.Items() {
		if b.items[i.ID] && !x.Since(&i, b.s.Now).IsZero() {
			n++
			if i.Since.Before(oldest) {
				oldest = i.Since
			}
		}
	}
	if n > 0 {
		b.alarm(NoticeEscalated, "", "", fmt.Sprintf("%s waited for approval for more than %s, the first since %s: to be told to %s; decide with: rolecall approvals list",
			plural(n, "change has", "changes have"), hours(x.After), day(oldest), strings.Join(x.To, ", ")))
	}
}
