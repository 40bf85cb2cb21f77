package journal

import (
	"cmp"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// load reads the part of the views that the records may touch, see engine.Part.
func (b *batch) load(requests []*request) error {
	b.before = engine.Part{Seq: b.head.Size, Control: b.head.Control, Runs: int(b.head.Runs), Time: instant(b.head.Time),
		Holdings: map[engine.Held3]engine.HoldingState{}}
	b.tenures = engine.NewTenures()
	open := map[int64]openIntent{}
	if err := b.loadNamed(requests, open); err != nil {
		return err
	}
	for _, t := range b.names.all() {
		if err := t.resolve(b.tx); err != nil {
			return err
		}
	}
	accounts := b.accounts(requests, open)
	if err := b.loadAccounts(accounts, open); err != nil {
		return err
	}
	for _, i := range open {
		b.before.Open = append(b.before.Open, i.intent())
	}
	b.fold = engine.FoldFrom(b.before)
	return nil
}

// openIntent is a row of open_intent with its account's name, which comes later.
type openIntent struct {
	Seq                int64
	Program            string
	Account            int64
	Name               string
	Entitlement, Op    string
	Uncertain, Claimed int64
	Attempts           int
}

const (
	selectOpen = "SELECT o.seq, o.program, o.account, o.entitlement, o.op, o.uncertain, o.claimed, o.attempts FROM open_intent o WHERE o.account IN "
	ofAccounts = selectOpen + "(SELECT column1 FROM @rows r)"
	besides    = selectOpen + "(SELECT l.account FROM @rows r JOIN open_intent l ON l.seq = r.column1)" // intents, and what else is open of their accounts
)

func (o *openIntent) intent() engine.Intent {
	_, proposed := engine.ProposedName(o.Name)
	return engine.Intent{Seq: o.Seq, Claimed: instant(o.Claimed), Attempts: o.Attempts, Unknown: o.Uncertain != 0, Change: engine.Change{Op: engine.Op(o.Op),
		Program: o.Program, Account: o.Name, Proposed: proposed, Entitlement: engine.Entitlement{Program: o.Program, Name: o.Entitlement}.String()}}
}

// loadNamed reads the intents that outcomes name, with all that is open of their accounts, and asks for all names.
func (b *batch) loadNamed(requests []*request, open map[int64]openIntent) error {
	of := newRows("i")
	for _, q := range requests {
		b.names.wantNames(q.records)
		for i := range q.records {
			if q.records[i].Kind == engine.KindOutcome {
				of.add(q.records[i].Of)
			}
		}
	}
	return b.loadOpen(besides, of, open)
}

func (b *batch) loadOpen(query string, keys *rows, into map[int64]openIntent) error {
	var found []openIntent
	names := map[int64]string{}
	err := b.query(query, keys, func(r *sqlx.Rows) error {
		var o openIntent
		err := r.Scan(&o.Seq, &o.Program, &o.Account, &o.Entitlement, &o.Op, &o.Uncertain, &o.Claimed, &o.Attempts)
		found, names[o.Account] = append(found, o), ""
		return err
	})
	if err == nil {
		err = b.names.accounts.spelled(b.tx, names)
	}
	for _, o := range found {
		o.Name = names[o.Account]
		into[o.Seq] = o
	}
	return err
}

// accounts are the numbers of all accounts that the records may touch; those made just now can't have anything.
func (b *batch) accounts(requests []*request, open map[int64]openIntent) map[int64]engine.Held3 {
	out := map[int64]engine.Held3{}
	put := func(program, account string) {
		if id := b.names.accounts.known(program, account); id <= b.head.Accounts {
			out[id] = engine.Held3{Program: program, Account: account}
		}
	}
	for _, q := range requests {
		for i := range q.records {
			r := &q.records[i]
			switch r.Kind {
			case engine.KindIntent, engine.KindOutcome, engine.KindAdopt, engine.KindRelease:
				put(r.Program, r.Account)
			case engine.KindSeen:
				for _, p := range seenPairs(r) {
					put(r.Program, p[0])
				}
			}
		}
	}
	for _, o := range open {
		put(o.Program, o.Name)
	}
	return out
}

func (b *batch) loadAccounts(accounts map[int64]engine.Held3, open map[int64]openIntent) error {
	ids, others, proposed := newRows("i"), newRows("i"), newRows("tt")
	read := map[int64]bool{} // accounts of which what is open was read with an intent that an outcome names
	for _, o := range open {
		read[o.Account] = true
	}
	for _, id := range sortedKeys(accounts) {
		ids.add(id)
		if !read[id] {
			others.add(id)
		}
		a := accounts[id]
		if _, ok := engine.ProposedName(a.Account); ok {
			proposed.add(a.Program, a.Account)
		}
	}
	if err := b.loadOpen(ofAccounts, others, open); err != nil {
		return err
	}
	if err := b.loadHoldings(ids, accounts); err != nil {
		return err
	}
	return b.loadFacts(proposed)
}

// heldRow is a row of holding.
type heldRow struct{ account, entitlement, managed, confirmed, seen, since, rules int64 }

// loadHoldings reads what accounts hold. Names come by number: most are known, and each comes many times.
func (b *batch) loadHoldings(ids *rows, accounts map[int64]engine.Held3) error {
	const query = `SELECT h.account, h.entitlement, h.managed, h.confirmed, h.seen, h.since, h.rules FROM @rows r JOIN holding h ON h.account = r.column1`
	var held []heldRow
	rights, texts := map[int64]string{}, map[int64]string{}
	err := b.query(query, ids, func(r *sqlx.Rows) error {
		var h heldRow
		err := r.Scan(&h.account, &h.entitlement, &h.managed, &h.confirmed, &h.seen, &h.since, &h.rules)
		held, rights[h.entitlement], texts[h.rules] = append(held, h), "", ""
		return err
	})
	if err == nil {
		err = cmp.Or(b.names.entitlements.spelled(b.tx, rights), b.names.rulesets.spelled(b.tx, texts))
	}
	if err != nil {
		return err
	}
	lists := make(map[int64][]string, len(texts))
	for id, text := range texts {
		if lists[id], err = parseRules(text); err != nil {
			return err
		}
	}
	for _, h := range held {
		key := accounts[h.account]
		key.Entitlement = rights[h.entitlement]
		b.remember(key, engine.HoldingState{Managed: h.managed != 0, Confirmed: h.confirmed != 0, Seen: h.seen != 0, Since: instant(h.since), Rules: lists[h.rules]})
	}
	return nil
}

func (b *batch) remember(key engine.Held3, h engine.HoldingState) {
	b.before.Holdings[key] = h
	if h.Seen {
		b.tenures.Open[key] = engine.Tenure{Held3: key, Managed: h.Managed, Rules: h.Rules}
	}
}

func (b *batch) loadFacts(accounts *rows) error {
	const query = `SELECT f.* FROM @rows r JOIN fact f ON f.program = r.column1 AND f.account = r.column2 WHERE f.account <> ''`
	return b.query(query, accounts, func(r *sqlx.Rows) error {
		f, err := scanFact(r)
		b.before.Facts = append(b.before.Facts, f)
		return err
	})
}

// factRow is a row of the table fact.
type factRow struct {
	Kind, Program, Account, Entitlement, Person, Key string
	Since, Until                                     int64
	N                                                int
	Text, Data                                       string
}

func scanFact(r *sqlx.Rows) (engine.Fact, error) {
	var f factRow
	err := r.StructScan(&f)
	out := engine.Fact{FactKey: engine.FactKey{Kind: f.Kind, Program: f.Program, Account: f.Account, Entitlement: f.Entitlement, Person: f.Person, Key: f.Key},
		Since: instant(f.Since), Until: instant(f.Until), Count: f.N, Text: f.Text}
	if f.Data != "" {
		out.Data = []byte(f.Data)
	}
	return out, err
}
