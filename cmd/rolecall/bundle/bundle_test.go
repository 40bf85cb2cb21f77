package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// log is a journal with its checkpoints; it implements Source.
type log struct {
	t        testing.TB
	store    *journal.Store
	clock    time.Time
	signer   audit.Signer
	verifier string
	order    Order
	end      int64                                                            // what comes after it is hidden; 0: nothing is
	edit     func(r engine.Record, s journal.Stored) (string, journal.Stored) // of what Each yields
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func newLog(t testing.TB) *log {
	t.Helper()
	l := &log{t: t, clock: at("2027-01-04T09:00:00Z")}
	secret, public, err := audit.GenerateKey(rand.NewChaCha8([32]byte{7}), "example.com/journal")
	l.must(err)
	l.verifier = public
	l.signer, err = audit.NewSigner(secret)
	l.must(err)
	l.store, err = journal.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "j.db"), journal.Options{Migrate: true, Random: rand.NewChaCha8([32]byte{1}),
		Now: func() time.Time { l.clock = l.clock.Add(time.Millisecond); return l.clock }})
	l.must(err)
	t.Cleanup(func() { _ = l.store.Close() })
	return l
}

func (l *log) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *log) add(records ...engine.Record) {
	l.t.Helper()
	for i := range records {
		records[i].Actor = "serve"
	}
	l.must(l.store.Append(context.Background(), engine.Free, records))
}

func (l *log) seal() []byte {
	l.t.Helper()
	signed, err := l.store.Checkpoint(context.Background(), l.signer)
	l.must(err)
	return signed
}

func (l *log) Each(to time.Time, yield func(engine.Record, journal.Stored) error) error {
	return l.store.Everything(context.Background(), to, func(r engine.Record, s journal.Stored) error {
		if l.end > 0 && r.Seq > l.end {
			return nil
		}
		if l.edit != nil {
			r.Hash, s = l.edit(r, s)
		}
		return yield(r, s)
	})
}

func (l *log) Next(seq int64) (s journal.Stored, ok bool, err error) {
	err = l.store.StoredRecords(context.Background(), engine.Query{After: seq - 1, Limit: 1}, func(_ engine.Record, found journal.Stored) error {
		s, ok = found, true
		return nil
	})
	return s, ok, err
}

func (l *log) Prove(newer, older int64) ([]audit.Hash, error) {
	return l.store.ProveConsistency(context.Background(), newer, older)
}

func (l *log) Pruning() (journal.Stored, bool, error) {
	p, err := l.store.Pruned(context.Background())
	if err != nil || p == nil {
		return journal.Stored{}, false, err
	}
	return l.Next(p.Record)
}

func (l *log) Snapshot(p *engine.Pruned, yield func(journal.Stored) error) error {
	return l.store.SnapshotLines(context.Background(), p, yield)
}

