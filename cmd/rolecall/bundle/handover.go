package bundle

import (
	"errors"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
	"github.com/rolecall/rolecall/engine/journal"
)

// Handover is a change of the journal's key: both keys have signed the checkpoint. What records say of such changes is nobody's word, as
// whoever can write to the store can write one; and those of later than the period are not in the bundle.
type Handover struct {
	Key  string `json:"key"`  // the former verifier key
	Note string `json:"note"` // that names the next one
}

// chain are the keys through which the first one handed over to the verifier, each for the time in which it was in force.
func chain(verifier string, all []Handover) (keys audit.Keys, err error) {
	first := verifier
	if len(all) > 0 {
		first = all[0].Key
	}
	if keys, err = audit.NewKeys(first); err != nil {
		return keys, err
	}
	for i, h := range all {
		next := verifier
		if i+1 < len(all) {
			next = all[i+1].Key
		}
		if keys, err = keys.Rotate([]byte(h.Note)); err != nil {
			return keys, err
		}
		if c, err := audit.Claimed([]byte(h.Note)); err != nil || c.NextKey != next {
			return keys, fmt.Errorf("the change of the key %s leads to another one than %s", h.Key, next)
		}
	}
	return keys, nil
}

// handed are the changes that a bundle needs: those behind its records, and all of them where a key's word for what was pruned counts.
func (c *content) handed(all []Handover) (out []Handover) {
	for i, h := range all {
		if size, err := claimedSize([]byte(h.Note)); c.before != nil || err == nil && size > c.manifest.Records {
			return all[i:]
		}
	}
	return nil
}

// handovers finds out which keys count besides the bundle's own.
func (v *verifier) handovers() (err error) {
	verifier, all := v.report.Seals.Verifier, v.proof.Handovers
	if verifier == "" && len(all) == 0 {
		return nil
	}
	if len(all) > maxHandovers { // each one costs signatures of all before it
		v.report.wrong(ProofFile, 0, "it has %d changes of the journal's key, and no journal has more than %d", len(all), maxHandovers)
		return errStop
	}
	if v.chain, err = chain(verifier, all); err != nil {
		v.report.wrong(ProofFile, 0, "the changes of the journal's key don't hold: %v", err)
		return errStop
	}
	return nil
}

// trusted is what the journal's key says of the record of a pruning; or what a lost one says, for which a named person vouches.
func (v *verifier) trusted(p *engine.Pruned) (c audit.Checkpoint, err error) {
	if v.report.Seals.Verifier == "" {
		return c, errors.New("no key is known to check with what was pruned")
	}
	c, err = journal.Trusted(v.chain, p)
	switch a := v.proof.Accepted; {
	case a == nil:
		return c, err
	case err == nil:
		return c, errors.New("somebody vouches for what was pruned, although the journal's key does")
	}
	c, said, err := journal.Vouched(v.chain, p, v.proof.Accepted)
	if err == nil {
		v.ground.vouched(v.proof.Accepted, said.Time)
	}
	return c, err
}

// vouched remembers who stands for what was pruned, since its key does no more.
func (g *ground) vouched(a *journal.Acceptance, at time.Time) {
	g.accepted = fmt.Sprintf("the key that signed what was pruned was lost; %q vouched for it on %s because %q", a.By, stamp(at), a.Reason)
}

// accept takes the statement of the person in, where there is one.
func (g *ground) accept(p *Proof, o Order) error {
	if o.Accepted == nil {
		return nil
	}
	p.Accepted = o.Accepted
	keys, err := chain(o.Verifier, p.Handovers)
	if err != nil {
		return err
	}
	_, said, err := journal.Vouched(keys, g.pruned, o.Accepted)
	if err == nil {
		g.vouched(o.Accepted, said.Time)
	}
	return err
}

// gaps says of what was pruned that a person stands for it, and no key.
func (g *ground) gaps() []period.Gap {
	if g == nil || g.accepted == "" {
		return nil
	}
	return []period.Gap{{Code: "pruning-accepted", N: 1, Record: g.pruned.Record, What: g.accepted}}
}
