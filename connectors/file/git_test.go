package file_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// git runs Git as somebody else would.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// bareRepository has one commit with an access list, and another file.
func bareRepository(t *testing.T, content string) (bare, work string) {
	t.Helper()
	work = t.TempDir()
	bare = filepath.Join(t.TempDir(), "access.git")
	git(t, work, "init", "-q")
	for name, text := range map[string]string{"lists/wiki.csv": content, "README": "hello\n"} {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, work, "add", ".")
	git(t, work, "commit", "-q", "-m", "begin")
	git(t, work, "clone", "-q", "--bare", work, bare)
	git(t, work, "remote", "add", "origin", bare)
	return bare, work
}

func gitConfig(bare string, catalogue ...string) file.GitConfig {
	return file.GitConfig{Repository: bare, Branch: "main", Path: "lists/wiki.csv", Catalogue: catalogue, Author: "Rolecall <rolecall@example.com>"}
}

func openGit(t *testing.T, c file.GitConfig) *file.Program {
	t.Helper()
	return openGitWith(t, nil, c)
}

func openGitWith(t *testing.T, step file.Step, c file.GitConfig) *file.Program {
	t.Helper()
	p, err := file.OpenGit(c, file.GitOptions{Options: file.Options{Program: "wiki", Now: time.Now, Step: step}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

const gitList = "account,active,entitlements,person\nann,yes,,\nBen Smith,yes,,\n\"Łucja, ø\",yes,,\nold,no,Write all,\n"

func TestGitConnectorSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand commands of Git")
	}
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		bare, _ := bareRepository(t, gitList)
		wire := &conformance.Wire{}
		elsewhere := gitConfig(bare)
		elsewhere.Branch = "gone"
		return &enginetest.ConnectorUnderTest{
			Connector: openGitWith(t, wire.Step, gitConfig(bare, "read", "Write all")), Wire: wire, Accounts: []string{"ann", "Ben Smith", "Łucja, ø"}, Rights: []string{"read", "Write all"},
			Stranger: "nobody", NoRight: "fly", NewNames: []string{"dan", "Eve É"}, Broken: []engine.Connector{openGit(t, gitConfig(filepath.Join(t.TempDir(), "none"))), openGit(t, elsewhere)},
		}
	})
}

// A change is a commit that says what it is, and touches nothing else.
func TestGitCommits(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	p := openGit(t, gitConfig(bare))
	for i, r := range p.Apply(t.Context(), []engine.Call{{Grant: true, Account: "ann", Entitlement: "read"}, {Account: "Ben Smith"}, {Account: "nobody", Entitlement: "read"}}) {
		if want := []engine.Outcome{engine.Done, engine.Done, engine.Already}[i]; r.Outcome != want || r.Err != nil {
			t.Errorf("%d: %v", i, r)
		}
	}
	want := "Rolecall <rolecall@example.com>\nAccess: 2 changes\n\ngive \"read\" to the account \"ann\"\nsuspend the account \"Ben Smith\""
	if got := git(t, bare, "log", "-1", "--format=%an <%ae>%n%B", "main"); got != want {
		t.Errorf("%s", got)
	}
	if got := git(t, bare, "show", "--stat", "--format=", "main"); !strings.Contains(got, "1 file changed, 2 insertions(+), 2 deletions(-)") {
		t.Errorf("%s", got)
	}
	if got := git(t, bare, "rev-list", "--count", "main"); got != "2" {
		t.Errorf("%s commits", got)
	}
}

