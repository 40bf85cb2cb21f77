package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// authorship is who made the policy what it is, as far as Git tells. Fields are only ever added: it is part of a record.
type authorship struct {
	Commit  string   `json:"commit,omitempty"`  // of the folder's last change
	Authors []string `json:"authors,omitempty"` // "Name <address>" of all commits since the version recorded before
	Merger  string   `json:"merger,omitempty"`  // who committed the last one, where that is somebody else
	Unknown string   `json:"unknown,omitempty"` // why Git can't tell although it should
}

// String is how the record of a version says it.
func (w *authorship) String() string {
	switch {
	case w.Unknown != "":
		return "claimed by whoever recorded it: " + w.Unknown
	case w.Commit == "":
		return "claimed by whoever recorded it: the folder of policies is not in Git"
	}
	text := "commit " + w.Commit + " by " + strings.Join(w.Authors, ", ")
	if w.Merger != "" {
		text += ", merged by " + w.Merger
	}
	return text
}

const mostCommits = 100 // that are looked through where the version recorded before is not in the history

// authors asks Git who changed a folder since a commit, "" if there is none. A folder that Git knows nothing of has no authors;
// one whose files are not committed, or whose history can't be read, has unknown ones.
func authors(ctx context.Context, folder, since string) authorship {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if !underGit(folder) {
		return authorship{}
	}
	if !isCommit(since) { // it comes from the journal's database
		since = ""
	}
	unknown := func(err error) authorship {
		return authorship{Unknown: "Git can't tell who changed " + folder + ": " + err.Error()}
	}
	tracked, err := git(ctx, folder, "ls-files", "--", ".")
	if err != nil {
		return unknown(err)
	}
	if tracked == "" {
		return authorship{}
	}
	switch dirty, err := git(ctx, folder, "status", "--porcelain", "--", "."); {
	case err != nil:
		return unknown(err)
	case dirty != "":
		return authorship{Unknown: "files of " + folder + " are not committed"}
	}
	const form = "--format=%H%x1f%an <%ae>%x1f%cn <%ce>"
	log, err := git(ctx, folder, "log", form, since+"..HEAD", "--", ".")
	if err != nil || since == "" {
		log, err = git(ctx, folder, "log", form, fmt.Sprintf("--max-count=%d", map[bool]int{true: 1, false: mostCommits}[since == ""]), "HEAD", "--", ".")
	}
	if err == nil && log == "" { // other files than before, and yet no commit: a revert that was recorded, or another folder
		log, err = git(ctx, folder, "log", form, "--max-count=1", "HEAD", "--", ".")
	}
	if err == nil && log == "" {
		err = errors.New("no commit touches it")
	}
	if err != nil {
		return unknown(err)
	}
	return authorsOf(log)
}

func authorsOf(log string) (w authorship) {
	for line := range strings.Lines(log) {
		hash, rest, _ := strings.Cut(strings.TrimSpace(line), "\x1f")
		author, committer, _ := strings.Cut(rest, "\x1f")
		if w.Commit == "" {
			w.Commit = hash
			if committer != author {
				w.Merger = committer
			}
		}
		if !slices.Contains(w.Authors, author) {
			w.Authors = append(w.Authors, author)
		}
	}
	return w
}

// underGit says whether the folder or one above it is a working copy, whether Git can be run or not.
func underGit(folder string) bool {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

func isCommit(text string) bool {
	return len(text) >= 40 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// git runs Git without what a repository's own settings would have it run.
func git(ctx context.Context, folder string, words ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"}, words...)...) // #nosec G204 -- no shell; the words are fixed but for a commit of our own record
	for _, name := range []string{"PATH", "HOME", "SUDO_UID"} {                                                                                                                        // of the rest, some is secret, and some names another repository
		c.Env = append(c.Env, name+"="+os.Getenv(name))
	}
	c.Env = append(c.Env, "GIT_OPTIONAL_LOCKS=0")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", fmt.Errorf("%s (%w)", first, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// policyRecord is the version of the policy that is in force, if it is not the one recorded last, or if who made that could
// not be told and can be now.
func (s *system) policyRecord(ctx context.Context, last engine.Record, actor string) (engine.Record, bool) {
	var before struct {
		Hash string `json:"hash"`
		authorship
	}
	if json.Unmarshal(last.Data, &before) != nil {
		before.Hash = ""
	}
	if before.Hash == s.policy.Hash() && before.Unknown == "" {
		return engine.Record{}, false
	}
	who := authors(ctx, s.cfg.In(s.cfg.Policies), before.Commit)
	if before.Hash == s.policy.Hash() && who.Unknown != "" {
		return engine.Record{}, false
	}
	r := versionRecord(engine.KindPolicy, actor, "policy "+s.policy.Hash(), policyVersion{s.policy.Hash(), s.packed, who})
	r.Why = append(r.Why, who.String())
	return r, true
}

// changes are the recorded versions of the policy with their authors. A version that was recorded again, since Git could not
// tell at first, counts with what it told at last.
func (s *system) changes(ctx context.Context) (out []engine.PolicyChange, err error) {
	err = s.store.Records(ctx, engine.Query{Kind: engine.KindPolicy}, func(r engine.Record) error {
		var v struct {
			Hash string `json:"hash"`
			authorship
		}
		if err := json.Unmarshal(r.Data, &v); err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
		c := engine.PolicyChange{Time: r.Time, Hash: v.Hash, Authors: v.Authors, Unknown: v.Unknown}
		if n := len(out); n > 0 && out[n-1].Hash == v.Hash {
			c.Time, out = out[n-1].Time, out[:n-1]
		}
		out = append(out, c)
		return nil
	})
	return out, err
}

// reviewed tells whether the four eyes of an approval can be told apart.
func (s *system) reviewed(ctx context.Context) []finding {
	who := authors(ctx, s.cfg.In(s.cfg.Policies), "")
	switch {
	case !s.cfg.Approvals.FourEyes:
		return []finding{{Part: "approvals", Name: s.cfg.Path, OK: true, Note: true, Text: "four_eyes is off: whoever changed the policy may approve what it takes"}}
	case who.Unknown != "":
		return []finding{{Part: "approvals", Name: s.cfg.Policies, OK: true, Note: true, Text: who.Unknown + ": nobody can approve what this change of the policy takes"}}
	case who.Commit == "":
		return []finding{{Part: "approvals", Name: s.cfg.Policies, OK: true, Note: true, Text: "not in Git, so whoever changed the policy can't be kept from approving what it takes"}}
	}
	return nil
}
