package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/bundle"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit/period"
)

func (a *app) auditSample() *cobra.Command {
	var seed, key string
	var size int
	var of []string
	c := &cobra.Command{
		Use: "sample DIR", Short: "Draw cases from a bundle, the same ones for everybody with the same seed", Args: args(cobra.ExactArgs(1)),
		Long: "Checks the bundle first, then draws K members of each population and shows each with its chain: why, rule, policy, approval, result,\n" +
			"read-back. Every member has the ticket SHA-256 of \"rolecall/sample/v1\", seed, population and identity (a line each); the lowest are\n" +
			"drawn. Choose the seed after you got the bundle, best by dice: whoever knows it before can choose who is drawn.",
		Example: "  rolecall audit sample evidence-2026 --seed 62514 --size 25\n  rolecall audit sample evidence-2026 --seed 62514 --size 40 --of leavers -o csv",
		RunE: func(_ *cobra.Command, given []string) error {
			if seed == "" || strings.ContainsAny(seed, "\r\n") || size < 1 {
				return usage("for example: --seed 62514 --size 25", "a seed and a size of 1 or more are needed")
			}
			return a.sample(given[0], strings.TrimSpace(key), seed, size, of)
		},
	}
	c.Flags().StringVar(&seed, "seed", "", "any `TEXT` in one line, best digits of a die")
	c.Flags().IntVar(&size, "size", 0, "`K` members of each population, or all where it has fewer")
	c.Flags().StringSliceVar(&of, "of", []string{"joiners", "movers", "leavers", "holders"}, "the `POPULATIONS`: joiners, movers, leavers, others, holders, cases, decisions")
	c.Flags().StringVar(&key, "key", "", "the journal's `VERIFIER` key, as for verify-bundle")
	return c
}

func (a *app) sample(name, key, seed string, size int, of []string) error {
	own := bundle.Given{Verifier: key}
	report, err := bundle.Verify(a.path(name), own)
	if err != nil {
		return usage("name a folder that `rolecall audit bundle` made", "%w", err)
	}
	if !report.OK() {
		return cmp.Or(a.showBundle(name, report, own), error(exit(exitFailed)))
	}
	s := sampleJSON{Version: 1, Seed: seed, Size: size, SHA256: report.SHA256, Samples: []sampledJSON{}}
	all := report.Found.Populations()
	for _, word := range of {
		i := slices.IndexFunc(all, func(p period.Population) bool { return p.Name == word })
		if i < 0 {
			return usage("there are: joiners, movers, leavers, others, holders, cases, decisions", "%q is no population", word)
		}
		s.draw(report.Found, &all[i])
	}
	return a.showSample(s)
}

// sampleJSON is the documented form of a sample.
type sampleJSON struct {
	Version int           `json:"version"`
	Seed    string        `json:"seed"`
	Size    int           `json:"size"`
	SHA256  string        `json:"sha256"` // of the bundle's manifest.json
	Samples []sampledJSON `json:"samples"`
}

type sampledJSON struct {
	Population string      `json:"population"`
	Of         int         `json:"of"`
	Drawn      []drawnJSON `json:"drawn"`
}

type drawnJSON struct {
	ID     string        `json:"id"`
	Ticket string        `json:"ticket"`
	Text   string        `json:"text"`
	Cases  []period.Case `json:"cases"`
}

func (s *sampleJSON) draw(f *period.Findings, p *period.Population) {
	out := sampledJSON{Population: p.Name, Of: len(p.IDs), Drawn: []drawnJSON{}}
	for _, d := range p.Draw(s.Seed, s.Size) {
		one := drawnJSON{ID: p.IDs[d.Index], Ticket: d.Ticket, Cases: []period.Case{}}
		one.Text = member(f, p.Name, d.Index)
		for i := range f.Cases {
			if belongs(f, p.Name, d.Index, &f.Cases[i]) {
				one.Cases = append(one.Cases, f.Cases[i])
			}
		}
		out.Drawn = append(out.Drawn, one)
	}
	s.Samples = append(s.Samples, out)
}

func populationOf(f *period.Findings, name string) []period.Person {
	return map[string][]period.Person{"joiners": f.Joiners, "movers": f.Movers, "leavers": f.Leavers, "others": f.Others}[name]
}

