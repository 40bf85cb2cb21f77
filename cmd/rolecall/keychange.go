package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// keyChange is the Data of a KindKey record: from it on the journal is sealed with another key. Fields are only ever added.
type keyChange struct {
	From string `json:"from,omitempty"` // verifier keys; "": nobody knows
	To   string `json:"to"`
	Lost bool   `json:"lost,omitempty"` // the former key, or its signature of the new one, is not there

	record engine.Record
}

// keyChanges are those that lead to the key of the configuration, in order. Others were begun and never put in force.
func keyChanges(ctx context.Context, store *journal.Store, verifier string) (chain []keyChange, abandoned []keyChange, err error) {
	var all []keyChange
	err = store.Records(ctx, engine.Query{Kind: engine.KindKey}, func(r engine.Record) error {
		c := keyChange{record: r}
		if err := json.Unmarshal(r.Data, &c); err != nil {
			return fmt.Errorf("record %d: which key seals the journal from there on can't be read: %w", r.Seq, err)
		}
		all = append(all, c)
		return nil
	})
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].To == verifier {
			chain, verifier = append(chain, all[i]), all[i].From
		} else {
			abandoned = append(abandoned, all[i])
		}
	}
	slices.Reverse(chain)
	return chain, abandoned, err
}

// sealedBy is what verify finds about the keys of a journal.
type sealedBy struct {
	lines []string // where the key changed, and how
	wrong []string
	keys  audit.Keys // the configuration's, and those before it that each handed over to the next one: a key that was lost vouches for nothing
}

// keyHistory checks every checkpoint that the store has with the key that was in force for it. The configuration's key is
// the one that is trusted; each former one counts up to the record that replaced it.
func (a *app) keyHistory(ctx context.Context, cfg *config.File, store *journal.Store) (found sealedBy, err error) {
	if cfg.Audit.Verifier == "" {
		return found, nil
	}
	chain, abandoned, err := keyChanges(ctx, store, cfg.Audit.Verifier)
	if err != nil {
		return found, err
	}
	for _, c := range abandoned {
		if len(chain) == 0 && c.From == cfg.Audit.Verifier {
			found.wrong = append(found.wrong, fmt.Sprintf("record %d says that the key %s seals the journal from there on, but audit.verifier names the former one", c.record.Seq, c.To))
		}
	}
	notes, err := store.Checkpoints(ctx)
	if err != nil {
		return found, err
	}
	keys, from, err := found.epochs(cfg.Audit.Verifier, chain, notes)
	if err != nil {
		return found, err
	}
	for _, n := range notes {
		if n.Size < from {
			continue
		}
		if c, err := keys.Open([]byte(n.Note)); err != nil {
			found.wrong = append(found.wrong, fmt.Sprintf("the checkpoint of %d records that the store keeps: %v", n.Size, err))
		} else if c.Size != n.Size {
			found.wrong = append(found.wrong, fmt.Sprintf("the checkpoint of %d records that the store keeps is one of %d", n.Size, c.Size))
		}
	}
	return found, nil
}

// snapshot checks what the key says of the record of a pruning. It must say something: the record alone is nobody's word.
func (f *sealedBy) snapshot(ctx context.Context, store *journal.Store, p *engine.Pruned) error {
	c, err := journal.Trusted(f.keys, p)
	if err != nil {
		return err
	}
	return store.Continues(ctx, c)
}

// newest is the newest checkpoint that the store keeps itself and that the keys signed.
func (f *sealedBy) newest(ctx context.Context, store *journal.Store) (c audit.Checkpoint, err error) {
	notes, err := store.Checkpoints(ctx)
	for _, n := range slices.Backward(notes) {
		if c, err := f.keys.Open([]byte(n.Note)); err == nil {
			return c, nil
		}
	}
	return c, err
}

// epochs puts the epochs together; from is the first size of which the key is known.
func (f *sealedBy) epochs(verifier string, chain []keyChange, notes []journal.StoredCheckpoint) (keys audit.Keys, from int64, err error) {
	first := verifier
	if len(chain) > 0 {
		if first = chain[0].From; first == "" {
			first, from = chain[0].To, chain[0].record.Seq
			f.say(chain[0], "the former key is not known")
			chain = chain[1:]
		}
	}
	if keys, err = audit.NewKeys(first); err != nil {
		return keys, from, err
	}
	f.keys = keys
	for _, c := range chain {
		if err := f.follow(c, notes); err != nil {
			return keys, from, err
		}
		if c.Lost {
			if keys, err = keys.Succeed(c.record.Seq, c.To); err != nil {
				return keys, from, err
			}
			f.say(c, "the former key did not sign it")
			continue
		}
		next, ok := handedOver(keys, c, notes)
		if !ok {
			f.wrong = append(f.wrong, fmt.Sprintf("record %d says that the former key signed the new one, but no checkpoint shows it; do not trust the new key", c.record.Seq))
			next, err = keys.Succeed(c.record.Seq, c.To)
		}
		if err != nil {
			return keys, from, err
		}
		if keys = next; ok {
			f.say(c, "the former key signed it")
		}
	}
	return keys, from, nil
}

// follow goes on to the next key; whoever can only write a record of a change has no key in front of it believed.
func (f *sealedBy) follow(c keyChange, notes []journal.StoredCheckpoint) (err error) {
	next, ok := handedOver(f.keys, c, notes)
	if c.Lost || !ok {
		next, err = audit.NewKeys(c.To)
	}
	f.keys = next
	return err
}

func (f *sealedBy) say(c keyChange, how string) {
	why := ""
	if len(c.record.Why) > 0 {
		why = c.record.Why[0]
	}
	f.lines = append(f.lines, fmt.Sprintf("Sealed with %s from record %d of %s on, by %s (%s); %s.", c.To, c.record.Seq, stamp(c.record.Time), c.record.Actor, why, how))
}

// handedOver finds the checkpoint by which the former key introduced the new one.
func handedOver(keys audit.Keys, c keyChange, notes []journal.StoredCheckpoint) (audit.Keys, bool) {
	for _, n := range notes {
		if n.Size < c.record.Seq {
			continue
		}
		if opened, err := keys.Open([]byte(n.Note)); err != nil || opened.NextKey != c.To {
			continue
		}
		if next, err := keys.Rotate([]byte(n.Note)); err == nil {
			return next, true
		}
	}
	return keys, false
}
