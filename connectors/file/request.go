package file

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

func (g *repository) requestBranch() string { return "refs/heads/" + g.config.Request.Branch }

// propose puts the table into the request's branch, on top of the commit it was read from. What is not merged is not done: it stays
// unknown, and the next list of the branch that counts tells.
func (g *repository) propose(ctx context.Context, t *table) (engine.Outcome, error) {
	head, since, outcome, err := g.place(ctx, t)
	if err != nil {
		return outcome, err
	}
	return g.waits(ctx, head, since)
}

// place gives the commit of the request's branch that holds the changes, and since when if it was there before.
func (g *repository) place(ctx context.Context, t *table) (head string, since time.Time, o engine.Outcome, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, err := g.head(ctx, g.requestBranch())
	if err == nil && seen != "" {
		since, err = g.proposed(ctx, seen, t)
	}
	if err != nil || !since.IsZero() {
		return seen, since, engine.Failed, err
	}
	if head, err = g.commit(ctx, t); err != nil {
		return "", since, engine.Failed, err
	}
	o, err = g.pushRequest(ctx, seen, head)
	return head, since, o, err
}

// proposed says since when the request's branch holds the changes, for the list as it was read; zero: it does not, and is free. What
// is somebody else's there is not overwritten, unless it is part of the branch that counts.
func (g *repository) proposed(ctx context.Context, head string, t *table) (time.Time, error) {
	never := time.Time{}
	if _, err := g.git(ctx, nil, "fetch", "--quiet", "--depth=2", "--no-tags", "--force", g.config.Repository, g.requestBranch()+":refs/rolecall-request"); err != nil {
		return never, err
	}
	if head == t.base || g.below(ctx, head) {
		return never, nil
	}
	since, err := g.ours(ctx, head)
	if err != nil {
		return never, err
	}
	if held, err := g.holds(ctx, head, t); err != nil || !held {
		return never, err
	}
	return since, nil
}

// holds says whether a commit has the changes, made on the list as it was read.
func (g *repository) holds(ctx context.Context, head string, t *table) (bool, error) {
	blobs, err := g.git(ctx, nil, "rev-parse", head+"^:"+g.name(), t.base+":"+g.name())
	was, is, _ := strings.Cut(strings.TrimSpace(blobs), "\n")
	if err != nil || was != is {
		return false, err
	}
	data, err := g.git(ctx, nil, "cat-file", "blob", head+":"+g.name())
	if err != nil {
		return false, err
	}
	there, err := parse(g.path(), []byte(data))
	return err == nil && t.heldBy(there), err
}

// ours gives the time of a commit, which must be one of this program's.
func (g *repository) ours(ctx context.Context, head string) (time.Time, error) {
	text, err := g.git(ctx, nil, "cat-file", "commit", head)
	if err != nil {
		return time.Time{}, err
	}
	name, mail := g.author()
	lines, _, _ := strings.Cut(text, "\n\n")
	_, committed, committer := strings.Cut(lines, "\ncommitter "+name+" <"+mail+"> ")
	if !committer || !strings.Contains(lines, "\nauthor "+name+" <"+mail+"> ") {
		return time.Time{}, fmt.Errorf("somebody else committed to the branch %s, which is Rolecall's; keep what is theirs elsewhere, and delete the branch", g.config.Request.Branch)
	}
	var seconds int64
	if _, err := fmt.Sscan(committed, &seconds); err != nil {
		return time.Time{}, err
	}
	return time.Unix(seconds, 0), g.alone(ctx, head)
}

// alone fails if a commit changes anything but the list: another program's, for one.
func (g *repository) alone(ctx context.Context, head string) error {
	files, err := g.git(ctx, nil, "diff-tree", "-r", "-z", "--no-renames", "--name-only", head+"^", head)
	if err == nil && files != g.name()+"\x00" {
		err = fmt.Errorf("the branch %s changes other files than %s; give each program a branch of its own, and delete this one", g.config.Request.Branch, g.name())
	}
	return err
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
func (g *repository) waits(ctx context.Context, head string, since time.Time) (engine.Outcome, error) {
	branch := g.config.Request.Branch
	if g.forge == nil {
		return engine.Uncertain, fmt.Errorf("it waits in the branch %s until somebody merges that into %s", branch, g.config.Branch)
	}
	address, err := g.forge.request(ctx, head, since)
	var no *declined
	switch {
	case errors.As(err, &no):
		return engine.Refused, no
	case err != nil:
		return engine.Uncertain, fmt.Errorf("it is in the branch %s, but no request could be opened to merge that into %s: %w", branch, g.config.Branch, err)
	}
	return engine.Uncertain, fmt.Errorf("it waits in %s until somebody merges that into %s", address, g.config.Branch)
}
