package file

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/rolecall/rolecall/engine"
)

// GitConfig is the connector's own part of the configuration of a program whose access list is a CSV file in a Git repository.
type GitConfig struct {
	Repository string        `yaml:"repository"` // https://…, ssh://…, or a folder of this machine
	Branch     string        `yaml:"branch"`     // that is read, and that changes are committed to
	Path       string        `yaml:"path"`       // of the CSV file within the repository
	Catalogue  []string      `yaml:"catalogue"`  // names of all rights that exist; empty: every name is one
	User       string        `yaml:"user"`       // for https, what the token belongs to
	Token      engine.Secret `yaml:"token"`      // for https
	Key        engine.Secret `yaml:"key"`        // for ssh, a private key without a passphrase; unless set, the keys and settings of the user who runs Rolecall
	Hosts      string        `yaml:"hosts"`      // for ssh, the file with the servers' keys (known_hosts); unless set, that user's
	Author     string        `yaml:"author"`     // of the commits: Rolecall <rolecall@example.com>
	Request    *Request      `yaml:"request"`    // changes wait in a branch of their own until people merge them; unless set, they are made at once
}

// GitOptions is what the connector needs of its surroundings.
type GitOptions struct {
	Options
	Secret    engine.Resolve
	Transport http.RoundTripper                                // to the forge; nil: one that verifies certificates
	Between   func(http.RoundTripper) http.RoundTripper        // stands before the transport; nil: nothing
	Wait      func(ctx context.Context, d time.Duration) error // before another try; nil: waits
}

// gitTime is how long one command of Git may take.
const gitTime = 2 * time.Minute

var (
	gitAuthor = regexp.MustCompile(`^[^<>\n]+ <[^<>\s]+@[^<>\s]+>$`)
	gitBranch = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)
	gitHosts  = regexp.MustCompile(`^[A-Za-z0-9_./@+=,-]+$`) // ssh splits at spaces and fills in what follows a percent sign
)

// OpenGit checks the configuration; the repository is looked at only when something is read or changed.
func OpenGit(c GitConfig, o GitOptions) (*Program, error) {
	g := &repository{config: c, options: o}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	p := &Program{store: g, kind: "git:", catalogue: slices.Sorted(slices.Values(c.Catalogue)), options: o.Options}
	if c.Request == nil {
		return p, nil
	}
	p.waiting = &waiting{}
	var err error
	if g.forge, err = openForge(&c, o); err != nil {
		return nil, fmt.Errorf("program %s: request: %w", o.Program, err)
	}
	return p, nil
}

// repository keeps the table in a branch of a Git repository: a clone of its newest commit is read and changed, and pushed. Nothing
// of the repository is run, and the user's own settings of Git count for nothing.
type repository struct {
	config  GitConfig
	options GitOptions
	forge   *forge // where requests are opened; nil: nowhere

	secrets atomic.Pointer[[2]string] // that were used last

	mu    sync.Mutex // one command of Git at a time
	clone string     // "": not made yet
}

func (g *repository) check() error {
	c := &g.config
	u, err := url.Parse(c.Repository)
	switch {
	case c.Repository == "" || err != nil || u.User != nil && u.Scheme != "ssh":
		return errors.New("repository is missing, or carries a password; write https://git.example.com/access.git")
	case u.Scheme != "ssh" && (!c.Key.IsZero() || c.Hosts != ""):
		return errors.New("key and hosts are for a repository over ssh")
	case c.Hosts != "" && !gitHosts.MatchString(g.hosts()):
		return fmt.Errorf("hosts is the file %q, of whose path ssh would take a part for something else; use letters, digits and dashes", g.hosts())
	case strings.ContainsFunc(c.User, unicode.IsControl):
		return fmt.Errorf("user %q has control characters", c.User)
	case u.Scheme == "https" == c.Token.IsZero():
		return errors.New("a repository over https needs a token, and no other one takes it")
	case u.Scheme == "" && !filepath.IsAbs(c.Repository):
		return fmt.Errorf("repository %q is neither an address nor the whole path of a folder", c.Repository)
	case !slices.Contains([]string{"https", "ssh", ""}, u.Scheme):
		return fmt.Errorf("repository is reached by %s, where nobody knows who answers; use https or ssh", u.Scheme)
	case !gitBranch.MatchString(c.Branch) || strings.Contains(c.Branch, ".."):
		return fmt.Errorf("branch %q is none; write one like main", c.Branch)
	case c.Path == "" || !filepath.IsLocal(c.Path) || strings.HasPrefix(filepath.ToSlash(filepath.Clean(c.Path)), ".git"):
		return fmt.Errorf("path %q is not one of a file within the repository", c.Path)
	case !gitAuthor.MatchString(c.Author):
		return fmt.Errorf("author %q is not of the form Rolecall <rolecall@example.com>", c.Author)
	}
	for _, secret := range []engine.Secret{c.Token, c.Key} {
		if err := secret.Check(); !secret.IsZero() && err != nil {
			return err
		}
	}
	return c.Request.check(c)
}

