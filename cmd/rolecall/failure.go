package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// Exit codes, the strongest first.
const (
	exitUsage    = 2 // usage or configuration
	exitFailed   = 1
	exitPartly   = 5 // some of it was done
	exitApproval = 4 // something needs approval
	exitChanges  = 3 // plan --exit-code found changes
	exitDone     = 0
)

// failure is an error with what the person at the terminal needs: an exit code and a hint.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(hint, format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), hint}
}

func failed(hint, format string, args ...any) error {
	return &failure{exitFailed, fmt.Errorf(format, args...), hint}
}

// exit ends a command that has said all it has to say.
type exit int

func (e exit) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// stronger is the stronger of two exit codes.
func stronger(a, b int) int {
	for _, code := range []int{exitUsage, exitFailed, exitPartly, exitApproval, exitChanges} {
		if a == code || b == code {
			return code
		}
	}
	return exitDone
}

// report shows an error, here and nowhere else, and gives the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	out := render.Out{W: a.Stderr}
	if lines := mistakes(err); lines != nil {
		for _, l := range lines {
			out.Line("%s", l)
		}
		out.Line("rolecall: %d to correct; nothing was changed", len(lines))
		return exitUsage
	}
	f := &failure{code: exitFailed, err: err}
	errors.As(err, &f)
	if errors.Is(err, context.Canceled) {
		f = &failure{exitFailed, errors.New("interrupted"), ""}
	}
	out.Line("rolecall: %s", sentence(f.err))
	if f.hint != "" {
		out.Line("hint: %s", f.hint)
	}
	return f.code
}

// sentence is an error as one line; joined errors are parted by semicolons.
func sentence(err error) string {
	return strings.TrimSuffix(strings.Join(strings.Split(strings.TrimSpace(err.Error()), "\n"), "; "), ".")
}

// mistakes are the lines of an error that lists what is wrong in files, wherever in the tree of errors they stand.
func mistakes(err error) (lines []string) {
	switch err := err.(type) { //nolint:errorlint // every error of the tree is looked at, not the first of a type
	case engine.Mistakes:
		for _, m := range err {
			lines = append(lines, m.String())
		}
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			lines = append(lines, mistakes(e)...)
		}
	case interface{ Unwrap() error }:
		lines = mistakes(err.Unwrap())
	}
	return lines
}
