package sim

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// author made every version of the policy.
const author = "Mallory Moss <mallory@example.com>"

// try is something that somebody may not do.
type try struct {
	name    string
	want    error // nil: any
	records int   // of the refusal
	do      func(e *engine.Engine) error
}

// tryOne [I15]: now and then somebody tries what they may not. It is refused, for the right reason, changes nothing, and where they
// might have known better it is recorded.
func (m *model) tryOne() {
	if !m.tries.chance(15) || m.failed != "" {
		return
	}
	was, quiet := m.cur, m.quiet
	defer func() { m.cur, m.quiet, m.check.trying = was, quiet, false }()
	m.cur, m.quiet = &daemon{name: "a page", engine: m.daemons[0].engine}, true
	mem, err := m.store.Journal.Memory(m.context(), m.now)
	if err != nil {
		m.fail(I15, "the journal can't be read: %v", err)
		return
	}
	m.check.trying = true
	all := slices.Concat(m.onItem(mem), m.onNothing(), m.onOwnCut(), m.onSpent())
	m.refused(&all[m.tries.IntN(len(all))])
}

// changes are the recorded versions of the policy.
func (m *model) changes(context.Context) ([]engine.PolicyChange, error) { return m.versions, nil }

func (m *model) refused(t *try) {
	k := m.check
	calls, records := k.calls, len(k.log)
	e := *m.cur.engine
	e.Changes, e.SamePerson = m.changes, func(names []string, of string) bool { return engine.SameAuthor(nil, names, of) }
	err := t.do(&e)
	m.count.fault("refused: " + t.name)
	m.say("somebody tries something: %s: %v", t.name, err)
	k.ok(I15)
	if err == nil || t.want != nil && !errors.Is(err, t.want) {
		m.fail(I15, "%s: it was not refused as it must be: %v", t.name, err)
	}
	if n := len(k.log) - records; n != t.records || k.calls != calls {
		m.fail(I15, "%s: %d records instead of %d tell of it, and %d calls were made", t.name, n, t.records, k.calls-calls)
	}
	k.told(engine.Report{}, err)
}

// refusal [I15]: what is refused changes nothing.
func (k *checker) refusal(r *engine.Record) {
	if !k.trying {
		return
	}
	k.ok(I15)
	if r.Kind != engine.KindRefusal || len(r.Set)+len(r.Clear) > 0 {
		k.m.fail(I15, "record %d (%s) comes of what was refused", r.Seq, r.Kind)
	}
}

// approving decides on items as somebody who is known by more than the actor's name, or not.
func approving(by engine.Decider, actor, reason string, ids ...string) func(e *engine.Engine) error {
	return func(e *engine.Engine) error {
		_, err := e.As(by).Approve(context.Background(), actor, ids, reason)
		return err
	}
}

func rejecting(by engine.Decider, actor, reason string, ids ...string) func(e *engine.Engine) error {
	return func(e *engine.Engine) error {
		_, err := e.As(by).Reject(context.Background(), actor, ids, reason)
		return err
	}
}

// onItem tries to decide on something that waits, or was decided and not used yet.
func (m *model) onItem(mem *engine.Memory) (out []try) {
	all := mem.Items()
	if len(all) == 0 {
		return nil
	}
	i := &all[m.tries.IntN(len(all))]
	nobody := engine.Decider{}
	out = []try{
		{"a decision without a reason", engine.ErrNoReason, 0, approving(nobody, "boss", " ", i.ID)},
		{"a rejection without a reason", engine.ErrNoReason, 0, rejecting(nobody, "boss", "", i.ID)},
		{"an approval with an unknown item", engine.ErrUnknownItem, 0, approving(nobody, "boss", "yes", i.ID, "nosuch")},
		{"in the place of nobody", engine.ErrNoDelegation, 1, approving(engine.Decider{InPlace: true}, "boss", "yes", i.ID)},
	}
	if i.State != engine.Waiting {
		out = append(out, try{"decided meanwhile", engine.ErrDecided, 0, approving(engine.Decider{Shown: true}, "boss", "yes", i.ID)})
	}
	if m.followsFromPolicy(mem, i) {
		out = append(out, try{"an approval of one's own change of the policy", engine.ErrOwnChange, 1, approving(nobody, "mallory", "yes", i.ID)})
	}
	return append(out, onOwn(i)...)
}

