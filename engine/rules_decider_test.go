package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// refusalsOf counts what was refused to somebody.
func (w *world) refusalsOf(actor string) (n int) {
	w.t.Helper()
	if err := w.journal.Records(w.t.Context(), engine.Query{Kind: engine.KindRefusal, Actor: actor}, func(engine.Record) error { n++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// whoever is the same person by key, login in any case, or any other word.
func deciders() map[string]engine.Decider {
	return map[string]engine.Decider{"the key": {Person: "k-p0"}, "the login": {Words: []string{"q", "P0"}}, "the key as a word": {Words: []string{"k-p0"}}}
}

func TestNobodyDecidesOnTheirOwnAccess(t *testing.T) {
	for name, d := range deciders() {
		w := signed(t)
		ids := []string{}
		for _, i := range w.items() {
			ids = append(ids, i.ID)
		}
		e := w.engine.As(d)
		for verb, decide := range map[string]func() error{
			"approve":     func() error { _, err := e.Approve(t.Context(), "oidc:1", ids, "fine"); return err },
			"approve all": func() error { _, err := e.Approve(t.Context(), "oidc:1", []string{"all"}, "fine"); return err },
			"reject":      func() error { _, err := e.Reject(t.Context(), "oidc:1", ids, "no"); return err },
			"give": func() error {
				return e.Give(t.Context(), "oidc:1", "p0", "wiki/z", w.now.Add(24*time.Hour), "for me")
			},
		} {
			before := w.refusalsOf("oidc:1")
			if err := decide(); !errors.Is(err, engine.ErrOwnAccess) {
				t.Errorf("%s by %s: %v", verb, name, err)
			}
			if w.refusalsOf("oidc:1") != before+1 {
				t.Errorf("%s by %s: not recorded once", verb, name)
			}
		}
		for _, i := range w.items() {
			if i.State != engine.Waiting {
				t.Errorf("by %s: %+v", name, i)
			}
		}
		others := slices.DeleteFunc(w.items(), func(i engine.Item) bool { return i.Change.Person == "k-p0" })
		if _, err := e.Approve(t.Context(), "oidc:1", []string{others[0].ID}, "fine"); err != nil {
			t.Errorf("somebody else's access, by %s: %v", name, err)
		}
		if err := e.Give(t.Context(), "oidc:1", "p1", "wiki/z", w.now.Add(24*time.Hour), "for p1"); err != nil {
			t.Errorf("an extra for somebody else, by %s: %v", name, err)
		}
	}
}

// On the command line the operating system's login is what is known.
func TestNobodyDecidesOnTheirOwnAccessByLogin(t *testing.T) {
	w := signed(t)
	if _, err := w.engine.Approve(t.Context(), "p0", []string{"all"}, "fine"); !errors.Is(err, engine.ErrOwnAccess) {
		t.Error(err)
	}
}

func TestNobodyLiftsTheirOwnCut(t *testing.T) {
	for name, d := range deciders() {
		w := signed(t)
		if _, _, err := w.engine.Cut(t.Context(), "boss", "p0", "stop"); err != nil {
			t.Fatal(err)
		}
		if name != "the login" { // which a cut does not have
			if err := w.engine.As(d).Lift(t.Context(), "oidc:1", "k-p0", "let me in"); !errors.Is(err, engine.ErrOwnAccess) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := w.engine.As(d).Lift(t.Context(), "oidc:1", "p0", "let me in"); !errors.Is(err, engine.ErrOwnAccess) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The words that somebody is known by are compared with the authors of the policy.
func TestFourEyesKnowMoreThanTheActor(t *testing.T) {
	w := signed(t)
	for _, word := range []string{"bob", "x@example.com", "ann"} {
		if _, err := w.engine.As(engine.Decider{Words: []string{"other", word}}).Approve(t.Context(), "oidc:1", []string{"all"}, "fine"); !errors.Is(err, engine.ErrOwnChange) {
			t.Errorf("%s: %v", word, err)
		}
	}
	if _, err := w.engine.As(engine.Decider{Words: []string{"carl", "carl@example.com"}}).Approve(t.Context(), "oidc:1", []string{"all"}, "fine"); err != nil {
		t.Error(err)
	}
}

// Who decides on what was shown does not overturn what somebody else decided meanwhile; who names an item does.
func TestWhatWasShownIsDecidedOnce(t *testing.T) {
	w := signed(t)
	if _, err := w.engine.Reject(t.Context(), "carl", []string{"all"}, "no"); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range w.memory().Items() {
		ids = append(ids, i.ID)
	}
	dora := engine.Decider{Words: []string{"dora"}}
	if _, err := w.engine.As(dora).Approve(t.Context(), "oidc:2", ids, "fine"); err != nil {
		t.Fatal(err)
	}
	dora.Shown = true
	if _, err := w.engine.As(dora).Reject(t.Context(), "oidc:2", ids, "no"); !errors.Is(err, engine.ErrDecided) {
		t.Error(err)
	}
	for _, i := range w.memory().Items() {
		if i.State != engine.Approved {
			t.Errorf("%+v", i)
		}
	}
}

func TestNobodyUndoesWhatTookTheirOwnAccess(t *testing.T) {
	w := signed(t)
	w.approve()
	w.pass(time.Hour)
	_, r := w.apply()
	_, err := w.engine.As(engine.Decider{Person: "k-p0"}).Undo(t.Context(), w.journal, "oidc:1", r.Run, "mine again")
	if !errors.Is(err, engine.ErrOwnAccess) {
		t.Error(err)
	}
	if _, err := w.engine.As(engine.Decider{Person: "k-carl"}).Undo(t.Context(), w.journal, "oidc:2", r.Run, "theirs again"); err != nil {
		t.Error(err)
	}
}

// What a cut would do is what it does, and nothing is done by asking.
func TestCutPreview(t *testing.T) {
	w := signed(t)
	p, err := w.engine.CutPreview(t.Context(), "p0")
	if err != nil || len(p.Changes) == 0 {
		t.Fatal(p, err)
	}
	if _, cut := w.memory().Fact(engine.FactKey{Kind: engine.FactCut, Person: "k-p0"}); cut {
		t.Error("asking cut somebody off")
	}
	did, _, err := w.engine.Cut(t.Context(), "boss", "p0", "stop")
	if err != nil || len(did.Changes) != len(p.Changes) {
		t.Errorf("shown %d, did %d: %v", len(p.Changes), len(did.Changes), err)
	}
}
