package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rolecall/rolecall/engine"
)

// TestScripts is the specification of the command line: each file of testdata/script is a story with its expected output.
// Besides testscript's own commands there are
//
//	rolecall ARGS…        the program, in this process; "! rolecall" expects an exit code other than 0
//	code N                the last exit code was N
//	clock TIME|+DURATION  sets or moves the clock that the program sees
//	edit FILE OLD NEW     replaces text in a file; OLD must be there
//	append FILE MORE      puts the text of one file behind that of another
//	task FILE WORDS NAME  sets the variable NAME to the id of the first task in FILE (-o json) whose text has WORDS
//	random N              the program's randomness begins anew, from seed N; 1 at first
//	sql FILE STATEMENT    changes a database behind the program's back
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"rolecall": scriptRolecall, "code": scriptCode, "clock": scriptClock, "edit": scriptEdit, "append": scriptAppend, "sql": scriptSQL, "task": scriptTask, "random": scriptRandom,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[key{}] = &story{seed: 1, clock: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)}
			return nil
		},
		RequireUniqueNames: true,
	})
}

type key struct{}

// story is the state of one script.
type story struct {
	mu    sync.Mutex
	clock time.Time
	code  int
	seed  byte
}

// now moves on by a millisecond at each look, so that no two records have the same time.
func (s *story) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(time.Millisecond)
	return s.clock
}

func storyOf(ts *testscript.TestScript) *story { return ts.Value(key{}).(*story) }

func scriptRolecall(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	var stdout, stderr bytes.Buffer
	wd := ts.MkAbs(".")
	// The program must not depend on the folder it is started in, so the folder is given as the place of relative arguments.
	s.code = run(context.Background(), process{
		Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Env: ts.Getenv, Now: s.now, Random: rand.NewChaCha8([32]byte{s.seed}), Actor: "tester",
		Dir: wd,
	})
	_, _ = ts.Stdout().Write(stdout.Bytes())
	_, _ = ts.Stderr().Write(stderr.Bytes())
	if (s.code != 0) != neg {
		ts.Fatalf("exit code %d", s.code)
	}
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := storyOf(ts).code; (got == want) == neg {
		ts.Fatalf("exit code %d", got)
	}
}

func scriptClock(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if span, ok := strings.CutPrefix(args[0], "+"); ok {
		d, err := time.ParseDuration(span)
		ts.Check(err)
		s.clock = s.clock.Add(d)
		return
	}
	at, err := time.Parse(time.RFC3339, args[0])
	ts.Check(err)
	s.clock = at
}

func scriptEdit(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	unescape := strings.NewReplacer(`\n`, "\n", `\x1b`, "\x1b", `\u202e`, "\u202e", `\a`, "\a")
	old, fresh := unescape.Replace(args[1]), unescape.Replace(args[2])
	if !strings.Contains(string(data), old) {
		ts.Fatalf("%s does not contain %q", args[0], old)
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, fresh)), 0o600))
}

func scriptAppend(ts *testscript.TestScript, _ bool, args []string) {
	whole := ts.ReadFile(args[0]) + ts.ReadFile(args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(whole), 0o600))
}

func scriptSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sqlx.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

func scriptRandom(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseUint(args[0], 10, 8)
	ts.Check(err)
	storyOf(ts).seed = byte(n)
}

func scriptTask(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	var tasks []engine.Task
	ts.Check(json.Unmarshal(data, &tasks))
	for _, t := range tasks {
		if strings.Contains(t.Text, args[1]) {
			ts.Setenv(args[2], t.ID)
			return
		}
	}
	ts.Fatalf("no task with %q", args[1])
}

// rand1 is a source of bytes that is the same each time.
func rand1() io.Reader { return rand.NewChaCha8([32]byte{1}) }

// TestCommandList holds the commands of the binary against the ones that are documented.
func TestCommandList(t *testing.T) {
	a := &app{process: process{Env: func(string) string { return "" }, Now: time.Now}}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range a.root().Commands() {
		if c.Hidden {
			continue
		}
		if !strings.Contains(string(doc), "\n## rolecall "+c.Name()) {
			t.Errorf("docs/commands.md does not describe %s", c.Name())
		}
		for _, leaf := range append(c.Commands(), c) {
			if leaf.Short == "" || !leaf.HasSubCommands() && leaf.Example == "" {
				t.Errorf("%s lacks a sentence or an example", leaf.CommandPath())
			}
		}
	}
}
