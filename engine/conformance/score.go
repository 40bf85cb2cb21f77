package conformance

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Result of one check.
type Result string

// Results.
const (
	Passed   Result = "passed"
	Wrong    Result = "failed"
	Skipped  Result = "skipped"   // it says nothing of this connector
	NotTried Result = "not tried" // something vital failed before
)

// Line is one line of a score card.
type Line struct {
	Check   string        `json:"check"`
	Result  Result        `json:"result"`
	Details []string      `json:"details"` // what was wrong, or why it was skipped
	Took    time.Duration `json:"-"`
}

// Card is how a connector is tried.
type Card struct {
	Fresh   func(t T) *Subject // of a check; what it complains of, the check does
	Restore func(t T)          // puts the program back after each check; nil: nothing is to be put back
	GiveUp  func(t T)          // does so instead of Restore where a check does not end; nil: nobody does
	Most    time.Duration      // that one check may take
	Tell    func(line Line)    // told of each line; nil: nobody
	Only    string             // the one check to make; "": all
}

// Score makes all checks, one after the other. It stops where something vital fails, when a check does not end, or when the
// context is over; what was not tried is said.
func (c *Card) Score(ctx context.Context) (lines []Line) {
	stop := ""
	for _, check := range Checks() {
		if c.Only != "" && c.Only != check.Name {
			continue
		}
		line := Line{Check: check.Name, Result: NotTried, Details: []string{stop}}
		if stop == "" && ctx.Err() != nil {
			stop, line.Details = "interrupted", []string{"interrupted"}
		}
		if stop == "" {
			var ended bool
			line, ended = c.try(&check)
			switch {
			case !ended:
				stop = "an earlier check did not end"
			case check.Vital && line.Result == Wrong:
				stop = fmt.Sprintf("nothing else makes sense while it fails: %s", check.Name)
			}
		}
		if c.Tell != nil {
			c.Tell(line)
		}
		lines = append(lines, line)
	}
	return lines
}

// try makes one check in a goroutine of its own, which Fatalf ends. It is given up on after a time.
func (c *Card) try(check *Check) (line Line, ended bool) {
	began := time.Now()
	r := &recorder{}
	done := make(chan string, 1)
	go func() {
		why := ""
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("the connector failed: %v", p)
			}
			done <- why
		}()
		why = c.run(check, r)
	}()
	most := time.NewTimer(c.Most)
	defer most.Stop()
	why := ""
	select {
	case why = <-done:
		ended = true
	case <-most.C:
		r.Errorf("it did not end within %s", c.Most)
		if c.GiveUp != nil {
			c.GiveUp(r)
		}
	}
	line = Line{Check: check.Name, Result: Passed, Details: r.all(), Took: time.Since(began)}
	switch {
	case len(line.Details) > 0:
		line.Result = Wrong
	case why != "":
		line.Result, line.Details = Skipped, []string{why}
	}
	return line, ended
}

// run gives why the check says nothing of this connector, "" if it does.
func (c *Card) run(check *Check, r *recorder) (why string) {
	if c.Restore != nil {
		defer c.Restore(r)
	}
	u := c.Fresh(r)
	if check.Skip != nil {
		why = check.Skip(u)
	}
	if why == "" {
		check.Run(r, u)
	}
	return why
}

// recorder is a T that remembers.
type recorder struct {
	mu   sync.Mutex
	said []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// all is what was said, in order; what was said again is counted.
func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, times := []string{}, map[string]int{}
	for _, text := range r.said {
		if times[text]++; times[text] == 1 {
			out = append(out, text)
		}
	}
	for i, text := range out {
		if n := times[text]; n > 1 {
			out[i] = fmt.Sprintf("%s (%d times)", text, n)
		}
	}
	return out
}
