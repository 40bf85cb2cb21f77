package journal

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// madeUp writes records as years of a company would leave them, 100 for each person: links, intents with their outcomes in
// runs of a thousand changes, decisions now and then. It goes past Append, for tens of millions take it hours; the views are what
// the fold makes of the records, so that Verify finds nothing wrong.
type madeUp struct {
	s       *Store
	n       int64 // records wanted
	people  int64
	head    head
	fold    *engine.Fold
	tenures *engine.Tenures
	ids     map[string]map[name]int64
	linked  []linkStep
	rows    *rows
	leaves  []audit.Hash
	random  *rand.ChaCha8
	visits  int64
	mention mentions
	tb      testing.TB
}

var (
	madeUpPrograms = [...]string{"wiki", "crm", "erp", "gitea", "vpn", "mail", "chat", "tickets", "payroll", "museum"}
	madeUpStart    = time.Date(2022, 1, 3, 6, 0, 0, 0, time.UTC)
)

const (
	madeUpRun  = 1000   // changes in a run
	madeUpBulk = 20_000 // records in a transaction
)

func makeUp(tb testing.TB, s *Store, n int64) {
	m := &madeUp{s: s, n: n, people: max(10, n/100), fold: engine.FoldOnly(), tenures: engine.NewTenures(), random: rand.NewChaCha8([32]byte{1}), tb: tb,
		ids: map[string]map[name]int64{"person": {}, "account": {}, "entitlement": {}, "ruleset": {name{"", "[]"}: 0}}, rows: newRows("iittititttitttitttt")}
	m.head.Frontier = "0"
	restore := m.withoutIndexes()
	for m.head.Size < n {
		m.run()
	}
	m.flush()
	m.views()
	restore()
	if _, err := s.write.Exec("ANALYZE"); err != nil {
		tb.Fatal(err)
	}
}

// withoutIndexes drops the journal's indexes; the function that it gives makes them again.
func (m *madeUp) withoutIndexes() func() {
	made, dropped := regexp.MustCompile(`(?s)CREATE INDEX (\w+) ON journal [^;]*;`), regexp.MustCompile(`DROP INDEX (\w+);`)
	var all [][]string
	files, err := fs.Glob(m.s.options.schema, "*.sql")
	if err != nil {
		m.tb.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(m.s.options.schema, file)
		if err != nil {
			m.tb.Fatal(err)
		}
		all = append(all, made.FindAllStringSubmatch(string(text), -1)...)
		for _, gone := range dropped.FindAllStringSubmatch(string(text), -1) {
			all = slices.DeleteFunc(all, func(index []string) bool { return index[1] == gone[1] })
		}
	}
	for _, index := range all {
		m.s.write.MustExec("DROP INDEX " + index[1])
	}
	return func() {
		for _, index := range all {
			m.s.write.MustExec(index[0])
		}
	}
}

func (m *madeUp) id(table, program, text string) int64 {
	key := name{program, text}
	id, ok := m.ids[table][key]
	if !ok {
		id = int64(len(m.ids[table])) + 1
		if table == "ruleset" {
			id--
		}
		m.ids[table][key] = id
	}
	return id
}

// run is a run with its changes, decisions between.
func (m *madeUp) run() {
	run := fmt.Sprintf("run-%06d", m.head.Runs+1)
	m.add(engine.Record{Kind: engine.KindRun, Run: run, Actor: "cron"})
	m.decide()
	var intents []engine.Record
	for range madeUpRun {
		intents = append(intents, m.visit(run))
	}
	for i := range intents {
		m.add(m.outcomeOf(&intents[i]))
	}
}

// decide is what a person decides once in a run.
func (m *madeUp) decide() {
	who := []string{"anna", "ben", "chiara"}[m.head.Runs%3]
	if m.head.Runs%97 == 5 {
		who = "zeno"
	}
	reason := fmt.Sprintf("ticket INC-%06d", m.head.Runs)
	m.add(engine.Record{Kind: engine.KindApprove, Actor: who, Person: m.person(m.head.Runs), Why: []string{reason}})
}

func (m *madeUp) person(p int64) string { return fmt.Sprintf("p%07d", p%m.people) }

