package engine

import (
	"fmt"
	"slices"
	"time"
)

// Codes of the notices about programs that were set aside since their calls failed, and about those that work again.
const (
	NoticeAside = "set-aside"
	NoticeBack  = "works-again"
)

// backFor is how long it is shown that a program works again.
const backFor = 24 * time.Hour

// brokenFor is how long accounts that failed, and did not work since, are told from their program.
const brokenFor = 30 * 24 * time.Hour

// watchAside tells of programs that get no calls, so that this never happens in silence, and forgets those that are not configured any
// more, or have nothing to be tried with.
func (b *builder) watchAside() {
	for f := range b.s.Memory.each(FactAside) {
		if p := b.programNamed(f.Program); p == nil || p.nothingToTry() {
			b.clear(f.FactKey)
			continue
		}
		b.alarm(NoticeAside, f.Program, "", SetAsideOf(f).String()+"; this run begins there with a single call, and goes on if that succeeds")
	}
	for f := range b.s.Memory.each(FactBroken) {
		if ago := b.s.Now.Sub(f.Since); ago >= brokenFor || b.programNamed(f.Program) == nil {
			b.clear(f.FactKey)
		}
	}
	for f := range b.s.Memory.each(FactBack) {
		if ago := b.s.Now.Sub(f.Since); ago >= backFor || ago < -backFor || b.programNamed(f.Program) == nil {
			b.clear(f.FactKey)
			continue
		}
		b.notice("info", NoticeBack, f.Program, "", BackText(f))
	}
}

// nothingToTry: the program can be read, and nothing is wanted there that could tell whether its calls still fail. Without this it would
// be told as set aside until somebody happens to need something there.
func (p *programPlan) nothingToTry() bool {
	mine := func(i Intent) bool { return i.Change.Program == p.program.Name && !p.settled[i.Seq] }
	return p.complete && len(p.changes()) == 0 && !slices.ContainsFunc(p.b.s.Memory.Open, mine)
}

// BackText says that a program works again.
func BackText(f Fact) string {
	return fmt.Sprintf("%s works again since %s; it had been set aside since %s", f.Program, f.Since.UTC().Format(time.RFC3339), f.Until.UTC().Format(time.RFC3339))
}
