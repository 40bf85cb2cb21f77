package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// toTell is all that there is to tell now, told before or not, sorted by what it is about and by key.
func (s *system) toTell(ctx context.Context, p *engine.Plan, now time.Time) (out []toldThing, err error) {
	out = append(s.standsOut(p), s.contracts(now)...)
	for _, find := range []func(context.Context, time.Time) ([]toldThing, error){s.awaited, s.escalated, s.failing, s.ending, s.weekly} {
		more, err := find(ctx, now)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	slices.SortStableFunc(out, func(a, b toldThing) int {
		return cmp.Or(strings.Compare(a.about, b.about), strings.Compare(a.key, b.key))
	})
	return slices.CompactFunc(out, func(a, b toldThing) bool { return a.about == b.about && a.key == b.key }), nil
}

// link is where the page shows something.
func (s *system) link(path ...string) string {
	base := pageAddress(s.cfg)
	if base == "" {
		return ""
	}
	to, err := url.JoinPath(base, path...)
	if err != nil {
		return base
	}
	return to
}

// awaited are the items that wait for a decision.
func (s *system) awaited(ctx context.Context, _ time.Time) (out []toldThing, err error) {
	all, err := items(ctx, s)
	for i := range all {
		item := &all[i]
		if item.State != engine.Waiting {
			continue
		}
		out = append(out, single("approvals", item.ID, itemLine(item)))
	}
	return out, err
}

func itemLine(item *engine.Item) notify.Line {
	c := &item.Change
	who := cmp.Or(c.Name, c.Login, c.Person, c.Account)
	return notify.Line{Text: fmt.Sprintf("%s %s of %s: %s", c.Op, engine.Entitlement{Program: c.Program, Name: c.Right()}, who, item.Reason), Program: c.Program,
		Person: c.Person, Name: c.Name, Since: item.Since}
}

// escalatedKey begins the keys of what was escalated.
const escalatedKey = "escalated\n"

// escalated are the items that have waited for too long. Each is told, also where others were told before.
func (s *system) escalated(ctx context.Context, now time.Time) (out []toldThing, err error) {
	x := &s.engine.Settings.Escalate
	all, err := items(ctx, s)
	for i := range all {
		if x.Since(&all[i], now).IsZero() {
			continue
		}
		l := itemLine(&all[i])
		l.Text = fmt.Sprintf("a change has waited for approval for more than %s, to be told to %s: %s", config.FormatDuration(x.After), strings.Join(x.To, ", "), l.Text)
		l.Link = s.link("waiting")
		out = append(out, single("alarms", escalatedKey+all[i].ID, l))
	}
	return out, err
}

// standsOut are the notices of a plan that somebody should know of.
func (s *system) standsOut(p *engine.Plan) (out []toldThing) {
	for _, n := range p.Notices {
		about := aboutOf(n)
		if about == "" {
			continue
		}
		l, key := notify.Line{Text: n.Text, Program: n.Program, Person: n.Person}, n.Code+"\n"+n.Program+"\n"+n.Person
		switch {
		case n.Person != "":
			l.Link = s.link("people", url.PathEscape(n.Person))
		case n.Program != "":
			l.Link = s.link("programs", url.PathEscape(n.Program))
		}
		if n.Program+n.Person == "" { // of a directory, which the text begins with
			source, _, _ := strings.Cut(n.Text, " ")
			key += source
		}
		out = append(out, single(about, key, l))
	}
	return out
}

// aboutOf is what a notice of a plan is about for those who are told, "" if nobody is.
func aboutOf(n engine.Notice) string {
	switch n.Code {
	case engine.NoticeEscalated: // see escalated
		return ""
	case engine.NoticeUnread, engine.NoticeSeats, engine.NoticeSeatsUntold:
		return "programs"
	case engine.NoticeNoLeavers, engine.NoticeOrphans, engine.NoticeNever:
		return "leavers"
	}
	switch {
	case strings.HasPrefix(n.Code, "leaver-"): // unfinished, held, kept
		return "leavers"
	case n.Level == "alarm":
		return "alarms"
	}
	return ""
}

// failsOften is how often a change fails before somebody is told.
const failsOften = 3

// failing are the programs in which changes fail again and again.
func (s *system) failing(ctx context.Context, _ time.Time) (out []toldThing, err error) {
	facts, err := s.store.Facts(ctx, engine.FactFailing)
	n, last := map[string]int{}, map[string]engine.Fact{}
	for _, f := range facts {
		if f.Count < failsOften {
			continue
		}
		if n[f.Program]++; last[f.Program].Until.Before(f.Until) {
			last[f.Program] = f
		}
	}
	for _, program := range slices.Sorted(maps.Keys(n)) {
		out = append(out, single("programs", "failing\n"+program, notify.Line{Text: fmt.Sprintf("%s failed %d times or more in %s, the last time with: %s", plural(n[program], "change"), failsOften, program, last[program].Text),
			Program: program, Link: s.link("programs", url.PathEscape(program))}))
	}
	return out, err
}

// contracts are those whose notice is due soon, or whose end is near where no notice is agreed; not those that are over.
func (s *system) contracts(now time.Time) (out []toldThing) {
	for _, p := range described(s.cfg, now) {
		due, text := p.Notice, "its notice is due by "+p.Notice.Format(time.DateOnly)
		if due.IsZero() {
			due, text = p.Ends, "no notice is agreed"
		}
		if p.Ends.IsZero() || now.Before(due.Add(-s.cfg.Notices.Ahead)) || now.After(p.Ends) {
			continue
		}
		out = append(out, single("contracts", p.Name+"\n"+p.Ends.Format(time.DateOnly)+"\n"+due.Format(time.DateOnly), notify.Line{Text: fmt.Sprintf("the contract of %s ends on %s; %s", p.Name, p.Ends.Format(time.DateOnly), text),
			Program: p.Name, Link: s.link("programs", url.PathEscape(p.Name))}))
	}
	return out
}

// ending tells of the credentials that end soon.
func (s *system) ending(ctx context.Context, now time.Time) (out []toldThing, err error) {
	all, err := s.credentials(ctx, now)
	for _, c := range all {
		day := c.Ends.In(zone(s.cfg)).Format(time.DateOnly)
		out = append(out, single("credentials", c.Name+"\n"+day, notify.Line{Text: c.Name + " ends on " + day}))
	}
	return out, err
}

// credentials are those that end soon, or have ended: tokens for the page, certificates that Rolecall shows, and what the configuration
// knows of; the first one first.
func (s *system) credentials(ctx context.Context, now time.Time) (out []web.Credential, err error) {
	add := func(name string, end, over time.Time) {
		if !now.Before(end.Add(-s.cfg.Notices.Ahead)) {
			out = append(out, web.Credential{Name: name, Ends: end, Ended: !now.Before(over)})
		}
	}
	facts, err := s.store.Facts(ctx, engine.FactToken)
	for _, f := range facts {
		add("the token "+f.Key+" for the page", f.Until, f.Until)
	}
	for name, end := range s.cfg.Notices.Ends {
		y, m, d := end.Date() // of a calendar: the last day is one of the company's zone
		add(name, time.Date(y, m, d, 0, 0, 0, 0, zone(s.cfg)), dayAfter(end, zone(s.cfg)))
	}
	for i := range s.cfg.Directories {
		d := &s.cfg.Directories[i]
		for _, file := range certificates(d) {
			if end, ok := certificateEnd(s.cfg.In(file)); ok {
				add("the certificate "+file+" of the directory "+d.Name, end, end)
			}
		}
	}
	slices.SortFunc(out, func(a, b web.Credential) int { return cmp.Or(a.Ends.Compare(b.Ends), strings.Compare(a.Name, b.Name)) })
	return out, err
}

// certificateEnd is when the certificate in a file ends; what can't be read is said where it is used.
func certificateEnd(file string) (end time.Time, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return end, false
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return end, false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return end, false
	}
	return c.NotAfter, true
}

