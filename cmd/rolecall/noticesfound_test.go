package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// What a plan says is sorted by whom it concerns; its words may change while its reason stays.
func TestWhatStandsOut(t *testing.T) {
	s := &system{cfg: &config.File{Listen: "127.0.0.1:8484"}}
	n := func(level, code, program, person, text string) engine.Notice {
		return engine.Notice{Level: level, Code: code, Program: program, Person: person, Text: text}
	}
	all := s.standsOut(&engine.Plan{Notices: []engine.Notice{
		n("alarm", engine.NoticeUnread, "", "", "corp was not read completely in 8 runs"), n("alarm", engine.NoticeUnread, "", "", "hr was not read completely in 9 runs"), n("alarm", engine.NoticeUnread, "crm", "", "crm …"),
		n("alarm", "leaver-held", "crm", "4/7", "…"), n("warning", engine.NoticeOrphans, "crm", "", "…"), n("alarm", "paused", "", "", "everything is paused"), n("warning", "odd", "", "", "…"), n("info", "expected", "", "", "…"),
	}})
	var got []string
	for _, one := range all {
		lines, err := one.lines(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, one.about+" "+lines[0].Link)
	}
	if want := "programs |programs |programs http://127.0.0.1:8484/programs/crm|leavers http://127.0.0.1:8484/people/4%2F7|leavers http://127.0.0.1:8484/programs/crm|alarms "; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	if all[0].key == all[1].key {
		t.Error("two directories are one thing")
	}
}

// Dates are told from the configured time before on; a contract not once it is over.
func TestDatesAreTold(t *testing.T) {
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	s := &system{cfg: &config.File{Programs: map[string]*config.Program{
		"crm":  {Contract: &config.Contract{Ends: day("2027-03-31"), Notice: 90 * 24 * time.Hour}},
		"wiki": {Contract: &config.Contract{Ends: day("2027-03-31")}}, "vpn": {}}}}
	s.cfg.Notices.Ahead = 10 * 24 * time.Hour
	for at, want := range map[string]int{"2026-12-20": 0, "2026-12-21": 1, "2027-03-20": 1, "2027-03-21": 2, "2027-03-31": 2, "2027-04-01": 0} {
		if got := s.contracts(day(at)); len(got) != want {
			t.Errorf("on %s: %d", at, len(got))
		}
	}
	cert, key := servers.NewCA(t, t.TempDir()).Issue(t, "x", "127.0.0.1")
	if end, ok := certificateEnd(cert); !ok || end.Before(time.Now()) {
		t.Error("the end of a certificate can't be told")
	}
	for _, other := range []string{key, filepath.Join(t.TempDir(), "nothing")} {
		if _, ok := certificateEnd(other); ok {
			t.Errorf("%s is no certificate", other)
		}
	}
	directory := config.Directory{LDAP: &config.LDAPSource{}}
	directory.LDAP.Bind.External = &config.External{Cert: "a.pem"}
	if got := certificates(&directory); fmt.Sprint(got) != "[a.pem]" || certificates(&config.Directory{}) != nil {
		t.Error(got)
	}
}

// Changes that fail again and again are told by program; the week counts what was done in it.
func TestFailuresAndTheWeek(t *testing.T) {
	dir := company(t)
	monday := time.Date(2027, 1, 4, 6, 0, 0, 0, time.UTC)
	p := process{Dir: dir, Env: func(string) string { return "" }, Now: func() time.Time { return monday.AddDate(0, 0, -3) }}
	told(t, p, "apply")
	p.Random, p.Stderr = rand1(), io.Discard
	a := &app{configFile: "rolecall.yaml", process: p}
	s, err := a.open(t.Context(), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	lines := func(list []toldThing, err error) (out []string) {
		t.Helper()
		for _, one := range list {
			got, err := one.lines(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range got {
				out = append(out, l.Text)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := lines(s.weekly(t.Context(), monday)); len(got) != 5 || got[0] != "2026-12-28 to 2027-01-03, 1 run" || strings.Contains(got[1], "given: 0 rights") {
		t.Errorf("%q", got)
	}
	if got := lines(s.weekly(t.Context(), monday.AddDate(0, 0, -1))); len(got) != 0 {
		t.Errorf("before there was anything: %q", got)
	}
	fact := func(right string, n int, text string, at time.Time) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFailing, Program: "wiki", Account: "x", Entitlement: right}, Count: n, Text: text, Until: at}
	}
	if err := s.store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: []engine.Fact{fact("a", 3, "older", monday), fact("b", 9, "newest", monday.Add(time.Hour)), fact("c", 2, "young", monday.Add(2*time.Hour))}}}); err != nil {
		t.Fatal(err)
	}
	if got := lines(s.failing(t.Context(), monday)); len(got) != 1 || got[0] != "2 changes failed 3 times or more in wiki, the last time with: newest" {
		t.Errorf("%q", got)
	}
}

