package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const year = 365 * day

// ahead works with a clock that is a year ahead, and tells nobody.
func (c *staff) ahead() {
	c.Helper()
	c.now = c.now.Add(year)
	if _, _, err := c.s.applyAs(c.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		c.Fatal(err)
	}
	c.now = c.now.Add(-year)
}

// quiet runs each day for some time, in which nobody is told anything.
func (c *staff) quiet(days int) {
	c.Helper()
	for range days {
		to, text := c.run(day)
		c.is(to, nil, text)
	}
}

func engineer(rows map[string]string, login string) {
	rows[login] = strings.Replace(rows[login], "Writer", "Engineer", 1)
}

// Where a clock was ahead once, the records of what was given and taken are of the future for long: they are told once all the same.
func TestRecordsOfTheFutureAreToldOnce(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	engineer(rows, "judy")
	rows["bob"] = strings.Replace(rows["bob"], "DE,,heidi", "DE,left,heidi", 1)
	c.write(rows)
	c.ahead()
	to, text := c.run(day)
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	contains(t, text, "was given gitea/eng", "Bob has left:\n- gitea was taken")
	c.quiet(35)
}

// Who was told something by a clock that was ahead is told what comes next all the same.
func TestWhoWasToldInTheFutureIsToldNow(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	engineer(rows, "judy")
	c.write(rows)
	to, text := c.run(year)
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	c.now = c.now.Add(-year)
	rows["kim"] = "1011,kim,kim@example.com,Kim,Writer,Product,DE,,heidi,,"
	c.write(rows)
	to, text = c.run(day)
	c.is(to, []string{"kim@example.com"}, text)
	to, text = c.run(day) // the first run took the time of heidi's last letter for its own
	c.is(to, []string{"heidi@example.com"}, text)
	if strings.Contains(text, "Judy") {
		t.Errorf("told again: %s", text)
	}
	c.quiet(30)
}

// A letter is due some time after the last one, unless a clock that was ahead sent that.
func TestLettersAreDue(t *testing.T) {
	now := time.Now().UTC()
	for since, want := range map[time.Duration]int{-day: 1, -day + time.Second: 0, engine.LongestLease: 0, engine.LongestLease + 1: 1} {
		s := &system{cfg: &config.File{}}
		s.cfg.Notices.People.Every = day
		p := newPost(s, nil, []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactTold, Person: "a", Key: toPeople + digest("a")}, Since: now.Add(since)}}, now)
		p.to["a"] = &letter{key: "a", to: &engine.Person{}}
		if got := p.due(); len(got) != want {
			t.Errorf("%s: %d", since, len(got))
		}
	}
}

// What was told last, and until when that counts, is not shortened by a clock that is behind.
func TestWhatWasToldCountsUntilTheLaterTime(t *testing.T) {
	now := time.Now().UTC()
	key := engine.FactKey{Kind: engine.FactTold, Person: "a", Key: toPeople + digest("a")}
	p := newPost(&system{cfg: &config.File{}}, nil, []engine.Fact{{FactKey: key, Until: now.Add(year), Count: 7}}, now)
	if got := p.remembered(&letter{key: "a", to: &engine.Person{}}); len(got) != 1 || !got[0].Until.Equal(now.Add(year)) || got[0].Count != 7 {
		t.Errorf("%+v", got)
	}
}

// What was given before people were told at all is no news, also where a clock was ahead then.
func TestWhatWasGivenInTheFutureBeforeIsNoNews(t *testing.T) {
	c := newStaff(t, "")
	c.ahead()
	to, text := c.run(0)
	c.is(to, nil, text)
	c.quiet(3)
}

// A clock that was ahead when telling began keeps nobody from being told of a first day.
func TestFirstDaysAreToldThoughTellingBeganInTheFuture(t *testing.T) {
	c := newStaff(t, "")
	c.run(year)
	c.now = c.now.Add(-year)
	rows := staffRows()
	rows["kim"] = "1011,,kim@example.com,Kim Karl,Engineer,Product,DE,,heidi,,2027-03-03"
	c.write(rows)
	c.run(day)
	to, text := c.run(2 * day)
	c.is(to, []string{"heidi@example.com", "kim@example.com"}, text)
	contains(t, text, "Kim Karl starts on 2027-03-03:")
}

