package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/mail"
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

// mailbag takes letters in the place of a mail server.
type mailbag struct {
	letters []mailed
	send    func(to string) error // nil: all is well
	after   func(to string)       // once the letter is taken
}

type mailed struct{ to, id, subject, text string }

func (b *mailbag) open(context.Context) (notify.Letters, error) { return b, nil }

func (b *mailbag) Send(to *mail.Address, m notify.Message) error {
	if b.send != nil {
		if err := b.send(to.Address); err != nil {
			return err
		}
	}
	b.letters = append(b.letters, mailed{to.Address, m.ID, m.Subject, m.Text})
	if b.after != nil {
		b.after(to.Address)
	}
	return nil
}

func (b *mailbag) Close() {}

// take gives who was written to since the last time, and what.
func (b *mailbag) take() (to []string, text string) {
	for _, l := range b.letters {
		to = append(to, l.to)
		text += "to " + l.to + ": " + l.subject + "\n" + l.text + "\n"
	}
	b.letters = nil
	return to, text
}

// staff is a company whose people are told of their access: heidi manages all but herself.
type staff struct {
	*testing.T
	dir string
	s   *system
	bag *mailbag
	now time.Time
	out *engine.Outlook
}

const staffHead = "employee_id,login,mail,name,title,department,country,status,manager,lang,start\n"

func staffRows() map[string]string {
	rows := map[string]string{}
	for i, login := range []string{"alice", "bob", "judy"} {
		rows[login] = fmt.Sprintf("100%d,%s,%s@example.com,%s,%s,Product,DE,,heidi,,", i, login, login, strings.ToUpper(login[:1])+login[1:], map[bool]string{true: "Writer", false: "Engineer"}[login == "judy"])
	}
	rows["heidi"] = "1008,heidi,heidi@example.com,Heidi Huber,Head,Product,DE,,,,"
	return rows
}

func (c *staff) write(rows map[string]string) {
	c.Helper()
	text := staffHead
	for _, login := range slices.Sorted(maps.Keys(rows)) {
		text += rows[login] + "\n"
	}
	text += fmt.Sprintf("rows,%d\n", len(rows))
	if err := os.WriteFile(filepath.Join(c.dir, "people.csv"), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

// staffConfig writes the company's files.
func staffConfig(t *testing.T, server, more string) string {
	t.Helper()
	dir := company(t)
	file := filepath.Join(dir, "rolecall.yaml")
	replace(t, file, "      status: status\n", "      status: status\n      manager: manager\n      lang: lang\n      start: start\n    dates: {start: start}\n")
	replace(t, filepath.Join(dir, "policies", "company.yaml"), "version: 1\n", "version: 1\ngrace: 7d\n")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, strings.NewReplacer("SERVER", server, "MORE", more).Replace(`
notices:
  templates: texts
  people: {through: mail, language: langMORE}
  channels:
    mail: {kind: mail, server: "smtp://SERVER", from: rolecall@example.com}
`)...)
	if err := errors.Join(os.WriteFile(file, text, 0o600), os.Mkdir(filepath.Join(dir, "texts"), 0o700)); err != nil {
		t.Fatal(err)
	}
	german := "Subject: Zugriff\n\nHallo {{.To}}: {{with .Me}}{{range .Gained}}neu {{.}} {{end}}{{end}}\n"
	if err := os.WriteFile(filepath.Join(dir, "texts", "people.de.txt"), []byte(german), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newStaff(t *testing.T, more string) *staff {
	t.Helper()
	c := &staff{T: t, dir: staffConfig(t, "127.0.0.1:1", more), bag: &mailbag{}, now: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)}
	c.write(staffRows())
	c.open()
	return c
}

// open is a daemon that was started anew.
func (c *staff) open() {
	c.Helper()
	p := process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }, Random: rand1(), Stderr: io.Discard}
	s, err := (&app{configFile: "rolecall.yaml", process: p}).open(c.Context(), writing)
	if err != nil {
		c.Fatal(err)
	}
	s.engine.Looked = func(o *engine.Outlook) { c.out = o }
	s.channels.people = c.bag.open
	c.s = s
	c.Cleanup(func() { s.store.Close() })
}

// run plans, works and tells, some time after the last time.
func (c *staff) run(later time.Duration) (to []string, text string) {
	c.Helper()
	c.now = c.now.Add(later)
	if _, _, err := c.s.applyAs(c.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		c.Fatal(err)
	}
	c.now = c.now.Add(time.Minute)
	if _, err := c.s.tell(c.Context(), c.out.Plan, c.now); err != nil { // which forgets what is over
		c.Fatal(err)
	}
	if _, err := c.s.tellPeople(c.Context(), c.out, c.now); err != nil {
		c.Fatal(err)
	}
	return c.bag.take()
}

func (c *staff) is(got, want []string, text string) {
	c.Helper()
	if !slices.Equal(got, want) {
		c.Errorf("told %q, not %q:\n%s", got, want, text)
	}
}

const day = 24 * time.Hour

