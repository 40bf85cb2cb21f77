package web

import (
	"context"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// setAside are the programs that get no calls now, whoever found that out; sorted by name.
func (s *Site) setAside(ctx context.Context) (out []engine.SetAside, err error) {
	facts, err := s.Journal().Facts(ctx, engine.FactAside)
	for _, f := range facts {
		out = append(out, engine.SetAsideOf(f))
	}
	return out, err
}

// markAside puts it into the rows of programs.
func markAside(rows []ProgramRow, aside []engine.SetAside) {
	for i := range rows {
		if n := slices.IndexFunc(aside, func(a engine.SetAside) bool { return a.Program == rows[i].Title() }); n >= 0 {
			rows[i].Aside = &aside[n]
		}
	}
}

// withoutAside leaves out what the plan said of them: it is older.
func withoutAside(all []engine.Notice) []engine.Notice {
	return slices.DeleteFunc(slices.Clone(all), func(n engine.Notice) bool { return n.Code == engine.NoticeAside })
}

// asideHeadline says it in a sentence.
func asideHeadline(aside []engine.SetAside) string {
	if len(aside) == 1 {
		return aside[0].Program + " is set aside, since its calls fail"
	}
	return plural(len(aside), "program is", "programs are") + " set aside, since their calls fail"
}

// asideJSON is a program that gets no calls, since they failed in a row, until the next run tries it with one.
type asideJSON struct {
	Program string    `json:"program"`
	Since   time.Time `json:"since"`
	Failed  int       `json:"failed"` // calls in a row, those that tried whether it works again among them
	Error   string    `json:"error"`  // of the last one
}

func asideOf(a *engine.SetAside) asideJSON {
	return asideJSON{a.Program, a.Since.UTC(), a.Failed, a.Error}
}

// capabilitiesJSON are what a program's connector can do.
type capabilitiesJSON struct {
	engine.Capabilities
	Lines []engine.Capability `json:"lines"` // the same for people
}

func capabilitiesOf(c *engine.Capabilities) capabilitiesJSON { return capabilitiesJSON{*c, c.Lines()} }
