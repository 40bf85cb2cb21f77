package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mattn/go-isatty"
)

// process is everything that a command takes from its surroundings, so that a test can be one.
type process struct {
	Args           []string // without the program's name
	Dir            string   // where relative arguments start; "" for the working directory
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(string) string
	Now            func() time.Time
	Random         io.Reader
	Actor          string                                           // the operating-system user
	Terminal       bool                                             // Stdout is a terminal
	Watched        bool                                             // Stderr is a terminal, so that somebody sees progress
	Poll           time.Duration                                    // between two looks of the daemon for changed files; 0: 5 s
	Sweep          time.Duration                                    // between its looks for what is due or was lost; 0: a minute
	Wait           func(ctx context.Context, d time.Duration) error // see engine.Engine; nil: a timer
}

func thisProcess() process {
	p := process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Now: time.Now, Random: rand.Reader,
		Actor: osUser(), Terminal: isatty.IsTerminal(os.Stdout.Fd()), Watched: isatty.IsTerminal(os.Stderr.Fd()),
	}
	onTestClock(&p)
	return p
}

// osUser is the name that the journal knows whoever types commands by. It is not taken from the environment, which
// anybody can set: package user believes $USER where the program is built without cgo and the number is in no file.
func osUser() string {
	if said, set := os.LookupEnv("USER"); set {
		_ = os.Unsetenv("USER")
		defer func() { _ = os.Setenv("USER", said) }()
	}
	u, err := user.Current()
	if err != nil {
		return "uid " + strconv.Itoa(os.Getuid())
	}
	return u.Username
}

// path gives a path from the command line.
func (p *process) path(given string) string {
	if filepath.IsAbs(given) {
		return given
	}
	return filepath.Join(p.Dir, given)
}

// run executes one command line and gives the exit code.
func run(ctx context.Context, p process) int {
	a := &app{process: p}
	if p.Watched {
		a.progress = newProgress(p.Stderr, p.Now)
		defer a.progress.clear()
		a.Stdout, a.Stderr = a.progress.before(p.Stdout), a.progress.before(p.Stderr)
	}
	root := a.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	return a.report(root.ExecuteContext(ctx))
}
