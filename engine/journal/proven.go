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
