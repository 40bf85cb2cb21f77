package audit

import (
	"bytes"
	"errors"
	"fmt"
)

// Record is one record as the store returns it for verification.
type Record struct {
	Seq        int64  // from 1, without gaps
	Public     []byte // never blanked
	Salt       []byte // SaltSize bytes; empty when blanked
	Personal   []byte // empty when blanked, or when there is nothing personal
	Commitment []byte // Commitment(Salt, Personal): needed when blanked, else optional
	Leaf       Hash   // the stored leaf hash
	Emptied    bool   // nothing but Leaf is left, and the caller knows that it may be so: only the tree shows that it is right
}

// check compares a record with its own hashes. It returns the leaf that its
// content gives and, if that is not right, what is wrong ("" is right).
func (r *Record) check() (leaf Hash, wrong string) {
	if r.Emptied {
		return r.Leaf, ""
	}
	commitment, wrong := r.commitment()
	if wrong != "" {
		return Hash{}, wrong
	}
	leaf = LeafBlanked(r.Public, commitment)
	if leaf != r.Leaf {
		return leaf, "its content does not give its stored hash: one of them was changed"
	}
	return leaf, ""
}

func (r *Record) commitment() (c Hash, wrong string) {
	switch {
	case len(r.Salt) == 0 && len(r.Personal) != 0:
		return c, "it has a personal part but no salt: one was added or the other removed"
	case len(r.Salt) == 0 && len(r.Commitment) != HashSize:
		return c, "its personal part is blanked but the commitment to it is missing or cut"
	case len(r.Salt) == 0:
		return Hash(r.Commitment), ""
	case len(r.Salt) != SaltSize:
		return c, fmt.Sprintf("its salt is %d bytes long instead of %d", len(r.Salt), SaltSize)
	}
	c = Commitment([SaltSize]byte(r.Salt), r.Personal)
	if len(r.Commitment) != 0 && !bytes.Equal(r.Commitment, c[:]) {
		return c, "its personal part does not give the stored commitment: one of them was changed"
	}
	return c, ""
}

// Fault is what verification found wrong first. It is no Go error: a fault is
// knowledge about the log, an error means that nothing is known.
type Fault struct {
	// First and Last are the seqs of the records among which the first bad one
	// is. They are equal when it is known exactly. For records that are missing
	// they are the missing ones, for a bad node those under it.
	First, Last int64
	Wrong       string // what is wrong, without the place
}

// String is one sentence with the place.
func (f Fault) String() string {
	if f.First == f.Last {
		return fmt.Sprintf("record %d: %s", f.First, f.Wrong)
	}
	return fmt.Sprintf("records %d to %d: %s", f.First, f.Last, f.Wrong)
}

// LeafOf is the leaf hash that the record's content gives; a stored Leaf is not looked at.
func (r *Record) LeafOf() (Hash, error) {
	c, wrong := r.commitment()
	if wrong != "" {
		return Hash{}, errors.New(wrong)
	}
	return LeafBlanked(r.Public, c), nil
}
