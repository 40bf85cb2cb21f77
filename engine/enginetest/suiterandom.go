package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rolecall/rolecall/engine"
)

// random appends random records and claims random work, and compares the journal with a Fold of its own after each step,
// and with the records it reads back at the end.
func random(t *testing.T, open func(t testing.TB, now func() time.Time) Store) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := NewClock()
		w := &world{T: rt, clock: clock, store: open(t, clock.Now), model: NewJournal(clock.Now)}
		if c, ok := w.store.(io.Closer); ok {
			defer c.Close() // the test has many of them
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			w.step()
			w.prune()
		}
		w.whole()
		w.compareRecords()
		w.compareAsOf()
	})
}

type world struct {
	*rapid.T
	clock *Clock
	store Store
	model *Journal
	times []time.Time

	pruned int64 // the last record that was
}

// Pruner is what a journal can besides: prune, which gives the last record that was pruned, and 0 if nothing may be, and say whether it
// is what it was.
type Pruner interface {
	PruneBefore(ctx context.Context, before time.Time) (upTo int64, err error)
	Whole(ctx context.Context) error
}

// prune takes the records away that nothing looks back to: everything else is as if they were there.
func (w *world) prune() {
	p, can := w.store.(Pruner)
	if !can || rapid.IntRange(0, 5).Draw(w.T, "prune") > 0 {
		return
	}
	w.clock.Add(3 * time.Hour)
	before := w.clock.Now().Add(-rapid.SampledFrom([]time.Duration{3 * time.Hour, 3*time.Hour + time.Second, 4 * time.Hour}).Draw(w.T, "before"))
	upTo, err := p.PruneBefore(context.Background(), before)
	if err != nil {
		w.Fatal(err)
	}
	if upTo == 0 {
		return
	}
	var data json.RawMessage
	err = w.store.Records(context.Background(), engine.Query{Kind: engine.KindSnapshot, Newest: true, Limit: 1}, func(r engine.Record) error { data = r.Data; return nil })
	if err != nil {
		w.Fatal(err)
	}
	if upTo > w.pruned {
		w.pruned = upTo
		mine := []engine.Record{{Kind: engine.KindSnapshot, Actor: "dpo", Why: []string{"too old"}, Data: data}}
		if err := w.model.Append(context.Background(), engine.Free, mine); err != nil {
			w.Fatal(err)
		}
	}
	w.compareMemory()
	w.whole()
}

func (w *world) whole() {
	if p, can := w.store.(Pruner); can {
		if err := p.Whole(context.Background()); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) step() {
	w.clock.Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, -time.Minute}).Draw(w.T, "clock"))
	w.times = append(w.times, w.clock.Now())
	if rapid.IntRange(0, 5).Draw(w.T, "what") == 0 {
		w.claim()
	} else {
		w.append()
	}
	w.compareMemory()
}

func (w *world) compareMemory() {
	since := w.clock.Now().Add(-2 * time.Hour)
	got, err := w.store.Memory(context.Background(), since)
	if err != nil {
		w.Fatal(err)
	}
	want, _ := w.model.Memory(context.Background(), since) // in memory
	if g, m := Show(got), Show(want); g != m {
		w.Fatalf("memory differs\n%s", lineDiff(m, g))
	}
}

func (w *world) append() {
	var batch []engine.Record
	for range rapid.IntRange(1, 4).Draw(w.T, "records") {
		batch = append(batch, w.record())
	}
	guard := engine.Free
	if rapid.IntRange(0, 9).Draw(w.T, "guarded") == 0 {
		guard.Control = int64(rapid.IntRange(0, len(w.model.records)).Draw(w.T, "control"))
	}
	mine := slices.Clone(batch)
	want := w.model.Append(context.Background(), guard, mine)
	got := w.store.Append(context.Background(), guard, batch)
	if (got == nil) != (want == nil) || errors.Is(want, engine.ErrStale) != errors.Is(got, engine.ErrStale) {
		w.Fatalf("append gives %v, the rules give %v", got, want)
	}
}

