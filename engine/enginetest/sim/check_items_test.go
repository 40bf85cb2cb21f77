package sim

import (
	"encoding/json"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// itemsOf follows what waits for a decision.
func (k *checker) itemsOf(r *engine.Record) {
	for i := range r.Set {
		if r.Set[i].Kind == engine.FactItem {
			k.follow(&r.Set[i])
		}
	}
	for _, key := range r.Clear {
		if key.Kind != engine.FactItem {
			continue
		}
		if r.Kind == engine.KindNote {
			k.ended(key.Key)
		}
		delete(k.lines, key.Key)
		delete(k.items, key.Key)
		delete(k.ends, key.Key)
	}
}

func (k *checker) follow(f *engine.Fact) {
	id := f.Key
	if k.items[id] == 0 {
		k.items[id] = k.runs
	}
	i := k.itemOf(f)
	if f.Count == 0 {
		delete(k.ends, id)
	} else if k.ends[id] == 0 {
		k.ends[id] = k.appends
	}
	c := &i.Change
	if k.lines[id] == nil {
		k.lines[id] = &waitingLine{line{c.Op, c.Program, c.Account, c.Right(), c.Person}, c.Cause, strings.Join(c.Rules, " "), k.m.policyNow().hash, false}
	}
	k.lines[id].waits = i.State == engine.Waiting
}

// itemOf reads an item. Most facts about it only say that it was not seen again, and have the same text.
func (k *checker) itemOf(f *engine.Fact) *engine.Item {
	if known := k.texts[f.Key]; known != nil && known.text == string(f.Data) {
		return &known.Item
	}
	i := &textOfItem{text: string(f.Data)}
	if err := json.Unmarshal(f.Data, &i.Item); err != nil {
		k.m.fail(I15, "an item can't be read: %v", err)
	}
	k.texts[f.Key] = i
	return &i.Item
}

type textOfItem struct {
	text string
	engine.Item
}

// ended [I15]: an item ends when two runs no longer show its reason. Doubts about a whole read end with a good one.
func (k *checker) ended(id string) {
	k.ok(I15)
	if l := k.lines[id]; l == nil || l.op == engine.OpBaseline || l.op == engine.OpReKey {
		return
	}
	if at := k.ends[id]; at == 0 || at == k.appends {
		k.m.fail(I15, "item %s ends although one run only has missed its reason", id)
	}
}

// covers [I15]: an approval covers what was approved: this operation, account, entitlement and cause.
func (k *checker) covers(r *engine.Record, id string) {
	k.ok(I15)
	d, ok := k.decided[id]
	_, proposed := engine.ProposedName(d.Account)
	if ok && (d.Op != r.Op || d.Program != r.Program || d.Entitlement != r.Entitlement || d.Person != r.Person || d.Cause != r.Cause || d.Account != r.Account && !proposed) {
		k.m.fail(I15, "an approval of %s %s/%s of %s because of %s was used for %s %s/%s of %s because of %s", d.Op, d.Program, d.Entitlement, d.Account, d.Cause,
			r.Op, r.Program, r.Entitlement, r.Account, r.Cause)
	}
}
