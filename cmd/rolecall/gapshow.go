package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func plainStamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// gapShown is the documented form of a gap.
type gapShown struct {
	Version  int  `json:"version"`
	Accepted bool `json:"accepted"`
	engine.Gap
	Note      string   `json:"note,omitempty"` // left out: it is in the record
	Replayed  int      `json:"replayed"`       // records that follow from the events
	Questions []string `json:"questions"`
}

func (g *gap) shape(done bool) gapShown {
	out := gapShown{Version: 1, Accepted: done, Gap: g.Gap, Replayed: g.replayed, Questions: []string{}}
	for _, f := range g.doubts {
		out.Questions = append(out.Questions, doubtLine(f))
	}
	return out
}

func (g *gap) lines(done bool) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r := g.Restored; r != nil {
		say("The journal was restored from a backup of %s, the last of %s.", plural(int(r.Records), "record"), stamp(r.Last))
		say("Whoever was blanked, and what was pruned, after that backup is there again: do it once more.")
	}
	switch {
	case !g.sealed:
		say("There is no checkpoint outside, so nobody can tell how much is missing since %s.", stamp(g.From))
	case g.Base > 0:
		say("The checkpoint outside speaks of %s, the last of %s: at least %d are missing, from record %d on, since %s.",
			plural(int(g.Sealed), "record"), stamp(g.SealedAt), g.Missing, g.Base+1, stamp(g.From))
	case g.Records < g.Sealed:
		say("The checkpoint outside speaks of %s, the last of %s; the journal has %d, the last of %s: at least %d are missing.",
			plural(int(g.Sealed), "record"), stamp(g.SealedAt), g.Records, stamp(g.From), g.Missing)
	default:
		say("The journal has %s and the checkpoint outside speaks of %d, of %s, but they are not the same ones.", plural(int(g.Records), "record"), g.Sealed, stamp(g.SealedAt))
	}
	if e := g.Events; e != nil {
		say("The events are records %d to %d; %s. %s follow from them.", e.First, e.Last, proof(e), plural(g.replayed, "record"))
	}
	out = append(out, g.Decisions...)
	out = append(out, listed("Not settled, leavers and people cut off", g.Open)...)
	say("%s that policy grants and that are there become managed again.", plural(g.Adopted, "holding"))
	if len(g.incomplete) > 0 {
		say("Not read completely just now: %s. What they have there is adopted by later runs.", strings.Join(g.incomplete, ", "))
	}
	var questions []string
	for _, f := range g.doubts {
		questions = append(questions, doubtLine(f))
	}
	out = append(out, listed("What nobody can know, so it becomes a task", questions)...)
	if done {
		return append(out, "Accepted. Acting goes on; see `rolecall plan`, and `rolecall tasks list` after the next run.")
	}
	return append(out, "Nothing was written. To accept it: rolecall audit accept --reason \"…\"")
}

func proof(e *engine.Evidence) string {
	if e.Proven {
		return "they are proven to be what was sealed"
	}
	return "nothing outside proves that they are all"
}

func listed(title string, lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	out := []string{title + ":"}
	for _, l := range lines {
		out = append(out, "  "+l)
	}
	return out
}

func doubtLine(f engine.Fact) string {
	if f.Program == "" {
		return f.Text
	}
	e := engine.Entitlement{Program: f.Program, Name: f.Entitlement}
	line := fmt.Sprintf("%s of account %s: %s in the gap", e, f.Account, f.Text)
	if f.Person != "" {
		line += " (person " + f.Person + ")"
	}
	return line
}