func (w *world) claim() {
	r := engine.ClaimRequest{Program: w.of("program", "p", "q"), Max: rapid.IntRange(0, 3).Draw(w.T, "max"), Now: w.clock.Now(), Lease: time.Minute}
	if rapid.Bool().Draw(w.T, "after") {
		r.After = []string{w.of("program", "p", "q")}
	}
	if rapid.Bool().Draw(w.T, "since") {
		r.Since = w.clock.Now().Add(-time.Minute)
	}
	want, _ := w.model.Claim(context.Background(), r) // in memory
	got, err := w.store.Claim(context.Background(), r)
	if err != nil {
		w.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		w.Fatalf("claimed %+v\nwant %+v", got, want)
	}
}

func (w *world) of(label string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(w.T, label)
}

// record draws one of a small world, so that records meet.
func (w *world) record() engine.Record {
	r := engine.Record{Kind: engine.Kind(w.of("kind", "intent", "intent", "outcome", "outcome", "outcome", "seen", "adopt", "release", "link", "note", "note", "run", "cut")),
		Person: w.of("person", "x", "y"), Program: w.of("program", "p", "q"), Account: w.account(), Entitlement: w.of("right", "", ".exists", "r"),
		Rules: rapid.SampledFrom([][]string{nil, {"one"}, {"one", "two"}}).Draw(w.T, "rules")}
	switch r.Kind {
	case engine.KindIntent:
		return w.intent(r)
	case engine.KindOutcome:
		return w.outcome(r)
	case engine.KindSeen:
		r.Data, _ = json.Marshal(engine.Seen{Appeared: w.pairs("appeared"), Disappeared: w.pairs("disappeared"), Vanished: w.pairs("vanished")}) // strings only
	case engine.KindLink:
		r.Entitlement = w.of("kind of account", "", "admin")
	case engine.KindNote:
		w.facts(&r)
	}
	return r
}

func (w *world) account() string { return w.of("account", "a", "b", "new:c") }

func (w *world) intent(r engine.Record) engine.Record {
	op := engine.Op(w.of("op", "grant", "revoke", "create", "create", "suspend", "update"))
	class := engine.Class(w.of("class", "", "revoke", "leaver", "grant"))
	return engine.IntentRecord("run", "daemon", "corp", engine.Change{Op: op, Person: r.Person, Account: r.Account, Program: r.Program, Rules: r.Rules,
		Entitlement: engine.Entitlement{Program: r.Program, Name: r.Entitlement}.String(), Why: []string{"why"}, Cause: engine.Cause(w.of("cause", "rule", "cut"))}, class)
}

// outcome is mostly of an open intent, sometimes of one that is closed or none at all.
func (w *world) outcome(r engine.Record) engine.Record {
	r.Outcome = engine.Outcome(w.of("outcome", "done", "done", "already", "refused", "unknown", "failed", "withdrawn", "halted"))
	r.Of = int64(rapid.IntRange(1, len(w.model.records)+1).Draw(w.T, "of"))
	m, _ := w.model.Memory(context.Background(), time.Time{}) // in memory
	if len(m.Open) == 0 || rapid.IntRange(0, 4).Draw(w.T, "any") == 0 {
		return r
	}
	i := rapid.SampledFrom(m.Open).Draw(w.T, "open")
	r.Claim = rapid.IntRange(0, i.Attempts).Draw(w.T, "claim")
	r.Of, r.Person, r.Program, r.Account, r.Entitlement = i.Seq, i.Change.Person, i.Change.Program, i.Change.Account, i.Change.Right()
	if i.Change.Op == engine.OpCreate && i.Change.Proposed {
		r.Account = w.of("made", "c", "a", r.Account)
	}
	return r
}

func (w *world) pairs(label string) [][2]string {
	var out [][2]string
	for range rapid.IntRange(0, 3).Draw(w.T, label) {
		out = append(out, [2]string{w.account(), w.of("right", "", ".exists", "r")})
	}
	return out
}

