package bundle

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
	"github.com/rolecall/rolecall/engine/journal"
)

// prune empties the records from before a time, and seals the journal again.
func (l *log) prune(before time.Time) {
	l.t.Helper()
	l.pruneOf(before, func(now audit.Head) audit.Head { return now })
}

// pruneOf has the key say it of another journal than this one.
func (l *log) pruneOf(before time.Time, of func(audit.Head) audit.Head) {
	l.t.Helper()
	c, err := (keys{l.verifier: true}).open(l.order.Seal)
	l.must(err)
	_, err = l.store.Prune(context.Background(), journal.PruneOrder{Actor: "dpo", Reason: "too old", Before: before, Heads: []audit.Head{c.Head},
		Trust: func(context.Context, *engine.Pruned) error { return nil },
		Sign: func(now audit.Head, statement string) (string, error) {
			signed, err := audit.Sign(audit.Checkpoint{Origin: l.signer.Name(), Head: of(now), Time: l.clock, Extra: []string{statement}}, l.signer)
			return string(signed), err
		}})
	l.must(err)
	l.order.Seal = l.seal()
}

// prunedStory is the story, of which January was pruned in May.
func prunedStory(t testing.TB) *log {
	l := story(t)
	l.prune(l.order.From)
	return l
}

// found is what a bundle comes to, as text without what nobody can know of before: since when there was a reason.
func found(t *testing.T, f *period.Findings) string {
	t.Helper()
	f.Gaps, f.Counts, f.Latest = nil, nil, time.Time{}
	for i := range f.Cases {
		f.Cases[i].Since = time.Time{}
	}
	for _, list := range [][]period.Person{f.Joiners, f.Movers, f.Leavers, f.Others} {
		for i := range list {
			list[i].Since = time.Time{}
		}
	}
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPrunedAnywhere: wherever the border is, a bundle of a period behind it says the same as one from before records were pruned, be
// the record of that in the period or not.
func TestPrunedAnywhere(t *testing.T) {
	var times []time.Time
	l := story(t)
	l.must(l.store.Records(context.Background(), engine.Query{}, func(r engine.Record) error {
		if n := len(times); n == 0 || r.Time.After(times[n-1]) {
			times = append(times, r.Time)
		}
		return nil
	}))
	for n, border := range times[1:] {
		for _, to := range []time.Time{at("2027-04-01T00:00:00Z"), at("2027-06-01T00:00:00Z")} {
			if !border.Before(to) {
				continue
			}
			l := story(t)
			l.order.From, l.order.To, l.order.Made = border, to, at("2027-06-02T00:00:00Z")
			whole, err := Write(filepath.Join(t.TempDir(), "whole"), l.order, l)
			l.must(err)
			l.prune(border)
			given := Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"mine": l.order.Formers[0], "newest": l.order.Seal}}
			folder := l.bundle()
			r, err := Verify(folder, given)
			if err != nil || !r.OK() {
				t.Fatal(n, err, r.Wrong)
			}
			if to.Month() == time.June { // has the record of the pruning
				last := whole.Last + 1
				whole.Last = last
			}
			if want, is := found(t, whole), found(t, r.Found); want != is {
				t.Errorf("border %d, up to %s:\n%s\ninstead of\n%s", n, to.Format(time.DateOnly), is, want)
			}
			gaps, _ := os.ReadFile(filepath.Join(folder, "not-covered.csv"))
			if !strings.Contains(string(gaps), `were pruned by ""dpo"" on 2027-05-01`) {
				t.Errorf("what was pruned is not named: %s", gaps)
			}
		}
	}
}

// TestPrunedEarlier: nothing is said of a time of which the records are gone.
func TestPrunedEarlier(t *testing.T) {
	l := prunedStory(t)
	l.order.From = l.order.From.Add(-time.Nanosecond)
	_, err := Write(filepath.Join(t.TempDir(), "bundle"), l.order, l)
	if err == nil || !strings.Contains(err.Error(), "begins before what is known") {
		t.Error(err)
	}
	folder := prunedStory(t).bundle()
	manifest(t, folder, func(m *Manifest) { m.From = m.From.Add(-time.Nanosecond) })
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "begins before what is known") {
		t.Error(wrong)
	}
}

