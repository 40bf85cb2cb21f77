package file_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
)

func created(name string) engine.Call {
	return engine.Call{New: &engine.NewAccount{Name: name, Person: "7"}}
}

func requested(t *testing.T, bare string) string {
	t.Helper()
	return git(t, bare, "rev-parse", requestBranch)
}

// A run makes its changes in more than one batch: what the request holds stays as it is, and a no is one for each of them.
func TestGitRequestOfSeveralBatches(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	p := f.open(f.config())
	apply(t, p, created("dan"), engine.Uncertain, "/pulls/1 ")
	apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "/pulls/1 ")
	first := requested(t, bare)
	for _, p := range []*file.Program{p, f.open(f.config())} { // the second one knows nothing of what was asked for
		holds(t, p, "ann", "read")
		apply(t, p, created("dan"), engine.Uncertain, "/pulls/1 ")
		apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "/pulls/1 ")
		if now := requested(t, bare); now != first {
			t.Fatalf("what waits already was pushed again: %s", git(t, bare, "show", requestBranch))
		}
	}
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); !strings.Contains(got, "ann,yes,read,") || !strings.Contains(got, "dan,yes,,7") || !strings.Contains(got, "old,no,,") {
		t.Errorf("with a third batch the request holds\n%s", got)
	}
	f.close(1, false)
	for range 2 {
		holds(t, p, "ann", "read")
		for _, c := range []engine.Call{created("dan"), called(false, "old", "Write all"), called(true, "ann", "read")} {
			apply(t, p, c, engine.Refused, "/pulls/1 was closed")
		}
	}
	if f.opened != 1 {
		t.Errorf("%d requests were opened", f.opened)
	}
}

// Another person's account of the same name, and a right for an account that the request deletes, are not what waits there.
func TestGitRequestOfSomethingElse(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	apply(t, p, created("dan"), engine.Uncertain, "waits")
	holds(t, p, "ann", "read")
	apply(t, p, engine.Call{New: &engine.NewAccount{Name: "dan", Person: "8"}}, engine.Uncertain, "waits")
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); !strings.Contains(got, "dan,yes,,8") {
		t.Errorf("the request holds\n%s", got)
	}
	holds(t, p, "ann", "read")
	apply(t, p, called(false, "ann", engine.Exists), engine.Uncertain, "waits")
	holds(t, p, "ann", "read")
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); !strings.Contains(got, "ann,yes,read,") {
		t.Errorf("the request holds\n%s", got)
	}
}

// Attributes and rights of one run wait in the same request.
func TestGitRequestOfAttributes(t *testing.T) {
	bare, _ := bareRepository(t, "account,active,entitlements,mail\nann,yes,,\nben,yes,,\n")
	p := openGit(t, proposing(bare))
	update := func() {
		t.Helper()
		to := engine.NewAccount{Attributes: map[string]string{"mail": "ben@example.com"}}
		if outcome, err := p.Update(t.Context(), "ben", to); outcome != engine.Uncertain || err == nil {
			t.Fatal(outcome, err)
		}
	}
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	update()
	apply(t, p, called(true, "ben", "read"), engine.Uncertain, "waits")
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); !strings.Contains(got, "ann,yes,read,") || !strings.Contains(got, "ben,yes,read,ben@example.com") {
		t.Errorf("the request holds\n%s", got)
	}
	first := requested(t, bare)
	holds(t, p, "ann", "read")
	if update(); requested(t, bare) != first {
		t.Error("what waits already was pushed again")
	}
}

