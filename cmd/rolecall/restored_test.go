package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/audit"
)

// story20 is a company with twenty steps behind it, a backup after each, and an export of everything.
type story20 struct {
	t     *testing.T
	dir   string
	clock time.Time
	steps int
	held  string // a program that is paused as far as the journal knows
}

func (s *story20) run(args ...string) (said string, code int) {
	s.t.Helper()
	var out bytes.Buffer
	p := testProcess(s.dir, &out, &out, args...)
	var mu sync.Mutex
	p.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		s.clock = s.clock.Add(time.Millisecond)
		return s.clock
	}
	code = run(s.t.Context(), p)
	return out.String(), code
}

func (s *story20) must(args ...string) string {
	s.t.Helper()
	said, code := s.run(args...)
	if code != exitDone {
		s.t.Fatalf("%v: exit code %d\n%s", args, code, said)
	}
	return said
}

func (s *story20) path(name string) string { return filepath.Join(s.dir, name) }

func (s *story20) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func (s *story20) edit(file, old, fresh string) func() {
	return func() { s.t.Helper(); replace(s.t, s.path(file), old, fresh) }
}

func newStory20(t *testing.T) *story20 {
	t.Helper()
	sealed := newSealed(t)
	if err := sealed.system().store.Close(); err != nil { // the commands open their own
		t.Fatal(err)
	}
	s := &story20{t: t, dir: sealed.dir, clock: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)}
	apply := func() { t.Helper(); s.must("apply") }
	say := func(args ...string) func() { return func() { t.Helper(); s.must(args...) } }
	for _, step := range [][]func(){
		{apply},
		{s.edit("people.csv", "Frank Fabre,Accountant", "Frank Fabre,Engineer"), apply},
		{say("cut", "alice", "--reason", "laptop stolen")},
		{say("give", "judy", "gitea/eng", "--until", "2028-01-01", "--reason", "trade fair"), apply},
		{s.edit("people.csv", "rows,10", "1011,kim,kim@example.com,Kim Kuhn,Engineer,Platform,DE,\nrows,11"), apply},
		{s.edit("people.csv", "Erin Esser,Account manager,Sales,DE,", "Erin Esser,Account manager,Sales,DE,left"), apply},
		{say("pause", "gitea", "--reason", "looks odd")},
		{s.edit("people.csv", "Dave Dubois,Account manager", "Dave Dubois,Engineer"), apply},
		{say("resume", "gitea"), apply},
		{s.edit("people.csv", "Bob Brandt,Engineer", "Bob Brandt,Buyer"), apply},
		{say("cut", "grace", "--reason", "phone stolen")},
		{say("cut", "grace", "--lift", "--reason", "found"), apply},
		{s.edit("programs/gitea.csv", "carol,yes,eng", "carol,yes,"), apply},
		{s.edit("policies/company.yaml", "rules:", "rules:\n  - {name: accounts, roles: [\"title:Accountant\"], grant: [gitea], reason: they look}"), apply},
		{s.edit("people.csv", "1010,judy", "1012,lena,lena@example.com,Lena Lang,Engineer,Platform,DE,\n1010,judy"), s.edit("people.csv", "rows,11", "rows,12"), apply},
		{s.edit("people.csv", "Frank Fabre,Engineer", "Frank Fabre,Accountant"), apply},
		{s.edit("people.csv", "Kim Kuhn,Engineer,Platform,DE,", "Kim Kuhn,Engineer,Platform,DE,left"), apply},
		{say("cut", "heidi", "--reason", "left in anger")},
		{say("cut", "ivan", "--reason", "laptop stolen")},
		{apply},
	} {
		for _, do := range step {
			do()
		}
		s.steps++
		s.clock = s.clock.Add(time.Hour)
		s.must("backup", fmt.Sprintf("s%02d.db", s.steps))
	}
	if err := os.WriteFile(s.path("events.jsonl"), []byte(s.must("audit", "export")), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// copied is the company once more, in a folder of its own.
func (s *story20) copied(t *testing.T) *story20 {
	t.Helper()
	c := *s
	c.t, c.dir = t, t.TempDir()
	if err := os.CopyFS(c.dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return &c
}

// accounts gives each account's line of both programs.
func (s *story20) accounts() map[string]string {
	out := map[string]string{}
	for _, program := range []string{"wiki", "gitea"} {
		for _, line := range strings.Split(s.read("programs/"+program+".csv"), "\n") {
			account, rest, ok := strings.Cut(line, ",")
			if ok && account != "account" {
				out[program+"/"+account] = rest
			}
		}
	}
	return out
}

func (s *story20) out(login string) {
	s.t.Helper()
	for account, line := range s.accounts() {
		if strings.HasSuffix(account, "/"+login) && strings.HasPrefix(line, "yes") && !strings.HasPrefix(account, s.held+"/") {
			s.t.Errorf("%s is active: %s", account, line)
		}
	}
}

// stands: no run is made, and a cut is.
func (s *story20) stands() {
	s.t.Helper()
	before := s.accounts()
	if said, code := s.run("apply"); code != exitFailed || !strings.Contains(said, "checkpoint") || fmt.Sprint(s.accounts()) != fmt.Sprint(before) {
		s.t.Errorf("apply: exit code %d\n%s", code, said)
	}
	if said, code := s.run("cut", "carol", "--reason", "stolen too"); code != exitDone {
		s.t.Errorf("cut: exit code %d\n%s", code, said)
	}
	s.out("carol")
}

// refused: nothing acts, and what is outside stays as it is, but a cut goes on.
func (s *story20) refused() {
	s.t.Helper()
	outside, before := s.read("journal.checkpoint"), s.accounts()
	for _, args := range [][]string{{"apply"}, {"pause", "--reason", "x"}, {"give", "judy", "wiki", "--until", "2027-06-01", "--reason", "x"}, {"undo", "r1", "--reason", "x"},
		{"adopt", "gitea", "--possible", "--reason", "x"}, {"approvals", "approve", "all", "--reason", "x"}, {"cut", "alice", "--lift", "--reason", "x"}, {"serve"}} {
		if said, code := s.run(args...); code != exitFailed || !strings.Contains(said, "checkpoint") {
			s.t.Errorf("%v: exit code %d\n%s", args, code, said)
		}
	}
	if fmt.Sprint(s.accounts()) != fmt.Sprint(before) || s.read("journal.checkpoint") != outside {
		s.t.Error("something was done, or the checkpoint outside was replaced")
	}
	s.stands()
	if s.read("journal.checkpoint") != outside {
		s.t.Error("a cut replaced the checkpoint outside")
	}
}

// TestEachOlderSnapshot restores the backup of each step. Nothing acts until the gap is accepted; then, with the events, all
// is as it was; without them nobody loses what they had, and nobody who is out comes in.
func TestEachOlderSnapshot(t *testing.T) {
	t.Parallel()
	base := newStory20(t)
	want := base.accounts()
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for k := 1; k <= base.steps; k += stride {
		for _, events := range []bool{true, false} {
			t.Run(fmt.Sprintf("s%02d events %v", k, events), func(t *testing.T) {
				s := base.copied(t)
				s.must("restore", fmt.Sprintf("s%02d.db", k), "--discard")
				if k == 7 || k == 8 {
					s.held = "gitea"
				}
				s.refused()
				args := []string{"audit", "accept", "--reason", "disk failed"}
				if said, code := s.run(args[:2]...); code != exitApproval || !strings.Contains(said, "restored from a backup") {
					t.Errorf("exit code %d\n%s", code, said)
				}
				if events && k < base.steps {
					args = append(args, "--events", "events.jsonl")
				}
				said := s.must(args...)
				if strings.Contains(said, "find out who was cut off") == (events && k < base.steps) {
					t.Errorf("%s", said)
				}
				var plans []string
				for range 3 {
					s.clock = s.clock.Add(25 * time.Hour)
					said, code := s.run("apply")
					if code == exitFailed || code == exitUsage {
						t.Fatalf("exit code %d\n%s", code, said)
					}
					plans = append(plans, said)
				}
				if events {
					s.held = ""
				}
				s.afterwards(want, events && k < base.steps, k)
				s.must("audit", "verify")
				if t.Failed() {
					t.Log(said, strings.Join(plans, "\n"))
				}
			})
		}
	}
}

func (s *story20) afterwards(want map[string]string, events bool, k int) {
	s.t.Helper()
	for _, login := range []string{"alice", "carol", "heidi", "ivan", "erin", "kim"} {
		s.out(login)
	}
	have := s.accounts()
	for account, line := range want {
		switch {
		case strings.HasSuffix(account, "/carol"): // cut off since
		case events && have[account] != line:
			s.t.Errorf("%s: %s, was %s", account, have[account], line)
		case strings.HasSuffix(account, "/grace") && k == 11: // cut off as far as that backup knows
		case !events && !keeps(line, have[account]):
			s.t.Errorf("%s lost something: %s, was %s", account, have[account], line)
		}
	}
}

// keeps: what was there is there.
func keeps(before, after string) bool {
	b, a := strings.Split(before, ","), strings.Split(after, ",")
	if len(a) < 2 || b[0] != a[0] && b[0] == "yes" {
		return false
	}
	for _, right := range strings.Split(b[1], ";") {
		if !strings.Contains(";"+a[1]+";", ";"+right+";") {
			return false
		}
	}
	return true
}

// TestJournalCutAtEachRecord cuts the newest records off, in a way that the tables agree on size and tree.
func TestJournalCutAtEachRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty steps of a company take long under the race detector")
	}
	t.Parallel()
	base := newStory20(t)
	db, err := sqlx.Open("sqlite", base.path("rolecall.db"))
	if err != nil {
		t.Fatal(err)
	}
	var leaves []string
	if err := db.Select(&leaves, "SELECT leaf FROM journal ORDER BY seq"); err != nil {
		t.Fatal(err)
	}
	db.MustExec("PRAGMA journal_mode = DELETE")
	db.Close()
	frontier := audit.Frontier{}
	for k := range len(leaves) {
		s := base.copied(t)
		cutAt(t, s.path("rolecall.db"), int64(k), frontier.String())
		s.stands()
		if said, code := s.run("audit", "verify"); code != exitFailed {
			t.Errorf("record %d: verify: %d %s", k, code, said)
		}
		if said, code := s.run("audit", "accept", "--reason", "x"); code != exitFailed {
			t.Errorf("record %d: accept: %d %s", k, code, said)
		}
		if t.Failed() {
			t.Fatalf("cut at record %d", k)
		}
		var leaf audit.Hash
		if err := leaf.UnmarshalJSON([]byte(`"` + leaves[k] + `"`)); err != nil {
			t.Fatal(err)
		}
		frontier, _ = frontier.Append(leaf)
	}
}