// What somebody is given and what ends is told to them and to their manager, each once, in their language; at most one letter a day.
func TestGainsAndLossesAreTold(t *testing.T) {
	c := newStaff(t, "")
	to, text := c.run(0)
	c.is(to, nil, text) // what there was before is no news
	rows := staffRows()
	rows["judy"] = strings.Replace(rows["judy"], "Writer,Product,DE,,heidi,,", "Engineer,Product,DE,,heidi,de-AT,", 1)
	c.write(rows)
	to, text = c.run(time.Hour)
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	contains(t, text, "to judy@example.com: Zugriff\nHallo Judy: neu gitea/eng", "to heidi@example.com: Access in your team changes\nHello Heidi Huber,\n\nJudy:\n- was given gitea/eng\n")
	to, text = c.run(time.Hour)
	c.is(to, nil, text)

	rows["bob"] = strings.Replace(rows["bob"], "Engineer", "Writer", 1)
	c.write(rows)
	to, text = c.run(time.Hour)
	c.is(to, []string{"bob@example.com"}, text) // heidi was written to today
	contains(t, text, "to bob@example.com: Your access changes\nHello Bob,\n\nyou will lose:\n- gitea/eng, from 2027-03-08 on\n")
	to, text = c.run(day)
	c.is(to, []string{"heidi@example.com"}, text)
	contains(t, text, "Bob:\n- will lose gitea/eng, from 2027-03-08 on")
	for range 5 {
		to, text = c.run(day)
		c.is(to, nil, text)
	}
	to, text = c.run(day) // the right went, and now the account is not needed either
	c.is(to, []string{"bob@example.com", "heidi@example.com"}, text)
	contains(t, text, "- gitea, from 2027-03-15 on")
	for range 40 { // lost meanwhile, which was told
		to, text = c.run(day)
		c.is(to, nil, text)
	}
	var kept []string // since when, up to which gain, and salts of those of whom others were told
	facts, err := c.s.store.Facts(t.Context(), engine.FactTold)
	for _, f := range facts {
		kept = append(kept, strings.TrimSpace(f.Person+" "+strings.NewReplacer(toPeople, "", digest(f.Person), "gains").Replace(f.Key)))
	}
	if slices.Sort(kept); err != nil || !slices.Equal(kept, []string{"1001 salt", "1002 gains", "1008 gains", "since"}) {
		t.Errorf("what is no news is still remembered: %q %v", kept, err)
	}
}

// An extra that ends soon is a loss, unless a rule gives the same.
func TestExtrasThatEndAreTold(t *testing.T) {
	c := newStaff(t, "")
	extras := "extras:\n  - {person: judy, grant: gitea, until: 2027-03-20, reason: x}\n  - {person: alice, grant: gitea, until: 2027-03-20, reason: x}\n"
	replace(t, filepath.Join(c.dir, "policies", "company.yaml"), "extras:\n", extras)
	replace(t, filepath.Join(c.dir, "policies", "company.yaml"), "  - {person: judy, grant: gitea, until: 2099-12-31, reason: writes the release notes}\n", "")
	c.s.store.Close()
	c.open()
	to, text := c.run(0)
	c.is(to, nil, text)
	to, text = c.run(4 * day)
	c.is(to, nil, text)
	to, text = c.run(2 * day)
	c.is(to, []string{"judy@example.com", "heidi@example.com"}, text)
	contains(t, text, "you will lose:\n- gitea, from 2027-03-21 on", "Judy:\n- will lose gitea, from 2027-03-21 on")
	for range 20 {
		to, text = c.run(day)
		c.is(to, nil, text)
	}
}

// A first day is told to the manager and to whoever comes: what is missing and why, then that all is there.
func TestFirstDaysAreTold(t *testing.T) {
	c := newStaff(t, "")
	replace(t, filepath.Join(c.dir, "rolecall.yaml"), "dates: {start: start}", "dates: {start: start, lead: 2d}")
	c.s.store.Close()
	c.open()
	c.run(0)
	rows := staffRows()
	rows["kim"] = "1011,,kim@example.com,Kim Karl,Engineer,Product,DE,,heidi,,2027-03-05"
	rows["alice"] = strings.Replace(rows["alice"], ",heidi,,", ",heidi,,2027-03-04", 1) // has another job from now on, and is no joiner
	c.write(rows)
	to, text := c.run(2 * day)
	c.is(to, []string{"heidi@example.com", "kim@example.com"}, text)
	contains(t, text, "Kim Karl starts on 2027-03-05:\n- gitea is missing: waiting for", "for your first day, 2027-03-05, not all access is there yet:\n- gitea is missing: waiting for", "to kim@example.com: Your access on your first day")
	if strings.Contains(text, "Alice") {
		t.Errorf("who has another job is a joiner: %s", text)
	}
	rows["kim"] = strings.Replace(rows["kim"], "1011,,", "1011,kim,", 1)
	c.write(rows)
	to, text = c.run(day)
	c.is(to, []string{"heidi@example.com", "kim@example.com"}, text)
	contains(t, text, "- was given wiki", "you were given:\n- gitea\n- gitea/eng\n- wiki\n")
	if strings.Contains(text, "all access is there") {
		t.Errorf("before a run saw it: %s", text)
	}
	to, text = c.run(day)
	c.is(to, []string{"heidi@example.com", "kim@example.com"}, text)
	contains(t, text, "Kim Karl starts on 2027-03-05:\n- all access is there: gitea, gitea/eng, wiki", "for your first day, 2027-03-05, all access is there: gitea, gitea/eng, wiki")
	for range 12 {
		to, text = c.run(day)
		c.is(to, nil, text)
	}
}

