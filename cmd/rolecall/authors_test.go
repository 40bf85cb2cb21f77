package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
	"github.com/rolecall/rolecall/policies"
)

// repository is a real one, with a folder of policies in it.
type repository struct {
	t      *testing.T
	folder string
}

const firstPolicy = "rules: [one]\n"

// newRepository has two commits of the folder, by ann and bob.
func newRepository(t *testing.T) *repository {
	r := &repository{t, filepath.Join(t.TempDir(), "company", "policies")}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main", "..")
	r.commit("ann", "a.yaml", firstPolicy)
	r.commit("bob", "b.yaml", "rules: [two]\n")
	return r
}

func (r *repository) git(words ...string) string { return r.as("nobody", "nobody", words...) }

// as runs Git for an author and a committer.
func (r *repository) as(author, committer string, words ...string) string {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), "git", append([]string{"-C", r.folder}, words...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME="+author, "GIT_AUTHOR_EMAIL="+author+"@example.com",
		"GIT_COMMITTER_NAME="+committer, "GIT_COMMITTER_EMAIL="+committer+"@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v: %s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// commit writes a file and commits it, as one person; it gives the commit.
func (r *repository) commit(who, name, text string) string {
	r.t.Helper()
	r.write(name, text)
	r.git("add", name)
	r.as(who, who, "commit", "-q", "-m", who)
	return r.git("rev-parse", "HEAD")
}

// load is the folder as it is now, and the version before it.
func (r *repository) load(since string) loaded {
	r.t.Helper()
	v := loaded{folder: r.folder, files: map[string]string{}, since: since}
	names, err := filepath.Glob(filepath.Join(r.folder, "*.yaml"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			r.t.Fatal(err)
		}
		v.files[filepath.Base(name)] = string(text)
	}
	return v
}

// hands are the names of all who had one in it.
func (r *repository) hands(v loaded) (out []string) {
	r.t.Helper()
	w := v.authors(r.t.Context())
	if w.Unknown != "" {
		r.t.Errorf("unknown: %s", w.Unknown)
	}
	for _, hand := range w.hands() {
		name, _, _ := strings.Cut(hand, " ")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (r *repository) want(v loaded, want ...string) {
	r.t.Helper()
	if got := r.hands(v); !slices.Equal(got, want) {
		r.t.Errorf("it was made by %v, want %v", got, want)
	}
}

// unknown wants that nobody can tell who made it, and that the version after it counts from the same commit.
func (r *repository) unknown(v loaded, why string) authorship {
	r.t.Helper()
	w := v.authors(r.t.Context())
	if !strings.Contains(w.Unknown, why) || len(w.hands()) > 0 || w.Since != v.since {
		r.t.Errorf("want unknown, %s, since %s; got %+v", why, v.since, w)
	}
	return w
}

func TestAuthorsAreThoseSinceTheVersionBefore(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	r.commit("carl", "a.yaml", "rules: [three]\n")
	r.commit("dora", "c.yaml", "rules: [four]\n")
	r.write("../readme", "of no policy")
	r.git("add", "../readme")
	r.as("eve", "eve", "commit", "-q", "-m", "another folder")
	r.want(r.load(base), "carl", "dora")
	r.want(r.load(""), "ann", "bob", "carl", "dora") // it was not in Git before
	v := r.load("")
	v.first = true
	r.want(v, "dora")
}

// Whoever commits what somebody else wrote, or merges it, had a hand in it.
func TestCommittersHadAHandInIt(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	r.write("a.yaml", "rules: [three]\n")
	r.as("carl", "max", "commit", "-q", "-a", "-m", "x")
	r.commit("dora", "c.yaml", "rules: [four]\n")
	w := r.load(base).authors(t.Context())
	r.want(r.load(base), "carl", "dora", "max")
	if w.Merger != "" || len(w.Committers) != 1 {
		t.Errorf("%+v", w)
	}
	old := authorship{Authors: []string{"Ann <a@x>"}, Merger: "Max <m@x>"} // as it was recorded before
	if got := old.hands(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// What was loaded is what counts, not what Git's index makes of the folder.
func TestWhatIsInNoCommitHasNoAuthor(t *testing.T) {
	const evil = "rules: [evil]\n"
	for name, change := range map[string]func(*repository){
		"edited":           func(r *repository) { r.write("a.yaml", evil) },
		"staged":           func(r *repository) { r.write("a.yaml", evil); r.git("add", ".") },
		"untracked":        func(r *repository) { r.write("c.yaml", evil) },
		"ignored":          func(r *repository) { r.write("../.git/info/exclude", "*.yaml\n"); r.write("c.yaml", evil) },
		"assume-unchanged": func(r *repository) { r.git("update-index", "--assume-unchanged", "a.yaml"); r.write("a.yaml", evil) },
		"skip-worktree":    func(r *repository) { r.git("update-index", "--skip-worktree", "a.yaml"); r.write("a.yaml", evil) },
		"left out": func(r *repository) {
			r.git("update-index", "--skip-worktree", "a.yaml")
			_ = os.Remove(filepath.Join(r.folder, "a.yaml"))
		},
		"a committed link": func(r *repository) {
			r.write("../outside", evil)
			_ = os.Symlink("../outside", filepath.Join(r.folder, "c.yaml"))
			r.git("add", "c.yaml")
			r.as("carl", "carl", "commit", "-q", "-m", "link")
		},
		"a link to what its text says": func(r *repository) {
			_ = os.Symlink("d.yaml", filepath.Join(r.folder, "d.yaml.new"))
			_ = os.Rename(filepath.Join(r.folder, "d.yaml.new"), filepath.Join(r.folder, "c.yaml"))
			r.write("d.yaml", "d.yaml")
			r.git("add", "c.yaml", "d.yaml")
			r.as("carl", "carl", "commit", "-q", "-m", "link")
		},
		"an older one put back": func(r *repository) {
			r.git("checkout", "-q", "HEAD^", "--", ".")
			_ = os.Remove(filepath.Join(r.folder, "b.yaml"))
		},
	} {
		r := newRepository(t)
		base := r.git("rev-parse", "HEAD")
		change(r)
		t.Log(name)
		r.unknown(r.load(base), "are not committed")
	}
}

// Edited, loaded, and put back before Git is asked.
func TestWhatWasLoadedIsWhatCounts(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	r.write("a.yaml", "rules: [evil]\n")
	v := r.load(base)
	r.git("checkout", "-q", ".")
	w := r.unknown(v, "are not committed as they are: a.yaml")
	if w.Commit != "" {
		t.Errorf("%+v", w)
	}
}

// Git moved on after the files were loaded: they are still a commit's.
func TestWhatWasLoadedMayBeOlderThanHead(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	middle := r.commit("carl", "a.yaml", "rules: [three]\n")
	v := r.load(base)
	r.commit("dora", "a.yaml", "rules: [four]\n")
	r.want(v, "carl")
	if w := v.authors(t.Context()); w.Commit != middle {
		t.Errorf("%+v", w)
	}
}

// History that does not lead from the version before to this one says nothing of who dropped what was there.
func TestHistoryThatLeadsNowhere(t *testing.T) {
	const not = "is not in the history of"
	r := newRepository(t)
	bob := r.git("rev-parse", "HEAD")
	r.git("reset", "-q", "--hard", "HEAD^")
	if w := r.unknown(r.load(bob), not); w.Commit != r.git("rev-parse", "HEAD") {
		t.Errorf("the next version counts from %s", w.Commit)
	}
	r.commit("carl", "c.yaml", "rules: [x]\n")
	r.unknown(r.load(bob), not)
	r.as("zoe", "zoe", "merge", "-q", "-s", "ours", "-m", "drops bob's", bob) // which zoe answers for
	r.want(r.load(bob), "carl", "zoe")

	r = newRepository(t)
	bob = r.git("rev-parse", "HEAD")
	r.write("b.yaml", "rules: [x]\n")
	r.as("bob", "eve", "commit", "-q", "-a", "--amend", "-m", "x")
	r.unknown(r.load(bob), not)

	r = newRepository(t)
	base := r.git("rev-parse", "HEAD")
	r.commit("carl", "b.yaml", "rules: [x]\n")
	r.commit("dora", "b.yaml", "rules: [y]\n")
	r.git("clone", "-q", "--depth", "1", "file://"+filepath.Dir(r.folder), "../../shallow")
	r.folder = filepath.Join(filepath.Dir(filepath.Dir(r.folder)), "shallow", "policies")
	r.unknown(r.load(base), not)
}

// What the repository itself can say of its history, beside the commits, is not asked.
func TestHistoryIsWhatWasCommitted(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	evil := r.commit("eve", "a.yaml", "rules: [evil]\n")
	tree := r.git("rev-parse", "HEAD^{tree}")
	r.git("replace", evil, r.as("ann", "ann", "commit-tree", tree, "-p", base, "-m", "mine"))
	r.want(r.load(base), "eve")
	last := r.commit("ann", "c.yaml", "rules: [x]\n")
	r.write("../.git/info/grafts", last+" "+base+"\n")
	r.git("replace", "-d", evil)
	r.want(r.load(base), "ann", "eve")
}

// A folder that was in Git is not out of it because somebody took Git away.
func TestAFolderThatWasInGit(t *testing.T) {
	r := newRepository(t)
	base := r.git("rev-parse", "HEAD")
	v := r.load(base)
	if err := os.Rename(filepath.Join(r.folder, "../.git"), filepath.Join(r.folder, "../git")); err != nil {
		t.Fatal(err)
	}
	r.unknown(v, "is not any more")
	v.since = ""
	if w := v.authors(t.Context()); w.Unknown != "" || len(w.hands()) > 0 {
		t.Errorf("%+v", w)
	}
}

func TestWhereAuthorsCountFrom(t *testing.T) {
	known, dirty, gone := policyVersion{}, policyVersion{}, policyVersion{}
	known.Commit, known.Since = "k", "before k"
	dirty.Since, dirty.Unknown = "k", "not committed"
	gone.Commit, gone.Since, gone.Unknown = "g", "k", "history"
	old := policyVersion{}
	old.Unknown = "as it was recorded before"
	for _, c := range []struct {
		before []policyVersion
		again  bool
		want   string
	}{
		{nil, false, ""}, {[]policyVersion{known}, false, "k"}, {[]policyVersion{dirty}, false, "k"}, {[]policyVersion{dirty, known}, false, "k"}, {[]policyVersion{dirty, known}, true, "k"},
		{[]policyVersion{gone, known}, false, "g"}, {[]policyVersion{gone, known}, true, "k"}, {[]policyVersion{old, known}, false, "k"}, {[]policyVersion{old, known}, true, "k"},
	} {
		if got := since(c.before, c.again); got != c.want {
			t.Errorf("after %v, again %v: since %q, want %q", c.before, c.again, got, c.want)
		}
	}
}

// Versions count by their own time, and one that Git could tell more of later with what it told at last.
func TestVersionsAreByTheirOwnTime(t *testing.T) {
	at := time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC)
	record := func(hash string, recorded, own int, who authorship) engine.Record {
		v := policyVersion{Hash: hash, Rules: map[string]string{"r": hash}, authorship: who}
		if own > 0 {
			v.Time = at.Add(time.Duration(own) * time.Hour)
		}
		r := versionRecord(engine.KindPolicy, "tester", hash, v)
		r.Time = at.Add(time.Duration(recorded) * time.Hour)
		if own > 0 { // as a replay makes it, twice
			r.Data = versionRecord(engine.KindPolicy, "tester", hash, policyVersion{Hash: hash, Rules: v.Rules, authorship: who}).Data
			r.Time = v.Time
			r, _ = madeAgain(r, "x")
			r.Time = at.Add(time.Duration(recorded) * time.Hour)
			r, _ = madeAgain(r, "x")
			r.Time = at.Add(time.Duration(recorded) * time.Hour)
		}
		return r
	}
	all, err := versionsOf([]engine.Record{
		record("a", 1, 0, authorship{Authors: []string{"Ann"}}),
		record("d", 4, 0, authorship{Unknown: "not committed"}),
		record("b", 5, 2, authorship{Authors: []string{"Bob"}}), // lost, and made again
		record("d", 6, 0, authorship{Authors: []string{"Dora"}, Committers: []string{"Max"}}),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range all {
		got = append(got, fmt.Sprintf("%s%g%s%s%s", v.Hash, v.Time.Sub(at).Hours(), v.Authors, v.Unknown, v.Rules["r"]))
	}
	if want := []string{"a1[Ann]a", "b2[Bob]b", "d4[Dora Max]d"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// recorder records the policies of a repository in a journal of its own.
type recorder struct {
	*repository
	system
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{repository: newRepository(t)}
	store, err := journal.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "j.db"), journal.Options{Migrate: true, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r.cfg, r.store = &config.File{Policies: r.folder}, store
	r.schema = policies.Schema{Sources: []policies.RoleSource{{Name: "title"}}, Programs: map[string][]string{"wiki": nil}}
	r.commit("ann", "a.yaml", rule("one", "wiki/a"))
	r.commit("bob", "b.yaml", rule("two", "wiki/b"))
	return r
}

func rule(name, grant string) string {
	return "version: 1\nrules:\n  - {name: " + name + ", roles: {any: [\"title:x\"]}, grant: [" + grant + "]}\n"
}

// record loads the folder, lets something happen and records what was loaded; it gives the record's authorship, nil if there is none.
func (r *recorder) record(meanwhile ...func()) *authorship {
	r.t.Helper()
	packed, err := archive(r.folder)
	if err != nil {
		r.t.Fatal(err)
	}
	r.packed = packed
	if r.policy, err = policies.Load(os.DirFS(r.folder), r.schema); err != nil {
		r.t.Fatal(err)
	}
	for _, f := range meanwhile {
		f()
	}
	one, fresh, err := r.policyRecord(r.t.Context(), "tester")
	if err != nil {
		r.t.Fatal(err)
	}
	if !fresh {
		return nil
	}
	if err := r.store.Append(r.t.Context(), engine.Free, []engine.Record{one}); err != nil {
		r.t.Fatal(err)
	}
	v, err := policyVersionOf(&one)
	if err != nil {
		r.t.Fatal(err)
	}
	return &v.authorship
}

func names(w *authorship) string {
	if w == nil {
		return "nothing new"
	}
	if w.Unknown != "" {
		return "unknown"
	}
	var out []string
	for _, hand := range w.hands() {
		name, _, _ := strings.Cut(hand, " ")
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestRecordedVersionsCountFromTheOneBefore(t *testing.T) {
	r := newRecorder(t)
	step := func(want string, got *authorship) {
		t.Helper()
		if names(got) != want {
			t.Errorf("made by %s, want %s", names(got), want)
		}
	}
	step("bob", r.record())
	step("nothing new", r.record())
	r.write("a.yaml", rule("one", "wiki/c"))
	step("unknown", r.record())
	step("nothing new", r.record())
	r.as("carl", "carl", "commit", "-q", "-a", "-m", "x")
	r.commit("dora", "b.yaml", "# looked at\n"+rule("two", "wiki/b"))
	step("carl dora", r.record()) // who knows of it now
	r.commit("eve", "a.yaml", rule("one", "wiki/d"))
	step("eve", r.record())
	r.write("a.yaml", rule("one", "wiki/e"))
	step("unknown", r.record(func() { r.git("checkout", "-q", ".") }))
	r.commit("fay", "a.yaml", rule("one", "wiki/f"))
	step("fay", r.record()) // since eve
	r.git("reset", "-q", "--hard", "HEAD^")
	step("unknown", r.record())
	r.commit("gus", "a.yaml", rule("one", "wiki/g"))
	step("gus", r.record())

	r.schema = policies.Schema{} // the rules are recorded: the files may not load for ever
	all, err := r.changes(t.Context())
	if err != nil || len(all) != 7 || all[1].Rules["one"] == "" || all[1].Rules["one"] == all[0].Rules["one"] || all[1].Rules["two"] != all[0].Rules["two"] {
		t.Errorf("%d %+v %v", len(all), all, err)
	}
}

// What was recorded before the folder was in Git was made by nobody known, so all who committed since may have changed it.
func TestVersionsFromBeforeGit(t *testing.T) {
	r := newRecorder(t)
	one := versionRecord(engine.KindPolicy, "tester", "h", policyVersion{Hash: "h"})
	if err := r.store.Append(t.Context(), engine.Free, []engine.Record{one}); err != nil {
		t.Fatal(err)
	}
	if got := names(r.record()); got != "ann bob" {
		t.Errorf("made by %s", got)
	}
}

// Records from before rules were kept tell them by their files, and what the database says goes to Git only if it is a commit.
func TestVersionsFromBefore(t *testing.T) {
	r := newRecorder(t)
	r.record()
	v := policyVersion{Hash: "h", Files: r.packed}
	v.Commit, v.Since = "--output=/etc/passwd", "HEAD"
	one := versionRecord(engine.KindPolicy, "tester", "h", v)
	read, err := policyVersionOf(&one)
	if err != nil || read.Commit != "" || read.Since != "" {
		t.Errorf("%+v %v", read, err)
	}
	all, err := versionsOf([]engine.Record{one}, func(v *policyVersion) (*policies.Policy, error) { return v.load(r.schema) })
	if err != nil || all[0].Rules["two"] == "" {
		t.Errorf("%+v %v", all, err)
	}
}

func TestWhatIsMadeAgain(t *testing.T) {
	if r, ok := madeAgain(engine.Record{Kind: engine.KindRun, Run: "r7"}, "x"); !ok || r.Run != "r7" {
		t.Errorf("%+v", r)
	}
	if r, ok := madeAgain(engine.Record{Kind: engine.KindKey, Data: []byte(`{"to":"k"}`)}, "x"); !ok || !strings.Contains(string(r.Data), `"lost":true`) {
		t.Errorf("a checkpoint that both keys signed is lost: %s", r.Data)
	}
	if r, ok := madeAgain(engine.Record{Kind: engine.KindIntent}, "x"); ok {
		t.Errorf("%+v", r)
	}
}

// A repository that says where its missing objects are to be had, by a command, has nothing run.
func TestGitFetchesNothing(t *testing.T) {
	r := newRepository(t)
	r.commit("ann", "a.yaml", "version: 1\n")
	ran := filepath.Join(t.TempDir(), "ran")
	for name, value := range map[string]string{"core.repositoryformatversion": "1", "extensions.partialClone": "evil", "remote.evil.promisor": "true",
		"remote.evil.url": "ext::sh -c touch% " + ran, "protocol.ext.allow": "always"} {
		r.git("config", name, value)
	}
	if _, err := gitRaw(t.Context(), r.folder, "cat-file", "blob", "0123456789012345678901234567890123456789"); err == nil {
		t.Error("an object that is not there was read")
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the repository had a command run")
	}
}
