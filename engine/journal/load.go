package journal

import (
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

// openIntent is a row of open_intent with its account's name.
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
	selectOpen = "SELECT o.seq, o.program, o.account, a.name, o.entitlement, o.op, o.uncertain, o.claimed, o.attempts FROM open_intent o JOIN account a ON a.id = o.account WHERE o.account IN "
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
	return b.query(query, keys, func(r *sqlx.Rows) error {
		var o openIntent
		if err := r.Scan(&o.Seq, &o.Program, &o.Account, &o.Name, &o.Entitlement, &o.Op, &o.Uncertain, &o.Claimed, &o.Attempts); err != nil {
			return err
		}
		into[o.Seq] = o
		b.names.accounts.fresh[name{o.Program, o.Name}] = o.Account
		return nil
	})
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

func (b *batch) loadHoldings(ids *rows, accounts map[int64]engine.Held3) error {
	const query = `SELECT h.account, h.entitlement, e.name, h.managed, h.confirmed, h.seen, h.since, h.rules, s.rules
		FROM @rows r JOIN holding h ON h.account = r.column1 JOIN entitlement e ON e.id = h.entitlement JOIN ruleset s ON s.id = h.rules`
	return b.query(query, ids, func(r *sqlx.Rows) error {
		var account, entitlement, managed, confirmed, seen, since, rules int64
		var right, text string
		if err := r.Scan(&account, &entitlement, &right, &managed, &confirmed, &seen, &since, &rules, &text); err != nil {
			return err
		}
		key := accounts[account]
		key.Entitlement = right
		list, err := parseRules(text)
		if err != nil {
			return err
		}
		h := engine.HoldingState{Managed: managed != 0, Confirmed: confirmed != 0, Seen: seen != 0, Since: instant(since), Rules: list}
		b.before.Holdings[key] = h
		if h.Seen {
			b.tenures.Open[key] = engine.Tenure{Held3: key, Managed: h.Managed, Rules: h.Rules}
		}
		b.names.entitlements.fresh[name{key.Program, right}] = entitlement
		b.names.rulesets.fresh[name{"", text}] = rules
		return nil
	})
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