// Of a leaver the manager is told what was taken and what is open, and the leaver nothing.
func TestLeaversAreToldToTheirManager(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	rows["bob"] = strings.Replace(rows["bob"], "DE,,heidi", "DE,left,heidi", 1)
	c.write(rows)
	to, text := c.run(day)
	c.is(to, []string{"heidi@example.com"}, text)
	contains(t, text, "Bob has left:\n- gitea was taken\n- wiki was taken\n")
	for range 12 {
		to, text = c.run(day)
		c.is(to, nil, text)
	}
}

// notices are what the journal says of who was told, or not.
func (c *staff) notices() string {
	c.Helper()
	var out []string
	if err := c.s.store.Records(c.Context(), engine.Query{Kind: engine.KindNotice}, func(r engine.Record) error {
		out = append(out, r.Person+" "+strings.Join(r.Why, " "))
		return nil
	}); err != nil {
		c.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// Who has no address, wants nothing, was cut off or has no manager is told nothing, and is listed once.
func TestNobodyIsTold(t *testing.T) {
	c := newStaff(t, ", except: [ALICE@example.com]")
	c.run(0)
	rows := staffRows()
	for login, was := range rows {
		rows[login] = strings.Replace(was, "Writer", "Engineer", 1)
	}
	rows["kim"] = "1011,kim,,Kim,Engineer,Product,DE,,nobody,,"
	rows["lee"] = "1012,lee,\"lee@example.com, bob@example.com\",Lee,Engineer,Product,DE,,lee,,"
	rows["max"] = "1013,max,\"bob@example.com>, <x\",Max,Engineer,Product,DE,,heidi,,"
	rows["mia"] = "1014,mia,mia@example.com,Mia,Engineer,Product,DE,,,,"
	rows["alice"] = strings.Replace(rows["alice"], "Engineer", "Writer", 1)
	c.write(rows)
	c.run(0)
	told(t, process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }}, "cut", "mia", "--reason", "lost laptop")
	rows["mia"] = strings.Replace(rows["mia"], "DE,,", "DE,left,", 1)
	rows["kim"] = strings.Replace(rows["kim"], "DE,,", "DE,left,", 1)
	c.write(rows)
	for i := range 3 {
		to, text := c.run(day)
		if i > 0 {
			c.is(to, nil, text)
		}
		if strings.Contains(text, "to bob") || strings.Contains(text, "to mia") || strings.Contains(text, "to kim") || strings.Contains(text, "Mia") {
			t.Errorf("told: %s", text)
		}
	}
	got := c.notices()
	for _, line := range []string{
		"1000 nobody was told: notices: people: except: names this person", "1011 nobody was told: the directory has no mail address of this person",
		"1012 nobody was told: what the directory has is no address that mail can be sent to", "1013 nobody was told: what the directory has is no address that mail can be sent to",
		"1011 nobody was told: no manager of this person is known who could be told of a first day or a leave",
	} {
		if strings.Count(got, line) != 1 {
			t.Errorf("%d times %q:\n%s", strings.Count(got, line), line, got)
		}
	}
}

// Whoever comes back after the machine died has told nobody twice but the one whose letter it was about, and that with the same id.
func TestLettersAreSentOnceAcrossDeaths(t *testing.T) {
	type died struct{}
	for _, after := range []string{"alice@example.com", "heidi@example.com", "judy@example.com", ""} {
		c := newStaff(t, "")
		c.run(0)
		rows := staffRows()
		for login, row := range rows {
			rows[login] = strings.Replace(strings.Replace(row, "Product", "Platform", 1), "Writer", "Engineer", 1)
		}
		c.write(rows)
		ids := map[string][]string{}
		c.bag.after = func(to string) {
			ids[to] = append(ids[to], c.bag.letters[len(c.bag.letters)-1].id)
			if to == after && len(ids[to]) == 1 {
				panic(died{})
			}
		}
		func() {
			defer func() {
				if r := recover(); r != nil && r != any(died{}) {
					panic(r)
				}
			}()
			c.run(day)
		}()
		for range 3 { // daemons, one after the other
			c.s.store.Close()
			c.open()
			c.run(time.Minute)
		}
		if len(ids) != 4 {
			t.Errorf("%s: told %v", after, ids)
		}
		for to, all := range ids {
			if want := 1 + map[bool]int{true: 1}[to == after]; len(all) != want || all[0] != all[len(all)-1] {
				t.Errorf("died after %s: %s got %v", after, to, all)
			}
		}
	}
}

