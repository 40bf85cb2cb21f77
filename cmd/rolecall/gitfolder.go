package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// mostCommits is how many are looked through for the one that a version is.
const mostCommits = 100

// commit finds the one in which the folder has just the version's files: the newest, or, where Git has moved on since the files
// were loaded, one after the version before. A version from before that, which somebody put back without a commit, is none.
func (v loaded) commit(ctx context.Context) (string, error) {
	head, err := git(ctx, v.folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		return "", fmt.Errorf("files of %s are not committed", v.folder)
	}
	commits := []string{head}
	if v.since != "" { // what can't be listed is complained about as history
		if log, err := git(ctx, v.folder, "log", "--format=%H", "--full-history", fmt.Sprintf("--max-count=%d", mostCommits), v.since+"..HEAD", "--", v.about()); err == nil {
			commits = append(commits, strings.Fields(log)...)
		}
	}
	var others []string
	blobs := map[string]string{}
	for n, c := range commits {
		differ, err := v.differ(ctx, c, blobs)
		if err != nil {
			return "", fmt.Errorf("the history of %s can't be read: %w", v.folder, err)
		}
		if len(differ) == 0 {
			return c, nil
		}
		if n == 0 {
			others = differ
		}
	}
	return "", fmt.Errorf("files of %s are not committed as they are: %s", v.folder, strings.Join(others, ", "))
}

// differ names the policy files that are not the same in the commit, sorted. It keeps what blobs it read.
func (v loaded) differ(ctx context.Context, commit string, blobs map[string]string) (names []string, err error) {
	list, err := gitRaw(ctx, v.folder, "ls-tree", "-z", commit)
	if err != nil {
		return nil, err
	}
	in, differ := map[string]string{}, map[string]bool{}
	for entry := range strings.SplitSeq(list, "\x00") {
		about, name, _ := strings.Cut(entry, "\t")
		if kind := strings.Fields(about); v.ours(name) && len(kind) == 3 && kind[0] != "120000" && kind[1] == "blob" {
			in[name] = kind[2]
			_, loaded := v.files[name]
			differ[name] = !loaded
		}
	}
	for name, content := range v.files {
		blob, ok := in[name]
		if _, read := blobs[blob]; ok && !read {
			if blobs[blob], err = gitRaw(ctx, v.folder, "cat-file", "blob", blob); err != nil {
				return nil, err
			}
		}
		differ[name] = !ok || blobs[blob] != content
	}
	maps.DeleteFunc(differ, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(differ)), nil
}

// policyName says whether a file of the folder is one of policy.
func policyName(name string) bool {
	return strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, ".")
}

func isCommit(text string) bool {
	return len(text) >= 40 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

func git(ctx context.Context, folder string, words ...string) (string, error) {
	out, err := gitRaw(ctx, folder, words...)
	return strings.TrimSpace(out), err
}

// gitRaw runs Git without what a repository's own settings would have it run, and without what our environment or the
// repository would have it take for the history.
func gitRaw(ctx context.Context, folder string, words ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"}, words...)...) // #nosec G204 -- no shell; the words are fixed but for commits, names of files and our own record
	for _, name := range []string{"PATH", "HOME", "SUDO_UID"} {                                                                                                                        // of the rest, some is secret, and some names another repository
		c.Env = append(c.Env, name+"="+os.Getenv(name))
	}
	c.Env = append(c.Env, "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE="+os.DevNull)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", fmt.Errorf("%s (%w)", first, err)
	}
	return out.String(), nil
}
