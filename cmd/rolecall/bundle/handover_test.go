package bundle

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// pair makes a further key of the journal's name.
func pair(t testing.TB, seed byte) (audit.Signer, string) {
	t.Helper()
	secret, public, err := audit.GenerateKey(rand.NewChaCha8([32]byte{seed}), "example.com/journal")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signer, public
}

// rekey replaces the key, which signs the new one unless it is lost, and seals the journal with that.
func (l *log) rekey(seed byte, lost bool) {
	l.t.Helper()
	next, public := pair(l.t, seed)
	old := l.signer
	if lost {
		old = nil
	}
	l.add(engine.Record{Kind: engine.KindKey, Why: []string{"each year"}, Data: data(map[string]any{"from": l.verifier, "to": public, "lost": lost})})
	note, err := l.store.Handover(context.Background(), l.verifier, old, next, public)
	l.must(err)
	if !lost {
		l.order.Handovers = append(l.order.Handovers, Handover{l.verifier, string(note)})
	}
	l.signer, l.verifier, l.order.Verifier = next, public, public
	l.add(engine.Record{Kind: engine.KindNote, Why: []string{"after the change"}})
	l.order.Seal = l.seal()
}

// ends are a period that is over before records were pruned, and one that has the record of that and all changes of key.
func ends() []time.Time {
	return []time.Time{at("2027-04-01T00:00:00Z"), at("2027-06-01T00:00:00Z")}
}

// TestPrunedByAFormerKey: what a former key signed counts, wherever the period ends, as that key handed over to the bundle's; and so does a
// checkpoint of that time.
func TestPrunedByAFormerKey(t *testing.T) {
	for _, to := range ends() {
		l := prunedStory(t)
		mine, first := l.order.Formers[0], l.order.Seal
		l.rekey(8, false)
		l.rekey(9, false)
		l.order.To, l.order.Made = to, at("2027-06-02T00:00:00Z")
		folder := l.bundle()
		if wrong := wrongs(t, folder, Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"mine": mine}}); wrong != "" {
			t.Errorf("%v: %s", to, wrong)
		}
		if to.Month() == time.June {
			if wrong := wrongs(t, folder, Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"first": first}}); wrong != "" {
				t.Error(wrong)
			}
		}
		for what, forge := range map[string]func(p *Proof){
			"none":           func(p *Proof) { p.Handovers = nil },
			"the first gone": func(p *Proof) { p.Handovers = p.Handovers[1:] },
			"the last gone":  func(p *Proof) { p.Handovers = p.Handovers[:1] },
			"another order":  func(p *Proof) { p.Handovers[0], p.Handovers[1] = p.Handovers[1], p.Handovers[0] },
			"another key":    func(p *Proof) { p.Handovers[0].Key = p.Handovers[1].Key },
		} {
			folder := l.bundle()
			proof(t, folder, forge)
			if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); !strings.HasPrefix(wrong, ProofFile) || !strings.Contains(wrong, "key") {
				t.Errorf("%v, %s: %q", to, what, wrong)
			}
		}
	}
}

// TestKeyChangedAfterThePeriod: also where nothing was pruned the former key's checkpoints are known, and the bundle has the last one
// from before.
func TestKeyChangedAfterThePeriod(t *testing.T) {
	l := story(t)
	mine := l.order.Formers[0]
	l.rekey(8, false)
	folder := l.bundle()
	if _, ok := files(t, folder)[FormerFile]; !ok {
		t.Error("the checkpoint from before the period is not there")
	}
	if wrong := wrongs(t, folder, Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"mine": mine}}); wrong != "" {
		t.Error(wrong)
	}
}

// TestPrunedByAKeyThatARecordNames: whoever can write to the store can record that a key was replaced, and the daemon seals that.
func TestPrunedByAKeyThatARecordNames(t *testing.T) {
	l := story(t)
	own := l.signer
	mallory, public := pair(t, 66)
	l.add(engine.Record{Kind: engine.KindKey, Data: data(map[string]any{"from": public, "to": l.verifier})})
	l.order.Seal = l.seal()
	l.signer = mallory
	l.prune(l.order.From)
	l.signer = own
	l.order.To, l.order.Seal = at("2027-06-01T00:00:00Z"), l.seal()
	if wrong := wrongs(t, l.bundle(), Given{Verifier: l.verifier}); !strings.Contains(wrong, "the journal's key does not") {
		t.Error(wrong)
	}
}

// TestPrunedByAKeyThatWasReplaced: a former key may have been stolen since.
func TestPrunedByAKeyThatWasReplaced(t *testing.T) {
	for _, to := range ends() {
		l := story(t)
		former, public := l.signer, l.verifier
		l.rekey(8, false)
		now, verifier := l.signer, l.verifier
		l.signer = former
		c, err := (keys{verifier: true}).open(l.order.Seal)
		l.must(err)
		l.pruneWith(l.order.From, c.Head, func(now audit.Head) audit.Head { return now })
		l.signer = now
		l.order.To, l.order.Made, l.order.Seal = to, at("2027-06-02T00:00:00Z"), l.seal()
		if wrong := wrongs(t, l.bundle(), Given{Verifier: verifier}); !strings.Contains(wrong, "signed by a key that was not in force at that size") {
			t.Errorf("%s: %s", public, wrong)
		}
	}
}

