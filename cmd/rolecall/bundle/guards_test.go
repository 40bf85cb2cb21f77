package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// remake puts other text in a file, and makes the manifest fit, as a forger would.
func remake(t *testing.T, folder, name string, text []byte) {
	t.Helper()
	must(t, folder, name, text)
	manifest(t, folder, func(m *Manifest) {
		for i := range m.Files {
			if m.Files[i].Name == name {
				s := newSummed()
				_, _ = s.Write(text)
				m.Files[i] = s.file(name)
			}
		}
	})
}

func manifest(t *testing.T, folder string, change func(m *Manifest)) {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(files(t, folder)[ManifestFile], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	text, err := encode(m, "  ")
	if err != nil {
		t.Fatal(err)
	}
	must(t, folder, ManifestFile, text)
}

// otherReason is a forger who makes the hash fit what was changed.
func otherReason(_ engine.Record, s journal.Stored) (string, journal.Stored) {
	s.Personal = strings.ReplaceAll(s.Personal, "laptop stolen", "laptop broken")
	salt, _ := base64.StdEncoding.DecodeString(s.Salt)
	return audit.Leaf([]byte(s.Public), [audit.SaltSize]byte(salt), []byte(s.Personal)).String(), s
}

// Whoever gives a key asks for its word on all records: what no checkpoint covers could be anything.
func TestAKeySpeaksForAllRecordsOrForNone(t *testing.T) {
	for what, order := range map[string]func(l *log){
		"": func(*log) {},
		"it covers 16 of 17 records": func(l *log) {
			l.order.To = l.order.Made.AddDate(0, 1, 0)
			l.clock = l.order.Made
			l.add(engine.Record{Kind: engine.KindPause, Why: []string{"later"}})
		},
		"there is no checkpoint": func(l *log) { l.order.Seal, l.order.Formers = nil, nil },
	} {
		l := story(t)
		order(l)
		folder := l.bundle()
		if wrong := wrongs(t, folder, Given{Verifier: l.verifier}); what == "" && wrong != "" || !strings.Contains(wrong, what) {
			t.Errorf("%q: %q", what, wrong)
		}
		if wrong := wrongs(t, folder, Given{}); wrong != "" {
			t.Errorf("%q without a key: %q", what, wrong)
		}
	}
}

// TestSealsHold: the seal alone finds another record, be it of more records than the bundle has or of fewer.
func TestSealsHold(t *testing.T) {
	for what, order := range map[string]func(l *log){
		"the seal is of more records": func(*log) {},
		"the seal is of all":          func(l *log) { l.order.To = l.order.Made },
		"the seal is of fewer": func(l *log) {
			l.order.To = l.order.Made.AddDate(0, 1, 0)
			l.clock = l.order.Made
			l.add(engine.Record{Kind: engine.KindPause, Why: []string{"later"}})
		},
	} {
		for _, forged := range []bool{false, true} {
			l := story(t)
			l.order.Formers = nil
			order(l)
			if forged {
				l.edit = otherReason
			}
			wrong := wrongs(t, l.bundle(), Given{})
			if forged != (strings.HasPrefix(wrong, SealFile) || strings.HasPrefix(wrong, ProofFile)) {
				t.Errorf("%s, forged %v: %q", what, forged, wrong)
			}
		}
	}
}

// TestProofs: no proof can be left out, doubled or be of something else.
func TestProofs(t *testing.T) {
	l := story(t)
	for what, change := range map[string]func(p *Proof){
		"no next record":            func(p *Proof) { p.Next = nil },
		"another next record":       func(p *Proof) { p.Next.Public = strings.ReplaceAll(p.Next.Public, "r4", "r5") },
		"a next record of before":   func(p *Proof) { p.Next.Public = strings.ReplaceAll(p.Next.Public, `"seq":16`, `"seq":15`) },
		"a next record without sum": func(p *Proof) { p.Next.Commitment = "" },
		"no consistency":            func(p *Proof) { p.Continues = p.Continues[:len(p.Continues)-1] },
		"too much of it":            func(p *Proof) { p.Consistency = append(p.Consistency, p.Continues[0]) },
		"no hash":                   func(p *Proof) { p.Continues[0] = "x" },
	} {
		folder := l.bundle()
		var p Proof
		l.must(json.Unmarshal(files(t, folder)[ProofFile], &p))
		change(&p)
		text, err := encode(p, "  ")
		l.must(err)
		remake(t, folder, ProofFile, text)
		if wrong := wrongs(t, folder, Given{}); !strings.HasPrefix(wrong, ProofFile) {
			t.Errorf("%s: %q", what, wrong)
		}
	}
}

// TestUnneededProofs: where nothing is sealed, nothing is proven.
func TestUnneededProofs(t *testing.T) {
	l := story(t)
	l.order.Seal = nil
	folder := l.bundle()
	if wrong := wrongs(t, folder, Given{}); wrong != "" {
		t.Fatal(wrong)
	}
	for _, p := range []Proof{{Consistency: []string{audit.Hash{}.String()}}, {Continues: []string{audit.Hash{}.String()}}} {
		text, err := encode(p, "  ")
		l.must(err)
		remake(t, folder, ProofFile, text)
		if wrong := wrongs(t, folder, Given{}); !strings.HasPrefix(wrong, ProofFile) {
			t.Errorf("%+v: %q", p, wrong)
		}
	}
}

// TestNamed: what is wrong is said of the file that it is wrong with.
func TestNamed(t *testing.T) {
	l := story(t)
	for what, c := range map[string]struct {
		spoil func(folder string) error
		want  string
	}{
		"a way out":             {func(f string) error { return rename(f, `"cases.csv"`, `"../cases.csv"`) }, "is no name for a file"},
		"a way out for Windows": {func(f string) error { return rename(f, `"cases.csv"`, `"..\\cases.csv"`) }, "is no name for a file"},
		"an absolute way":       {func(f string) error { return rename(f, `"cases.csv"`, `"/etc/passwd"`) }, "is no name for a file"},
		"no seal":               {func(f string) error { return os.Remove(filepath.Join(f, SealFile)) }, SealFile + ": it is missing"},
		"a huge key":            {func(f string) error { return os.Truncate(filepath.Join(f, KeyFile), 1<<40) }, KeyFile + ": it is too large"},
		"a changed proof":       {func(f string) error { return rewrite(f, ProofFile, "continues", "continueS") }, ProofFile + ": it is not the file that"},
		"a manifest in disorder": {func(f string) error {
			manifest(t, f, func(m *Manifest) { m.Files[0], m.Files[1] = m.Files[1], m.Files[0] })
			return nil
		}, "not in order"},
		"a later format": {func(f string) error { manifest(t, f, func(m *Manifest) { m.Format = FormatPruned + 1 }); return nil }, "is not known to this version"},
		"another count":  {func(f string) error { manifest(t, f, func(m *Manifest) { m.Records-- }); return nil }, "15 records, the manifest says 14"},
		"another form":   {func(f string) error { return rewrite(f, ManifestFile, `"format": 1`, `"format":1`) }, "not in the form in which it was written"},
		"another hash":   {func(f string) error { manifest(t, f, func(m *Manifest) { m.Files[0].SHA256 = "" }); return nil }, "is another file than it says"},
		"another period": {func(f string) error {
			manifest(t, f, func(m *Manifest) { m.From = m.From.AddDate(0, 0, 1) })
			return nil
		}, "joiners.csv:"},
	} {
		folder := l.bundle()
		l.must(c.spoil(folder))
		if wrong := wrongs(t, folder, Given{}); !strings.Contains(wrong, c.want) {
			t.Errorf("%s: %q", what, wrong)
		}
	}
}

func rewrite(folder, name, old, fresh string) error {
	file := filepath.Join(folder, name)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(fresh), 1), 0o600)
}