// One letter that a server does not take keeps nobody else's back, and is tried again; an address that nobody has is not.
func TestRefusedLettersKeepNobodyWaiting(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	for login := range rows {
		rows[login] = strings.Replace(rows[login], "Product", "Platform", 1)
	}
	rows["judy"] = strings.Replace(rows["judy"], "Writer", "Engineer", 1)
	c.write(rows)
	tries := map[string]int{}
	c.bag.send = func(to string) error {
		tries[to]++
		switch to {
		case "alice@example.com":
			return &notify.RefusedLetterError{Nobody: true, Why: errors.New("no such user")}
		case "bob@example.com":
			return &notify.RefusedLetterError{Why: errors.New("mailbox full")}
		}
		return nil
	}
	_, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"})
	n, wrong := c.s.tellPeople(t.Context(), c.out, c.now.Add(time.Minute))
	if err != nil || n != 2 || wrong == nil || !strings.Contains(wrong.Error(), "the letter to the person 1001: mailbox full") {
		t.Errorf("%d letters, %v, %v", n, err, wrong)
	}
	contains(t, c.notices(), "1000 nobody was told: the mail server takes nothing for this person's address", "1002 mail told this person what is new")
	c.bag.take()
	delete(tries, "judy@example.com")
	c.bag.send = func(to string) error { tries[to]++; return nil }
	to, text := c.run(time.Hour)
	c.is(to, []string{"bob@example.com"}, text)
	if tries["alice@example.com"] != 1 || tries["judy@example.com"] != 0 {
		t.Errorf("tried: %v", tries)
	}
	c.bag.send = func(string) error { return io.EOF }
	rows["judy"] = strings.Replace(rows["judy"], "Engineer", "Writer", 1)
	c.write(rows)
	c.now = c.now.Add(2 * day)
	if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.s.tellPeople(t.Context(), c.out, c.now); !errors.Is(err, io.EOF) {
		t.Errorf("a server that hangs up: %v", err)
	}
}

