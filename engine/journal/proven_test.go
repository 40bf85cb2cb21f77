package journal

import (
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// Every record has a proof, against the oldest checkpoint that has it, and no other record goes by it.
func TestProveInclusion(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	sealedTwice(t, s) // at 10 and 11
	proven := func(seq, size int64, sealed bool) {
		p, err := s.ProveInclusion(t.Context(), seq)
		if err != nil || p.Head.Size != size || (p.Checkpoint != "") != sealed {
			t.Fatalf("record %d: %+v, %v", seq, p, err)
		}
		var leaf string
		if err := s.read.Get(&leaf, "SELECT leaf FROM journal WHERE seq = ?", seq); err != nil {
			t.Fatal(err)
		}
		hash, err := parseHash(leaf)
		if err != nil || audit.CheckInclusion(p.Path, p.Head, seq, hash) != nil || audit.CheckInclusion(p.Path, p.Head, seq%size+1, hash) == nil {
			t.Errorf("the proof of record %d shows another one, or nothing: %v", seq, err)
		}
		if c, err := audit.Claimed([]byte(p.Checkpoint)); sealed && (err != nil || c.Head != p.Head) {
			t.Errorf("record %d: the checkpoint is of %+v, %v", seq, c, err)
		}
	}
	for seq := range int64(11) {
		proven(seq+1, max(10, seq+1), true)
	}
	if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote}}); err != nil {
		t.Fatal(err)
	}
	proven(12, 12, false)
	if _, err := s.ProveInclusion(t.Context(), 13); err == nil {
		t.Error("a record that is not there was proven")
	}
}