func (g *repository) path() string {
	return g.config.Repository + "#" + g.config.Branch + ":" + g.config.Path
}

// lock: other processes are found out by the push.
func (g *repository) lock(context.Context) (func(), error) { return func() {}, nil }

func (g *repository) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	dir := g.clone
	if g.clone = ""; dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// load reads the file of the newest commit.
func (g *repository) load(ctx context.Context) (*table, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	base, err := g.fetch(ctx)
	if err != nil {
		return nil, err
	}
	entry, err := g.git(ctx, nil, "ls-tree", base, "--", g.name())
	if err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(entry, " ")
	if kind != "100644" && kind != "100755" {
		return nil, fmt.Errorf("%s is not there, or no regular file; make it with the line account,active,entitlements", g.path())
	}
	data, err := g.git(ctx, nil, "cat-file", "blob", base+":"+g.name())
	if err != nil {
		return nil, err
	}
	t, err := parse(g.path(), []byte(data))
	if err != nil {
		return nil, err
	}
	t.base = base
	return t, nil
}

func (g *repository) name() string { return filepath.ToSlash(filepath.Clean(g.config.Path)) }

// branch is where the newest commit is kept, and pushed to.
func (g *repository) branch() string { return "refs/heads/" + g.config.Branch }

// fetch gives the newest commit.
func (g *repository) fetch(ctx context.Context) (string, error) {
	if g.clone == "" {
		dir, err := os.MkdirTemp("", "rolecall-git-")
		if err != nil {
			return "", err
		}
		if _, err := g.git(ctx, nil, "init", "--quiet", "--bare", dir); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
		g.clone = dir
	}
	if _, err := g.git(ctx, nil, "fetch", "--quiet", "--depth=1", "--no-tags", "--force", g.config.Repository, g.branch()+":refs/rolecall"); err != nil {
		return "", err
	}
	commit, err := g.git(ctx, nil, "rev-parse", "--verify", "refs/rolecall^{commit}")
	return strings.TrimSpace(commit), err
}

// save commits the table on top of the commit it was read from, and pushes it. A push is refused if the branch has moved on.
func (g *repository) save(ctx context.Context, t *table) (engine.Outcome, error) {
	if g.config.Request != nil {
		return g.propose(ctx, t)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	commit, err := g.commit(ctx, t)
	if err != nil {
		return engine.Failed, err
	}
	_, err = g.git(ctx, nil, "push", "--quiet", g.config.Repository, commit+":"+g.branch())
	if err == nil {
		return engine.Done, nil
	}
	now, lost := g.head(ctx, g.branch())
	switch {
	case lost != nil:
		return engine.Uncertain, fmt.Errorf("%w; whether it arrived can't be told: %w", err, lost)
	case now == commit:
		return engine.Done, nil
	case now == t.base:
		return engine.Failed, err
	}
	// The commit may be below those of somebody else.
	if g.below(ctx, commit) {
		return engine.Done, nil
	}
	return engine.Failed, fmt.Errorf("%w: %w", errMoved, err)
}

// head is the newest commit of a branch by the repository's own word, "" if there is no such branch.
func (g *repository) head(ctx context.Context, branch string) (string, error) {
	list, err := g.git(ctx, nil, "ls-remote", g.config.Repository, branch)
	for line := range strings.Lines(list) { // others may end in the same
		if commit, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); name == branch {
			return commit, err
		}
	}
	return "", err
}

// below says whether a commit is part of the branch.
func (g *repository) below(ctx context.Context, commit string) bool {
	if _, err := g.git(ctx, nil, "fetch", "--quiet", "--no-tags", "--force", "--depth=100", g.config.Repository, g.branch()+":refs/rolecall"); err != nil {
		return false
	}
	_, err := g.git(ctx, nil, "merge-base", "--is-ancestor", commit, "refs/rolecall")
	return err == nil
}

// commit makes a commit without any file of the repository being written out, so that nothing of it is run.
func (g *repository) commit(ctx context.Context, t *table) (string, error) {
	blob, err := g.git(ctx, t.bytes(), "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	index, err := os.MkdirTemp("", "rolecall-index-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(index) }() // nothing of it is needed again
	aside := "GIT_INDEX_FILE=" + filepath.Join(index, "index")
	if _, err := g.run(ctx, nil, []string{aside}, "read-tree", t.base); err != nil {
		return "", err
	}
	if _, err := g.run(ctx, nil, []string{aside}, "update-index", "--cacheinfo", "100644,"+strings.TrimSpace(blob)+","+g.name()); err != nil {
		return "", err
	}
	tree, err := g.run(ctx, nil, []string{aside}, "write-tree")
	if err != nil {
		return "", err
	}
	commit, err := g.git(ctx, []byte(message(t.log)), "commit-tree", strings.TrimSpace(tree), "-p", t.base, "-F", "-")
	return strings.TrimSpace(commit), err
}

// message is what a commit says.
func message(log []string) string {
	if len(log) == 1 {
		return "Access: " + log[0] + "\n"
	}
	return fmt.Sprintf("Access: %d changes\n\n%s\n", len(log), strings.Join(log, "\n"))
}