// The daemon tells those concerned by mail, over restarts once; a name can't add a header or another receiver.
func TestLettersByRealMail(t *testing.T) {
	server := servers.NewSMTP(t, filepath.Join("testdata", "smtp"), "REFUSE=bob@example.com")
	c := &staff{T: t, dir: staffConfig(t, server.Address, ", every: 0s")}
	c.write(staffRows())
	at := time.Now()
	p := process{Dir: c.dir, Env: func(string) string { return "" }, Sweep: 20 * time.Millisecond}
	letters := func(later time.Duration) float64 {
		t.Helper()
		at = at.Add(later)
		p.Now = func() time.Time { return at }
		told(t, p, "apply")
		d := startDaemonAs(t, p)
		defer d.ended()
		d.wait("run ended")
		return d.wait("those whose access changed were told")["letters"].(float64)
	}
	if n := letters(0); n != 0 {
		t.Errorf("%v letters of what there was before", n)
	}
	rows := staffRows()
	rows["alice"] = strings.NewReplacer("Product", "Platform", ",Alice,", `,"Alice "" <x@evil.example>, Ü",`, "heidi,,", "heidi,../../de,").Replace(rows["alice"])
	rows["bob"] = strings.Replace(rows["bob"], "Product", "Platform", 1)
	c.write(rows)
	if n := letters(400 * day); n != 2 {
		t.Errorf("%v letters", n)
	}
	if n := letters(400 * day); n != 0 {
		t.Errorf("%v letters again", n)
	}
	all := server.Taken()
	if len(all) != 2 || !slices.Equal(all[0].To, []string{"alice@example.com"}) || !slices.Equal(all[1].To, []string{"heidi@example.com"}) || all[0].From != "rolecall@example.com" {
		t.Fatalf("%+v", all)
	}
	got, err := mail.ReadMessage(strings.NewReader(all[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "alice@example.com" || to[0].Name != `Alice " <x@evil.example>, Ü` || got.Header.Get("Subject") != "Your access changes" || got.Header.Get("Bcc") != "" {
		t.Errorf("%v %v", got.Header, err)
	}
	contains(t, told(t, p, "audit", "list", "--kind", "notice", "-o", "csv"), "mail told this person what is new", "nobody was told: the mail server takes nothing for this person's address")
}

// Who has open lines in a review is reminded at its start, at half its time and before its end, each once; who has decided all is not.
func TestReviewersAreReminded(t *testing.T) {
	c := newStaff(t, ", manager: nothing")
	rows := staffRows()
	rows["judy"] = strings.Replace(rows["judy"], ",heidi,", ",bob,", 1)
	rows["bob"] = strings.Replace(rows["bob"], ",heidi,", ",judy,", 1)
	c.write(rows)
	c.run(0)
	p := process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }}
	told(t, p, "review", "start", "q1", "--scope", "program:wiki", "--reviewers", "managers", "--due", "2027-03-20")
	to, text := c.run(time.Minute)
	c.is(to, []string{"bob@example.com", "judy@example.com", "heidi@example.com"}, text)
	contains(t, text, "to bob@example.com: A review of access waits for you\nHello Bob,\n\nthe review of access q1 goes on until 2027-03-20: 1 line waits for your decision\nhttp://127.0.0.1:0/reviews/q1?whose=mine&state=open\n")
	lines := told(t, p, "review", "show", "q1", "--reviewer", "Judy", "-o", "csv")
	_, line, _ := strings.Cut(lines, "\n")
	id, _, _ := strings.Cut(line, ",")
	told(t, p, "review", "decide", "q1", "keep", id, "--reason", "x")
	for range 9 {
		to, text = c.run(day)
		c.is(to, nil, text)
	}
	to, text = c.run(day)
	c.is(to, []string{"bob@example.com", "heidi@example.com"}, text)
	c.run(20 * day)
	to, text = c.run(day)
	c.is(to, nil, text)
	told(t, p, "review", "close", "q1", "--reason", "over")
	told(t, p, "review", "start", "q2", "--scope", "program:wiki", "--reviewers", "managers", "--due", "2027-04-30")
	told(t, p, "review", "close", "q2", "--reason", "over")
	to, text = c.run(9 * day)
	c.is(to, nil, text)
}

// The stages of a review come one after the other, and only those that are wanted.
func TestStagesOfReviews(t *testing.T) {
	began := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	r := &engine.Review{Began: began, Due: began.AddDate(0, 0, 9)}
	all, some := &config.PeopleNotices{Due: 3 * day}, &config.PeopleNotices{Due: 3 * day, Reviewer: []string{"due"}}
	for after, want := range map[time.Duration]string{0: "[start] []", 5*day - 1: "[start] []", 5 * day: "[start half] []", 7 * day: "[start half due] [due]", 90 * day: "[start half due] [due]"} {
		if got := fmt.Sprint(reached(r, began.Add(after), time.UTC, all), reached(r, began.Add(after), time.UTC, some)); got != want {
			t.Errorf("after %s: %s, not %s", after, got, want)
		}
	}
}

// Nobody is reminded of a line of their own access, nor who left, was cut off or is not there.
func TestWhoIsReminded(t *testing.T) {
	line := func(person string, state engine.LineState, reviewers ...string) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactLine, Key: "q1"}, Text: string(state), Data: []byte(fmt.Sprintf(`{"person":%q,"reviewers":["%s"]}`, person, strings.Join(reviewers, `","`)))}
	}
	got := openFor([]engine.Fact{line("a", "", "a", "b"), line("b", "", "a"), line("c", engine.LineKept, "b"), line("d", "", "b")})
	if fmt.Sprint(got) != "map[q1:map[a:1 b:2]]" {
		t.Error(got)
	}
	p := post{system: &system{cfg: &config.File{Zone: "UTC"}}, told: map[string]engine.Fact{}, now: time.Now(), to: map[string]*letter{},
		o: &engine.Outlook{People: []engine.Person{{Key: "a", State: engine.StateActive}, {Key: "b", State: engine.StateLeft}, {Key: "c", State: engine.StateUnknown}, {Key: "d", State: engine.StateActive}}, Cuts: []engine.Fact{{FactKey: engine.FactKey{Person: "d"}}}}}
	for _, reviewer := range []string{"a", "b", "c", "d", "e"} {
		p.reminder(reviewer, &engine.Review{Name: "q1"}, []string{"start"}, 1)
	}
	if to := slices.Sorted(maps.Keys(p.to)); !slices.Equal(to, []string{"a"}) {
		t.Error(to)
	}
}

