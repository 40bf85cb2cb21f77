package file_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
)

const requestBranch = "rolecall/wiki"

func proposing(bare string) file.GitConfig {
	c := gitConfig(bare)
	c.Request = &file.Request{Branch: requestBranch}
	return c
}

func called(grant bool, account, right string) engine.Call {
	return engine.Call{Grant: grant, Account: account, Entitlement: right}
}

// apply makes one call, whose outcome and reason must be as said.
func apply(t *testing.T, p *file.Program, c engine.Call, want engine.Outcome, why string) {
	t.Helper()
	r := p.Apply(t.Context(), []engine.Call{c})[0]
	if r.Outcome != want || (r.Err == nil) != (why == "") || r.Err != nil && !strings.Contains(r.Err.Error(), why) {
		t.Fatalf("%+v: %s, %v; want %s, %q", c, r.Outcome, r.Err, want, why)
	}
}

func holds(t *testing.T, p *file.Program, account, right string) bool {
	t.Helper()
	found := false
	if _, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		found = found || h == engine.Holding{Account: account, Entitlement: right}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func merge(t *testing.T, bare string) {
	t.Helper()
	git(t, bare, "update-ref", "refs/heads/main", "refs/heads/"+requestBranch)
}

// What is pushed and not merged is not done; merged, the list shows it.
func TestGitRequestIsNotDoneBeforeItIsMerged(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	grant := called(true, "ann", "read")
	apply(t, p, grant, engine.Uncertain, "waits in the branch rolecall/wiki until somebody merges that into main")
	if got := git(t, bare, "show", "main:lists/wiki.csv"); strings.Contains(got, "read") {
		t.Fatalf("it was committed to the branch that counts:\n%s", got)
	}
	if holds(t, p, "ann", "read") {
		t.Fatal("what waits is listed as held")
	}
	first := git(t, bare, "rev-parse", requestBranch)
	apply(t, p, grant, engine.Uncertain, "waits in the branch")
	if now := git(t, bare, "rev-parse", requestBranch); now != first {
		t.Error("what waits already was pushed again: approvals would be lost")
	}
	merge(t, bare)
	if !holds(t, p, "ann", "read") {
		t.Error("what was merged is not listed")
	}
	apply(t, p, grant, engine.Already, "")
	if id, outcome, err := p.Create(t.Context(), engine.NewAccount{Name: "dan", Person: "7"}); id != "" || outcome != engine.Uncertain || err == nil {
		t.Errorf("create: %q, %s, %v", id, outcome, err)
	}
}

// A request holds what was asked for since the list was read: what nobody asks for again leaves it.
func TestGitRequestHoldsWhatIsStillWanted(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	list := func() string { return git(t, bare, "show", requestBranch+":lists/wiki.csv") }
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "waits")
	if got := list(); !strings.Contains(got, "ann,yes,read,") || !strings.Contains(got, "Ben Smith,yes,read,") {
		t.Errorf("of two batches of a run the request holds\n%s", got)
	}
	if got := git(t, bare, "log", "-1", "--format=%B", requestBranch); !strings.Contains(got, "2 changes") {
		t.Errorf("the commit says %s", got)
	}
	holds(t, p, "ann", "read")
	apply(t, p, called(false, "ann", ""), engine.Uncertain, "waits")
	if got := list(); !strings.Contains(got, "ann,no,,") || strings.Contains(got, "read") {
		t.Errorf("after another list the request holds\n%s", got)
	}
	if n := git(t, bare, "rev-list", "--count", "main.."+requestBranch); n != "1" {
		t.Errorf("the request has %s commits", n)
	}
}

// The branch moves on, also to an older state: the request is made anew on top of what it is now.
func TestGitRequestFollowsTheBranch(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	merge(t, bare)
	git(t, work, "fetch", "-q", "origin", "main")
	git(t, work, "reset", "-q", "--hard", "FETCH_HEAD")
	git(t, work, "revert", "--no-edit", "HEAD")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	holds(t, p, "ann", "read")
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits")
	if n := git(t, bare, "rev-list", "--count", "main.."+requestBranch); n != "1" {
		t.Errorf("the request has %s commits that are not merged", n)
	}
}