// onOwn tries to decide on somebody's own access.
func onOwn(i *engine.Item) (out []try) {
	person, login := i.Change.Person, i.Change.Login
	if person == "" {
		return nil
	}
	out = []try{
		{"an approval of one's own access", engine.ErrOwnAccess, 1, approving(engine.Decider{}, person, "yes", i.ID)},
		{"an approval of one's own access, signed in", engine.ErrOwnAccess, 1, approving(engine.Decider{Person: person}, "oidc:1", "yes", i.ID)},
		{"a rejection of one's own removal", engine.ErrOwnAccess, 1, rejecting(engine.Decider{Person: person}, "oidc:1", "no", i.ID)},
	}
	if login != "" {
		out = append(out, try{"an approval of one's own access, by login", engine.ErrOwnAccess, 1, approving(engine.Decider{}, strings.ToUpper(login), "yes", i.ID)})
	}
	return out
}

// followsFromPolicy: without a change of the policy the item would not wait, as far as can be told; every change is Mallory's. What the
// policy of now gave last follows from none.
func (m *model) followsFromPolicy(mem *engine.Memory, i *engine.Item) bool {
	c := &i.Change
	switch {
	case c.Cause == engine.CausePolicy:
		for _, kind := range []string{engine.FactUndesired, engine.FactFormer} {
			if f, ok := mem.Fact(engine.FactKey{Kind: kind, Program: c.Program, Account: c.Account, Entitlement: c.Right()}); ok {
				return strings.Split(f.Text, "\n")[0] != m.pol.hash
			}
		}
		return true
	case c.Op.Gives() && c.Op != engine.OpAdopt:
		return len(m.versions) > 1
	}
	return false
}

// onNothing tries what nobody may.
func (m *model) onNothing() []try {
	someone := m.people[m.tries.IntN(len(m.people))].Key
	return []try{
		{"an approval of an unknown item", engine.ErrUnknownItem, 0, approving(engine.Decider{}, "boss", "yes", "nosuch")},
		{"a pause without a reason", engine.ErrNoReason, 0, func(e *engine.Engine) error { return e.Pause(context.Background(), "boss", "app", "") }},
		{"a pause of an unknown program", nil, 0, func(e *engine.Engine) error { return e.Pause(context.Background(), "boss", "nosuch", "stop") }},
		{"an end of a pause of an unknown program", nil, 0, func(e *engine.Engine) error { return e.Unpause(context.Background(), "boss", "nosuch") }},
		{"a cut without a reason", engine.ErrNoReason, 0, func(e *engine.Engine) error {
			_, _, err := e.Cut(context.Background(), "boss", someone, " ")
			return err
		}},
		{"an extra without a reason", engine.ErrNoReason, 0, func(e *engine.Engine) error {
			return e.Give(context.Background(), "boss", someone, "app/x", m.now.Add(time.Hour), "")
		}},
		{"an extra that is over", nil, 0, func(e *engine.Engine) error {
			return e.Give(context.Background(), "boss", someone, "app/x", m.now.Add(-25*time.Hour), "trade fair")
		}},
	}
}

// onOwnCut tries to lift one's own cut.
func (m *model) onOwnCut() (out []try) {
	for _, who := range slices.Sorted(maps.Keys(m.check.cut)) {
		if m.check.cut[who] {
			out = append(out, try{"an end of one's own cut", engine.ErrOwnAccess, 1, func(e *engine.Engine) error { return e.Lift(context.Background(), who, who, "mistake") }})
		}
	}
	return out[:min(1, len(out))]
}

// onSpent tries to approve what was approved, and used or ended since.
func (m *model) onSpent() (out []try) {
	for _, id := range slices.Sorted(maps.Keys(m.check.decided)) {
		if m.check.items[id] == 0 {
			return []try{{"an approval of what was decided and is over", engine.ErrUnknownItem, 0, approving(engine.Decider{}, "boss", "yes", id)}}
		}
	}
	return nil
}
