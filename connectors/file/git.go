package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
	Author     string        `yaml:"author"`     // of the commits: Rolecall <rolecall@example.com>
}

// GitOptions is what the connector needs of its surroundings.
type GitOptions struct {
	Options
	Secret engine.Resolve
}

// gitTime is how long one command of Git may take.
const gitTime = 2 * time.Minute

var (
	gitAuthor = regexp.MustCompile(`^[^<>\n]+ <[^<>\s]+@[^<>\s]+>$`)
	gitBranch = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)
)

// OpenGit checks the configuration; the repository is looked at only when something is read or changed.
func OpenGit(c GitConfig, o GitOptions) (*Program, error) {
	g := &repository{config: c, options: o}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	return &Program{store: g, kind: "git:", catalogue: slices.Sorted(slices.Values(c.Catalogue)), options: o.Options}, nil
}

// repository keeps the table in a branch of a Git repository: a clone of its newest commit is read and changed, and pushed. Nothing
// of the repository is run, and the user's own settings of Git count for nothing.
type repository struct {
	config  GitConfig
	options GitOptions

	secrets atomic.Pointer[[2]string] // that were used last

	mu    sync.Mutex
	clone string // "": not made yet
}

func (g *repository) check() error {
	c := &g.config
	u, err := url.Parse(c.Repository)
	switch {
	case c.Repository == "" || err != nil || u.User != nil && u.Scheme != "ssh":
		return errors.New("repository is missing, or carries a password; write https://git.example.com/access.git")
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
	if !c.Token.IsZero() {
		return c.Token.Check()
	}
	return nil
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
	g.mu.Lock()
	defer g.mu.Unlock()
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
	commit, err := g.commit(ctx, t)
	if err != nil {
		return engine.Failed, err
	}
	_, err = g.git(ctx, nil, "push", "--quiet", g.config.Repository, commit+":"+g.branch())
	if err == nil {
		return engine.Done, nil
	}
	now, lost := g.head(ctx)
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

// head is the newest commit by the repository's own word.
func (g *repository) head(ctx context.Context) (string, error) {
	list, err := g.git(ctx, nil, "ls-remote", g.config.Repository, g.branch())
	commit, _, _ := strings.Cut(list, "\t")
	return commit, err
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

func (g *repository) git(ctx context.Context, input []byte, args ...string) (string, error) {
	return g.run(ctx, input, nil, args...)
}

// run runs Git with nothing of the user's settings, and nobody to ask for a password.
func (g *repository) run(ctx context.Context, input []byte, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	name, mail, _ := strings.Cut(strings.TrimSuffix(g.config.Author, ">"), " <")
	command := args[0]
	args = append([]string{"-c", "core.hooksPath=/dev/null", "-c", "http.followRedirects=false", "-c", "credential.helper=", "-c", "gc.auto=0"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // what comes from the configuration can't be taken for an option, see check
	cmd.Dir = cmp.Or(g.clone, os.TempDir())
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_ALLOW_PROTOCOL=https:ssh:file", "GIT_SSH_COMMAND=ssh -oBatchMode=yes", "GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + mail, "GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + mail}, env...)
	header, err := g.header()
	if err != nil {
		return "", err
	}
	if header != "" {
		cmd.Env = append(cmd.Env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http."+g.config.Repository+".extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic "+header)
	}
	var out, wrong bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &wrong
	answer, err := g.options.Step.make(ctx, func() ([]byte, error) { err := cmd.Run(); return out.Bytes(), err })
	if err != nil {
		text := strings.TrimSpace(wrong.String())
		return "", fmt.Errorf("git %s of %s: %s", command, g.path(), g.scrub(cmp.Or(text, err.Error())))
	}
	return string(answer), nil
}

// header is what proves who asks, read anew each time.
func (g *repository) header() (string, error) {
	if g.config.Token.IsZero() {
		return "", nil
	}
	token, err := g.options.Secret(g.config.Token)
	if err != nil {
		return "", err
	}
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("the secret in %s is empty or has line breaks", g.config.Token)
	}
	header := base64.StdEncoding.EncodeToString([]byte(cmp.Or(g.config.User, "rolecall") + ":" + token))
	g.secrets.Store(&[2]string{token, header})
	return header, nil
}

// scrub takes secrets out of what Git says, which is cut to what people read.
func (g *repository) scrub(text string) string {
	if known := g.secrets.Load(); known != nil {
		for _, secret := range known {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}