// An extra that is made longer ends on another day, which is told, too, once.
func TestLaterEndsOfExtrasAreTold(t *testing.T) {
	c := newStaff(t, "")
	policy := filepath.Join(c.dir, "policies", "company.yaml")
	extra := "{person: judy, grant: gitea, until: 2099-12-31, reason: writes the release notes}"
	until := func(before, after string) {
		t.Helper()
		replace(t, policy, strings.Replace(extra, "2099-12-31", before, 1), strings.Replace(extra, "2099-12-31", after, 1))
		c.s.store.Close()
		c.open()
	}
	until("2099-12-31", "2027-03-10")
	c.run(0)
	to, text := c.run(day)
	c.is(to, nil, text) // heidi and judy were told in the first run
	until("2027-03-10", "2027-03-13")
	to, text = c.run(day)
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	contains(t, text, "you will lose:\n- gitea, from 2027-03-14 on", "Judy:\n- will lose gitea, from 2027-03-14 on")
	c.quiet(30)
}

// What is remembered of a manager's letters can't be tried against the names of the team: only with a salt, which ends with the person.
func TestWhatManagersWereToldIsSalted(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	rows["bob"] = strings.Replace(rows["bob"], "DE,,heidi", "DE,left,heidi", 1)
	c.write(rows)
	to, text := c.run(day)
	c.is(to, []string{"heidi@example.com"}, text)
	facts, err := c.s.store.Facts(t.Context(), engine.FactTold)
	if err != nil {
		t.Fatal(err)
	}
	salt := ""
	for _, f := range facts {
		if f.Key == saltKey && f.Person == "1001" {
			salt = f.Text
		}
	}
	has := func(parts ...string) bool {
		return slices.ContainsFunc(facts, func(f engine.Fact) bool { return strings.HasSuffix(f.Key, "/"+digest(strings.Join(parts, "\n"))) })
	}
	if len(salt) < 20 || has("1001", "taken", "gitea") || !has("1001", salt, "taken", "gitea") {
		t.Errorf("salt %q: %+v", salt, facts)
	}
	var of []string
	if err := c.s.store.Records(t.Context(), engine.Query{Kind: engine.KindNotice}, func(r engine.Record) error {
		if slices.ContainsFunc(r.Set, func(f engine.Fact) bool { return f.Key == saltKey }) {
			of = append(of, r.Person)
		}
		return nil
	}); err != nil || !slices.Equal(of, []string{"1001"}) { // it is blanked with the records of that person
		t.Errorf("salts are in records of %q: %v", of, err)
	}
}

// A salt is renewed before it ends, and outlives what was remembered with it.
func TestSaltsAreRenewed(t *testing.T) {
	now := time.Now().UTC()
	key := engine.FactKey{Kind: engine.FactTold, Person: "a", Key: saltKey}
	for left, want := range map[time.Duration]int{year: 0, 100 * day: 1, -day: 1} {
		p := newPost(&system{}, nil, []engine.Fact{{FactKey: key, Text: "salt", Until: now.Add(left)}}, now)
		if got := p.named("m", "a", "x"); !slices.Equal(got, []string{"a", "salt", "x"}) || len(p.salted) != want || p.salts["a"].Until.Before(now.AddDate(0, 6, 0)) {
			t.Errorf("%s: %q %v", left, got, p.salts)
		}
	}
}

// asOf counts how often it is asked.
type asOf struct{ asked int }

func (a *asOf) AsOf(_ context.Context, _ time.Time, person, _, _ string) (held []engine.Held, err error) {
	if a.asked++; person == "1" {
		held = make([]engine.Held, 1)
	}
	return held, nil
}