// Somebody pushes between the read and the push: their change stays, and ours is made anew on top of it.
func TestGitSomebodyElseIsFaster(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	list := filepath.Join(work, "lists", "wiki.csv")
	if err := os.WriteFile(list, []byte(strings.Replace(gitList, "ann,yes,,", "ann,yes,write,", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, work, "commit", "-q", "-a", "-m", "by hand")
	other := git(t, work, "rev-parse", "HEAD")
	git(t, work, "push", "-q", "origin", "HEAD:refs/heads/theirs")
	// The first push finds the branch moved, as if somebody had pushed just before.
	hook := "#!/bin/sh\nif [ ! -e moved ]; then touch moved; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main " + other + "; fi\n"
	if err := os.WriteFile(filepath.Join(bare, "hooks", "pre-receive"), []byte(hook), 0o700); err != nil {
		t.Fatal(err)
	}
	if outcome, err := openGit(t, gitConfig(bare)).Grant(t.Context(), "ann", "read"); outcome != engine.Done || err != nil {
		t.Fatal(outcome, err)
	}
	if got := git(t, bare, "show", "main:lists/wiki.csv"); !strings.Contains(got, "ann,yes,write;read,") {
		t.Errorf("%s", got)
	}
}

// The answer to a push is lost, or the push is refused: what the branch shows counts.
func TestGitPushesThatFail(t *testing.T) {
	for name, tc := range map[string]struct {
		hook, text string
		want       engine.Outcome
	}{
		"refused":                              {"pre-receive", "#!/bin/sh\necho protected branch >&2\nexit 1\n", engine.Failed},
		"answer is lost, and somebody went on": {"post-receive", "#!/bin/sh\ngit update-ref refs/heads/main $(git commit-tree main^{tree} -p main -m more)\nkill -9 $PPID\n", engine.Done},
		"answer is lost":                       {"post-receive", "#!/bin/sh\nkill -9 $PPID\n", engine.Done},
	} {
		bare, _ := bareRepository(t, gitList)
		if err := os.WriteFile(filepath.Join(bare, "hooks", tc.hook), []byte(tc.text), 0o700); err != nil {
			t.Fatal(err)
		}
		outcome, err := openGit(t, gitConfig(bare)).Grant(t.Context(), "ann", "read")
		if outcome != tc.want || (err == nil) != (tc.want == engine.Done) || err != nil && !strings.Contains(err.Error(), "protected branch") {
			t.Errorf("%s: %s, %v", name, outcome, err)
		}
		if has := strings.Contains(git(t, bare, "show", "main:lists/wiki.csv"), "ann,yes,read"); has != (tc.want == engine.Done) {
			t.Errorf("%s: the branch has it: %v", name, has)
		}
	}
}

// Nothing but a regular file is a list: a link in a repository could name any file of the machine.
func TestGitLinksAreNotFollowed(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	list := filepath.Join(work, "lists", "wiki.csv")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", list); err != nil {
		t.Fatal(err)
	}
	git(t, work, "commit", "-q", "-a", "-m", "a link")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	p := openGit(t, gitConfig(bare))
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
	if outcome, err := p.Grant(t.Context(), "ann", "read"); outcome != engine.Failed || err == nil {
		t.Error(outcome, err)
	}
}

func TestGitConfigurationMistakes(t *testing.T) {
	for want, bend := range map[string]func(c *file.GitConfig){
		"repository is missing":      func(c *file.GitConfig) { c.Repository = "" },
		"carries a password":         func(c *file.GitConfig) { c.Repository = "https://u:p@example.com/x.git" },
		"needs a token":              func(c *file.GitConfig) { c.Repository = "https://example.com/x.git" },
		"neither an address":         func(c *file.GitConfig) { c.Repository = "--upload-pack=x" },
		"nobody knows who answers":   func(c *file.GitConfig) { c.Repository = "ext::sh -c x" },
		"by http,":                   func(c *file.GitConfig) { c.Repository = "http://example.com/x.git" },
		"branch \"--x\"":             func(c *file.GitConfig) { c.Branch = "--x" },
		"path \"../x.csv\"":          func(c *file.GitConfig) { c.Path = "../x.csv" },
		"path \".git/config\"":       func(c *file.GitConfig) { c.Path = ".git/config" },
		"author \"Rolecall\" is not": func(c *file.GitConfig) { c.Author = "Rolecall" },
		"and no other one takes it":  func(c *file.GitConfig) { c.Token = engine.Secret{Env: "T"} },
	} {
		c := gitConfig("/srv/access.git")
		bend(&c)
		if _, err := file.OpenGit(c, file.GitOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
