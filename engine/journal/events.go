package journal

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// Event is one record of an export that is what its hash says.
type Event struct {
	Record engine.Record
	Leaf   audit.Hash
}

// ReadEvent takes an exported record from its stored form. It refuses one that is not what its hash says.
func ReadEvent(hash string, stored Stored) (e Event, err error) {
	salt, err := base64.StdEncoding.Strict().DecodeString(stored.Salt)
	if err != nil || len(salt) != audit.SaltSize || stored.Personal == "" {
		return e, errors.New("it lacks the stored form, or was blanked; only a whole export of a journal can be replayed")
	}
	e.Leaf = audit.Leaf([]byte(stored.Public), [audit.SaltSize]byte(salt), []byte(stored.Personal))
	if base64.StdEncoding.EncodeToString(e.Leaf[:]) != hash {
		return e, errors.New("it is not what its hash says: somebody changed it")
	}
	e.Record, _, err = load([]byte(stored.Public), []byte(stored.Personal))
	e.Record.Hash = hash
	return e, err
}

// ErrOtherHistory is what Follow gives for events that are not those which the journal lost.
var ErrOtherHistory = errors.New("the events are of another history")

// Follow finds the last record that the journal and the events, sorted and without gaps, have in common. proven says that the
// journal up to it and the events after it come to the root of the checkpoint; sealed nil: there is none. Events that
// contradict the checkpoint are refused.
func (s *Store) Follow(ctx context.Context, events []Event, sealed *audit.Head) (base int64, proven bool, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		r := runs{ctx, t}
		var size int64
		if err := t.GetContext(ctx, &size, "SELECT size FROM head"); err != nil {
			return err
		}
		first := events[0].Record.Seq
		if first > size+1 {
			return fmt.Errorf("the events begin with record %d, but the journal ends at %d: export from there on", first, size)
		}
		if base, err = common(r, size, events); err != nil {
			return err
		}
		if sealed == nil {
			return nil
		}
		proven, err = reaches(r, base, events[base+1-first:], *sealed)
		return err
	})
	return base, proven, s.wrap("compare with the events", err)
}

// common is the last record, of those that the events begin before, that both have.
func common(r runs, size int64, events []Event) (int64, error) {
	first := events[0].Record.Seq
	for done := int64(0); done < int64(len(events)) && first+done <= size; {
		n := min(256, int64(len(events))-done, size-(first+done)+1)
		leaves, err := r.Run(0, first+done-1, n)
		if err != nil {
			return 0, err
		}
		for i, leaf := range leaves {
			if leaf != events[done+int64(i)].Leaf {
				return first + done + int64(i) - 1, nil
			}
		}
		done += n
	}
	return min(size, first+int64(len(events))-1), nil
}

// reaches says whether the tree of base records and the events comes to the root. Fewer events than that
// prove nothing, and more are not proven by it.
func reaches(r runs, base int64, lost []Event, sealed audit.Head) (bool, error) {
	beyond := base+int64(len(lost)) > sealed.Size // what comes after the seal is nobody's word but the export's
	if sealed.Size < base {
		base, lost = sealed.Size, nil
	}
	if base+int64(len(lost)) < sealed.Size {
		return false, nil
	}
	f, err := audit.FrontierAt(base, r)
	if err != nil {
		return false, err
	}
	leaves := make([]audit.Hash, 0, sealed.Size-base)
	for i := range lost[:sealed.Size-base] {
		leaves = append(leaves, lost[i].Leaf)
	}
	if f, _ = f.Append(leaves...); f.Head() != sealed {
		return false, fmt.Errorf("%w: with them the journal does not come to what the checkpoint outside says", ErrOtherHistory)
	}
	return !beyond, nil
}

