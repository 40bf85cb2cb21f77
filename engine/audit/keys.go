package audit

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints; [NewSigner] makes one.
type Signer = note.Signer

// GenerateKey makes an Ed25519 key pair in the encoding of sumdb/note. The name
// is the log's origin, such as "rolecall.example.com/journal": not empty,
// without spaces and plus signs. The signer key is a secret, the verifier key
// is for everybody who checks. random is crypto/rand.Reader outside of tests.
func GenerateKey(random io.Reader, origin string) (signer, verifier string, err error) {
	signer, verifier, err = note.GenerateKey(random, origin)
	if err != nil {
		return "", "", fmt.Errorf("no key made for %q: %w", origin, err)
	}
	if _, err = note.NewVerifier(verifier); err != nil {
		return "", "", fmt.Errorf("%q cannot be the name of a log; use a host name and a path, without spaces and plus signs", origin)
	}
	return signer, verifier, nil
}

// NewSigner decodes a signer key. The error never shows the key.
func NewSigner(key string) (Signer, error) {
	s, err := note.NewSigner(key)
	if err != nil {
		return nil, errors.New("the checkpoint key is not a signer key (PRIVATE+KEY+name+hash+base64); check what the secret reference points to")
	}
	return s, nil
}

// Pair says whether the verifier key belongs to the signer; "" belongs to any.
func Pair(s Signer, verifier string) bool {
	v, err := note.NewVerifier(verifier)
	return verifier == "" || err == nil && idOf(v) == idOf(s)
}

// Sign returns the checkpoint as a signed note (c2sp.org/signed-note). All
// signers must carry the name of the origin. A checkpoint with a NextKey needs
// the signatures of the present and of the next key. The caller must never
// sign two checkpoints of which one does not continue the other.
func Sign(c Checkpoint, signers ...Signer) ([]byte, error) {
	text, err := c.Text()
	if err != nil {
		return nil, err
	}
	ids := map[keyID]bool{}
	for _, s := range signers {
		if s.Name() != c.Origin {
			return nil, fmt.Errorf("the key of %q cannot sign for the log %q; use the key made for this log", s.Name(), c.Origin)
		}
		ids[idOf(s)] = true
	}
	if len(ids) == 0 {
		return nil, errors.New("a checkpoint needs a signature; give the checkpoint key")
	}
	if c.NextKey != "" {
		v, _ := note.NewVerifier(c.NextKey) // Text has checked it
		if !ids[idOf(v)] || len(ids) < 2 {
			return nil, errors.New("a checkpoint that hands over to a new key needs the signatures of the old and of the new key; give both")
		}
	}
	return note.Sign(&note.Note{Text: text}, signers...)
}

// keyID names a key as signed notes do: by name and 32-bit hash.
type keyID struct {
	name string
	hash uint32
}

func idOf(k interface {
	Name() string
	KeyHash() uint32
}) keyID {
	return keyID{k.Name(), k.KeyHash()}
}

// Keys are the verifier keys of one log through its epochs: the first is given,
// each next one is introduced by a checkpoint that names it (NextKey) and that
// both keys have signed. A key counts only for its epoch, from the size of the
// checkpoint that introduced it to the size of the one that replaced it, so a
// replaced key cannot speak for later records. Keys are never changed once
// made and may be used by several goroutines.
type Keys struct {
	epochs []epoch
}

type epoch struct {
	verifier note.Verifier
	from, to int64 // sizes, both included
}

// NewKeys begins with the verifier key of the first epoch, which must come from
// somewhere else than the store that it is to check.
func NewKeys(verifier string) (Keys, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return Keys{}, fmt.Errorf("%.80q is not a verifier key (name+hash+base64, %w); copy the line that was shown when the key was made", verifier, err)
	}
	return Keys{[]epoch{{v, 0, MaxSize}}}, nil
}

// Origin is the name of the log that the keys belong to; "" without keys.
func (k Keys) Origin() string {
	if len(k.epochs) == 0 {
		return ""
	}
	return k.epochs[0].verifier.Name()
}