// TestPrunedForged: whoever writes all of a bundle anew can't have the key say other things of what was pruned.
func TestPrunedForged(t *testing.T) {
	l := prunedStory(t)
	lines := func(name string) []string { return strings.SplitAfter(string(files(t, l.bundle())[name]), "\n") }
	records := lines(RecordsFile)
	for what, c := range map[string]struct {
		forge func(t *testing.T, folder string)
		says  string
	}{
		"a line of the snapshot": {func(t *testing.T, folder string) {
			remake(t, folder, SnapshotFile, bytes.Replace(files(t, folder)[SnapshotFile], []byte(`"name\":\"bob`), []byte(`"name\":\"eve`), 1))
		}, "a line of it was changed"},
		"one line fewer": {func(t *testing.T, folder string) {
			text := lines(SnapshotFile)
			remake(t, folder, SnapshotFile, []byte(strings.Join(text[:len(text)-2], "")))
		}, "lines instead of"},
		"a record that stayed is taken out": {func(t *testing.T, folder string) {
			var first Line
			if err := json.Unmarshal([]byte(records[0]), &first); err != nil {
				t.Fatal(err)
			}
			first.Stored = journal.Stored{}
			text, _ := encode(first, "")
			remake(t, folder, RecordsFile, append(text, strings.Join(records[1:], "")...))
		}, "it stayed when records were pruned, and is not here"},
		"a hash of an emptied record": {func(t *testing.T, folder string) {
			text := []byte(strings.Join(records, ""))
			i := bytes.Index(text, []byte(`{"seq":3,"hash":"`)) + len(`{"seq":3,"hash":"`)
			text[i] ^= 1
			remake(t, folder, RecordsFile, text)
		}, "do not give the root"},
		"an emptied record says something": {func(t *testing.T, folder string) {
			whole := strings.SplitAfter(string(files(t, story(t).bundle())[RecordsFile]), "\n")
			now := append([]string{}, records...)
			now[2] = whole[2]
			remake(t, folder, RecordsFile, []byte(strings.Join(now, "")))
		}, "it was emptied when records were pruned, and is here"},
		"what was pruned is another time": {func(t *testing.T, folder string) {
			remake(t, folder, ProofFile, bytes.Replace(files(t, folder)[ProofFile], []byte("2027-02-01T00"), []byte("2027-01-31T00"), 1))
		}, "the journal's key says something else"},
		"it is no record of a pruning": {func(t *testing.T, folder string) {
			remake(t, folder, ProofFile, bytes.Replace(files(t, folder)[ProofFile], []byte(`kind\":\"snapshot`), []byte(`kind\":\"pause`), 1))
		}, "no record of a pruning"},
		"a salt": {func(t *testing.T, folder string) {
			proof(t, folder, func(p *Proof) { p.Pruning.Salt = "AAAA" })
		}, "more of the record of the pruning than was signed"},
		"the proof that the pruning is of these records": {func(t *testing.T, folder string) {
			proof(t, folder, func(p *Proof) { p.Pruned = nil })
		}, ProofFile},
		"nothing was pruned": {func(t *testing.T, folder string) {
			proof(t, folder, func(p *Proof) { p.Pruning = nil })
		}, "has to say what was pruned"},
		"of the other format": {func(t *testing.T, folder string) {
			manifest(t, folder, func(m *Manifest) { m.Format = Format })
		}, "has to say what was pruned"},
		"records end within what was pruned": {func(t *testing.T, folder string) {
			remake(t, folder, RecordsFile, []byte(strings.Join(records[:5], "")))
			manifest(t, folder, func(m *Manifest) { m.Records = 5 })
		}, "ends before the last record that was pruned"},
	} {
		folder := l.bundle()
		c.forge(t, folder)
		if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); !strings.Contains(wrong, c.says) {
			t.Errorf("%s: %q", what, wrong)
		}
	}
}