// What somebody else committed to the branch is theirs, and what they push meanwhile is not overwritten.
func TestGitRequestOverwritesNobody(t *testing.T) {
	bare, work := bareRepository(t, gitList)
	p := openGit(t, proposing(bare))
	git(t, work, "commit", "-q", "--allow-empty", "-m", "by hand")
	git(t, work, "push", "-q", "origin", "HEAD:refs/heads/"+requestBranch)
	theirs := git(t, work, "rev-parse", "HEAD")
	apply(t, p, called(true, "ann", "read"), engine.Failed, "somebody else committed to the branch rolecall/wiki")
	git(t, bare, "update-ref", "-d", "refs/heads/"+requestBranch)
	pushed := 0
	for more := true; more; { // they push just before each command of ours
		n := 0
		p := openGitWith(t, func(_ context.Context, do func() ([]byte, error)) ([]byte, error) {
			if n++; n == pushed+1 {
				git(t, bare, "update-ref", "refs/heads/"+requestBranch, theirs)
			}
			return do()
		}, proposing(bare))
		p.Apply(t.Context(), []engine.Call{called(true, "ann", "read")})
		if more = n > pushed; more && git(t, bare, "rev-parse", requestBranch) != theirs {
			t.Errorf("what they pushed before our command %d is lost", pushed+1)
		}
		pushed++
		git(t, bare, "update-ref", "-d", "refs/heads/"+requestBranch)
	}
	if pushed < 8 {
		t.Errorf("they pushed %d times", pushed)
	}
	hook := "#!/bin/sh\nunset GIT_QUARANTINE_PATH; git update-ref refs/heads/" + requestBranch + " " + theirs + "\n" // they push just before
	if err := os.WriteFile(filepath.Join(bare, "hooks", "pre-receive"), []byte(hook), 0o700); err != nil {
		t.Fatal(err)
	}
	apply(t, p, called(true, "ann", "read"), engine.Failed, "push")
	if now := git(t, bare, "rev-parse", requestBranch); now != theirs {
		t.Errorf("the branch is at %s", now)
	}
}