// Rotate takes the signed checkpoint that introduces the next key and returns
// the keys with the new epoch. Rotations are given in the order they happened.
func (k Keys) Rotate(signed []byte) (Keys, error) {
	c, err := k.Open(signed)
	if err != nil {
		return Keys{}, err
	}
	if c.NextKey == "" {
		return Keys{}, fmt.Errorf("the checkpoint at size %d names no next key; give the one made when the key was replaced", c.Size)
	}
	next, err := note.NewVerifier(c.NextKey)
	if err != nil {
		return Keys{}, err
	}
	last := len(k.epochs) - 1
	if c.Size < k.epochs[last].from || next.Name() != c.Origin || k.knows(next) {
		return Keys{}, fmt.Errorf("the checkpoint at size %d introduces no new key of this log after the last one; give each change of key once, in order", c.Size)
	}
	for _, v := range []note.Verifier{k.epochs[last].verifier, next} {
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
			return Keys{}, fmt.Errorf("the change of key at size %d lacks a good signature of the old or of the new key (%w); do not trust the new key", c.Size, err)
		}
	}
	epochs := append([]epoch{}, k.epochs...)
	epochs[last].to = c.Size
	return Keys{append(epochs, epoch{next, c.Size, MaxSize})}, nil
}

// Succeed returns the keys with a new epoch that the last key did not
// introduce, because it was lost: that the key at this size is the right one
// must be known from somewhere else.
func (k Keys) Succeed(size int64, verifier string) (Keys, error) {
	next, err := note.NewVerifier(verifier)
	if err != nil {
		return Keys{}, fmt.Errorf("%.80q is not a verifier key (name+hash+base64, %w); copy the line that was shown when the key was made", verifier, err)
	}
	last := len(k.epochs) - 1
	if last < 0 || size < k.epochs[last].from || next.Name() != k.Origin() || k.knows(next) {
		return Keys{}, fmt.Errorf("at size %d no new key of this log can follow; give each change of key once, in order", size)
	}
	epochs := append([]epoch{}, k.epochs...)
	epochs[last].to = size
	return Keys{append(epochs, epoch{next, size, MaxSize})}, nil
}

func (k Keys) knows(v note.Verifier) bool {
	for _, e := range k.epochs {
		if idOf(e.verifier) == idOf(v) {
			return true
		}
	}
	return false
}

// Open checks the signatures of a signed checkpoint and returns it. It must be
// signed by the key of the epoch that its size falls in; signatures of unknown
// keys (witnesses) are skipped, as the format demands.
func (k Keys) Open(signed []byte) (Checkpoint, error) {
	if len(k.epochs) == 0 {
		return Checkpoint{}, errors.New("no key is known to check the checkpoint with; give the verifier key of the log")
	}
	n, err := note.Open(signed, k.verifiers())
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint has no good signature of the log %q (%w); it was changed, or belongs to another log or key", k.Origin(), err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != k.Origin() {
		return Checkpoint{}, fmt.Errorf("the checkpoint is of the log %q, not of %q; give the one of this log", c.Origin, k.Origin())
	}
	if !k.speaks(n.Sigs, c.Size) {
		return Checkpoint{}, fmt.Errorf("the checkpoint at size %d is signed by a key that was not in force at that size; a replaced key may have been stolen", c.Size)
	}
	return c, nil
}

func (k Keys) verifiers() note.Verifiers {
	list := make([]note.Verifier, len(k.epochs))
	for i, e := range k.epochs {
		list[i] = e.verifier
	}
	return note.VerifierList(list...)
}

// speaks tells whether one of the good signatures is by a key in force at size.
func (k Keys) speaks(sigs []note.Signature, size int64) bool {
	for _, e := range k.epochs {
		for _, s := range sigs {
			if idOf(e.verifier) == (keyID{s.Name, s.Hash}) && e.from <= size && size <= e.to {
				return true
			}
		}
	}
	return false
}
