package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
		if c, _, err := journal.Vouched(f.keys, p, &all[i].Acceptance); err == nil {
			f.vouched = &all[i]
			return c, nil
		}
	}
	if f.lostKey(p) != nil {
		wrong = fmt.Errorf("%w; it is signed with a key that was lost since, for which a named person can vouch by `rolecall audit accept --pruning`", wrong)
	}
	return audit.Checkpoint{}, wrong
}

// lostKeys are the keys of former times that handed over to nobody, each for the time in which it was in force.
type lostKeys struct {
	keys   audit.Keys
	names  []string // their verifier keys
	change keyChange
	shown  bool // the key that followed says so as well, not the record alone
}

// lose begins anew: what was signed up to here is nobody's word any more.
func (f *sealedBy) lose(c keyChange, notes []journal.StoredCheckpoint) {
	one := lostKeys{change: c, names: []string{c.From}}
	for _, h := range f.handed {
		one.names = append(one.names, h.Key)
	}
	next, err := audit.NewKeys(c.To)
	one.shown = err == nil && slices.ContainsFunc(notes, func(n journal.StoredCheckpoint) bool {
		said, err := next.Open([]byte(n.Note))
		return err == nil && slices.Contains(said.Extra, journal.LostKey(c.From))
	})
	if one.keys, err = f.keys.Succeed(c.record.Seq, c.To); err == nil {
		f.lost = append(f.lost, one)
	}
	f.handed = nil
}

// signedBy is the key among them that signed a pruning, "": none did.
func (l *lostKeys) signedBy(p *engine.Pruned) string {
	if _, err := journal.Trusted(l.keys, p); err != nil { // or it was not in force then
		return ""
	}
	for _, name := range l.names {
		one, err := audit.NewKeys(name)
		if err != nil {
			continue
		}
		if _, err := journal.Trusted(one, p); err == nil {
			return name
		}
	}
	return ""
}

// lostKey finds those of which one signed a pruning, nil: there are none.
func (f *sealedBy) lostKey(p *engine.Pruned) *lostKeys {
	for i := range f.lost {
		if f.lost[i].signedBy(p) != "" {
			return &f.lost[i]
		}
	}
	return nil
}

// says is what is known of the loss.
func (l *lostKeys) says() string {
	r := &l.change.record
	text := fmt.Sprintf("Record %d of %s, by %s, says that it was lost because %q", r.Seq, stamp(r.Time), r.Actor, strings.Join(r.Why, "; "))
	if l.shown {
		return text + "; the key that followed says so, too."
	}
	return text + "; NOTHING else says so, and whoever can write to the store can have put that record in."
}

// said is how an acceptance is shown.
func said(a *journal.AcceptedAt) string {
	return fmt.Sprintf("The key that signed it was lost; %s vouched for it on %s because %q (record %d).", a.By, stamp(a.In.Time), a.Reason, a.In.Seq)
}