// TestBomb: a recorded policy can't unpack to more than a policy is.
func TestBomb(t *testing.T) {
	for what, fill := range map[string]func(z *zip.Writer) error{
		"large": func(z *zip.Writer) error {
			w, err := z.Create("a.yaml")
			if err == nil {
				_, err = w.Write(make([]byte, maxPolicy+1))
			}
			return err
		},
		"many": func(z *zip.Writer) error {
			for i := range maxPolicyFiles + 1 {
				if _, err := z.Create(fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		},
		"twice": func(z *zip.Writer) error {
			_, err := z.Create("a.yaml")
			if err == nil {
				_, err = z.Create("a.yaml")
			}
			return err
		},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if err := fill(z); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := unpack(data(map[string]any{"files": b.Bytes()})); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

// TestPlain: names from a policy lead nowhere else, and stay apart.
func TestPlain(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a.yaml", "../a.yaml", "..", ".", "/etc/passwd", `..\a`, "a/b", "a=2fb", "a:b", "é", "ü", "\x00", ".hidden", "con"} {
		p := plain(name)
		if !local(p) || strings.ContainsRune(p, '/') || strings.HasPrefix(p, ".") || seen[p] != "" {
			t.Errorf("%q is %q, as is %q", name, p, seen[p])
		}
		seen[p] = name
	}
}