// visit changes something of the next person in turn, in the next program in turn.
func (m *madeUp) visit(run string) engine.Record {
	p, times := m.visits*7919%m.people, m.visits/m.people
	m.visits++
	program, round := madeUpPrograms[times%int64(len(madeUpPrograms))], times/int64(len(madeUpPrograms))
	person, account := m.person(p), fmt.Sprintf("u%07d", p)
	if round == 0 {
		m.add(engine.Record{Kind: engine.KindLink, Run: run, Actor: "cron", Person: person, Program: program, Account: account, Entitlement: engine.PersonalAccount})
	}
	right := (p + round) % 40
	change := engine.Change{Op: engine.OpGrant, Person: person, Account: account, Program: program}
	if round%3 == 2 {
		change.Op, right, change.Cause = engine.OpRevoke, (p+round-2)%40, engine.CauseRule
		change.Why = []string{"rule no longer gives it: role title:" + fmt.Sprint(p%400)}
	} else {
		rule := fmt.Sprintf("rule-%03d", (right+p%7)%300)
		change.Rules, change.Cause, change.Why = []string{rule}, engine.CauseRule, []string{"rule " + rule + " gives it: role title:" + fmt.Sprint(p%400)}
	}
	change.Entitlement = fmt.Sprintf("%s/right-%02d", program, right)
	r := engine.IntentRecord(run, "cron", "corp", change, engine.ChargeGrant)
	return m.add(r)
}

func (m *madeUp) outcomeOf(i *engine.Record) engine.Record {
	out := engine.Record{Kind: engine.KindOutcome, Run: i.Run, Actor: "cron", Of: i.Seq, Person: i.Person, Program: i.Program, Account: i.Account, Entitlement: i.Entitlement,
		Op: i.Op, Outcome: engine.Done, Cause: i.Cause}
	switch i.Seq % 1009 {
	case 3:
		out.Outcome, out.Why = engine.Failed, []string{fmt.Sprintf("host db-%03d does not answer", i.Seq%211)}
	case 4:
		out.Outcome = engine.Refused
	}
	return out
}

// add writes one record, with its number.
func (m *madeUp) add(r engine.Record) engine.Record {
	m.head.Size++
	r.Seq = m.head.Size
	r.Time = madeUpStart.Add(time.Duration(r.Seq) * (5 * 365 * 24 * time.Hour / time.Duration(m.n)).Truncate(time.Microsecond))
	personalText, err := storePersonal(&r)
	if err != nil {
		m.tb.Fatal(err)
	}
	person, account, source := int64(0), int64(0), ""
	if r.Person != "" {
		person = m.id("person", "", r.Person)
	}
	if r.Account != "" {
		account = m.id("account", r.Program, r.Account)
	}
	if r.Kind == engine.KindIntent {
		source = "corp"
	}
	if r.Kind != engine.KindLink && r.Entitlement != "" {
		m.id("entitlement", r.Program, r.Entitlement)
	}
	m.id("ruleset", "", rulesText(r.Rules))
	var salt [audit.SaltSize]byte
	_, _ = m.random.Read(salt[:])
	publicText := storePublic(&r, person, account)
	leaf := audit.Leaf(publicText, salt, personalText)
	m.leaves = append(m.leaves, leaf)
	m.rows.add(r.Seq, micros(r.Time), string(r.Kind), r.Run, person, r.Program, account, r.Entitlement, string(r.Op), string(r.Outcome), r.Of, string(r.Cause),
		string(r.Class), source, bit(r.Approved), string(publicText), base64.StdEncoding.EncodeToString(salt[:]), string(personalText), base64.StdEncoding.EncodeToString(leaf[:]))
	if err := m.fold.Apply(r); err != nil {
		m.tb.Fatal(err)
	}
	m.mention.add(&r)
	m.tenures.Follow(m.fold, r)
	for _, key := range m.fold.Touched().Links {
		l, _ := m.fold.Link(key)
		m.linked = append(m.linked, linkStep{key, l, r.Seq})
	}
	_, m.head.Control, _, _ = m.fold.Head()
	_, _, runs, _ := m.fold.Head()
	m.head.Runs, m.head.Time = int64(runs), micros(r.Time)
	if m.rows.len() >= madeUpBulk {
		m.flush()
	}
	return r
}

