package file

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rolecall/rolecall/engine"
)

// Request says how changes are proposed, for people to merge.
type Request struct {
	Branch  string        `yaml:"branch"`  // Rolecall's own, that changes are pushed to: rolecall/infra
	API     string        `yaml:"api"`     // of the forge, where the pull request is opened: https://git.example.com/api/v1 of Gitea and Forgejo, https://api.github.com; unless set, people open it
	Project string        `yaml:"project"` // there: it/access
	Token   engine.Secret `yaml:"token"`   // for the API; the repository's unless set
}

func (r *Request) check(c *GitConfig) error {
	switch {
	case r == nil:
		return nil
	case !gitBranch.MatchString(r.Branch) || strings.Contains(r.Branch, ".."):
		return fmt.Errorf("request: branch %q is none; write one like rolecall/infra", r.Branch)
	case r.Branch == c.Branch:
		return fmt.Errorf("request: branch %q is the one that is read; changes wait in another one", r.Branch)
	case (r.API == "") != (r.Project == ""):
		return errors.New("request: api and project belong together")
	}
	return nil
}

// waiting is what was asked for since the list was last read. A request holds that, and nothing older, which nobody may want any more.
type waiting struct {
	mu    sync.Mutex
	calls []engine.Call
}

func (w *waiting) forget() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

func (w *waiting) add(calls []engine.Call) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.without(calls), calls...)
}

// others are the calls that wait already, but for those about the same.
func (w *waiting) others(calls []engine.Call) []engine.Call {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.without(calls)
}

func (w *waiting) without(calls []engine.Call) []engine.Call {
	return slices.DeleteFunc(slices.Clone(w.calls), func(old engine.Call) bool {
		return slices.ContainsFunc(calls, func(c engine.Call) bool { return about(c) == about(old) })
	})
}

// about names what a call changes.
func about(c engine.Call) [2]string {
	if c.New != nil {
		return [2]string{c.New.Name, engine.Exists}
	}
	return [2]string{c.Account, c.Entitlement}
}

func (g *repository) requestBranch() string { return "refs/heads/" + g.config.Request.Branch }

// propose puts the table into the request's branch, on top of the commit it was read from. What is not merged is not done: it stays
// unknown, and the next list of the branch that counts tells.
func (g *repository) propose(ctx context.Context, t *table) (engine.Outcome, error) {
	head, same, outcome, err := g.place(ctx, t)
	if err != nil {
		return outcome, err
	}
	return g.waits(ctx, head, same)
}

// place gives the commit of the request's branch that holds the table, and whether it was there before.
func (g *repository) place(ctx context.Context, t *table) (head string, same bool, o engine.Outcome, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, err := g.head(ctx, g.requestBranch())
	if err == nil && seen != "" {
		same, err = g.proposed(ctx, seen, t)
	}
	if err != nil || same {
		return seen, same, engine.Failed, err
	}
	if head, err = g.commit(ctx, t); err != nil {
		return "", false, engine.Failed, err
	}
	o, err = g.pushRequest(ctx, seen, head)
	return head, false, o, err
}

// proposed says whether the request's branch holds the table already, on top of the commit it was read from. Somebody else's commit
// there is not overwritten.
func (g *repository) proposed(ctx context.Context, head string, t *table) (bool, error) {
	if _, err := g.git(ctx, nil, "fetch", "--quiet", "--depth=1", "--no-tags", "--force", g.config.Repository, g.requestBranch()+":refs/rolecall-request"); err != nil {
		return false, err
	}
	text, err := g.git(ctx, nil, "cat-file", "commit", head)
	if err != nil {
		return false, err
	}
	if !strings.Contains(text, "\nauthor "+g.config.Author+" ") {
		return false, fmt.Errorf("somebody else committed to the branch %s, which is Rolecall's; merge that, or delete the branch", g.config.Request.Branch)
	}
	if !strings.Contains(text, "\nparent "+t.base+"\n") {
		return false, nil
	}
	data, err := g.git(ctx, nil, "cat-file", "blob", head+":"+g.name())
	return data == string(t.bytes()), err
}

// pushRequest replaces the commit of the request's branch that was seen, and no other.
func (g *repository) pushRequest(ctx context.Context, seen, commit string) (engine.Outcome, error) {
	branch := g.requestBranch()
	_, err := g.git(ctx, nil, "push", "--quiet", "--force-with-lease="+branch+":"+seen, g.config.Repository, commit+":"+branch)
	if err == nil {
		return engine.Done, nil
	}
	switch now, lost := g.head(ctx, branch); {
	case lost != nil:
		return engine.Uncertain, fmt.Errorf("%w; whether it arrived can't be told: %w", err, lost)
	case now == commit:
		return engine.Done, nil
	}
	return engine.Failed, err
}

// waits says where a proposal is to be merged.
func (g *repository) waits(ctx context.Context, head string, before bool) (engine.Outcome, error) {
	branch := g.config.Request.Branch
	if g.forge == nil {
		return engine.Uncertain, fmt.Errorf("it waits in the branch %s until somebody merges that into %s", branch, g.config.Branch)
	}
	address, err := g.forge.request(ctx, head, before)
	var no *declined
	switch {
	case errors.As(err, &no):
		return engine.Refused, no
	case err != nil:
		return engine.Uncertain, fmt.Errorf("it is in the branch %s, but no request could be opened to merge that into %s: %w", branch, g.config.Branch, err)
	}
	return engine.Uncertain, fmt.Errorf("it waits in %s until somebody merges that into %s", address, g.config.Branch)
}
