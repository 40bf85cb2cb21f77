package audit

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash: of a leaf, an inner node, a root or a commitment.
type Hash = tlog.Hash

// HashSize is the length of a [Hash] in bytes.
const HashSize = tlog.HashSize

// SaltSize is the length of a record's salt in bytes: as long as the hash, so
// that guessing a salt is no easier than inverting the hash.
const SaltSize = 32

// Each kind of hash begins with bytes that no other kind begins with: leaves
// with 0x00 and inner nodes with 0x01 (RFC 6962 section 2.1), commitments
// with the first letter of commitTag. leafTag sets our leaves apart from
// leaves of other logs.
const (
	leafTag   = "rolecall/leaf/v1\n"
	commitTag = "rolecall/personal/v1\n"
)

// Commitment is H(salt ‖ personal): SHA-256 of the tag "rolecall/personal/v1\n",
// the salt and the personal part. The salt's fixed length makes the encoding
// unambiguous. Without the salt nobody can test guesses of the personal part,
// so the commitment may stay when both are deleted. Each record needs a fresh
// salt from a secure source.
func Commitment(salt [SaltSize]byte, personal []byte) Hash {
	var stack [512]byte
	buf := append(stack[:0], commitTag...)
	buf = append(buf, salt[:]...)
	buf = append(buf, personal...)
	return sha256.Sum256(buf)
}

// Leaf is the leaf hash of a record whose personal part is still there. It
// equals [LeafBlanked] of the record's [Commitment].
func Leaf(public []byte, salt [SaltSize]byte, personal []byte) Hash {
	return LeafBlanked(public, Commitment(salt, personal))
}

// LeafBlanked is the leaf hash of a record from its public part and the
// commitment to its personal part, which is all that is left of a blanked
// record. It is SHA-256 of
//
//	0x00 ‖ "rolecall/leaf/v1\n" ‖ len(public) as 8 bytes, big-endian ‖ public ‖ commitment
//
// which is the RFC 6962 section 2.1 leaf hash (tlog.RecordHash) of the bytes
// after the 0x00.
func LeafBlanked(public []byte, commitment Hash) Hash {
	var stack [512]byte
	buf := append(stack[:0], 0x00)
	buf = append(buf, leafTag...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(public)))
	buf = append(buf, public...)
	buf = append(buf, commitment[:]...)
	return sha256.Sum256(buf)
}