// What somebody had when their first job began is asked for once, not in each run.
func TestWhatJoinersHadIsAskedOnce(t *testing.T) {
	now := time.Now()
	s, from := &system{cfg: &config.File{}}, &asOf{}
	o := &engine.Outlook{Plan: &engine.Plan{}, Policy: says{[]engine.Verdict{{Say: engine.Desired}}}}
	for i := range 3 {
		o.People = append(o.People, engine.Person{Key: fmt.Sprint(i), State: engine.StateActive, Jobs: []engine.Job{{Start: now.Add(-time.Hour)}}})
	}
	for range 3 {
		a := &allNews{by: map[string]*news{}, o: o, now: now, since: now.Add(-day)}
		if err := s.firstDays(t.Context(), from, a); err != nil || len(a.by) != 2 || a.by["1"] != nil {
			t.Errorf("%v %v", a.by, err)
		}
	}
	if from.asked != 3 {
		t.Errorf("asked %d times", from.asked)
	}
	o.People = o.People[:1]
	if err := s.firstDays(t.Context(), from, &allNews{by: map[string]*news{}, o: o, now: now, since: now.Add(-day)}); err != nil || len(s.before) != 1 {
		t.Errorf("who is no joiner any more is remembered: %v %v", s.before, err)
	}
}

// A letter that would be too long says of each list how much more there is.
func TestLongLettersSayHowMuchMoreThereIs(t *testing.T) {
	n := notify.News{Joins: true}
	for i := range mostNews + 3 {
		what, on := fmt.Sprintf("r%02d", i), time.Date(2027, 3, 1+i, 0, 0, 0, 0, time.UTC)
		n.Gained, n.Has, n.Taken, n.Open = append(n.Gained, what), append(n.Has, what), append(n.Taken, what), append(n.Open, what)
		n.Losing, n.Missing = append(n.Losing, notify.Loss{What: what, On: on}), append(n.Missing, notify.Missing{What: what, State: "ready"})
	}
	texts, err := notify.Load("", []string{notify.PeopleWord})
	if err != nil {
		t.Fatal(err)
	}
	l := letter{}
	l.Team = []notify.News{n}
	l.short()
	_, text, err := texts.RenderLetter(l.Letter, "")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, text, "- was given r49\n- was given … +3\n", "- will lose r49, from 2027-04-19 on\n- will lose … +3, from 2027-04-20 on\n", "- r49 is missing: it is under way\n- … +3 is missing: not listed here\n",
		"- … +3 is there\n", "- … +3 was taken\n", "- … +3 is still open\n")
	if strings.Contains(text, "r50") {
		t.Error(text)
	}
	few := notify.News{Losing: n.Losing[:mostNews], Missing: n.Missing[:mostNews]}
	if cutNews(&few); len(few.Losing) != mostNews || len(few.Missing) != mostNews || strings.Contains(fmt.Sprint(few), "…") {
		t.Errorf("nothing was to be cut: %v", few)
	}
}

// Of two daemons with one database one tells at a time, and the other tells nothing again afterwards.
func TestTwoDaemonsSendOneLetter(t *testing.T) {
	dsn := servers.Postgres(t).NewDatabase(t)
	c := &staff{T: t, dir: staffConfig(t, "127.0.0.1:1", ""), bag: &mailbag{}, now: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)}
	replace(t, filepath.Join(c.dir, "rolecall.yaml"), "store: sqlite:rolecall.db\n", "store: "+dsn+"\n")
	c.write(staffRows())
	c.open()
	c.run(0)
	rows := staffRows()
	engineer(rows, "judy")
	c.write(rows)
	c.now = c.now.Add(day)
	if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		t.Fatal(err)
	}
	out := c.out
	daemon := func() (*server, *mailbag) {
		c.bag = &mailbag{}
		c.open()
		pool, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pool.Close() })
		s := &server{app: &app{process: process{Now: func() time.Time { return c.now }}}, log: slog.New(slog.DiscardHandler), pool: pool, current: c.s}
		s.outlook.Store(out)
		return s, c.bag
	}
	a, mine := daemon()
	b, theirs := daemon()
	begun, goOn := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() { close(begun); <-goOn })
	mine.send = func(string) error { hold(); return nil }
	tell := func(s *server) { s.tell(t.Context(), out.Plan); s.former.Wait() }
	a.tell(t.Context(), out.Plan)
	<-begun
	tell(b)
	close(goOn)
	a.former.Wait()
	tell(b)
	to, text := mine.take()
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	to, text = theirs.take()
	c.is(to, nil, text)
}
