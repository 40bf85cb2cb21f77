package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
)

const wiki = "account,active,entitlements,name,shoe size\n" +
	"ann,yes,read; write,\"Example, Ann\",38\n" +
	"\"ben\",no,,Ben,\"44\"\n"

func open(t *testing.T, content string, catalogue ...string) (*file.Program, string) {
	t.Helper()
	return openWith(t, nil, content, catalogue...)
}

func openWith(t *testing.T, step file.Step, content string, catalogue ...string) (*file.Program, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wiki.csv")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	p, err := file.Open(file.Config{Path: "wiki.csv", Catalogue: catalogue},
		file.Options{Program: "wiki", Dir: filepath.Dir(path), Now: func() time.Time { return time.Unix(0, 0) }, Step: step})
	if err != nil {
		t.Fatal(err)
	}
	return p, path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHoldings(t *testing.T) {
	p, _ := open(t, wiki)
	var got []string
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		got = append(got, h.Account+" "+h.Entitlement)
		if h.Account == "ann" && h.Entitlement == engine.Exists && (h.Info.Display != "Example, Ann" || h.Info.Attributes["shoe size"] != "38") {
			t.Errorf("info of ann: %+v", h.Info)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"ann .exists", "ann ", "ann read", "ann write", "ben .exists"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if proof.Source != "wiki" || proof.Count != 5 || len(proof.Digest) != 64 || !proof.Complete() {
		t.Errorf("proof: %+v", proof)
	}
}

// A file that somebody writes to while it is read may be half of the old and half of the new.
func TestAFileThatIsWrittenToIsNotRead(t *testing.T) {
	var path string
	var p *file.Program
	p, path = openWith(t, func(_ context.Context, do func() ([]byte, error)) ([]byte, error) {
		data, err := do()
		if len(data) > 0 { // the read, not what looks again
			err = os.WriteFile(path, []byte(wiki+"cid,yes,,,\n"), 0o640)
		}
		return data, err
	}, wiki)
	held := 0
	proof, err := p.Holdings(t.Context(), func(engine.Holding) error { held++; return nil })
	if err == nil || held > 0 || !strings.Contains(err.Error(), "wrote to it while it was read") {
		t.Errorf("%d holdings, %v, %+v", held, err, proof)
	}
}

// What a change does not concern stays as it is, down to quotes, line ends and permissions.
func TestBystandersKeepTheirBytes(t *testing.T) {
	content := "\ufeff" + strings.ReplaceAll(wiki, "\n", "\r\n")
	p, path := open(t, content)
	if outcome, err := p.Grant(t.Context(), "ann", "admin"); outcome != engine.Done || err != nil {
		t.Fatal(outcome, err)
	}
	want := strings.Replace(content, "read; write", "read;write;admin", 1)
	if diff := cmp.Diff(want, read(t, path)); diff != "" {
		t.Error(diff)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o640 {
		t.Errorf("permissions became %v", info.Mode())
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("the temporary file was left behind")
	}
}

func TestCreate(t *testing.T) {
	p, path := open(t, "account,person,active,entitlements,mail\nben,7,yes,,\neve,,yes,,\n")
	for _, tc := range []struct {
		name    string
		account engine.NewAccount
		want    engine.Outcome
		id      string
	}{
		{"new", engine.NewAccount{Name: "ann", Person: "8", Attributes: map[string]string{"mail": "a@example.com"}}, engine.Done, "ann"},
		{"again for the same person", engine.NewAccount{Name: "ann", Person: "8"}, engine.Already, "ann"},
		{"taken by somebody else", engine.NewAccount{Name: "ben", Person: "8"}, engine.Refused, ""},
		{"taken, person unknown", engine.NewAccount{Name: "ben"}, engine.Refused, ""},
		{"taken by nobody known, person unknown", engine.NewAccount{Name: "eve"}, engine.Refused, ""},
		{"no such column", engine.NewAccount{Name: "cid", Attributes: map[string]string{"phone": "1"}}, engine.Refused, ""},
		{"a name that can't be kept", engine.NewAccount{Name: "cid\n"}, engine.Refused, ""},
	} {
		id, outcome, err := p.Create(t.Context(), tc.account)
		if id != tc.id || outcome != tc.want || (err != nil) != (outcome == engine.Refused) {
			t.Errorf("%s: %q, %s, %v", tc.name, id, outcome, err)
		}
	}
	if got := read(t, path); got != "account,person,active,entitlements,mail\nben,7,yes,,\neve,,yes,,\nann,8,yes,,a@example.com\n" {
		t.Error(got)
	}
}

// No mistake is skipped over, and none is written over.
func TestMistakesHaveAPlace(t *testing.T) {
	head := "account,active,entitlements\n"
	for content, want := range map[string]string{
		"":                                   "does not end with a line break",
		"\n":                                 `wiki.csv:1: column "account" is missing`,
		"account,active\n":                   `wiki.csv:1: column "entitlements" is missing`,
		head + "ann,yes,\nann,no,\n":         `wiki.csv:3: account "ann" is there twice`,
		head + "ann,maybe,\n":                `wiki.csv:2: active is "maybe"`,
		head + ",yes,\n":                     `wiki.csv:2: account ""`,
		head + "ann,yes,\nben,yes\n":         "wiki.csv:3: wrong number of fields",
		head + "ann,yes,\nben,\"yes\n":       "wiki.csv:3: extraneous or missing",
		head + "ann,yes,":                    "does not end with a line break",
		head + "ann\xff,yes,\n":              "not UTF-8",
		head + "\"ann\nben\",yes,\ncid,x,\n": `wiki.csv:2: account "ann\nben"`,
	} {
		p, path := open(t, content)
		proof, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || proof.Digest != "" {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
		if outcome, err := p.Grant(t.Context(), "ann", "x"); outcome != engine.Failed || err == nil {
			t.Errorf("%q: grant %s, %v", content, outcome, err)
		}
		if read(t, path) != content {
			t.Errorf("%q was changed", content)
		}
	}
}

func TestPathStaysInItsFolder(t *testing.T) {
	if _, err := file.Open(file.Config{Path: "../x.csv"}, file.Options{Program: "wiki"}); err == nil {
		t.Error("a path out of the folder was accepted")
	}
	p, path := open(t, wiki)
	outside := filepath.Join(t.TempDir(), "outside.csv")
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil {
		t.Error("a link out of the folder was followed")
	}
	if outcome, _ := p.Grant(t.Context(), "ann", "x"); outcome != engine.Failed || read(t, outside) != wiki {
		t.Errorf("grant through a link: %s", outcome)
	}
}

// Replacing a link would leave the file that it names as it was.
func TestALinkIsNotReplaced(t *testing.T) {
	p, path := open(t, wiki)
	real := filepath.Join(filepath.Dir(path), "real.csv")
	if err := os.Rename(path, real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.csv", path); err != nil {
		t.Fatal(err)
	}
	if outcome, err := p.Grant(t.Context(), "ann", "x"); outcome != engine.Failed || err == nil || !strings.Contains(err.Error(), "not a link") {
		t.Errorf("%s, %v", outcome, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
}

// Two connectors on one file stand for two processes.
func TestParallelWritersLoseNothing(t *testing.T) {
	a, path := open(t, wiki)
	b, _ := file.Open(file.Config{Path: path}, file.Options{Program: "wiki", Now: time.Now})
	done := make(chan error)
	for i, p := range []*file.Program{a, b} {
		go func() {
			var err error
			for n := range 20 {
				if outcome, e := p.Grant(context.Background(), "ben", fmt.Sprint("r", 2*n+i)); outcome != engine.Done {
					err = e
				}
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	held, _ := a.Account(t.Context(), "ben")
	if len(held) != 41 {
		t.Errorf("%d of 41 holdings", len(held))
	}
}

// A full batch is one write, and a failed write fails what it should have written, but nothing else.
func TestBatch(t *testing.T) {
	p, path := open(t, wiki, "read", "write", "admin")
	calls := []engine.Call{
		{Grant: true, Account: "ann", Entitlement: "admin"},
		{Grant: true, Account: "ann", Entitlement: "read"},
		{Grant: true, Account: "ann", Entitlement: "root"},
		{Account: "ben", Entitlement: engine.Exists},
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil { // the new file can't be made
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	outcomes := func() (out []engine.Outcome) {
		for _, r := range p.Apply(t.Context(), calls) {
			out = append(out, r.Outcome)
		}
		return out
	}
	if diff := cmp.Diff([]engine.Outcome{engine.Failed, engine.Already, engine.Refused, engine.Failed}, outcomes()); diff != "" {
		t.Error(diff)
	}
	if read(t, path) != wiki {
		t.Error("a failed write changed the file")
	}
	if err := os.RemoveAll(path + ".new"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]engine.Outcome{engine.Done, engine.Already, engine.Refused, engine.Done}, outcomes()); diff != "" {
		t.Error(diff)
	}
	if got := read(t, path); strings.Contains(got, "ben") || !strings.Contains(got, "read;write;admin") {
		t.Error(got)
	}
}
