package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	redraw    = 100 * time.Millisecond // at most so often
	clearLine = "\r\x1b[K"             // ECMA-48: to the first column, erase to the end of the line
	peopleOf  = "people of "
	phaseRead = "read" // of engine.Engine.Progress
	phaseWork = "work"
)

// progress is one line on a terminal that says how far long work is. A nil one shows nothing. It may be used concurrently.
type progress struct {
	mu     sync.Mutex
	to     io.Writer
	now    func() time.Time
	phase  string
	counts map[string][2]int // what → done, of
	began  time.Time         // the phase
	drawn  time.Time         // zero: never
	shown  bool
}

func newProgress(to io.Writer, now func() time.Time) *progress { return &progress{to: to, now: now} }

// step takes what engine.Engine.Progress tells.
func (p *progress) step(phase, what string, done, of int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if phase != p.phase {
		p.phase, p.began, p.counts = phase, now, map[string][2]int{}
	}
	if old := p.counts[what]; done < old[0] && of <= old[1] {
		done = old[0] // a later call overtook this one
	}
	p.counts[what] = [2]int{done, of}
	if now.Sub(p.drawn) >= redraw {
		p.drawn, p.shown = now, true
		fmt.Fprint(p.to, clearLine+p.line(now))
	}
}

// reading gives what counts the people of one directory while it is read, nil if nobody watches.
func (p *progress) reading(directory string) func(people int) {
	if p == nil {
		return nil
	}
	return func(people int) { p.step(phaseRead, peopleOf+directory, people, 0) }
}

func (p *progress) line(now time.Time) string {
	if p.phase == phaseWork {
		return "applying: " + p.applying(now)
	}
	read := 0
	for what, n := range p.counts {
		if strings.HasPrefix(what, peopleOf) {
			read += n[0]
		}
	}
	text := fmt.Sprintf("reading: people %d", max(read, p.counts["people"][0]))
	if n := p.counts["programs"]; n[1] > 0 {
		text += fmt.Sprintf(", programs %d of %d", n[0], n[1])
	}
	return text
}

// applying sums the programs up. The time left assumes that it goes on as it did so far.
func (p *progress) applying(now time.Time) string {
	done, of := 0, 0
	for _, n := range p.counts {
		done, of = done+n[0], of+n[1]
	}
	text := fmt.Sprintf("%d of %s", done, plural(of, "change"))
	passed := now.Sub(p.began)
	if passed < time.Second || done == 0 {
		return text
	}
	rate := float64(done) / passed.Seconds()
	left := time.Duration(float64(of-done) / rate * float64(time.Second))
	return text + fmt.Sprintf(", %.1f a second, %s left", rate, left.Round(time.Second))
}

// clear takes the line off the terminal.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cleared()
}

func (p *progress) cleared() {
	if p.shown {
		p.shown = false
		fmt.Fprint(p.to, clearLine)
	}
}

// before gives a writer that clears the line first. Meanwhile no line is drawn, as both may go to the same terminal.
func (p *progress) before(w io.Writer) io.Writer { return cleared{p, w} }

type cleared struct {
	progress *progress
	io.Writer
}

func (c cleared) Write(b []byte) (int, error) {
	c.progress.mu.Lock()
	defer c.progress.mu.Unlock()
	c.progress.cleared()
	return c.Writer.Write(b)
}