// accept has somebody vouch for the pruning, which a key signed that was lost since.
func (l *log) accept(key string) {
	l.t.Helper()
	ctx := context.Background()
	p, err := l.store.Pruned(ctx)
	l.must(err)
	l.must(l.store.AcceptPruning(ctx, l.signer, journal.Acceptance{Record: p.Record, Statement: p.Statement, Key: key, By: "carol", Reason: "minutes of May"}))
	all, err := l.store.Acceptances(ctx, p)
	l.must(err)
	l.order.Accepted, l.order.Seal = &all[0].Acceptance, l.seal()
}

// TestPrunedByALostKey: what a lost key signed is nobody's word until a named person vouches for it; and that stays to be seen.
func TestPrunedByALostKey(t *testing.T) {
	for _, to := range ends() {
		l := prunedStory(t)
		lost := l.verifier
		l.rekey(8, true)
		l.order.To, l.order.Made = to, at("2027-06-02T00:00:00Z")
		if wrong := wrongs(t, l.bundle(), Given{Verifier: l.verifier}); !strings.Contains(wrong, "the journal's key does not") {
			t.Errorf("%v: %q", to, wrong)
		}
		l.accept(lost)
		l.rekey(9, false) // what a key said counts on when it hands over
		folder := l.bundle()
		if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); wrong != "" {
			t.Fatal(wrong)
		}
		for _, name := range []string{"not-covered.csv", "not-covered.html", "index.html"} {
			if text := string(files(t, folder)[name]); !strings.Contains(text, "the key that signed what was pruned was lost") || !strings.Contains(text, "carol") || !strings.Contains(text, "minutes of May") {
				t.Errorf("%s: %s", name, text)
			}
		}
		if text := string(files(t, folder)["not-covered.csv"]); strings.Contains(text, "\nrestored,") {
			t.Errorf("no backup was put in the place of anything: %s", text)
		}
	}
}

// TestPrunedByALostKeyForged: nobody's word but that of the key which followed, for this pruning, by this person and for this reason.
func TestPrunedByALostKeyForged(t *testing.T) {
	l := prunedStory(t)
	lost := l.verifier
	l.rekey(8, true)
	l.accept(lost)
	mallory, public := pair(t, 66)
	for what, forge := range map[string]func(p *Proof){
		"nobody":         func(p *Proof) { p.Accepted = nil },
		"another person": func(p *Proof) { p.Accepted.By = "dave" },
		"another reason": func(p *Proof) { p.Accepted.Reason = "none" },
		"another key":    func(p *Proof) { p.Accepted.Key = public },
		"another record": func(p *Proof) { p.Accepted.Record-- },
		"signed by another": func(p *Proof) {
			c, _ := audit.Claimed([]byte(p.Accepted.Signed))
			signed, err := audit.Sign(c, mallory)
			l.must(err)
			p.Accepted.Signed = string(signed)
		},
	} {
		folder := l.bundle()
		proof(t, folder, forge)
		if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); !strings.HasPrefix(wrong, ProofFile) {
			t.Errorf("%s: %q", what, wrong)
		}
	}
	// Who made the bundle can't leave out that it was accepted, nor say so where nobody had to.
	folder := l.bundle()
	remake(t, folder, "not-covered.csv", []byte(strings.Replace(string(files(t, folder)["not-covered.csv"]), "carol", "dave", 1)))
	if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); !strings.HasPrefix(wrong, "not-covered.csv") {
		t.Error(wrong)
	}
	said := l.order.Accepted
	l = prunedStory(t)
	folder = l.bundle()
	proof(t, folder, func(p *Proof) { p.Accepted = said })
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "although the journal's key does") {
		t.Error(wrong)
	}
	folder = story(t).bundle()
	proof(t, folder, func(p *Proof) { p.Accepted = said })
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "has to say what was pruned") {
		t.Error(wrong)
	}
	if _, err := Write(filepath.Join(t.TempDir(), "b"), func() Order { o := l.order; o.Accepted = said; o.Accepted.By = "dave"; return o }(), l); err == nil {
		t.Error("a bundle with a forged statement is made")
	}
}

// TestAcceptedForAnotherPruning: who vouches for one pruning says nothing of a later one by the same key.
func TestAcceptedForAnotherPruning(t *testing.T) {
	l := prunedStory(t)
	ctx, lost := context.Background(), l.verifier
	first, err := l.store.Pruned(ctx)
	l.must(err)
	l.prune(at("2027-02-02T00:00:00Z"))
	l.rekey(8, true)
	l.must(l.store.AcceptPruning(ctx, l.signer, journal.Acceptance{Record: first.Record, Statement: first.Statement, Key: lost, By: "carol", Reason: "minutes of May"}))
	all, err := l.store.Acceptances(ctx, first)
	l.must(err)
	l.order.From, l.order.Seal = at("2027-02-02T00:00:00Z"), l.seal()
	folder := l.bundle()
	proof(t, folder, func(p *Proof) { p.Accepted = &all[0].Acceptance })
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "no record accepts what record") {
		t.Error(wrong)
	}
}

// TestAcceptedOfWhatTheLostKeyDidNotSign: the statement names the key that signed, and that must have.
func TestAcceptedOfWhatTheLostKeyDidNotSign(t *testing.T) {
	l := story(t)
	own, lost := l.signer, l.verifier
	l.signer, _ = pair(t, 66)
	l.prune(l.order.From)
	l.signer = own
	l.rekey(8, true)
	l.accept(lost)
	l.order.Accepted = nil
	p, err := l.store.Pruned(context.Background())
	l.must(err)
	all, err := l.store.Acceptances(context.Background(), p)
	l.must(err)
	folder := l.bundle()
	proof(t, folder, func(p *Proof) { p.Accepted = &all[0].Acceptance })
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "the journal's key does not") {
		t.Error(wrong)
	}
}