func (m *madeUp) flush() {
	nodes, err := m.head.grow(m.leaves)
	if err != nil {
		m.tb.Fatal(err)
	}
	hashes := newRows("iit")
	for _, n := range nodes {
		hashes.add(int64(n.Level), n.Index, base64.StdEncoding.EncodeToString(n.Hash[:]))
	}
	m.insert("journal", "seq, time, kind, run, person, program, account, entitlement, op, outcome, intent, cause, class, source, approved, public, salt, personal, leaf", m.rows)
	m.insert("node", "level, idx, hash", hashes)
	m.rows, m.leaves = newRows(m.rows.types).expect(madeUpBulk), m.leaves[:0]
}

// insert writes rows in a transaction of its own, and the head with them.
func (m *madeUp) insert(table, columns string, r *rows) {
	err := m.s.locked(context.Background(), func(t *tx, _ *head) error {
		if err := t.insert(table, columns, r); err != nil {
			return err
		}
		return t.saveHead(&m.head)
	})
	if err != nil {
		m.tb.Fatal(err)
	}
}

// bulk gathers rows and writes them, many at a time.
func (m *madeUp) bulk(table, columns, types string) (add func(...any), done func()) {
	r := newRows(types)
	done = func() { m.insert(table, columns, r); r = newRows(types) }
	return func(values ...any) {
		if r.add(values...); r.len() >= madeUpBulk {
			done()
		}
	}, done
}

// views are the tables of names, and what the fold says.
func (m *madeUp) views() {
	m.head.People, m.head.Accounts = int64(len(m.ids["person"])), int64(len(m.ids["account"]))
	m.head.Entitlements, m.head.Rulesets = int64(len(m.ids["entitlement"])), int64(len(m.ids["ruleset"]))-1
	for table, columns := range map[string]string{"person": "id, key", "account": "id, program, name", "entitlement": "id, program, name", "ruleset": "id, rules"} {
		keyed := strings.Contains(columns, "program")
		add, done := m.bulk(table, columns, map[bool]string{true: "itt", false: "it"}[keyed])
		for key, id := range m.ids[table] {
			switch {
			case keyed:
				add(id, key.program, key.name)
			case table != "ruleset" || id > 0:
				add(id, key.name)
			}
		}
		done()
	}
	ids := func(k engine.Held3) (int64, int64) {
		return m.ids["account"][name{k.Program, k.Account}], m.ids["entitlement"][name{k.Program, k.Entitlement}]
	}
	rules := func(list []string) int64 { return m.ids["ruleset"][name{"", rulesText(list)}] }
	add, done := m.bulk("holding", "account, entitlement, managed, confirmed, seen, since, rules", "iiiiiii")
	for k, h := range m.fold.Holdings() {
		a, e := ids(k)
		add(a, e, bit(h.Managed), bit(h.Confirmed), bit(h.Seen), micros(h.Since), rules(h.Rules))
	}
	done()
	add, done = m.bulk("tenure", "account, entitlement, managed, rules, from_seq, from_time, until_seq, until_time", "iiiiiiii")
	tenure := func(t *engine.Tenure) {
		a, e := ids(t.Held3)
		add(a, e, bit(t.Managed), rules(t.Rules), t.Record, micros(t.From), t.Ended, micros(t.Until))
	}
	for i := range m.tenures.Closed {
		tenure(&m.tenures.Closed[i])
	}
	for _, t := range m.tenures.Open {
		tenure(&t)
	}
	done()
	add, done = m.bulk("link", "person, program, kind, account, from_seq, from_time, until_seq, until_time", "ittiiiii")
	for _, l := range m.linked {
		add(m.ids["person"][name{"", l.key.Person}], l.key.Program, l.key.Kind, m.ids["account"][name{l.key.Program, l.link.Account}], l.seq, micros(l.link.Since), int64(0), int64(0))
	}
	done()
	add, done = m.bulk("mention", "what, name, block", "tti")
	for one := range m.mention.all {
		add(one.what, one.name, one.block)
	}
	done()
}

// TestMadeUp: what the benchmarks ask is a journal like any other.
func TestMadeUp(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	makeUp(t, s, 6000)
	if v := verify(t, s); !v.OK() || !v.Folded || v.Records < 6000 {
		t.Errorf("%+v", v)
	}
	if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote}}); err != nil {
		t.Error(err)
	}
}