func cutAt(t *testing.T, file string, k int64, frontier string) {
	t.Helper()
	db, err := sqlx.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.MustExec("DELETE FROM journal WHERE seq > ?", k)
	db.MustExec("DELETE FROM checkpoint WHERE size > ?", k)
	db.MustExec("DELETE FROM node WHERE (idx + 1) * 256 > ?", k)
	db.MustExec("UPDATE head SET size = ?, frontier = ?", k, frontier)
}

// TestBudgetsCountWhatWasLost: with the events, as much is used of each limit as before the loss; else a wave that had used it
// up would begin anew.
func TestBudgetsCountWhatWasLost(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty steps of a company take long under the race detector")
	}
	t.Parallel()
	s := newStory20(t)
	used := func() []string {
		said, _ := s.run("check", "-o", "csv")
		lines := regexp.MustCompile(`(?m)^.*, (\d+) used.*$`).FindAllString(said, -1)
		if len(lines) == 0 {
			t.Fatalf("no limits: %s", said)
		}
		return lines
	}
	before := used()
	s.must("restore", "s02.db", "--discard")
	if lost := used(); slices.Equal(lost, before) {
		t.Fatalf("nothing was charged in the gap: %q", lost)
	}
	s.must("audit", "accept", "--reason", "disk failed", "--events", "events.jsonl")
	if after := used(); !slices.Equal(after, before) {
		t.Errorf("used now:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	s.must("audit", "verify")
}