// member is what a member of a population is called.
func member(f *period.Findings, population string, i int) string {
	switch population {
	case "holders":
		h := &f.Holders[i]
		text := fmt.Sprintf("%s, account %s", engine.Entitlement{Program: h.Program, Name: h.Entitlement}, h.Account)
		if h.Person != "" {
			text += " of " + h.Person
		}
		if !h.Managed {
			text += ", unmanaged"
		}
		return fmt.Sprintf("%s, since record %d of %s", text, h.Record, stamp(h.From))
	case "cases":
		return fmt.Sprintf("record %d", f.Cases[i].Seq)
	case "decisions":
		d := &f.Decisions[i]
		return fmt.Sprintf("record %d of %s: %s by %s, %s: %s", d.Seq, stamp(d.Time), d.Kind, d.Actor, cmp.Or(d.Person, d.Program, "all"), d.Why)
	}
	p := populationOf(f, population)[i]
	return strings.Join(slices.DeleteFunc([]string{p.Key, p.Login, p.Name}, func(s string) bool { return s == "" }), ", ")
}

// belongs says whether a case is part of a member's chain. Of a holding it is the one that began it, if that was in the period.
func belongs(f *period.Findings, population string, i int, c *period.Case) bool {
	switch population {
	case "holders":
		h := &f.Holders[i]
		began := c.Seq == h.Record || c.Outcome != nil && c.Outcome.Seq == h.Record
		return began && c.Account == h.Account && c.Entitlement == engine.Entitlement{Program: h.Program, Name: h.Entitlement}.String()
	case "cases":
		return c.Seq == f.Cases[i].Seq
	case "decisions":
		return c.Approval != nil && c.Approval.Seq == f.Decisions[i].Seq
	}
	return c.Person == populationOf(f, population)[i].Key
}

func (a *app) showSample(s sampleJSON) error {
	out := a.out()
	if out.Format == render.JSON {
		return out.JSON(s)
	}
	if out.Format != render.TableFormat {
		return out.Data(sampleTable(s), nil)
	}
	out.Line("Drawn with seed %s from the bundle whose manifest.json has the SHA-256 %s.", s.Seed, s.SHA256)
	for _, p := range s.Samples {
		out.Line("")
		out.Line("%s: %d of %d", p.Population, len(p.Drawn), p.Of)
		for n, d := range p.Drawn {
			out.Line("%d. %s  (ticket %s…)", n+1, d.Text, d.Ticket[:12])
			for i := range d.Cases {
				for _, l := range chain(&d.Cases[i]) {
					out.Line("   %s", l)
				}
			}
		}
	}
	return nil
}

// chain is a case from its reason to the list that shows it.
func chain(c *period.Case) []string {
	lines := []string{
		fmt.Sprintf("record %d of %s, run %s: %s %s, account %s", c.Seq, stamp(c.Time), c.Run, c.Op, c.Entitlement, c.Account),
		fmt.Sprintf("  because: %s (%s)", cmp.Or(strings.Join(c.Why, "; "), "-"), c.Cause),
		fmt.Sprintf("  rule: %s; policy %s", cmp.Or(strings.Join(c.Rules, ", "), "-"), cmp.Or(c.Policy, "unknown")),
	}
	if c.Held != "" {
		lines = append(lines, "  waited: "+c.Held)
	}
	if c.Approval != nil {
		lines = append(lines, fmt.Sprintf("  approved: by %s at %s, record %d: %s", c.Approval.By, stamp(c.Approval.Time), c.Approval.Seq, c.Approval.Why))
	}
	return append(lines, ended(c)...)
}

func ended(c *period.Case) []string {
	result, read := "open", "not yet"
	switch {
	case c.Kind == engine.KindAdopt:
		return []string{"  result: adopted; it was there before"}
	case c.Outcome != nil:
		result = fmt.Sprintf("%s at %s, record %d", c.Outcome.What, stamp(c.Outcome.Time), c.Outcome.Seq)
		if c.Outcome.Why != "" {
			result += ": " + c.Outcome.Why
		}
	}
	if c.Read != nil {
		read = fmt.Sprintf("%s by run %s, record %d", c.Read.What, c.Read.By, c.Read.Seq)
	}
	return []string{"  result: " + result, "  read back: " + read}
}

// sampleTable has a row for each case, and one for a member without any.
func sampleTable(s sampleJSON) render.Table {
	t := render.Table{Header: []string{"population", "of", "drawn", "ticket", "member", "record", "operation", "entitlement", "chain"}}
	for _, p := range s.Samples {
		for n, d := range p.Drawn {
			start := []string{p.Population, strconv.Itoa(p.Of), strconv.Itoa(n + 1), d.Ticket, d.Text}
			for i := range d.Cases {
				c := &d.Cases[i]
				t.Add(render.Plain, append(slices.Clone(start), strconv.FormatInt(c.Seq, 10), string(c.Op), c.Entitlement, strings.Join(chain(c)[1:], ";"))...)
			}
			if len(d.Cases) == 0 {
				t.Add(render.Plain, append(start, "", "", "", "")...)
			}
		}
	}
	return t
}
