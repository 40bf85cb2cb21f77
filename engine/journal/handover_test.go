package journal

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// A checkpoint that says more than size and root, as one by which a key handed over, stays where the journal is sealed again without having grown.
func TestAHandoverIsNotReplaced(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s := openStore(t, address, nil)
		appendOne(t, s, engine.Record{Kind: engine.KindNote})
		pair := func(seed string) (audit.Signer, string) {
			secret, public, err := audit.GenerateKey(strings.NewReader(strings.Repeat(seed, 40)), "example.com/journal")
			if err != nil {
				t.Fatal(err)
			}
			signer, err := audit.NewSigner(secret)
			if err != nil {
				t.Fatal(err)
			}
			return signer, public
		}
		old, former := pair("a")
		next, verifier := pair("b")
		for _, was := range []audit.Signer{old, nil} {
			appendOne(t, s, engine.Record{Kind: engine.KindNote})
			note, err := s.Handover(t.Context(), former, was, next, verifier)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := s.Checkpoint(t.Context(), next)
			if err != nil || string(plain) == string(note) {
				t.Fatal("a checkpoint outside is of the present", err)
			}
			if kept, ok, err := s.NewestCheckpoint(t.Context()); err != nil || !ok || kept.Note != string(note) {
				t.Errorf("%v: %q", err, kept.Note)
			}
		}
		appendOne(t, s, engine.Record{Kind: engine.KindNote})
		plain, err := s.Checkpoint(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		if kept, _, err := s.NewestCheckpoint(t.Context()); err != nil || kept.Note != string(plain) {
			t.Errorf("%v: %q", err, kept.Note)
		}
	})
}