// What docs/operations.md shows of notices is a configuration, and a text that can be filled.
func TestNoticesOfTheDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	configured, texts := 0, 0
	for i, block := range strings.Split(string(page), "\n```") {
		kind, text, _ := strings.Cut(block, "\n")
		switch {
		case i%2 == 1 && kind == "yaml" && strings.HasPrefix(text, "notices:"):
			configured++
			c := newStaff(t, "")
			file := filepath.Join(c.dir, "rolecall.yaml")
			was, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before, _, _ := strings.Cut(string(was), "\nnotices:")
			if err := os.WriteFile(file, []byte(before+"\n"+text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load("", file); err != nil {
				t.Errorf("%v:\n%s", err, text)
			}
		case i%2 == 1 && strings.HasPrefix(text, "Subject:"):
			texts++
			dir, word := t.TempDir(), map[bool]string{true: notify.PeopleWord, false: "approvals"}[strings.Contains(text, ".To")]
			if err := os.WriteFile(filepath.Join(dir, word+".txt"), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := notify.Load(dir, []string{word}); err != nil {
				t.Error(err)
			}
		}
	}
	if configured != 2 || texts != 2 {
		t.Errorf("%d configurations and %d texts were found", configured, texts)
	}
}

// Who left, may have left or was cut off is told nothing; where nobody can be told of a leaver a record says so, but not while somebody may turn up.
func TestWhoIsTold(t *testing.T) {
	key := func(name string, state engine.State, managers ...string) engine.Person {
		return engine.Person{Key: name, State: state, Jobs: []engine.Job{{}}, Attributes: engine.Attributes{{Name: "login", Values: []string{name}}, {Name: "manager", Values: managers}}}
	}
	unseen := func(name string) engine.Person {
		p := key(name, engine.StateLeft)
		p.Attributes = p.Attributes.With(engine.Attribute{Name: "manager", Unknown: true})
		return p
	}
	told := func(manager engine.State, cut string, complete bool, who ...engine.Person) string {
		o := &engine.Outlook{Plan: &engine.Plan{Proofs: []engine.Proof{{Source: "hr"}}}, Cuts: []engine.Fact{{FactKey: engine.FactKey{Person: cut}}}}
		if !complete {
			o.Plan.Proofs[0].Reasons = []engine.Reason{{Code: "x"}}
		}
		o.People = append(who, key("m", manager))
		all := map[string]*news{}
		for i := range o.People {
			if p := &o.People[i]; p.Key != "m" && p.Key != "z" {
				all[p.Key] = &news{key: p.Key, of: p, name: p.Key, gained: []gain{{"wiki", 5}}, taken: []string{"crm"}}
			}
		}
		slices.SortFunc(o.People, func(a, b engine.Person) int { return strings.Compare(a.Key, b.Key) })
		p := newPost(&system{cfg: &config.File{Zone: "UTC"}}, o, nil, time.Now())
		p.address(all)
		return strings.ReplaceAll(strings.Join(slices.Sorted(maps.Keys(p.to)), " "), "\n", "!")
	}
	for state, want := range map[engine.State]string{engine.StateActive: "a m", engine.StateAway: "a m", engine.StateUpcoming: "a m", engine.StateLeft: "m", engine.StateUnknown: "m"} {
		if got := told(engine.StateActive, "", true, key("a", state, "m")); got != want {
			t.Errorf("%s: %q, not %q", state, got, want)
		}
	}
	for name, c := range map[string]struct{ got, want string }{
		"who was cut off":            {told(engine.StateActive, "a", true, key("a", engine.StateActive, "m")), "m"},
		"a manager who was cut off":  {told(engine.StateActive, "m", true, key("a", engine.StateActive, "m")), "a"},
		"a manager who left":         {told(engine.StateLeft, "", true, key("a", engine.StateLeft, "m")), "!a"},
		"who may have left":          {told(engine.StateUnknown, "", true, key("a", engine.StateLeft, "m")), ""},
		"a manager who is not known": {told(engine.StateActive, "", true, unseen("a")), ""},
		"no manager":                 {told(engine.StateActive, "", true, key("a", engine.StateLeft)), "!a"},
		"not all people were seen":   {told(engine.StateActive, "", false, key("a", engine.StateLeft)), ""},
		"a name that two have":       {told(engine.StateActive, "", true, key("a", engine.StateLeft, "twin"), key("z", engine.StateActive)), "!a"},
		"one's own manager":          {told(engine.StateActive, "", true, key("a", engine.StateActive, "a")), "!a a"},
		"two managers, one has left": {told(engine.StateLeft, "", true, key("a", engine.StateLeft, "m", "z"), key("z", engine.StateActive)), "z"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, not %q", name, c.got, c.want)
		}
	}
	s := &system{cfg: &config.File{Zone: "UTC"}}
	s.cfg.Notices.People.Except = nil
	p := post{system: s}
	unknown := key("a", engine.StateActive)
	unknown.Attributes = unknown.Attributes.With(engine.Attribute{Name: "mail", Unknown: true})
	if _, ok := p.addressOf(&letter{to: &unknown}); ok {
		t.Error("an address that could not be seen counts as none")
	}
}

// Of who was cut off nobody is told anything, not what they were given before either.
func TestNobodyIsToldOfCuts(t *testing.T) {
	c := newStaff(t, "")
	c.run(0)
	rows := staffRows()
	rows["judy"] = strings.Replace(rows["judy"], "Writer", "Engineer", 1)
	c.write(rows)
	c.now = c.now.Add(day)
	if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		t.Fatal(err)
	}
	told(t, process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }}, "cut", "judy", "--reason", "lost laptop")
	rows["judy"] = strings.Replace(rows["judy"], "DE,,", "DE,left,", 1)
	rows["bob"] = strings.Replace(rows["bob"], "Engineer", "Writer", 1)
	c.write(rows)
	_, text := c.run(day)
	if strings.Contains(text, "Judy") || !strings.Contains(text, "Bob") {
		t.Errorf("told: %s", text)
	}
}

