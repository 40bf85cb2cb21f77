package main

import (
	"context"
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// vouch finds the person who accepted what a lost key said; wrong is why no other key says it.
func (f *sealedBy) vouch(ctx context.Context, store *journal.Store, p *engine.Pruned, wrong error) (audit.Checkpoint, error) {
	all, err := store.Acceptances(ctx, p)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	for i := range all {
		c, said, err := journal.Vouched(f.keys, p, &all[i].Acceptance)
		if err == nil {
			err = store.Continues(ctx, said)
		}
		if err == nil {
			f.vouched = &all[i]
			return c, nil
		}
	}
	if _, ok := f.lostKey(p); ok {
		wrong = fmt.Errorf("%w; it is signed with a key that was lost since, for which a named person can vouch by `rolecall audit accept --pruning`", wrong)
	}
	return audit.Checkpoint{}, wrong
}

// lostKey is the key of former times that signed a pruning and handed over to nobody.
func (f *sealedBy) lostKey(p *engine.Pruned) (verifier string, ok bool) {
	for _, keys := range f.formers {
		if _, err := journal.Trusted(keys, p); err != nil { // not in force then
			continue
		}
		for _, name := range f.names {
			one, err := audit.NewKeys(name)
			if err != nil {
				continue
			}
			if _, err := journal.Trusted(one, p); err == nil {
				return name, true
			}
		}
	}
	return "", false
}

// said is how an acceptance is shown.
func said(a *journal.AcceptedAt) string {
	return fmt.Sprintf("The key that signed it was lost; %s vouched for it on %s because %q (record %d).", a.By, stamp(a.In.Time), a.Reason, a.In.Seq)
}
