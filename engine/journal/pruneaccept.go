package journal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// Acceptance is in the Data of a KindAccept record: a named person vouches for a pruning whose key was lost. Fields are only ever added.
type Acceptance struct {
	Record    int64  `json:"record"`    // of the pruning
	Statement string `json:"statement"` // what the lost key signed of that record
	Key       string `json:"key"`       // the lost verifier key
	By        string `json:"by"`
	Reason    string `json:"reason"`
	Signed    string `json:"signed"` // the checkpoint in which the key that followed says all of this
}

// ErrNotVouched says why nobody's word for a pruning counts.
var ErrNotVouched = errors.New("nobody vouches for it")

// acceptance is the form in the record, beside that of a gap.
type acceptance struct {
	Pruning *Acceptance `json:"pruning,omitempty"`
}

// AcceptanceOf is what a record accepts of a pruning, nil if it accepts something else.
func AcceptanceOf(r engine.Record) *Acceptance {
	var said acceptance
	if r.Kind != engine.KindAccept || json.Unmarshal(r.Data, &said) != nil {
		return nil
	}
	return said.Pruning
}

// line is what the key that followed signs of it: nobody can use the signature for another pruning, person or reason.
func (a *Acceptance) line() string {
	var text []byte
	for _, part := range []string{a.Statement, a.Key, a.By, a.Reason} {
		text = fmt.Appendf(text, "%d %s\n", len(part), part)
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("accepts-prune %d %s", a.Record, base64.StdEncoding.EncodeToString(sum[:]))
}

// AcceptPruning has the key that is in force say that a person vouches for a pruning, and records it.
func (s *Store) AcceptPruning(ctx context.Context, signer audit.Signer, a Acceptance) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	signed, err := audit.Sign(audit.Checkpoint{Origin: signer.Name(), Head: head, Time: engine.Instant(s.options.Now()), Extra: []string{a.line()}}, signer)
	if err != nil {
		return err
	}
	a.Signed = string(signed)
	data, err := encode(acceptance{&a})
	if err != nil {
		return err
	}
	return s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindAccept, Actor: a.By, Why: []string{a.Reason}, Data: data}})
}

// Vouched says why an acceptance does not stand for a pruning; nil: it does. keys are those of now, without any that was lost; said is the
// checkpoint in which one of them says so, and c the one of the lost key.
func Vouched(keys audit.Keys, p *engine.Pruned, a *Acceptance) (c, said audit.Checkpoint, err error) {
	if a == nil || a.Record != p.Record || a.Statement != p.Statement {
		return c, said, fmt.Errorf("%w: no record accepts what record %d says was pruned", ErrNotVouched, p.Record)
	}
	if said, err = keys.Open([]byte(a.Signed)); err != nil {
		return c, said, fmt.Errorf("%w: the journal's key does not say that record %d was accepted: %w", ErrNotVouched, p.Record, err)
	}
	if said.Size < p.Record { // nobody can vouch for what is not there yet; a key that was replaced before can have been stolen since
		return c, said, fmt.Errorf("%w: the journal's key says so at size %d, before there was a record %d", ErrNotVouched, said.Size, p.Record)
	}
	if !slices.Contains(said.Extra, a.line()) {
		return c, said, fmt.Errorf("%w: the journal's key says something else of record %d", ErrNotVouched, p.Record)
	}
	lost, err := audit.NewKeys(a.Key)
	if err == nil {
		c, err = Trusted(lost, p)
	}
	return c, said, err
}

// Acceptances are those of a pruning, the newest first.
func (s *Store) Acceptances(ctx context.Context, p *engine.Pruned) (all []AcceptedAt, err error) {
	err = s.Records(ctx, engine.Query{Kind: engine.KindAccept}, func(r engine.Record) error {
		if a := AcceptanceOf(r); a != nil && a.Record == p.Record {
			all = append(all, AcceptedAt{*a, r})
		}
		return nil
	})
	slices.Reverse(all)
	return all, err
}

// AcceptedAt is an acceptance with its record.
type AcceptedAt struct {
	Acceptance
	In engine.Record
}