// Folded is what the records up to one come to, that one included; the records after it are given in order. It reads the
// whole journal, of which nothing may be blanked.
func (s *Store) Folded(ctx context.Context, base int64) (upTo, now *engine.Fold, since []engine.Record, err error) {
	upTo, now = engine.NewFold(), engine.NewFold()
	p, err := s.Pruned(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	q := engine.Query{}
	if p != nil {
		if base < p.UpTo {
			return nil, nil, nil, fmt.Errorf("what the journal was at record %d can't be computed anew; accept the gap without events: %w", base, p)
		}
		position, err := s.position(ctx, p)
		if err != nil {
			return nil, nil, nil, err
		}
		upTo, now, q.After = engine.FoldAt(position), engine.FoldAt(position), p.UpTo
	}
	err = s.StoredRecords(ctx, q, func(r engine.Record, st Stored) error {
		if st.Personal == "" {
			return fmt.Errorf("record %d was blanked, so what the journal was can't be computed anew; accept the gap without events", r.Seq)
		}
		if r.Seq > base {
			since = append(since, r)
		} else if err := upTo.Apply(r); err != nil {
			return err
		}
		return now.Apply(r)
	})
	return upTo, now, since, err
}

// HashAt is the hash of a record, also of one that was emptied; "" if there is none.
func (s *Store) HashAt(ctx context.Context, seq int64) (hash string, err error) {
	err = s.read.GetContext(ctx, &hash, s.read.Rebind("SELECT leaf FROM journal WHERE seq = ?"), seq)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, s.wrap("read a hash", err)
}

// position is what the records were that were pruned.
func (s *Store) position(ctx context.Context, p *engine.Pruned) (position engine.Position, err error) {
	lines, err := readSnapshot(ctx, s.read, s.read.Rebind, p.UpTo)
	if err == nil && (lines.root() != p.Root || lines.lines != p.Lines) {
		err = errSnapshot
	}
	if err != nil {
		return position, s.wrap("read the snapshot", err)
	}
	open := map[int64]engine.Record{}
	err = s.Records(ctx, engine.Query{Kind: engine.KindIntent, Before: p.UpTo + 1}, func(r engine.Record) error { open[r.Seq] = r; return nil })
	if err != nil && !errors.Is(err, engine.ErrPruned) { // that it is not all of them is known
		return position, err
	}
	return lines.whole(func(seq int64) (engine.Record, bool) { r, ok := open[seq]; return r, ok })
}

// Accept signs the journal as it is although it does not continue the checkpoint outside, and names that one.
func (s *Store) Accept(ctx context.Context, signer audit.Signer, replaced audit.Head) ([]byte, error) {
	line := fmt.Sprintf("accepts %d %s", replaced.Size, replaced.Root)
	return s.sign(ctx, audit.Checkpoint{Origin: signer.Name(), Extra: []string{line}}, signer)
}

// Handover signs the journal as it is with the key that takes over, and with the former one if it is at hand, nil: it was
// lost.
func (s *Store) Handover(ctx context.Context, former string, old, next audit.Signer, verifier string) ([]byte, error) {
	if old == nil {
		return s.sign(ctx, audit.Checkpoint{Origin: next.Name(), Extra: []string{"lost-key " + former}}, next)
	}
	return s.sign(ctx, audit.Checkpoint{Origin: next.Name(), NextKey: verifier}, old, next)
}

// StoredCheckpoint is a signed checkpoint that the store keeps. Whoever can write there can change it.
type StoredCheckpoint struct {
	Size int64
	Note string
}

const selectCheckpoints = "SELECT size, note FROM checkpoint ORDER BY size"

// NewestCheckpoint is the last one that the store keeps; ok is false if there is none.
func (s *Store) NewestCheckpoint(ctx context.Context) (c StoredCheckpoint, ok bool, err error) {
	var all []StoredCheckpoint
	err = s.read.SelectContext(ctx, &all, "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")
	if len(all) > 0 {
		c = all[0]
	}
	return c, len(all) > 0, s.wrap("read the newest checkpoint", err)
}

// Checkpoints lists those that the store keeps, by size.
func (s *Store) Checkpoints(ctx context.Context) (all []StoredCheckpoint, err error) {
	err = s.read.SelectContext(ctx, &all, selectCheckpoints)
	return all, s.wrap("read the checkpoints", err)
}