// weekly is the summary of the last whole week, Monday to Sunday, if anything was run in it or before.
func (s *system) weekly(ctx context.Context, now time.Time) (out []toldThing, err error) {
	local := now.In(zone(s.cfg))
	to := time.Date(local.Year(), local.Month(), local.Day()-(int(local.Weekday())+6)%7, 0, 0, 0, 0, local.Location())
	from := to.AddDate(0, 0, -7)
	err = s.store.Records(ctx, engine.Query{Kind: engine.KindRun, To: to, Limit: 1}, func(engine.Record) error {
		year, week := from.ISOWeek()
		out = []toldThing{{"weekly", fmt.Sprintf("%d-W%02d", year, week), func(ctx context.Context) ([]notify.Line, error) { return s.week(ctx, from, to) }}}
		return nil
	})
	return out, err
}

// week counts what was done, and what waits now.
func (s *system) week(ctx context.Context, from, to time.Time) ([]notify.Line, error) {
	n := map[engine.Op]int{}
	runs, cuts := 0, 0
	for _, q := range []engine.Query{{Kind: engine.KindOutcome, Outcome: engine.Done, From: from, To: to}, {Kind: engine.KindRun, From: from, To: to}, {Kind: engine.KindCut, From: from, To: to}} {
		if err := s.store.Records(ctx, q, func(r engine.Record) error {
			switch r.Kind {
			case engine.KindOutcome:
				n[r.Op]++
			case engine.KindRun:
				runs++
			default:
				cuts++
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	waiting, err := s.awaited(ctx, to)
	if err != nil {
		return nil, err
	}
	days := from.Format(time.DateOnly) + " to " + to.AddDate(0, 0, -1).Format(time.DateOnly)
	texts := []string{
		fmt.Sprintf("%s, %s", days, plural(runs, "run")),
		fmt.Sprintf("given: %s, %s, %d resumed", plural(n[engine.OpGrant], "right"), plural(n[engine.OpCreate], "new account"), n[engine.OpResume]),
		fmt.Sprintf("taken: %s, %d suspended, %d deleted", plural(n[engine.OpRevoke], "right"), n[engine.OpSuspend], n[engine.OpDelete]),
		fmt.Sprintf("cut off: %d", cuts),
		fmt.Sprintf("waiting for an approval now: %d", len(waiting)),
	}
	lines := make([]notify.Line, len(texts))
	for i := range texts {
		lines[i].Text = texts[i]
	}
	return lines, nil
}

// certificates are those that Rolecall shows to a directory.
func certificates(d *config.Directory) (files []string) {
	if d.LDAP == nil {
		return nil
	}
	if e := d.LDAP.Bind.External; e != nil && e.Cert != "" {
		files = append(files, e.Cert)
	}
	return files
}