// The answer to the push is lost: the branch tells, and what it tells is no more than that it waits.
func TestGitRequestWhoseAnswerIsLost(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	if err := os.WriteFile(filepath.Join(bare, "hooks", "post-receive"), []byte("#!/bin/sh\nkill -9 $PPID\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	apply(t, openGit(t, proposing(bare)), called(true, "ann", "read"), engine.Uncertain, "waits in the branch")
}

// forge is a small stand-in for the API of a forge, made from what the vendors document: github says which one it is like.
type forge struct {
	*httptest.Server
	github bool
	bare   string
	t      *testing.T

	mu     sync.Mutex
	pulls  []map[string]any // newest last
	opened int
	down   bool

	sameSecond bool // what is made anew is the same commit as what was closed
}

func newForge(t *testing.T, bare string, github bool) *forge {
	t.Helper()
	f := &forge{github: github, bare: bare, t: t}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) config() file.GitConfig {
	c := proposing(f.bare)
	c.Request.API, c.Request.Project, c.Request.Token = f.URL, "it/access", engine.Secret{Env: "TOKEN"}
	return c
}

func (f *forge) open(c file.GitConfig) *file.Program {
	f.t.Helper()
	return openFar(f.t, c, secrets{"TOKEN": gitToken})
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, answer := f.answer(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func says(text string) map[string]string { return map[string]string{"message": text} }

func (f *forge) answer(r *http.Request) (int, any) {
	switch {
	case f.down:
		return http.StatusForbidden, says("the forge is closed for " + r.Header.Get("Authorization"))
	case r.Header.Get("Authorization") != "Bearer "+gitToken:
		return http.StatusUnauthorized, says("Bad credentials")
	case r.URL.Path != "/repos/it/access/pulls":
		return http.StatusNotFound, says("Not Found")
	case r.Method == http.MethodGet:
		return http.StatusOK, f.list(r)
	}
	var in struct{ Head, Base, Title string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Title == "" {
		return http.StatusUnprocessableEntity, says("Validation Failed")
	}
	for _, p := range f.pulls {
		if p["state"] == "open" && p["head"].(map[string]any)["ref"] == in.Head && ours(p) {
			return map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusConflict}[f.github], says("A pull request already exists")
		}
	}
	f.opened++
	f.add(in.Head, in.Base, "it/access")
	return http.StatusCreated, f.pulls[len(f.pulls)-1]
}

func (f *forge) add(head, base, repo string) {
	n := len(f.pulls) + 1
	f.pulls = append(f.pulls, map[string]any{"number": n, "state": "open", "merged_at": nil, "html_url": fmt.Sprintf("%s/it/access/pulls/%d", f.URL, n),
		"head": map[string]any{"ref": head, "repo": map[string]any{"full_name": repo}}, "base": map[string]any{"ref": base}})
}

func ours(p map[string]any) bool {
	return p["head"].(map[string]any)["repo"].(map[string]any)["full_name"] == "it/access"
}

// list gives a page, the newest first. GitHub finds by head and base, Gitea gives all; the head of an open request is the branch's.
func (f *forge) list(r *http.Request) []map[string]any {
	q := r.URL.Query()
	out := []map[string]any{}
	for _, p := range slices.Backward(f.pulls) {
		head := p["head"].(map[string]any)
		if p["state"] == "open" && head["ref"] == requestBranch && ours(p) {
			head["sha"] = git(f.t, f.bare, "rev-parse", requestBranch)
		}
		if p["state"] == "closed" && f.sameSecond {
			head["sha"] = git(f.t, f.bare, "rev-parse", requestBranch)
		}
		if !f.github || q.Get("head") == "it:"+head["ref"].(string) && ours(p) {
			out = append(out, p)
		}
	}
	page, _ := strconv.Atoi(q.Get("page"))
	from := min(len(out), (page-1)*50)
	return out[from:min(len(out), from+50)]
}

func (f *forge) shut(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *forge) close(n int, merged bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pulls[n-1]
	p["head"].(map[string]any)["sha"] = git(f.t, f.bare, "rev-parse", requestBranch)
	p["closed_at"] = time.Now().Format(time.RFC3339)
	if p["state"] = "closed"; merged {
		p["merged_at"] = time.Now().Format(time.RFC3339)
		merge(f.t, f.bare)
	}
}

// One request is opened, kept while it is open, and another one after it was merged.
func TestGitRequestsOfAForge(t *testing.T) {
	for name, github := range map[string]bool{"like Gitea": false, "like GitHub": true} {
		t.Run(name, func(t *testing.T) {
			bare, _ := bareRepository(t, gitList)
			f := newForge(t, bare, github)
			f.add(requestBranch, "main", "stranger/access") // a fork's, which is not ours
			for range 60 {
				f.add("topic", "main", "it/access")
			}
			p := f.open(f.config())
			apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits in "+f.URL+"/it/access/pulls/62 until somebody merges that into main")
			for range 60 {
				f.add("topic", "main", "it/access") // ours is on the second page now
			}
			apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "/pulls/62 ")
			f.close(62, true)
			if !holds(t, p, "ann", "read") || !holds(t, p, "Ben Smith", "read") {
				t.Fatal("what was merged is not listed")
			}
			apply(t, p, called(true, "ann", "read"), engine.Already, "")
			apply(t, p, called(false, "ann", "read"), engine.Uncertain, "/pulls/123 ")
			if f.opened != 2 {
				t.Errorf("%d requests were opened", f.opened)
			}
		})
	}
}

// Closed without being merged is a no, until something else is wanted or the branch is gone.
func TestGitRequestThatPeopleClose(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	p := f.open(f.config())
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	f.close(1, false)
	holds(t, p, "ann", "read")
	apply(t, p, called(true, "ann", "read"), engine.Refused, "/pulls/1 was closed and not merged")
	f.shut(true)
	apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "no request could be opened")
	f.shut(false)
	apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "/pulls/2 ") // another commit than the one that was declined
	if got := git(t, bare, "show", requestBranch+":lists/wiki.csv"); strings.Contains(got, "ann,yes,read") {
		t.Errorf("what was refused is proposed all the same:\n%s", got)
	}
	f.close(2, false)
	git(t, bare, "update-ref", "-d", "refs/heads/"+requestBranch)
	f.mu.Lock()
	f.sameSecond = true
	f.mu.Unlock()
	apply(t, p, called(true, "Ben Smith", "read"), engine.Uncertain, "/pulls/3 ")
}

// What was merged was not declined, though the branch that counts was set back since.
func TestGitRequestThatWasMergedAndSetBack(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	p, old := f.open(f.config()), git(t, bare, "rev-parse", "main")
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	f.close(1, true)
	git(t, bare, "update-ref", "refs/heads/main", old)
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/2 ")
}

// A forge that does not open the request leaves a branch that somebody may merge: nobody knows, and no secret is told.
func TestGitRequestThatIsNotOpened(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	f := newForge(t, bare, false)
	f.shut(true)
	p := f.open(f.config())
	r := p.Apply(t.Context(), []engine.Call{called(true, "ann", "read")})[0]
	if r.Outcome != engine.Uncertain || r.Err == nil || !strings.Contains(r.Err.Error(), "no request could be opened") || strings.Contains(r.Err.Error(), gitToken) {
		t.Errorf("%s, %v", r.Outcome, r.Err)
	}
	f.shut(false)
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "/pulls/1 ")
	f.mu.Lock()
	f.pulls[0]["html_url"] = "javascript:alert(1)"
	f.mu.Unlock()
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits in request 1 of it/access until")
}

func TestGitRequestMistakes(t *testing.T) {
	for want, bend := range map[string]func(c *file.GitConfig){
		"request: branch \"--x\" is none": func(c *file.GitConfig) { c.Request.Branch = "--x" },
		"the one that is read":            func(c *file.GitConfig) { c.Request.Branch = "main" },
		"belong together":                 func(c *file.GitConfig) { c.Request.API = "" },
		"the API needs a token":           func(c *file.GitConfig) { c.Request.Token = engine.Secret{} },
		"project \"../x\" is none":        func(c *file.GitConfig) { c.Request.Project = "../x" },
		"in the clear":                    func(c *file.GitConfig) { c.Request.API = "http://git.example.com/api/v1" },
	} {
		c := proposing("/srv/access.git")
		c.Request.API, c.Request.Project, c.Request.Token = "https://git.example.com/api/v1", "it/access", engine.Secret{Env: "T"}
		bend(&c)
		if _, err := file.OpenGit(c, file.GitOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
