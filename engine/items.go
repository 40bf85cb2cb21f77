package engine

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Item is something that waits for somebody's decision. It keeps its age across runs, ends only when two complete reads
// no longer show its reason, and is used once.
type Item struct {
	ID     string    `json:"id"`
	State  ItemState `json:"state"`
	Reason string    `json:"reason"` // why it waits
	Change Change    `json:"change"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // an approval's end
	By     string    `json:"by,omitempty"`
	For    string    `json:"for,omitempty"` // in whose place it was decided
	At     time.Time `json:"at,omitzero"`
	Note   string    `json:"note,omitempty"` // the decision's reason
}

// ItemState says what was decided.
type ItemState string

// The states of an item.
const (
	Waiting  ItemState = "waiting"
	Approved ItemState = "approved"
	Rejected ItemState = "rejected"
)

// ApprovalLife is how long an approval may be used.
const ApprovalLife = 24 * time.Hour

// Items lists what waits or was decided and not yet used.
func (m *Memory) Items() []Item {
	out := slices.Grow([]Item(nil), len(m.byKind[FactItem]))
	for _, f := range m.byKind[FactItem] {
		out = append(out, m.item(f.Key))
	}
	return out
}

// item is one of them; its lists are shared.
func (m *Memory) item(id string) Item { return m.items()[id].Item }

// readItem is an item, and the fact that it was read from.
type readItem struct {
	of *Fact
	Item
}

// itemReader reads items for one memory after the other: what is a fact of the one before is not read again.
type itemReader struct {
	mu   sync.Mutex
	last map[string]readItem
}

// of reads the items of facts when one is asked for first.
func (r *itemReader) of(facts []*Fact) func() map[string]readItem {
	return sync.OnceValue(func() map[string]readItem {
		r.mu.Lock()
		defer r.mu.Unlock()
		out := make(map[string]readItem, len(facts))
		for _, f := range facts {
			one := r.last[f.Key]
			if one.of != f {
				one = readItem{f, itemOf(f)}
			}
			out[f.Key] = one
		}
		r.last = out
		return out
	})
}

// ItemOf is the item of a FactItem.
func ItemOf(f Fact) Item { return itemOf(&f) }

func itemOf(f *Fact) Item {
	var i Item
	if err := json.Unmarshal(f.Data, &i); err != nil {
		i = Item{State: Waiting, Reason: "the stored item can't be read: " + err.Error()}
	}
	i.ID, i.Since, i.Until = f.Key, f.Since, f.Until
	i.Change.Rules, i.Change.Why = slices.Clip(i.Change.Rules), slices.Clip(i.Change.Why)
	return i
}

func (i Item) fact() Fact {
	f := Fact{FactKey: FactKey{Kind: FactItem, Key: i.ID}, Since: i.Since, Until: i.Until}
	i.ID, i.Since, i.Until = "", time.Time{}, time.Time{}
	f.Data = mustJSON(i)
	return f
}

// why is the decision's reason, and in whose place it was made.
func (i *Item) why() []string {
	if i.For == "" {
		return []string{i.Note}
	}
	return []string{i.Note, "in the place of " + i.For}
}

// Decider is who decided, with whom they stood in for.
func (i *Item) Decider() string {
	if i.For == "" {
		return i.By
	}
	return i.By + " in the place of " + i.For
}

// itemID names what is decided: operation, account, entitlement, cause and the rules that decide it.
func itemID(c *Change) string {
	decider := ""
	if c.basis != nil {
		decider = c.basis.decider
	}
	return shortHash(string(c.Op), c.Program, c.Account, c.Entitlement, c.Person, string(c.Cause), decider)
}

// approvals applies what people decided, and keeps waiting what waits already: later room in a budget never frees it.
func (b *builder) approvals() {
	b.markQueued()
	nothing := len(b.s.Memory.Open) == 0 && len(b.s.Memory.byKind[FactItem]) == 0 // a first provisioning need not hash every line
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if nothing && !c.held {
			continue
		}
		id := itemID(c)
		if c.State != Ready || c.Cause == CauseCut {
			b.alive(id) // it waits for something else, but its reason lives
			continue
		}
		if b.approvedBefore(c, id) {
			continue
		}
		f, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: id})
		if !ok {
			f, ok = b.rejected(c)
		}
		if !ok {
			if c.held {
				b.hold(c, c.Reason)
			}
			continue
		}
		b.items[f.Key] = true
		b.decided(c, f)
	}
}

// rejected finds a rejection of the same removal from before an edit of the policy made it the policy's doing, or no more. An
// approval covers exactly what was approved; a rejection is not got round so.
func (b *builder) rejected(c *Change) (Fact, bool) {
	other := *c
	switch c.Cause {
	case CauseRule:
		other.Cause = CausePolicy
	case CausePolicy:
		other.Cause = CauseRule
	default:
		return Fact{}, false
	}
	f, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: itemID(&other)})
	return f, ok && b.s.Memory.item(f.Key).State == Rejected
}

// approvedBefore: an approval was used for an intent that nobody has taken yet, so it covers the same change until it would
// have expired.
func (b *builder) approvedBefore(c *Change, id string) bool {
	i, ok := b.programNamed(c.Program).waitingIntent(c)
	if !ok || i.Change.Item != id || b.s.Now.Sub(i.Time) >= ApprovalLife {
		return false
	}
	c.Item, c.Reason = id, ""
	return true
}

func (b *builder) decided(c *Change, f Fact) {
	item := b.s.Memory.item(f.Key)
	if f.Count != 0 { // its reason is back
		b.set(item.fact())
	}
	switch {
	case item.State == Rejected:
		c.State, c.Item, c.Reason = Blocked, item.ID, "rejected by "+item.Decider()+" on "+day(item.At)+": "+item.Note
	case item.State == Approved && item.Until.After(b.s.Now):
		c.Item, c.Reason = item.ID, ""
		b.plan.usedBefore(item.Until)
		c.Why = append(c.Why, "approved by "+item.Decider()+" on "+day(item.At)+": "+item.Note)
	case item.State == Approved && item.Until.Before(b.s.Now):
		item.State, item.Until = Waiting, time.Time{}
		b.set(item.fact())
		c.State, c.Item, c.Reason = NeedsApproval, item.ID, item.Reason+" (an approval expired unused)"
	default:
		c.State, c.Item, c.Reason = NeedsApproval, item.ID, item.Reason
	}
}

// usedBefore: the plan uses an approval that ends then, so it must be committed before, however long its process stands still.
func (p *Plan) usedBefore(end time.Time) {
	if p.until.IsZero() || end.Before(p.until) {
		p.until = end
	}
}

// expire lets an approval that was not used in time wait again.
func (b *builder) expire(item Item) {
	if item.State == Approved && !item.Until.After(b.s.Now) {
		item.State, item.Until = Waiting, time.Time{}
		b.set(item.fact())
	}
}

// hold sends a change to approval.
func (b *builder) hold(c *Change, reason string) {
	id := itemID(c)
	c.State, c.Item, c.Reason, c.waits = NeedsApproval, id, reason, !b.alive(id)
}

// alive keeps an item from ending, if it is there; others need not be remembered.
func (b *builder) alive(id string) bool {
	_, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: id})
	if ok {
		b.items[id] = true
	}
	return ok
}

// item is what a change that needs approval waits as. It is made only where it is written: a wave has millions.
func (c *Change) item(now time.Time) Item {
	return Item{ID: c.Item, State: Waiting, Reason: c.Reason, Change: *c, Since: now}
}

// endItems ends items whose reason two complete reads, further apart than the lag, no longer show.
func (b *builder) endItems() {
	if !b.whole() {
		return
	}
	for f := range b.s.Memory.each(FactItem) {
		if b.items[f.Key] { // its reason lives
			continue
		}
		item := b.s.Memory.item(f.Key)
		if b.endRefused(item) {
			b.clear(f.FactKey)
			continue
		}
		p := b.programNamed(item.Change.Program)
		if p == nil || !p.complete || p.unsure(&item.Change) {
			continue
		}
		first, err := time.Parse(time.RFC3339, f.Text)
		if f.Count == 0 || err != nil {
			f.Count, f.Text = 1, b.s.Now.UTC().Format(time.RFC3339)
			b.set(f)
		} else if b.s.Now.Sub(first) > p.program.Describes.Lag {
			b.clear(f.FactKey)
		}
	}
}

// unsure: nobody can tell now whether the change is still wanted.
func (p *programPlan) unsure(c *Change) bool {
	account, right, ok := p.numbers(c.Account, c.Right())
	return ok && p.unknown(right, account)
}

// unknown: nobody can tell now whether the holding should be there.
func (p *programPlan) unknown(right, account uint32) bool {
	s, known := p.subjectOf(account)
	return known && s.standing == unseen || p.undecided.Has(right, account)
}

// numbers finds the numbers of a holding by name.
func (p *programPlan) numbers(account, right string) (a, r uint32, ok bool) {
	a, ok = p.reading.accounts.Find(account)
	r, ok2 := p.reading.rights.Find(right)
	return a, r, ok && ok2
}

func (b *builder) programNamed(name string) *programPlan {
	for _, p := range b.programs {
		if p.program.Name == name {
			return p
		}
	}
	return nil
}
