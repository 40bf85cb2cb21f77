package bundle

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// Seals are the checkpoints that speak for the records.
type Seals struct {
	Verifier string            // "": nothing is sealed
	Seal     *audit.Checkpoint // the newest one from outside of the store; nil: there is none
	Former   *audit.Checkpoint // the last one before the period
}

// keys are the verifier keys that sealed the journal, the present one and those that records say were replaced.
type keys map[string]bool

// learn takes in a record that says that another key seals the journal from there on.
func (k keys) learn(r *engine.Record) {
	var change struct{ From, To string }
	if r.Kind == engine.KindKey && json.Unmarshal(r.Data, &change) == nil {
		k[change.From], k[change.To] = true, true
	}
}

// open checks a checkpoint with the first key that has signed it.
func (k keys) open(signed []byte) (c audit.Checkpoint, err error) {
	err = errors.New("no key is known to check it with")
	for verifier := range k {
		one, wrong := audit.NewKeys(verifier)
		if wrong != nil {
			continue
		}
		if c, wrong = one.Open(signed); wrong == nil {
			return c, nil
		}
		err = wrong
	}
	return audit.Checkpoint{}, err
}

// tree counts the leaves, and remembers the heads at the sizes that checkpoints speak of.
type tree struct {
	frontier audit.Frontier
	pending  []audit.Hash
	at       map[int64]audit.Head
}

func newTree(sizes ...int64) *tree {
	t := &tree{at: map[int64]audit.Head{}}
	for _, s := range sizes {
		t.at[s] = audit.Head{}
	}
	t.note()
	return t
}

func (t *tree) add(leaf audit.Hash) {
	t.pending = append(t.pending, leaf)
	size := t.frontier.Size() + int64(len(t.pending))
	if _, asked := t.at[size]; asked || len(t.pending) == 1024 {
		t.flush()
	}
}

func (t *tree) flush() {
	t.frontier, _ = t.frontier.Append(t.pending...)
	t.pending = t.pending[:0]
	t.note()
}

func (t *tree) note() {
	if _, asked := t.at[t.frontier.Size()]; asked {
		t.at[t.frontier.Size()] = t.frontier.Head()
	}
}

// holds compares a checkpoint with the records, which must reach to it.
func (t *tree) holds(c *audit.Checkpoint) error {
	if c.Size > t.frontier.Size() {
		return fmt.Errorf("the checkpoint is of %d records, the bundle has %d: it can't show that it is the same journal", c.Size, t.frontier.Size())
	}
	if t.at[c.Size] != c.Head {
		return fmt.Errorf("the first %d records do not give the root of the checkpoint: one of them was changed, put in or taken out", c.Size)
	}
	return nil
}

// reaches checks that the records are the beginning of what the checkpoint speaks of, and that the next one is from after the
// period.
func (t *tree) reaches(m *Manifest, p *Proof, c *audit.Checkpoint) error {
	n := t.frontier.Size()
	if c == nil || c.Size <= n {
		if p.Next != nil || len(p.Consistency) > 0 {
			return errors.New("it proves more than there is a checkpoint for")
		}
		return nil
	}
	if p.Next == nil {
		return errors.New("it lacks the record after the last one, so nothing shows that none is missing")
	}
	next, err := p.Next.Decode()
	switch {
	case err != nil:
		return fmt.Errorf("the record after the last one: %w", err)
	case !next.Blanked || len(next.Proven.Commitment) != audit.HashSize || next.Record.Seq != n+1:
		return errors.New("the record after the last one is none")
	case next.Record.Time.Before(m.To):
		return fmt.Errorf("record %d is of the period, and missing", n+1)
	}
	f, _ := t.frontier.Append(audit.LeafBlanked(next.Proven.Public, audit.Hash(next.Proven.Commitment)))
	proof, err := hashes(p.Consistency)
	if err != nil {
		return err
	}
	return audit.CheckConsistency(proof, c.Head, f.Head())
}

func hashes(texts []string) (out []audit.Hash, err error) {
	for _, t := range texts {
		raw, err := base64.StdEncoding.Strict().DecodeString(t)
		if err != nil || len(raw) != audit.HashSize {
			return nil, fmt.Errorf("%.50q is no hash", t)
		}
		out = append(out, audit.Hash(raw))
	}
	return out, nil
}

func texts(hashes []audit.Hash) (out []string) {
	for _, h := range hashes {
		out = append(out, h.String())
	}
	return out
}
