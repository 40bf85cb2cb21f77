package journal

import (
	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/audit"
)

// seals holds the checkpoints that the store itself keeps against the tree that the stored leaves give. Who signed them is
// not asked here; a leaf that was changed is found by audit.Verify.
type seals struct {
	notes  []StoredCheckpoint // still ahead, by size
	tree   audit.Frontier
	leaves []audit.Hash // that follow on the tree
	lost   bool         // the records are not in order, which is found elsewhere
}

func (w *walk) readSeals() error {
	err := w.looks[0].use(func(t *sqlx.Tx) error { return t.SelectContext(w.ctx, &w.seals.notes, selectCheckpoints) })
	if err != nil {
		return err
	}
	w.sealed()
	return nil
}

// seal takes the next record's leaf in.
func (w *walk) seal(row *row) {
	s := &w.seals
	if s.lost = s.lost || row.unread || row.record.Seq != s.size()+1; s.lost || len(s.notes) == 0 {
		return
	}
	if s.leaves = append(s.leaves, row.record.Leaf); len(s.leaves) >= page {
		s.grow()
	}
	w.sealed()
}

// sealed compares the checkpoints of the size reached.
func (w *walk) sealed() {
	for s := &w.seals; len(s.notes) > 0 && s.notes[0].Size == s.size(); s.notes = s.notes[1:] {
		s.grow()
		n := s.notes[0]
		switch c, err := audit.Claimed([]byte(n.Note)); {
		case err != nil:
			w.wrong("the checkpoint of %d records that the store keeps can't be read: %v", n.Size, err)
		case c.Head != s.tree.Head():
			w.wrong("the checkpoint of %d records that the store keeps is of %d records with the root %s, but the records give %s: it was changed, or they were", n.Size, c.Size, c.Root, s.tree.Head().Root)
		}
	}
}

// unreached are the checkpoints of more records than there are.
func (w *walk) unreached() {
	if s := &w.seals; !s.lost {
		for _, n := range s.notes {
			w.wrong("the store keeps a checkpoint of %d records, but there are %d: the others were cut off, or the checkpoint was put in", n.Size, s.size())
		}
	}
}

func (s *seals) size() int64 { return s.tree.Size() + int64(len(s.leaves)) }

func (s *seals) grow() {
	s.tree, _ = s.tree.Append(s.leaves...)
	s.leaves = s.leaves[:0]
}