func data(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func run(name string, started time.Time, count int, reasons ...engine.Reason) engine.Record {
	proofs := []engine.Proof{{Source: "hr", Count: 2, Started: started, Finished: started}, {Source: "wiki", Count: count, Reasons: reasons, Started: started, Finished: started}}
	return engine.Record{Kind: engine.KindRun, Run: name, Data: data(map[string]any{"Policy": "p1", "Config": "c1", "Proofs": proofs})}
}

func intent(name string, op engine.Op, person, right string, cause engine.Cause, why string) engine.Record {
	r := engine.IntentRecord(name, "serve", "hr", engine.Change{Op: op, Person: person, Login: person, Name: "Name of " + person, Account: person, Program: "wiki",
		Entitlement: engine.Entitlement{Program: "wiki", Name: right}.String(), Cause: cause, Why: []string{why}, Rules: []string{"staff"}}, "")
	return r
}

func outcome(name string, of int64, op engine.Op, person, right string, o engine.Outcome) engine.Record {
	return engine.Record{Kind: engine.KindOutcome, Run: name, Of: of, Op: op, Person: person, Account: person, Program: "wiki", Entitlement: right, Outcome: o}
}

// story is a journal of January to May with a period of February and March, in which bob comes and ann leaves. Its first
// checkpoint is from January.
func story(t testing.TB) *log {
	l := newLog(t)
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "staff.yaml"}) // as it is: packing may differ between versions of Go
	l.must(err)
	_, _ = f.Write([]byte("rules:\n  - {name: staff, when: 'true', grant: [wiki]}\n"))
	l.must(z.Close())
	l.add(engine.Record{Kind: engine.KindPolicy, Why: []string{"policy p1"}, Data: data(map[string]any{"hash": "p1", "files": packed.Bytes()})},
		engine.Record{Kind: engine.KindConfig, Why: []string{"configuration c1"}, Data: data(map[string]any{"hash": "c1", "text": "version: 1\nprograms: {wiki: {kind: file, revoke: never}}\n"})},
		run("r1", l.clock, 1), engine.Record{Kind: engine.KindSeen, Run: "r1", Program: "wiki", Data: data(engine.Seen{Baseline: true, Appeared: [][2]string{{"old", ""}}})},
		engine.Record{Kind: engine.KindLink, Run: "r1", Person: "ann", Program: "wiki", Account: "ann"}, intent("r1", engine.OpGrant, "ann", "", engine.CauseRule, "is staff"))
	l.add(outcome("r1", 6, engine.OpGrant, "ann", "", engine.Done))
	former := l.seal()
	l.clock = at("2027-02-01T00:00:00Z")
	l.add(run("r2", l.clock, 2), engine.Record{Kind: engine.KindLink, Run: "r2", Person: "bob", Program: "wiki", Account: "bob"},
		intent("r2", engine.OpGrant, "bob", "", engine.CauseRule, "=is <staff>"), intent("r2", engine.OpSuspend, "ann", "", engine.CauseMarked, "has left"))
	l.add(outcome("r2", 10, engine.OpGrant, "bob", "", engine.Done), outcome("r2", 11, engine.OpSuspend, "ann", "", engine.Done))
	l.clock = at("2027-02-02T00:00:00Z")
	l.add(run("r3", l.clock, 2))
	l.add(engine.Record{Kind: engine.KindCut, Person: "bob", Why: []string{"laptop stolen"}, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "bob"}, Since: l.clock}}})
	l.clock = at("2027-05-01T00:00:00Z")
	l.add(run("r4", l.clock, 2))
	l.order = Order{From: at("2027-02-01T00:00:00Z"), To: at("2027-04-01T00:00:00Z"), Made: at("2027-05-02T00:00:00Z"), By: "auditor", Verifier: l.verifier, Seal: l.seal(), Formers: [][]byte{former}}
	return l
}

func (l *log) bundle() string {
	l.t.Helper()
	folder := filepath.Join(l.t.TempDir(), "bundle")
	_, err := Write(folder, l.order, l)
	l.must(err)
	return folder
}

func wrongs(t testing.TB, folder string, given Given) string {
	t.Helper()
	r, err := Verify(folder, given)
	if err != nil {
		return err.Error()
	}
	return strings.Join(r.Wrong, "\n")
}

func TestWhole(t *testing.T) {
	l := story(t)
	folder := l.bundle()
	r, err := Verify(folder, Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"mine": l.order.Formers[0], "newest": l.order.Seal}})
	if err != nil || !r.OK() {
		t.Fatal(err, r.Wrong)
	}
	f := r.Found
	if len(f.Joiners) != 1 || f.Joiners[0].Key != "bob" || !f.Joiners[0].Cut || len(f.Leavers) != 1 || f.Leavers[0].Key != "ann" || len(f.Movers) != 0 || len(f.Holders) != 2 {
		t.Errorf("%+v", f)
	}
	for _, c := range f.Cases {
		if c.Read == nil || c.Read.What != "confirmed" || c.Read.By != "r3" {
			t.Errorf("%+v", c)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "cases.csv"))
	l.must(err)
	if !strings.Contains(string(text), ",'=is <staff>,") {
		t.Errorf("a formula: %s", text)
	}
	for _, code := range []string{"revocation-off", "unmanaged", "four-eyes", "claims"} {
		gaps, _ := os.ReadFile(filepath.Join(folder, "not-covered.csv"))
		if !strings.Contains(string(gaps), "\n"+code+",") {
			t.Errorf("%s is not named: %s", code, gaps)
		}
	}
}

