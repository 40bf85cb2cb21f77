package journal

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// builders puts the holdings and links of all programs together. Its slices are indexed by the numbers of the tables of
// names, so that a holding costs no look-up by name.
type builders struct {
	programs map[string]*engine.MemoryBuilder
	people   []string // keys, as far as they are needed
	accounts []numbered
	rights   []numbered
	rules    [][]string
	sets     map[ruleIn]uint32
}

// numbered is a name with its number in its program's builder.
type numbered struct {
	program *engine.MemoryBuilder
	name    string
	number  uint32
	known   bool // to the builder
}

type ruleIn struct {
	program *engine.MemoryBuilder
	rules   int64
}

func newBuilders(h *head) *builders {
	return &builders{programs: map[string]*engine.MemoryBuilder{}, people: make([]string, h.People+1), accounts: make([]numbered, h.Accounts+1),
		rights: make([]numbered, h.Entitlements+1), rules: make([][]string, h.Rulesets+1), sets: map[ruleIn]uint32{}}
}

func (b *builders) readPrograms(ctx context.Context, t *sqlx.Tx) (map[string]*engine.ProgramMemory, error) {
	for _, read := range []func(context.Context, *sqlx.Tx) error{b.readNames, b.readRules, b.readHoldings, b.readLinks, b.readBaselines} {
		if err := read(ctx, t); err != nil {
			return nil, err
		}
	}
	out := make(map[string]*engine.ProgramMemory, len(b.programs))
	for name, p := range b.programs {
		if done := p.Done(); len(done.Rows)+len(done.Links) > 0 || done.Baseline {
			out[name] = done
		}
	}
	return out, nil
}

func (b *builders) program(name string) *engine.MemoryBuilder {
	p := b.programs[name]
	if p == nil {
		p = engine.NewMemoryBuilder()
		b.programs[name] = p
	}
	return p
}

func (b *builders) readNames(ctx context.Context, t *sqlx.Tx) error {
	for table, into := range map[string][]numbered{"account": b.accounts, "entitlement": b.rights} {
		err := each(t.QueryxContext(ctx, "SELECT id, program, name FROM "+table))(func(r *sqlx.Rows) error {
			var id int64
			var program, name string
			if err := r.Scan(&id, &program, &name); err != nil {
				return err
			}
			into[id] = numbered{program: b.program(program), name: name}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builders) readRules(ctx context.Context, t *sqlx.Tx) error {
	return each(t.QueryxContext(ctx, "SELECT id, rules FROM ruleset"))(func(r *sqlx.Rows) error {
		var id int64
		var text string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		rules, err := parseRules(text)
		b.rules[id] = rules
		return err
	})
}

// Two packed numbers for each holding halve the time that the drivers take. since in seconds stays under 2^34 until the
// year 2514, numbers of rule sets under 2^26.
const selectHoldings = `SELECT account * 4294967296 + entitlement, ((since / 1000000) * 67108864 + rules) * 8 + seen * 4 + confirmed * 2 + managed FROM holding`

func (b *builders) readHoldings(ctx context.Context, t *sqlx.Tx) error {
	return each(t.QueryxContext(ctx, selectHoldings))(func(r *sqlx.Rows) error {
		var key, value int64
		if err := r.Scan(&key, &value); err != nil {
			return err
		}
		account, right := &b.accounts[key>>32], &b.rights[key&(1<<32-1)]
		p := account.program
		row := engine.HoldingRow{Managed: value&1 != 0, Confirmed: value&2 != 0, Seen: value&4 != 0, Since: value >> 29,
			Rules: b.ruleSet(p, value>>3&(1<<26-1))}
		if !account.known {
			account.number, account.known = p.Account(account.name), true
		}
		if !right.known {
			right.number, right.known = p.Right(right.name), true
		}
		row.Account, row.Entitlement = account.number, right.number
		p.AddRow(row)
		return nil
	})
}

func (b *builders) ruleSet(p *engine.MemoryBuilder, rules int64) uint32 {
	if rules == 0 {
		return 0
	}
	n, ok := b.sets[ruleIn{p, rules}]
	if !ok {
		n = p.RuleSet(b.rules[rules])
		b.sets[ruleIn{p, rules}] = n
	}
	return n
}

func (b *builders) readLinks(ctx context.Context, t *sqlx.Tx) error {
	const query = "SELECT l.person, coalesce(p.key, ''), l.program, l.kind, l.account, l.from_time FROM link l LEFT JOIN person p ON p.id = l.person WHERE l.until_seq = 0"
	return each(t.QueryxContext(ctx, query))(func(r *sqlx.Rows) error {
		var l engine.Link
		var program string
		var person, account, since int64
		if err := r.Scan(&person, &l.Person, &program, &l.Kind, &account, &since); err != nil {
			return err
		}
		l.Account, l.Since = b.accounts[account].name, instant(since)
		b.people[person] = l.Person
		b.program(program).Link(l)
		return nil
	})
}

func (b *builders) readBaselines(ctx context.Context, t *sqlx.Tx) error {
	return each(t.QueryxContext(ctx, "SELECT program FROM baseline"))(func(r *sqlx.Rows) error {
		var program string
		if err := r.Scan(&program); err != nil {
			return err
		}
		b.program(program).SetBaseline()
		return nil
	})
}