// That all is there is said only of what was seen: not where a program could not be read, nor where policy can't decide.
func TestReadyIsSeen(t *testing.T) {
	plan := func(complete bool) *engine.Plan {
		p := &engine.Plan{Proofs: []engine.Proof{{Source: "hr"}, {Source: "wiki"}}}
		if !complete {
			p.Proofs[1].Reasons = []engine.Reason{{Code: "x"}}
		}
		return p
	}
	now := time.Now()
	for name, c := range map[string]struct {
		plan     *engine.Plan
		verdicts []engine.Verdict
		lacks    []*engine.Change
		after    time.Duration
		want     string
	}{
		"all":                    {plan(true), []engine.Verdict{{Say: engine.Desired}}, nil, 0, "true true [wiki]"},
		"a program was not read": {plan(false), []engine.Verdict{{Say: engine.Desired}}, nil, 0, "false false []"},
		"undecided":              {plan(true), []engine.Verdict{{Say: engine.Desired}, {Say: engine.Undecided}}, nil, 0, "false false []"},
		"nothing is desired":     {plan(true), nil, nil, 0, "false false []"},
		"nothing, for a day":     {plan(true), nil, nil, day, "true false []"},
		"under way":              {plan(true), []engine.Verdict{{Say: engine.Desired}}, []*engine.Change{{Program: "wiki", Entitlement: "wiki", State: engine.Ready}}, 0, "false false []"},
		"under way for a day":    {plan(true), []engine.Verdict{{Say: engine.Desired}}, []*engine.Change{{Program: "wiki", Entitlement: "wiki", State: engine.Ready}}, day, "true false []"},
		"one of two":             {plan(true), []engine.Verdict{{Say: engine.Desired}, {Entitlement: 1, Say: engine.Desired}}, []*engine.Change{{Program: "crm", Entitlement: "crm", State: engine.Ready}}, 0, "false false [wiki]"},
		"it failed":              {plan(true), []engine.Verdict{{Say: engine.Desired}}, []*engine.Change{{Program: "wiki", Entitlement: "wiki", State: engine.Ready, Failures: 1}}, 0, "true false []"},
	} {
		j := &joins{began: now.Add(-c.after)}
		a := &allNews{o: &engine.Outlook{Plan: c.plan, Policy: says{c.verdicts}}, now: now}
		tell := j.judge(a, &engine.Person{}, c.lacks)
		if got := fmt.Sprint(tell, j.ready, j.has); got != strings.Replace(c.want, "[]", fmt.Sprint([]string(nil)), 1) {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

// says is a policy that says the same to all.
type says struct{ verdicts []engine.Verdict }

func (s says) Decide(*engine.Person, time.Time, func(int32) bool, []engine.Verdict) []engine.Verdict {
	return s.verdicts
}
func (says) Explain(*engine.Person, time.Time, engine.Entitlement) []engine.Finding { return nil }
func (says) Entitlements() []engine.Entitlement {
	return []engine.Entitlement{{Program: "wiki"}, {Program: "crm"}}
}
func (says) Rules() []engine.Rule { return nil }
func (says) Hash() string         { return "" }

// What was taken again, a cut that was lifted, and what is deleted long after it was taken are no news; neither is the end of an extra where nothing is ever taken.
func TestWhatIsNoNews(t *testing.T) {
	c := newStaff(t, "")
	policy := filepath.Join(c.dir, "policies", "company.yaml")
	replace(t, policy, "grace: 7d", "grace: 1h")
	replace(t, policy, "extras:\n", "extras:\n  - {person: heidi, grant: gitea, until: 2027-03-12, reason: x}\n")
	replace(t, filepath.Join(c.dir, "rolecall.yaml"), "    path: programs/gitea.csv\n    create: \"{login}\"\n    revoke: managed", "    path: programs/gitea.csv\n    create: \"{login}\"\n    revoke: never")
	replace(t, filepath.Join(c.dir, "rolecall.yaml"), "    path: programs/wiki.csv\n", "    path: programs/wiki.csv\n    delete: true\n")
	c.s.store.Close()
	c.open()
	_, text := c.run(0)
	apply := func(later time.Duration) {
		t.Helper()
		c.now = c.now.Add(later)
		if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
			t.Fatal(err)
		}
	}
	rows := staffRows()
	p := process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }}
	told(t, p, "cut", "alice", "--reason", "lost laptop")
	apply(time.Minute)
	told(t, p, "cut", "alice", "--lift", "--reason", "found")
	replace(t, policy, "when: 'true'\n    grant: [wiki]", "when: 'job.title != \"Head\"'\n    grant: [wiki]")
	c.s.store.Close()
	c.open()
	rows["kim"] = "1011,kim,kim@example.com,Kim,Writer,Product,DE,,heidi,,"
	c.write(rows)
	apply(time.Hour)
	rows["kim"] = strings.Replace(rows["kim"], "Writer", "Head", 1)
	c.write(rows)
	apply(time.Hour)
	apply(2 * time.Hour)
	rows["bob"] = strings.Replace(rows["bob"], "DE,,", "DE,left,", 1)
	c.write(rows)
	for range 2 {
		_, more := c.run(day)
		text += more
	}
	if strings.Contains(text, "Alice has left") || strings.Contains(text, "Kim:\n- was given wiki") || strings.Contains(text, "Bob has left:\n- will lose") || strings.Contains(text, "- gitea, from 2027-03-13") {
		t.Errorf("told: %s", text)
	}
	contains(t, text, "Bob has left:\n", "- wiki was taken\n")
}