func proof(t *testing.T, folder string, change func(p *Proof)) {
	t.Helper()
	var p Proof
	if err := json.Unmarshal(files(t, folder)[ProofFile], &p); err != nil {
		t.Fatal(err)
	}
	change(&p)
	text, err := encode(p, "  ")
	if err != nil {
		t.Fatal(err)
	}
	remake(t, folder, ProofFile, text)
}

// TestPrunedByAnother: a pruning that another key signed is nobody's word, whatever else the bundle says.
func TestPrunedByAnother(t *testing.T) {
	l := story(t)
	private, public, err := audit.GenerateKey(strings.NewReader(strings.Repeat("mallory", 10)), "example.com/journal")
	l.must(err)
	own := l.signer
	l.signer, err = audit.NewSigner(private)
	l.must(err)
	l.prune(l.order.From)
	l.signer = own
	l.order.Seal = l.seal()
	folder := l.bundle()
	if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, "the journal's key does not") || strings.Contains(wrong, public) {
		t.Error(wrong)
	}
}

// TestPrunedElsewhere: what the key said of another journal's pruning counts for nothing, be the record in the period or not; nor does a
// record in its place that says something else.
func TestPrunedElsewhere(t *testing.T) {
	for _, to := range []time.Time{at("2027-04-01T00:00:00Z"), at("2027-06-01T00:00:00Z")} {
		l := story(t)
		l.pruneOf(l.order.From, func(now audit.Head) audit.Head { now.Root[0] ^= 1; return now })
		l.order.To, l.order.Made = to, at("2027-06-02T00:00:00Z")
		if wrong := wrongs(t, l.bundle(), Given{}); !strings.HasPrefix(wrong, ProofFile) || strings.Contains(wrong, "\n") {
			t.Errorf("%v: %q", to, wrong)
		}
	}
	l := prunedStory(t)
	l.order.To, l.order.Made, l.order.Seal, l.order.Formers = at("2027-06-01T00:00:00Z"), at("2027-06-02T00:00:00Z"), nil, nil
	l.edit = func(r engine.Record, s journal.Stored) (string, journal.Stored) {
		if r.Kind != engine.KindSnapshot {
			return r.Hash, s
		}
		s.Personal = strings.Replace(s.Personal, "too old", "no reason", 1)
		salt, _ := base64.StdEncoding.DecodeString(s.Salt)
		return audit.Leaf([]byte(s.Public), [audit.SaltSize]byte(salt), []byte(s.Personal)).String(), s
	}
	if wrong := wrongs(t, l.bundle(), Given{}); !strings.Contains(wrong, "another one than "+ProofFile+" has") {
		t.Error(wrong)
	}
}

// TestPrunedEveryByte: no byte of what was pruned, and of the snapshot, can be another one.
func TestPrunedEveryByte(t *testing.T) {
	folder := prunedStory(t).bundle()
	step := 3
	if testing.Short() {
		step = 61
	}
	for _, name := range []string{SnapshotFile, ProofFile, RecordsFile} {
		text := files(t, folder)[name]
		for i := 0; i < len(text); i += step {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << (i % 8)
			must(t, folder, name, changed)
			if wrong := wrongs(t, folder, Given{}); !strings.HasPrefix(wrong, name) {
				t.Errorf("%s, byte %d: %q", name, i, wrong)
			}
		}
		must(t, folder, name, text)
	}
	if wrong := wrongs(t, folder, Given{}); wrong != "" {
		t.Error(wrong)
	}
}

// TestPrunedPage: the first page says what the bundle begins with.
func TestPrunedPage(t *testing.T) {
	for want, l := range map[bool]*log{true: prunedStory(t), false: story(t)} {
		if page := string(files(t, l.bundle())["index.html"]); strings.Contains(page, "what it begins with") != want || want && !strings.Contains(page, "were pruned by") {
			t.Errorf("%t: %s", want, page)
		}
	}
}