func (w *world) facts(r *engine.Record) {
	key := func() engine.FactKey {
		return engine.FactKey{Kind: w.of("fact", engine.FactUndesired, engine.FactFailing, engine.FactPause), Program: w.of("program", "", "p", "q"),
			Account: w.account(), Entitlement: w.of("right", "", "r"), Person: w.of("person", "", "x"), Key: w.of("key", "", "k")}
	}
	pause := engine.FactKey{Kind: engine.FactPause, Program: w.of("program", "", "p", "q")}
	for range rapid.IntRange(0, 2).Draw(w.T, "set") {
		r.Set = append(r.Set, engine.Fact{FactKey: key(), Since: w.clock.Now().In(time.FixedZone("", 3600)), Count: len(w.times), Text: "text", Data: json.RawMessage(`{ "n": 1 }`)})
	}
	switch rapid.IntRange(0, 5).Draw(w.T, "pause") {
	case 0:
		r.Set = append(r.Set, engine.Fact{FactKey: pause, Since: w.clock.Now(), Until: w.clock.Now().Add(time.Nanosecond * 1500)})
	case 1, 2:
		r.Clear = append(r.Clear, pause, engine.FactKey{Kind: engine.FactPause})
	case 3:
		r.Clear = append(r.Clear, key())
	}
}

func (w *world) compareRecords() {
	var all []engine.Record
	err := w.store.Records(context.Background(), engine.Query{}, func(r engine.Record) error { all = append(all, r); return nil })
	if err != nil {
		w.Fatal(err)
	}
	for i, r := range w.model.records {
		if r.Seq <= w.pruned && (len(all) <= i || all[i].Seq != r.Seq) { // those that stay have no gap before them for what follows
			all = slices.Insert(all, min(i, len(all)), engine.Record{})
			continue
		}
		if i >= len(all) {
			w.Fatalf("record %d is missing", i+1)
		}
		r.Hash = all[i].Hash
		if g, m := fmt.Sprintf("%+v", all[i]), fmt.Sprintf("%+v", r); g != m {
			w.Fatalf("record %d was\n%s\nand is read back as\n%s", i+1, m, g)
		}
	}
}

// compareAsOf holds every answer against a fold of the records up to that time.
func (w *world) compareAsOf() {
	for _, at := range w.times {
		got, err := w.store.AsOf(context.Background(), at, "", "", "")
		if last := w.lastAt(at); w.pruned > 0 && last < w.pruned {
			if !errors.Is(err, engine.ErrPruned) {
				w.Fatalf("as of %s, record %d, is answered, and %d are pruned: %v", at, last, w.pruned, err)
			}
			continue
		}
		if err != nil {
			w.Fatal(err)
		}
		lines := []string{}
		for _, h := range got {
			lines = append(lines, fmt.Sprintf("%q %q %q %v %q %q", h.Program, h.Account, h.Entitlement, h.Managed, h.Rules, h.Person))
		}
		if g, m := strings.Join(lines, "\n"), strings.Join(w.naiveAsOf(at), "\n"); g != m {
			w.Fatalf("as of %s\n%s", at, lineDiff(m, g))
		}
	}
}

// lastAt is the last record of a time.
func (w *world) lastAt(at time.Time) (seq int64) {
	for _, r := range w.model.records {
		if !r.Time.After(at) {
			seq = r.Seq
		}
	}
	return seq
}

func (w *world) naiveAsOf(at time.Time) []string {
	f, records := engine.NewFold(), w.model.records
	n := 0
	for ; n < len(records) && !records[n].Time.After(at); n++ {
		if err := f.Apply(records[n]); err != nil {
			w.Fatal(err)
		}
	}
	owner, lines := owners(records[:n]), []string{}
	for program, p := range f.Memory(time.Time{}).Programs {
		for _, r := range p.Rows {
			if account := p.Accounts[r.Account]; r.Seen {
				lines = append(lines, fmt.Sprintf("%q %q %q %v %q %q", program, account, p.Entitlements[r.Entitlement], r.Managed, p.RuleSets[r.Rules], owner[[2]string{program, account}]))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// lineDiff lists the lines that are only in one of two texts.
func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for _, l := range w {
		if !slices.Contains(g, l) {
			fmt.Fprintln(&b, "- "+l)
		}
	}
	for _, l := range g {
		if !slices.Contains(w, l) {
			fmt.Fprintln(&b, "+ "+l)
		}
	}
	return b.String()
}
