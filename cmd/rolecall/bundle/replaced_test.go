package bundle

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// TestSealedByAReplacedKey: who stole a key after it was replaced can't make a whole bundle with it, be it of more records than there were
// when the key was replaced or of fewer.
func TestSealedByAReplacedKey(t *testing.T) {
	for what, later := range map[string]int{"of later than the change": 0, "of before the change": 20} {
		l := story(t)
		thief := l.signer
		for range later {
			l.add(engine.Record{Kind: engine.KindNote, Why: []string{"later"}})
		}
		l.rekey(8, false)
		forged := story(t)
		forged.add(engine.Record{Kind: engine.KindNote, Why: []string{"this never was"}})
		for range 5 - later/5 {
			forged.add(engine.Record{Kind: engine.KindNote, Why: []string{"nor was this"}})
		}
		genuine := forged.seal()
		forged.signer = thief
		forged.order.To, forged.order.Made = at("2027-06-01T00:00:00Z"), at("2027-06-02T00:00:00Z")
		forged.order.Verifier, forged.order.Handovers = l.verifier, l.order.Handovers
		forged.order.Seal = genuine
		if _, err := Write(filepath.Join(t.TempDir(), "b"), forged.order, forged); err == nil {
			t.Errorf("%s: a bundle is made with the seal of a replaced key", what)
		}
		forged.order.Verifier, forged.order.Handovers = forged.verifier, nil
		folder := forged.bundle()
		remake(t, folder, KeyFile, []byte(l.verifier+"\n"))
		proof(t, folder, func(p *Proof) { p.Handovers = l.order.Handovers })
		for _, given := range []Given{{}, {Verifier: l.verifier}} {
			if wrong := wrongs(t, folder, given); !strings.HasPrefix(wrong, SealFile) {
				t.Errorf("%s, %q given: %q", what, given.Verifier, wrong)
			}
		}
	}
}

// TestVouchedBeforeThePruning: nor can such a key vouch for what somebody else's key says was pruned after its time.
func TestVouchedBeforeThePruning(t *testing.T) {
	l, ctx := story(t), context.Background()
	thief := l.signer
	l.rekey(8, false)
	now := l.signer
	mallory, public := pair(t, 66)
	l.signer = mallory
	c, err := newest(l.verifier, l.order.Seal)
	l.must(err)
	l.pruneWith(l.order.From, c.Head, func(now audit.Head) audit.Head { return now })
	p, err := l.store.Pruned(ctx)
	l.must(err)
	l.must(l.store.AcceptPruning(ctx, mallory, journal.Acceptance{Record: p.Record, Statement: p.Statement, Key: public, By: "carol", Reason: "minutes of May"}))
	all, err := l.store.Acceptances(ctx, p)
	l.must(err)
	a := all[0].Acceptance
	keys, err := chain(l.verifier, l.order.Handovers)
	l.must(err)
	a.Signed = saidAt(t, a.Signed, l.order.Handovers[0].Note, thief)
	if _, _, err := journal.Vouched(keys, p, &a); !errors.Is(err, journal.ErrNotVouched) || !strings.Contains(err.Error(), "before there was") {
		t.Error(err)
	}
	l.signer = now
	a.Signed = saidAt(t, a.Signed, string(l.seal()), now)
	if _, _, err := journal.Vouched(keys, p, &a); err != nil {
		t.Errorf("the key of now: %v", err)
	}
}

// saidAt has a key say the same at the size and time of another checkpoint.
func saidAt(t *testing.T, signed, other string, by audit.Signer) string {
	t.Helper()
	said, err := audit.Claimed([]byte(signed))
	then, wrong := audit.Claimed([]byte(other))
	said.Head, said.Time = then.Head, then.Time
	text, failed := audit.Sign(said, by)
	if err := errors.Join(err, wrong, failed); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTooManyHandovers: whoever makes a bundle can't have the time of the one who checks it.
func TestTooManyHandovers(t *testing.T) {
	l := story(t)
	l.rekey(8, false)
	folder := l.bundle()
	proof(t, folder, func(p *Proof) { p.Handovers = slices.Repeat(l.order.Handovers, maxHandovers+1) })
	if wrong := wrongs(t, folder, Given{}); !strings.HasPrefix(wrong, ProofFile) || !strings.Contains(wrong, "101 changes") {
		t.Error(wrong)
	}
}
