package engine_test

import (
	"context"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// overtakenJournal lets something happen right before a record of a secret is written.
type overtakenJournal struct {
	*enginetest.Journal
	before func()
}

func (j *overtakenJournal) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if do := j.before; do != nil && records[0].Kind == engine.KindSecret {
		j.before = nil
		do()
	}
	return j.Journal.Append(ctx, g, records)
}

// Of two processes that send at once, one alone asks for a secret, however close they are.
func TestTwoProcessesSendOneSecret(t *testing.T) {
	f := newFirstWorld(t)
	f.hireWith("ann", "ann@example.com")
	f.later()
	other := *f.engine
	other.Journal = &overtakenJournal{f.journal, func() {
		if err := f.send(); err != nil {
			t.Error(err)
		}
	}}
	sent, err := other.SendSecrets(t.Context(), f.out, f.mail.open)
	if sent != 0 || err != nil || len(f.doors.made["ann"]) != 1 {
		t.Errorf("%d, %v: %v", sent, err, f.doors.made)
	}
	f.got("canary-ann-0 to k-ann <ann@example.com> for ann")
}
