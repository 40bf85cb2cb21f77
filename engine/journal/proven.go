package journal

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// ProveConsistency gives the proof that the first older records are a prefix of the first newer ones; see audit.CheckConsistency.
func (s *Store) ProveConsistency(ctx context.Context, newer, older int64) (proof []audit.Hash, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		proof, err = audit.ProveConsistency(newer, older, audit.NewReader(newer, runs{ctx, t}))
		return err
	})
	return proof, s.wrap("prove that the journal was only added to", err)
}

// Decoded is a stored record, and what the tree needs of it.
type Decoded struct {
	Record  engine.Record
	Proven  audit.Record // without leaf
	Blanked bool         // its personal part, and with it names, reasons and data, is gone
}

// Decode reads a record from its stored form, which may come from anywhere; that it is what a tree says of it is for others to
// check.
func (s *Stored) Decode() (d Decoded, err error) {
	d.Blanked = s.Salt == ""
	d.Proven = audit.Record{Public: []byte(s.Public), Personal: []byte(s.Personal)}
	for from, to := range map[*string]*[]byte{&s.Salt: &d.Proven.Salt, &s.Commitment: &d.Proven.Commitment} {
		if *to, err = base64.StdEncoding.Strict().DecodeString(*from); err != nil {
			return d, errors.New("its salt or commitment is no base64")
		}
	}
	if d.Blanked && s.Personal != "" || !d.Blanked && s.Commitment != "" {
		return d, errors.New("it is neither whole nor blanked")
	}
	var text []byte
	if !d.Blanked {
		text = d.Proven.Personal
	}
	var who public
	d.Record, who, err = load([]byte(s.Public), text)
	if d.Blanked {
		d.Record.Person, d.Record.Account = blanked(who.Person), blanked(who.Account)
	}
	d.Proven.Seq = d.Record.Seq
	return d, err
}

// Inclusion shows that a record is in the journal: from its leaf, its hash, the path leads to the root of the first size records
// (RFC 6962, 2.1.1; audit.CheckInclusion).
type Inclusion struct {
	Head       audit.Head
	Path       []audit.Hash
	Checkpoint string // the oldest that the store keeps of the record, whose root is the head's; "": none yet, and the head is nobody's word
}

// ProveInclusion proves that the record is in the journal.
func (s *Store) ProveInclusion(ctx context.Context, seq int64) (p Inclusion, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		var h head
		var kept []StoredCheckpoint
		if err := t.GetContext(ctx, &h, selectHead); err != nil {
			return err
		}
		if err := t.SelectContext(ctx, &kept, t.Rebind("SELECT size, note FROM checkpoint WHERE size >= ? AND size <= ? ORDER BY size LIMIT 1"), seq, h.Size); err != nil {
			return err
		}
		f, err := audit.ParseFrontier(h.Frontier)
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			p.Checkpoint = kept[0].Note
			if f, err = audit.FrontierAt(kept[0].Size, runs{ctx, t}); err != nil {
				return err
			}
		}
		p.Head = f.Head()
		p.Path, err = audit.ProveInclusion(p.Head.Size, seq, audit.NewReader(p.Head.Size, runs{ctx, t}))
		return err
	})
	return p, s.wrap("prove that a record is in the journal", err)
}
