package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// settle applies until two runs in a row have nothing to do. Time passes in between, so that claims end and what failed is
// tried again.
func (d *doomed) settle() {
	quiet, said, code := 0, "", 0
	d.alive = true
	for _, pass := range []time.Duration{time.Minute, 12 * time.Minute, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 25 * time.Hour, time.Hour} {
		d.at = d.at.Add(pass)
		said, code = d.rolecall(nil, "apply")
		if code != exitDone && code != exitPartly {
			d.wrong("apply afterwards: exit code %d: %s", code, said)
			return
		}
		quiet++
		if code != exitDone || !strings.Contains(said, "nothing to do") {
			quiet = 0
		}
		if quiet == 2 {
			return
		}
	}
	d.wrong("it does not come to rest: exit code %d: %s", code, said)
}

// address is where its journal is.
func (d *doomed) address() string {
	if d.sqlite {
		return "sqlite:" + filepath.Join(d.dir, d.file)
	}
	return d.dsn(d.name)
}

func (d *doomed) journal() *journal.Store {
	address := d.address()
	if len(d.env) > 0 {
		address = d.downgraded()
	}
	s, err := journal.Open(context.Background(), address, journal.Options{ReadOnly: true})
	if err != nil {
		if d.alive || !strings.Contains(err.Error(), "database is older than this program") { // it died before there was one, or between two steps of its schema
			d.wrong("%v", err)
		}
		return nil
	}
	return s
}

// records are all of the journal.
func (d *doomed) records() (out []engine.Record) {
	s := d.journal()
	if s == nil {
		return nil
	}
	defer s.Close()
	if err := s.Records(context.Background(), engine.Query{}, func(r engine.Record) error { out = append(out, r); return nil }); err != nil {
		d.wrong("%v", err)
	}
	return out
}

// state is everything that must be as it is without the crash: what is in the programs, how often each effect came, and what
// the journal remembers, but for numbers and times.
func (d *doomed) state() string {
	lines := d.remembered()
	for _, query := range []string{"SELECT 'crm account ' || account || ' ' || active FROM %s.account", "SELECT 'crm right ' || account || ' ' || entitlement FROM %s.held",
		"SELECT 'crm effect ' || what || ' ' || count(*) FROM %s.effect GROUP BY what"} {
		lines = append(lines, d.rows(fmt.Sprintf(query, d.name))...)
	}
	wiki, err := os.ReadFile(filepath.Join(d.dir, "wiki.csv"))
	if err != nil {
		d.wrong("%v", err)
	}
	for l := range strings.Lines(string(wiki)) {
		lines = append(lines, "wiki "+strings.TrimSpace(l))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (d *doomed) rows(query string) (out []string) {
	answer, err := d.targets.Query(query)
	if err != nil {
		d.wrong("%s: %v", query, err)
		return nil
	}
	defer answer.Close()
	for answer.Next() {
		var text string
		if err := answer.Scan(&text); err != nil {
			d.wrong("%v", err)
		}
		out = append(out, text)
	}
	if err := answer.Err(); err != nil {
		d.wrong("%v", err)
	}
	return out
}

// remembered verifies the journal against the checkpoint outside, and lists what it knows.
func (d *doomed) remembered() (lines []string) {
	s := d.journal()
	if s == nil {
		return nil
	}
	defer s.Close()
	v, err := s.Verify(context.Background(), d.sealedHead()...)
	if err != nil || !v.OK() || !v.Folded {
		d.wrong("the journal: %+v, %v", v, err)
	}
	m, err := s.Memory(context.Background(), time.Time{})
	if err != nil {
		d.wrong("%v", err)
		return nil
	}
	for _, i := range m.Open {
		lines = append(lines, fmt.Sprintf("journal open %s %s %s", i.Change.Op, i.Change.Entitlement, i.Change.Account))
	}
	for _, kind := range m.FactKinds() {
		for _, f := range m.Facts(kind) {
			lines = append(lines, fmt.Sprintf("journal fact %+v", f.FactKey))
		}
	}
	for name, p := range m.Programs {
		for _, r := range p.Rows {
			lines = append(lines, fmt.Sprintf("journal holding %s %s/%s managed %v confirmed %v seen %v rules %q", p.Accounts[r.Account], name,
				p.Entitlements[r.Entitlement], r.Managed, r.Confirmed, r.Seen, p.RuleSets[r.Rules]))
		}
		for _, l := range p.Links {
			lines = append(lines, fmt.Sprintf("journal link %s %s %s %s", name, l.Person, l.Account, l.Kind))
		}
	}
	return lines
}

// sealedHead is the checkpoint outside, if there is one yet.
func (d *doomed) sealedHead() []audit.Head {
	signed, err := os.ReadFile(filepath.Join(d.dir, "outside", "journal.checkpoint"))
	if err != nil {
		return nil
	}
	keys, err := audit.NewKeys(d.verifier)
	if err != nil {
		d.wrong("%v", err)
		return nil
	}
	c, err := keys.Open(signed)
	if err != nil {
		d.wrong("the checkpoint outside: %v", err)
	}
	return []audit.Head{c.Head}
}

// recordedFirst wants every effect in crm to be of an intent that the journal has, and gives the hashes of the records.
func (d *doomed) recordedFirst() (hashes []string) {
	intended := map[string]bool{}
	for _, r := range d.records() {
		hashes = append(hashes, r.Hash)
		if r.Kind != engine.KindIntent || r.Program != "crm" {
			continue
		}
		intended[effectOf(string(r.Op), r.Account, r.Entitlement)] = true
	}
	for _, what := range d.rows(fmt.Sprintf(effects, d.name)) {
		if !intended[what] {
			d.wrong("the effect %q has no intent in the journal", what)
		}
	}
	return hashes
}

// effects are what happened in crm, in the words of the journal.
const effects = `SELECT CASE WHEN what LIKE 'INSERT account%%' THEN 'create' WHEN what LIKE 'DELETE account%%' THEN 'delete' WHEN what LIKE 'INSERT held%%' THEN 'grant'
	WHEN what LIKE 'DELETE held%%' THEN 'revoke' WHEN what LIKE '%%"active": false%%' THEN 'suspend' ELSE 'resume' END
	|| ' ' || (substring(what from '{.*}')::jsonb ->> 'account') || ' ' || coalesce(substring(what from '{.*}')::jsonb ->> 'entitlement', '') FROM %s.effect ORDER BY n`

// effectOf is an effect in the words of effects.
func effectOf(op, account, right string) string {
	account, _ = engine.ProposedName(account)
	if op != string(engine.OpGrant) && op != string(engine.OpRevoke) {
		right = ""
	}
	return op + " " + account + " " + right
}