// A server that takes nothing is left until the next run.
func TestAServerThatTakesNothing(t *testing.T) {
	c := newStaff(t, ", manager: nothing")
	c.run(0)
	rows := staffRows()
	for i := range mostRefused + 3 {
		name := fmt.Sprintf("n%02d", i)
		rows[name] = fmt.Sprintf("20%02d,%s,%s@example.com,%s,Writer,Product,DE,,heidi,,", i, name, name, name)
	}
	c.write(rows)
	tries := 0
	c.bag.send = func(string) error { tries++; return &notify.RefusedLetterError{Why: errors.New("you are blocked")} }
	c.now = c.now.Add(day)
	if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		t.Fatal(err)
	}
	if n, err := c.s.tellPeople(t.Context(), c.out, c.now); n != 0 || err == nil || tries != mostRefused {
		t.Errorf("%d letters after %d tries, %v", n, tries, err)
	}
	c.bag.send = nil
	if to, text := c.run(time.Minute); len(to) != mostRefused+3 {
		t.Errorf("in the next run: %q %s", to, text)
	}
}

// What is being taken from a leaver right now is not called open yet; what did not work out is, and what has been open for an hour.
func TestOpenLeaversAreToldInTime(t *testing.T) {
	for name, c := range map[string]struct {
		outcome engine.Outcome
		after   time.Duration
		want    string
	}{"under way": {"", time.Minute, "[crm] false"}, "it failed": {engine.Failed, time.Minute, "[crm] true"}, "for an hour": {"", time.Hour, "[crm] true"}} {
		now := time.Now()
		log := recorded{{Seq: 1, Time: now, Kind: engine.KindIntent, Op: engine.OpSuspend, Cause: engine.CauseMarked, Person: "a", Program: "crm"}}
		if c.outcome != "" {
			log = append(log, engine.Record{Seq: 2, Time: now, Kind: engine.KindOutcome, Of: 1, Outcome: c.outcome})
		}
		a := allNews{by: map[string]*news{}, o: &engine.Outlook{}, now: now.Add(c.after)}
		if err := a.leavers(t.Context(), log); err != nil || fmt.Sprint(a.by["a"].open, a.by["a"].urgent) != c.want {
			t.Errorf("%s: %+v %v", name, a.by["a"], err)
		}
	}
}

// recorded are records to be read.
type recorded []engine.Record

func (l recorded) Records(_ context.Context, _ engine.Query, yield func(engine.Record) error) error {
	for _, r := range l {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

// newcomers adds many who are given access, and works.
func (c *staff) newcomers(n int) {
	c.Helper()
	rows := staffRows()
	for i := range n {
		name := fmt.Sprintf("n%02d", i)
		rows[name] = fmt.Sprintf("20%02d,%s,%s@example.com,%s,Writer,Product,DE,,heidi,,", i, name, name, name)
	}
	c.write(rows)
	c.now = c.now.Add(day)
	if _, _, err := c.s.applyAs(c.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
		c.Fatal(err)
	}
}

// Those whom a server refuses for long keep nobody behind them waiting for good: each run goes on where the last one stopped.
func TestRefusedLettersStarveNobody(t *testing.T) {
	c := newStaff(t, ", manager: nothing")
	c.run(0)
	c.newcomers(2*mostRefused + 3)
	tries := map[string]int{}
	c.bag.send = func(to string) error {
		if tries[to]++; to < fmt.Sprintf("n%02d@", 2*mostRefused) {
			return &notify.RefusedLetterError{Why: errors.New("mailbox full")}
		}
		return nil
	}
	for i, want := range []int{0, 0, 3} {
		if n, err := c.s.tellPeople(t.Context(), c.out, c.now.Add(time.Duration(i))); n != want || err == nil {
			t.Errorf("run %d: %d letters, not %d: %v", i, n, want, err)
		}
	}
	if tries["n00@example.com"] != 2 || tries["n10@example.com"] != 1 { // those tried first come first again
		t.Errorf("tried: %v", tries)
	}
}

// A letter that can't be filled is none that the server refused.
func TestLettersThatCannotBeFilledAreNotRefused(t *testing.T) {
	c := newStaff(t, ", manager: nothing")
	text := "Subject: x\n\n{{if and (ge .To \"n\") (lt .To \"n12\")}}{{index .Team 5}}{{end}}x\n"
	if err := os.WriteFile(filepath.Join(c.dir, "texts", "people.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.s.store.Close()
	c.open()
	c.run(0)
	c.newcomers(mostRefused + 5)
	if n, err := c.s.tellPeople(t.Context(), c.out, c.now); n != 3 || err == nil {
		t.Errorf("%d letters, %v", n, err)
	}
}

// Who is back, or may be, has not left.
func TestLeaversWhoAreBackAreNoNews(t *testing.T) {
	log := recorded{{Seq: 1, Time: time.Now(), Kind: engine.KindIntent, Op: engine.OpSuspend, Cause: engine.CauseMarked, Person: "a", Program: "crm"}}
	for state, want := range map[engine.State]int{engine.StateLeft: 1, engine.StateActive: 0, engine.StateAway: 0, engine.StateUpcoming: 0, engine.StateUnknown: 0} {
		a := allNews{by: map[string]*news{}, o: &engine.Outlook{People: []engine.Person{{Key: "a", State: state}}}, now: time.Now()}
		if err := a.leavers(t.Context(), log); err != nil || len(a.by) != want {
			t.Errorf("%v: %v %v", state, a.by, err)
		}
	}
}
