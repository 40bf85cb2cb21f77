package main

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// Whoever can write to the store but has no key can't vouch for a pruning.
func TestNobodyVouchesWithoutTheKey(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	aged(t, s.dir)
	if said, code := later(t, s.dir, "audit", "prune", "--before", tomorrow(), "--reason", "too old", "--yes"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, said)
	}
	store, ctx := s.system().store, t.Context()
	p, err := store.Pruned(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost := s.system().cfg.Audit.Verifier
	secret, public, err := audit.GenerateKey(strings.NewReader(strings.Repeat("the next", 10)), "example.com/journal")
	if err != nil {
		t.Fatal(err)
	}
	next, err := audit.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.app.changeKey(ctx, store, s.path("journal.checkpoint"), keyChange{From: lost, To: public, Lost: true}, "burnt", nil, next); err != nil {
		t.Fatal(err)
	}
	cfg := *s.system().cfg
	cfg.Audit.Verifier = public
	vouched := func(signer audit.Signer) error {
		t.Helper()
		if err := store.AcceptPruning(ctx, signer, journal.Acceptance{Record: p.Record, Statement: p.Statement, Key: lost, By: "mallory", Reason: "none"}); err != nil {
			t.Fatal(err)
		}
		by, err := s.app.keyHistory(ctx, &cfg, store)
		if err != nil {
			t.Fatal(err)
		}
		return by.snapshot(ctx, store, p)
	}
	mallory, err := audit.NewSigner(strings.TrimSpace(s.read("journal.key"))) // who has the lost key
	if err != nil {
		t.Fatal(err)
	}
	if err := vouched(mallory); err == nil || !strings.Contains(err.Error(), "signed with a key that was lost since") {
		t.Error(err)
	}
	if err := vouched(next); err != nil {
		t.Error(err)
	}
}