// Each change that waits for too long is told once, also where another one was told before; none is told as if somebody else had been.
func TestEachEscalationIsTold(t *testing.T) {
	w := &wire{}
	s := wired(t, map[string]*wire{"w": w})
	s.engine.Settings.Escalate = engine.Escalation{After: 4 * time.Hour, To: []string{"chief@example.com"}}
	s.channels.all[0].Channel = &config.Channel{About: []string{"alarms"}}
	now := time.Now()
	waits := func(right string, since time.Time, state engine.ItemState) {
		t.Helper()
		i := engine.Item{ID: right, State: state, Since: since, Reason: "a limit", Change: engine.Change{Op: engine.OpGrant, Name: "Ann", Program: "wiki", Entitlement: "wiki/" + right}}
		data, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactItem, Key: right}, Since: since, Data: data}}}}); err != nil {
			t.Fatal(err)
		}
	}
	is := func(at time.Time, want ...string) {
		t.Helper()
		p := &engine.Plan{Notices: []engine.Notice{{Level: "alarm", Code: engine.NoticeEscalated, Text: "1 change has waited"}}}
		if _, err := s.tell(t.Context(), p, at); err != nil {
			t.Fatal(err)
		}
		if got := w.texts(); !slices.Equal(got, want) {
			t.Errorf("told %q, not %q", got, want)
		}
	}
	line := func(right string) string {
		return "alarms: a change has waited for approval for more than 4h, to be told to chief@example.com: grant wiki/" + right + " of Ann: a limit"
	}
	waits("a", now, engine.Waiting)
	is(now)
	is(now.Add(4*time.Hour), line("a"))
	is(now.Add(5 * time.Hour))
	waits("a", now, engine.Rejected)
	waits("b", now.Add(time.Hour), engine.Waiting)
	is(now.Add(5*time.Hour), line("b"))
	is(now.Add(6 * time.Hour))
}

// Addresses in approvals: escalate: to are sent what was escalated and nothing else, by a channel of kind mail, whatever that one is about.
func TestThoseToWhomIsEscalatedAreTold(t *testing.T) {
	channels := "\nnotices: {channels: {a: {kind: webhook, url: \"http://127.0.0.1:1\"}, m: {kind: mail, server: \"smtp://127.0.0.1:1\", from: rolecall@example.com, to: [it@example.com], about: [weekly]}}}\n"
	for escalate, want := range map[string]string{
		"\napprovals: {escalate: {after: 4h, to: [\"The chief\", \"Lead <it-lead@example.com>\", boss@example.com]}}" + channels: "it-lead@example.com boss@example.com",
		"\napprovals: {escalate: {after: 4h, to: [\"The chief\"]}}" + channels:                                                   "",
		"\napprovals: {escalate: {to: [boss@example.com]}}" + channels:                                                           "",
		"\napprovals: {escalate: {after: 4h, to: [boss@example.com]}}":                                                           "",
	} {
		dir := company(t)
		text, err := os.ReadFile(filepath.Join(dir, "rolecall.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rolecall.yaml"), append(text, escalate...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := (&app{configFile: "rolecall.yaml", process: process{Dir: dir, Env: func(string) string { return "" }, Now: time.Now, Random: rand1(), Stderr: io.Discard}}).open(t.Context(), writing)
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		to := []string{}
		for _, c := range s.channels.all {
			if c.name != toEscalated {
				continue
			}
			for _, a := range c.send.(*notify.Mail).To {
				to = append(to, a.Address)
			}
			for key, wants := range map[string]bool{escalatedKey + "i1": true, "paused": false} {
				if c.wants(&toldThing{about: "alarms", key: key}) != wants || c.wants(&toldThing{about: "weekly", key: key}) {
					t.Errorf("%q: %v", key, !wants)
				}
			}
		}
		if got := strings.Join(to, " "); got != want {
			t.Errorf("%s: told %q, not %q", escalate, got, want)
		}
	}
}

// What ends soon is told, and stands on the page, the first one first; a last day is one of the company's zone, and is over after it.
func TestCredentialsThatEndSoon(t *testing.T) {
	dir := company(t)
	last := time.Date(2027, 3, 10, 0, 0, 0, 0, time.UTC)
	p := process{Dir: dir, Env: func(string) string { return "" }, Now: func() time.Time { return last }}
	p.Random, p.Stderr = rand1(), io.Discard
	a := &app{configFile: "rolecall.yaml", process: p}
	s, err := a.open(t.Context(), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	token := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactToken, Key: "ci"}, Until: last.Add(-time.Hour)}
	if err := s.store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: []engine.Fact{token}}}); err != nil {
		t.Fatal(err)
	}
	s.cfg.Notices.Ahead, s.cfg.Notices.Ends = 24*time.Hour, map[string]time.Time{"the secret of crm": last, "that of wiki": last.AddDate(0, 0, 9)}
	s.cfg.Zone = "America/New_York"
	for hours, want := range map[int]string{-26: "", -2: "the token ci for the page false,the secret of crm false", 12: "the token ci for the page true,the secret of crm false", 28: "the token ci for the page true,the secret of crm false", 29: "the token ci for the page true,the secret of crm true"} {
		now := last.Add(time.Duration(hours) * time.Hour)
		all, err := s.credentials(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range all {
			got = append(got, fmt.Sprint(c.Name, " ", c.Ended))
		}
		if strings.Join(got, ",") != want {
			t.Errorf("after %d hours: %q", hours, got)
		}
		told, err := s.ending(t.Context(), now)
		if err != nil || len(told) != len(all) || len(told) > 1 && told[1].key != "the secret of crm\n2027-03-10" {
			t.Errorf("after %d hours %v is told, %v", hours, told, err)
		}
	}
}
