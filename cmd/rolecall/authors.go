package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// authorship is who made the policy or the configuration what it is, as far as Git tells. Fields are only ever added: it is part of a record.
type authorship struct {
	Commit     string   `json:"commit,omitempty"`     // of the folder's last change; the version is the folder as it is there
	Since      string   `json:"since,omitempty"`      // commit of the version recorded before, which authors are counted from
	Authors    []string `json:"authors,omitempty"`    // "Name <address>" of all commits since
	Committers []string `json:"committers,omitempty"` // of these commits, merges too, where they are somebody else
	Merger     string   `json:"merger,omitempty"`     // who committed the last one, where that is not its author
	Unknown    string   `json:"unknown,omitempty"`    // why Git can't tell although it should
}

// String is how the record of a version says it.
func (w *authorship) String() string {
	switch {
	case w.Unknown != "":
		return "claimed by whoever recorded it: " + w.Unknown
	case w.Commit == "":
		return "claimed by whoever recorded it: it is not in Git"
	}
	text := "commit " + w.Commit + " by " + strings.Join(w.Authors, ", ")
	if w.Merger != "" {
		text += ", merged by " + w.Merger
	}
	return text
}

// hands are all who had one in it.
func (w *authorship) hands() []string {
	hands := slices.Concat(w.Authors, w.Committers)
	if w.Merger != "" && !slices.Contains(hands, w.Merger) { // of a record from before committers were kept
		hands = append(hands, w.Merger)
	}
	return hands
}

// loaded is a version of the policy, or of the configuration, of which Git is asked who made it.
type loaded struct {
	folder string            // where it was loaded from
	only   string            // name of the one file in it that counts; "": all files of policy
	files  map[string]string // content by name: the folder may have changed since
	since  string            // commit of the version recorded before; "": there is none
	first  bool              // none was recorded before
}

// authors asks Git who made a version. A folder that Git knows nothing of has no authors. They are unknown where
// the files are not those of a commit byte by byte, whatever Git's index says of them, and where the history does not lead
// from the version before to this one.
func (v loaded) authors(ctx context.Context) authorship {
	if real, err := filepath.EvalSymlinks(v.folder); err == nil {
		v.folder = real
	}
	tracked, err := "", error(nil)
	if underGit(v.folder) {
		tracked, err = git(ctx, v.folder, "ls-files", "--", v.about())
	}
	switch {
	case err != nil:
		return v.unknown("Git can't tell who changed %s: %w", v.folder, err)
	case tracked == "" && v.since != "":
		return v.unknown("%s was in Git, at commit %s, and is not any more", v.folder, v.since)
	case tracked == "":
		return authorship{}
	}
	commit, err := v.commit(ctx)
	if err != nil {
		return v.unknown("%w", err)
	}
	log, err := v.history(ctx, commit)
	w := authorsOf(log, v.since)
	if err != nil {
		w = v.unknown("Git can't tell who changed %s: %w", v.folder, err)
		w.Commit = commit
	}
	return w
}

// about is what Git is asked about, from the folder.
func (v loaded) about() string { return cmp.Or(v.only, ".") }

// ours says whether a name in the folder belongs to the version.
func (v loaded) ours(name string) bool { return name == v.only || v.only == "" && policyName(name) }

func (v loaded) unknown(format string, args ...any) authorship {
	return authorship{Unknown: fmt.Errorf(format, args...).Error(), Since: v.since}
}

// underGit says whether the folder or one above it is a working copy, whether Git can be run or not.
func underGit(folder string) bool {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

const logForm = "--format=%H%x00%an <%ae>%x00%cn <%ce>"

// history is the log of all commits that lead from the version before to this one, side branches and merges too: a merge can
// drop what a branch did.
func (v loaded) history(ctx context.Context, commit string) (log string, err error) {
	switch {
	case v.since != "":
		if _, err := git(ctx, v.folder, "merge-base", "--is-ancestor", v.since, commit); err != nil {
			return "", fmt.Errorf("the commit of the version before, %s, is not in the history of %s (history that was rewritten, or cut short by a shallow clone)", v.since, commit)
		}
		log, err = git(ctx, v.folder, "log", logForm, "--encoding=UTF-8", "--full-history", v.since+".."+commit, "--", v.about())
	case !v.first:
		log, err = git(ctx, v.folder, "log", logForm, "--encoding=UTF-8", "--full-history", commit, "--", v.about())
	}
	if err == nil && log == "" { // the first version, or another folder than before
		log, err = git(ctx, v.folder, "log", logForm, "--encoding=UTF-8", "--max-count=1", commit, "--", v.about())
	}
	if err == nil && log == "" {
		err = fmt.Errorf("no commit touches it")
	}
	return log, err
}

func authorsOf(log, since string) authorship {
	w := authorship{Since: since}
	var committers []string
	for line := range strings.Lines(log) {
		hash, rest, _ := strings.Cut(strings.TrimSpace(line), "\x00")
		author, committer, _ := strings.Cut(rest, "\x00")
		if w.Commit == "" {
			w.Commit = hash
			if committer != author {
				w.Merger = committer
			}
		}
		if !slices.Contains(w.Authors, author) {
			w.Authors = append(w.Authors, author)
		}
		if !slices.Contains(committers, committer) {
			committers = append(committers, committer)
		}
	}
	w.Committers = slices.DeleteFunc(committers, func(c string) bool { return slices.Contains(w.Authors, c) })
	return w
}