// files are the texts of a bundle, by name.
func files(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(folder, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(folder, p)
			out[name], err = os.ReadFile(p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryByte: no byte of any file can be another one.
func TestEveryByte(t *testing.T) {
	folder := story(t).bundle()
	step := 13
	switch {
	case testing.Short():
		step = 97
	case os.Getenv("ROLECALL_SOAK") != "": // minutes
		step = 1
	}
	for name, text := range files(t, folder) {
		for i := 0; i < len(text); i += step {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << (i % 8)
			must(t, folder, name, changed)
			if wrong := wrongs(t, folder, Given{}); wrong == "" || name != ManifestFile && !strings.HasPrefix(wrong, name) {
				t.Errorf("%s, byte %d: %q", name, i, wrong)
			}
		}
		must(t, folder, name, text)
	}
	if wrong := wrongs(t, folder, Given{}); wrong != "" {
		t.Error(wrong)
	}
}

func must(t testing.TB, folder, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEveryLine: no line can be taken out, doubled or moved, and what is wrong is said with its line.
func TestEveryLine(t *testing.T) {
	folder := story(t).bundle()
	for name, text := range files(t, folder) {
		lines := strings.SplitAfter(string(text), "\n")
		lines = lines[:len(lines)-1]
		for i := range lines {
			if testing.Short() && i%4 != len(lines)%4 {
				continue
			}
			for what, now := range map[string][]string{
				"removed": slices.Delete(slices.Clone(lines), i, i+1), "doubled": slices.Insert(slices.Clone(lines), i, lines[i]), "moved": swapped(lines, i),
			} {
				if slices.Equal(now, lines) {
					continue
				}
				must(t, folder, name, []byte(strings.Join(now, "")))
				wrong := wrongs(t, folder, Given{})
				if wrong == "" || name != ManifestFile && !strings.HasPrefix(wrong, name) {
					t.Errorf("%s, line %d %s: %q", name, i+1, what, wrong)
				}
				var line int
				if n, _ := fmt.Sscanf(strings.TrimPrefix(wrong, name+":"), "%d", &line); (strings.HasSuffix(name, ".csv") || name == RecordsFile) && (n != 1 || line < i+1 || line > i+2) {
					t.Errorf("%s, line %d %s: the line is not named: %q", name, i+1, what, wrong)
				}
			}
		}
		must(t, folder, name, text)
	}
}

func swapped(lines []string, i int) []string {
	now := slices.Clone(lines)
	if i+1 < len(now) {
		now[i], now[i+1] = now[i+1], now[i]
	}
	return now
}

// TestForged: somebody who writes the whole bundle anew, hashes, tables and manifest, can't give it other records than those
// that were sealed.
func TestForged(t *testing.T) {
	for what, forge := range map[string]func(l *log){
		"another reason": func(l *log) {
			l.edit = func(r engine.Record, s journal.Stored) (string, journal.Stored) {
				s.Personal = strings.ReplaceAll(s.Personal, "laptop stolen", "laptop broken")
				salt, _ := base64.StdEncoding.DecodeString(s.Salt)
				return audit.Leaf([]byte(s.Public), [audit.SaltSize]byte(salt), []byte(s.Personal)).String(), s
			}
		},
		"the last record of the period is left out": func(l *log) { l.end = 14 },
		"another key": func(l *log) {
			l.order.Verifier = "example.com/journal+c46df994+AZZB18AupYoobUi++orjEXTQXs5hADlr2qmWSEF1QF03"
		},
		"the seal is left out, so nothing holds it":  func(l *log) { l.order.Seal = nil },
		"neither key nor seal":                       func(l *log) { l.order.Seal, l.order.Verifier = nil, "" },
		"a period that is shorter than the one said": func(l *log) { l.order.Seal = l.order.Formers[0]; l.order.Formers = nil; l.end = 6 },
	} {
		l := story(t)
		given := Given{Verifier: l.verifier, Checkpoints: map[string][]byte{"mine": l.order.Seal}}
		forge(l)
		folder := filepath.Join(t.TempDir(), "bundle")
		if _, err := Write(folder, l.order, l); err != nil {
			continue // it can't even be made
		}
		if wrong := wrongs(t, folder, given); wrong == "" {
			t.Errorf("%s: nothing is found", what)
		}
	}
}

// TestHostile: what is no bundle is refused, at once and without reading outside of it.
func TestHostile(t *testing.T) {
	l := story(t)
	for what, spoil := range map[string]func(folder string) error{
		"a link": func(f string) error { return os.Symlink("/etc/passwd", filepath.Join(f, "policies.yaml")) },
		"a link in place of a file": func(f string) error {
			return twice(os.Remove(filepath.Join(f, "cases.csv")), os.Symlink("/dev/zero", filepath.Join(f, "cases.csv")))
		},
		"a pipe": func(f string) error {
			return twice(os.Remove(filepath.Join(f, RecordsFile)), syscall.Mkfifo(filepath.Join(f, RecordsFile), 0o600))
		},
		"a huge file of records": func(f string) error { return os.Truncate(filepath.Join(f, RecordsFile), 1<<40) },
		"a huge table":           func(f string) error { return os.Truncate(filepath.Join(f, "cases.csv"), 1<<40) },
		"a huge manifest":        func(f string) error { return os.Truncate(filepath.Join(f, ManifestFile), 1<<40) },
		"a huge key":             func(f string) error { return os.Truncate(filepath.Join(f, KeyFile), 1<<40) },
		"deep JSON in the manifest": func(f string) error {
			return os.WriteFile(filepath.Join(f, ManifestFile), bytes.Repeat([]byte("["), 10<<20), 0o600)
		},
		"deep JSON in a record": func(f string) error {
			deep := fmt.Sprintf(`{"seq":1,"hash":"","public":%q}`+"\n", `{"seq":1,"rules":`+strings.Repeat("[", 1<<20))
			return os.WriteFile(filepath.Join(f, RecordsFile), []byte(deep), 0o600)
		},
		"a way out":             func(f string) error { return rename(f, `"cases.csv"`, `"../cases.csv"`) },
		"a way out for Windows": func(f string) error { return rename(f, `"cases.csv"`, `"..\\cases.csv"`) },
		"an absolute way":       func(f string) error { return rename(f, `"cases.csv"`, `"/etc/passwd"`) },
		"one more file":         func(f string) error { return os.WriteFile(filepath.Join(f, "more.csv"), nil, 0o600) },
		"one file fewer":        func(f string) error { return os.Remove(filepath.Join(f, "others.csv")) },
		"no manifest":           func(f string) error { return os.Remove(filepath.Join(f, ManifestFile)) },
		"no proof":              func(f string) error { return os.Remove(filepath.Join(f, ProofFile)) },
		"no seal":               func(f string) error { return os.Remove(filepath.Join(f, SealFile)) },
		"no former seal":        func(f string) error { return os.Remove(filepath.Join(f, FormerFile)) },
	} {
		folder := l.bundle()
		if err := spoil(folder); err != nil {
			t.Fatal(what, err)
		}
		if wrong := wrongs(t, folder, Given{}); wrong == "" {
			t.Errorf("%s: nothing is found", what)
		}
	}
}

func twice(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func rename(folder, old, fresh string) error {
	file := filepath.Join(folder, ManifestFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(fresh), 1), 0o600)
}

// TestFormer: bundles of every format that there ever was are still found right, and nothing of them is derived otherwise.
func TestFormer(t *testing.T) {
	all, err := filepath.Glob("testdata/format*")
	if err != nil || len(all) != FormatPruned {
		t.Fatalf("there are bundles of %d formats, %v", len(all), err)
	}
	for format, now := range map[int]*log{Format: story(t), FormatPruned: prunedStory(t)} {
		was, is := files(t, fmt.Sprintf("testdata/format%d", format)), files(t, now.bundle())
		for name := range is {
			if !bytes.Equal(was[name], is[name]) {
				t.Errorf("format %d: %s is made otherwise now", format, name)
			}
		}
	}
	for _, folder := range all {
		if wrong := wrongs(t, folder, Given{Verifier: "example.com/journal+"}); !strings.HasPrefix(wrong, KeyFile) {
			t.Errorf("%s: another key: %q", folder, wrong)
		}
		if wrong := wrongs(t, folder, Given{}); wrong != "" {
			t.Errorf("%s: %s", folder, wrong)
		}
	}
}