// Commits that leave the list as it is change nothing about a request, nor about a no.
func TestGitRequestAndOtherCommits(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	f := newForge(t, bare, true)
	p, grant := f.open(f.config()), called(true, "ann", "read")
	apply(t, p, grant, engine.Uncertain, "/pulls/1 ")
	first := requested(t, bare)
	for _, closed := range []bool{false, true} {
		git(t, work, "commit", "-q", "--allow-empty", "-m", "docs")
		git(t, work, "push", "-q", "origin", "HEAD:main")
		holds(t, p, "ann", "read")
		if closed {
			f.close(1, false)
			apply(t, p, grant, engine.Refused, "/pulls/1 was closed")
		} else {
			apply(t, p, grant, engine.Uncertain, "/pulls/1 ")
		}
	}
	if requested(t, bare) != first {
		t.Error("it was pushed again")
	}
	list := strings.Replace(gitList, "Ben Smith,yes", "Ben Smith,no", 1)
	if err := os.WriteFile(filepath.Join(work, "lists/wiki.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, work, "commit", "-q", "-a", "-m", "by hand")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	apply(t, p, grant, engine.Uncertain, "/pulls/2 ")
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); !strings.Contains(got, "Ben Smith,no") {
		t.Errorf("the request takes back what was changed by hand:\n%s", got)
	}
}

// theirs is a commit of somebody else on top of the request, made so.
func theirs(t *testing.T, work string, args ...string) {
	t.Helper()
	git(t, work, "fetch", "-q", "origin", requestBranch)
	git(t, work, "reset", "-q", "--hard", "FETCH_HEAD")
	git(t, work, append([]string{"commit", "-q", "--allow-empty"}, args...)...)
	git(t, work, "push", "-q", "-f", "origin", "HEAD:"+requestBranch)
}

// A branch that was merged and left there is free, whoever committed to it.
func TestGitRequestWhoseBranchIsLeft(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	theirs(t, work, "-m", "update branch")
	apply(t, p, called(true, "ann", "read"), engine.Failed, "delete the branch")
	merge(t, bare)
	left := requested(t, bare)
	apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "waits")
	git(t, bare, "update-ref", "refs/heads/"+requestBranch, left)
	git(t, work, "commit", "-q", "--allow-empty", "-m", "more on main")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "waits")
	if n := git(t, bare, "rev-list", "--count", "main.."+requestBranch); n != "1" {
		t.Errorf("the request has %s commits", n)
	}
}

// A commit of ours that somebody made anew is theirs.
func TestGitRequestThatIsAmended(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	theirs(t, work, "--amend", "--no-edit")
	for _, name := range []string{"ann", "Ben Smith"} {
		apply(t, p, called(true, name, "read"), engine.Failed, "somebody else committed")
	}
}

// Git takes some signs from the ends of an author's name; the commit is Rolecall's all the same.
func TestGitRequestOfAnAuthorThatGitTrims(t *testing.T) {
	for _, author := range []string{"ACME Inc. <access@example.com>", `"ACME  Inc"  <access@example.com>`, "It's 'ACME' <.access@example.com.>"} {
		bare, _ := bareRepository(t, gitList)
		c := proposing(bare)
		c.Author = author
		p := openGit(t, c)
		apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
		apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	}
}

// Two programs with one branch: neither takes what the other proposes.
func TestGitRequestOfTwoPrograms(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	if err := os.WriteFile(filepath.Join(work, "lists/b.csv"), []byte(gitList), 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, work, "add", ".")
	git(t, work, "commit", "-q", "-m", "b")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	a, other := openGit(t, proposing(bare)), proposing(bare)
	other.Path = "lists/b.csv"
	b := openGit(t, other)
	apply(t, a, called(true, "ann", "read"), engine.Uncertain, "waits")
	first := requested(t, bare)
	apply(t, b, called(true, "ann", "read"), engine.Failed, "the branch rolecall/wiki changes other files than lists/b.csv; give each program a branch of its own")
	if requested(t, bare) != first {
		t.Error("what the other proposes is lost")
	}
}

// Gitea gives the branch's commit of now for requests that were closed long before it was made.
func TestGitRequestThatWasClosedBefore(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	f.sameSecond = true
	p := f.open(f.config())
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	f.close(1, false)
	f.mu.Lock()
	f.pulls[0]["closed_at"] = time.Now().Add(-time.Hour).Format(time.RFC3339)
	f.mu.Unlock()
	f.shut(true)
	apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "no request could be opened")
	f.shut(false)
	apply(t, p, called(false, "old", "Write all"), engine.Uncertain, "/pulls/2 ")
	f.close(2, false)
	apply(t, p, called(false, "old", "Write all"), engine.Refused, "/pulls/2 was closed")
}

// What a forge says is not taken at any length.
func TestGitRequestOfAHugeForge(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	p := f.open(f.config())
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	f.mu.Lock()
	f.pulls[0]["html_url"] = "https://forge.example.com/" + strings.Repeat("x", 400)
	f.mu.Unlock()
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits in request 1 of it/access until")
}

// Reads and changes share one clone, where two commands of Git would find each other's locks.
func TestGitCommandsOneAfterTheOther(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	var now, most atomic.Int32
	p := openGitWith(t, func(_ context.Context, do func() ([]byte, error)) ([]byte, error) {
		if n := now.Add(1); n > 1 {
			most.Store(n)
		}
		defer now.Add(-1)
		return do()
	}, proposing(bare))
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := p.Account(t.Context(), "ann"); err != nil {
				t.Error(err)
			}
		})
	}
	apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "waits")
	if all.Wait(); most.Load() > 1 {
		t.Errorf("%d commands at once", most.Load())
	}
}
