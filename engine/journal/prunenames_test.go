package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A name is found behind what JSON writes as an escape, and in what has escapes for HTML: who is under a legal hold would else lose a record.
func TestANameIsFoundHoweverItIsWritten(t *testing.T) {
	web, err := json.Marshal([]string{"cn=bob,ou=R&D", "<alice>"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stored, name string
		found        bool
	}{
		{quoted("see\nalice"), "alice", true}, {quoted("see\talice"), "alice", true}, {quoted("see\u2028alice"), "alice", true}, {quoted("see\x01alice"), "alice", true},
		{quoted("alice\nbob"), "alice", true}, {quoted(`dom\alice`), "alice", true}, {quoted(`dom\alice`), `dom\alice`, true},
		{string(web), "cn=bob,ou=R&D", true}, {string(web), "alice", true}, {string(web), "<alice>", true},
		{quoted("malice"), "alice", false}, {quoted(`dom\nalice`), "alice", false}, {quoted(`\u0041alice`), "alice", false}, {quoted("alices"), "alice", false},
	} {
		if found := HasName(c.stored, c.name); found != c.found {
			t.Errorf("%q in %s: %v", c.name, c.stored, found)
		}
	}
}

// Of somebody under a legal hold a record stays in which their name begins a line, or has an escape.
func TestARecordOfAHeldOneStaysHoweverTheNameIsWritten(t *testing.T) {
	s, clock, _ := aged(t, lite(t))
	data, err := json.Marshal(engine.Seen{Appeared: [][2]string{{"ou=R&D", ""}}})
	if err != nil {
		t.Fatal(err)
	}
	from := int64(21)
	for _, r := range []engine.Record{
		{Kind: engine.KindLink, Person: "key-of-carol", Program: "crm", Account: "ou=R&D", Data: []byte(`{"kind":"personal"}`)},
		{Kind: engine.KindNote, Actor: "cron", Why: []string{"see\nkey-of-carol"}},
		{Kind: engine.KindSeen, Program: "crm", Data: data},
		{Kind: engine.KindNote, Actor: "cron", Why: []string{"about nobody"}},
	} {
		appendOne(t, s, r)
	}
	clock.Add(time.Hour)
	day := clock.Now()
	appendOne(t, s, engine.Record{Kind: engine.KindRun, Run: "r3", Actor: "cron"})
	done := pruneBefore(t, s, day)
	for seq, want := range map[int64]bool{from - 1: true, from: true, from + 1: true, from + 2: false} {
		if done.Keeps(seq) != want {
			t.Errorf("record %d: %v", seq, done.Kept)
		}
	}
	if v := verify(t, s); !v.OK() {
		t.Error(v.first())
	}
}

// The last slot, and how reads went, are looked for by pages, of which the last one may end where the pruned records begin.
func TestPagesOfRunsEndAtWhatWasPruned(t *testing.T) {
	s, clock, _ := aged(t, lite(t))
	clock.Add(time.Hour)
	border := clock.Now()
	run := engine.Record{Kind: engine.KindRun, Run: "r", Actor: "cron", Data: []byte(`{"Proofs":[{"Source":"crm"}]}`), Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactRun}}}}
	for range 20 {
		appendOne(t, s, run)
	}
	pruneBefore(t, s, border)
	if slot, err := engine.LastSlot(t.Context(), s, time.Time{}); err != nil || !slot.IsZero() {
		t.Error(slot, err)
	}
	var standing engine.Standing
	if err := standing.Reads(t.Context(), s); err != nil || !standing.Known {
		t.Error(standing, err)
	}
}
