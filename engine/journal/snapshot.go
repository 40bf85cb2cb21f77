package journal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// A snapshot is what the records up to one come to, in lines. Like a record, a line is two JSON texts of which a leaf is the hash: what
// may stay for ever knows people and accounts by number, and what can be blanked has their names and all facts. Numbers get their
// names by lines of their own, so that blanking somebody touches few. The root of the tree over the lines is in the record of the
// pruning. The rule for changing the types is that of stored.go.

// snapLine is the public part of a line.
type snapLine struct {
	What    string    `json:"what"`
	N       int64     `json:"n,omitempty"` // what is named or meant
	Person  int64     `json:"person,omitempty"`
	Account int64     `json:"account,omitempty"`
	Program string    `json:"program,omitempty"`
	Name    string    `json:"name,omitempty"`
	Kind    string    `json:"kind,omitempty"`
	Rules   []string  `json:"rules,omitempty"`
	Rows    [][]int64 `json:"rows,omitempty"`
}

// factLine is the public part of every line with a fact.
const factLine = `{"what":"fact"}`

// snapName is the personal part of a line that gives a number its name.
type snapName struct {
	Name   string   `json:"name"`
	Logins []string `json:"logins,omitempty"` // by which records knew a person
}

const (
	lineHead     = "head"     // a row: records, last control record, runs, time
	linePerson   = "person"   // N is called what the personal part says
	lineAccount  = "account"  // N, of Program
	lineRight    = "right"    // N is Name of Program
	lineRules    = "rules"    // N are Rules
	lineHeld     = "held"     // Account has, in rows: right, flags, since, rules, and the record and time that its tenure began with
	lineEnded    = "ended"    // Account had, and its person is under a legal hold; in rows: right, managed, rules, and record and time of beginning and end
	lineLink     = "link"     // Person, Program, Kind → Account; a row: record and time of its beginning and of its end
	lineIntent   = "intent"   // record N is open, of Account now; a row: unknown, lease, halted
	lineFact     = "fact"     // the personal part is the fact
	lineBaseline = "baseline" // Program was read completely once
)

// errSnapshot: a line is none.
var errSnapshot = errors.New("the snapshot is damaged")

const (
	flagManaged = 1 << iota
	flagConfirmed
	flagSeen
)

// leaf is the hash of a line. One without anything personal has no commitment.
func (l *Stored) leaf() (audit.Hash, error) {
	if l.Salt == "" && l.Personal == "" && l.Commitment == "" {
		return audit.LeafBlanked([]byte(l.Public), audit.Hash{}), nil
	}
	r := audit.Record{Public: []byte(l.Public), Personal: []byte(l.Personal)}
	var err error
	if r.Salt, err = base64.StdEncoding.Strict().DecodeString(l.Salt); err != nil {
		return audit.Hash{}, err
	}
	if r.Commitment, err = base64.StdEncoding.Strict().DecodeString(l.Commitment); err != nil {
		return audit.Hash{}, err
	}
	return r.LeafOf()
}

// commit is what stays of salt and personal part.
func (l *Stored) commit() (string, error) {
	salt, err := base64.StdEncoding.Strict().DecodeString(l.Salt)
	if err != nil || len(salt) != audit.SaltSize {
		return "", errors.New("its salt can't be read; run audit verify")
	}
	c := audit.Commitment([audit.SaltSize]byte(salt), []byte(l.Personal))
	return base64.StdEncoding.EncodeToString(c[:]), nil
}

// snapshot is one as it was read.
type snapshot struct {
	upTo      int64
	position  engine.Position
	tenures   map[engine.Held3]engine.Tenure
	ended     []engine.Tenure
	logins    map[int64][]string // of people
	linked    map[linkBegun]linkView
	newest    map[engine.LinkKey]int64
	names     tableNames
	intents   []snapLine
	facts     map[engine.FactKey]int64 // the lines
	blankedIn struct{ people, accounts, facts []int64 }
	tree      audit.Frontier
	lines     int64
	leaves    []audit.Hash
}

func newSnapshot(upTo int64) *snapshot {
	return &snapshot{upTo: upTo, logins: map[int64][]string{}, tenures: map[engine.Held3]engine.Tenure{}, linked: map[linkBegun]linkView{}, newest: map[engine.LinkKey]int64{},
		position: engine.Position{Part: engine.Part{Holdings: map[engine.Held3]engine.HoldingState{}}, Links: map[engine.LinkKey]engine.Link{}},
		names:    tableNames{map[int64]string{}, map[int64]name{}, map[int64]name{}, map[int64]ruleList{}}, facts: map[engine.FactKey]int64{}}
}

// root is that of the tree over the lines so far.
func (s *snapshot) root() string {
	s.tree, _ = s.tree.Append(s.leaves...)
	s.leaves = s.leaves[:0]
	return s.tree.Head().Root.String()
}

// add takes the next line in.
func (s *snapshot) add(l Stored, rules map[int64][]string) error {
	leaf, err := l.leaf()
	if err != nil {
		return fmt.Errorf("%w: line %d: %w", errSnapshot, s.lines+1, err)
	}
	if s.lines++; s.lines == 1 {
		rules[0] = nil
	}
	if s.leaves = append(s.leaves, leaf); len(s.leaves) >= page {
		s.root()
	}
	var p snapLine
	err = strict([]byte(l.Public), &p)
	if err == nil {
		err = s.take(&p, &l, rules)
	}
	if err != nil {
		return fmt.Errorf("%w: line %d can't be read: %w", errSnapshot, s.lines, err)
	}
	return nil
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// shape refuses rows that nobody wrote.
func (p *snapLine) shape() error {
	for _, row := range p.Rows {
		if want := map[string]int{lineHead: 4, lineHeld: 6, lineEnded: 7, lineLink: 4, lineIntent: 3}[p.What]; len(row) != want {
			return fmt.Errorf("a row has %d numbers instead of %d", len(row), want)
		}
	}
	if single := p.What == lineHead || p.What == lineIntent; single && len(p.Rows) != 1 {
		return fmt.Errorf("it has %d rows instead of 1", len(p.Rows))
	}
	return nil
}

// take reads a line; names come before what they are names of.
func (s *snapshot) take(p *snapLine, l *Stored, rules map[int64][]string) error {
	if err := p.shape(); err != nil {
		return err
	}
	switch p.What {
	case lineHead:
		h := p.Rows[0]
		s.position.Seq, s.position.Control, s.position.Runs, s.position.Time = h[0], h[1], int(h[2]), instant(h[3])
	case linePerson:
		return s.called(p, l, func(n snapName) { s.names.people[p.N], s.logins[p.N] = n.Name, n.Logins }, &s.blankedIn.people)
	case lineAccount:
		return s.called(p, l, func(n snapName) { s.names.accounts[p.N] = name{p.Program, n.Name} }, &s.blankedIn.accounts)
	case lineRight:
		s.names.rights[p.N] = name{p.Program, p.Name}
	case lineRules:
		s.names.rules[p.N], rules[p.N] = rulesOf(p.Rules), p.Rules
	case lineHeld:
		return s.held(p, rules)
	case lineEnded:
		return s.over(p, rules)
	case lineLink:
		return s.link(p)
	case lineIntent:
		s.intents = append(s.intents, *p)
	case lineFact:
		return s.fact(l)
	case lineBaseline:
		s.position.Baselines = append(s.position.Baselines, p.Program)
	default:
		return fmt.Errorf("%q is nothing that this program knows", p.What)
	}
	return nil
}

// called gives a number its name; one that was blanked since is called like all that were.
func (s *snapshot) called(p *snapLine, l *Stored, put func(snapName), blanked *[]int64) error {
	if l.Personal == "" {
		*blanked = append(*blanked, p.N)
		name := engine.BlankedName(p.N)
		if p.Kind == engine.ProposedPrefix {
			name = engine.ProposedPrefix + name
		}
		put(snapName{Name: name})
		return nil
	}
	var n snapName
	err := strict([]byte(l.Personal), &n)
	put(n)
	return err
}

// holding is what the numbers of a row stand for.
func (s *snapshot) holding(account, right, ruleset int64, rules map[int64][]string) (key engine.Held3, list []string, err error) {
	a, ok := s.names.accounts[account]
	r, known := s.names.rights[right]
	list, listed := rules[ruleset]
	if !ok || !known || !listed || r.program != a.program {
		return key, nil, errors.New("a number stands for nothing")
	}
	return engine.Held3{Program: a.program, Account: a.name, Entitlement: r.name}, list, nil
}

func (s *snapshot) held(p *snapLine, rules map[int64][]string) error {
	for _, r := range p.Rows {
		key, list, err := s.holding(p.Account, r[0], r[3], rules)
		if err != nil {
			return err
		}
		h := engine.HoldingState{Managed: r[1]&flagManaged != 0, Confirmed: r[1]&flagConfirmed != 0, Seen: r[1]&flagSeen != 0, Since: instant(r[2]), Rules: list}
		s.position.Holdings[key] = h
		if h.Seen {
			s.tenures[key] = engine.Tenure{Held3: key, Managed: h.Managed, Rules: list, Record: r[4], From: instant(r[5])}
		}
	}
	return nil
}

func (s *snapshot) over(p *snapLine, rules map[int64][]string) error {
	for _, r := range p.Rows {
		key, list, err := s.holding(p.Account, r[0], r[2], rules)
		if err != nil {
			return err
		}
		s.ended = append(s.ended, engine.Tenure{Held3: key,
			Managed: r[1] != 0, Rules: list, Record: r[3], From: instant(r[4]), Ended: r[5], Until: instant(r[6])})
	}
	return nil
}

func (s *snapshot) link(p *snapLine) error {
	person, ok := s.names.people[p.Person]
	account, known := s.names.accounts[p.Account]
	if !ok || !known || account.program != p.Program || len(p.Rows) == 0 {
		return errors.New("a number stands for nothing")
	}
	key := engine.LinkKey{Person: person, Program: p.Program, Kind: p.Kind}
	for _, r := range p.Rows {
		s.linked[linkBegun{key, r[0]}] = linkView{Account: account, Since: r[1], Until: r[2], UntilEnd: r[3]}
		if r[2] == 0 {
			s.newest[key] = r[0]
			s.position.Links[key] = engine.Link{Person: person, Account: account.name, Kind: p.Kind, Since: instant(r[1])}
		}
	}
	return nil
}

func (s *snapshot) fact(l *Stored) error {
	if l.Personal == "" {
		s.blankedIn.facts = append(s.blankedIn.facts, s.lines)
		return nil
	}
	f, err := factOf(l.Personal)
	s.position.Facts = append(s.position.Facts, f)
	s.facts[f.FactKey] = s.lines
	return err
}

func factOf(text string) (engine.Fact, error) {
	var f fact
	err := strict([]byte(text), &f)
	return engine.Fact{FactKey: engine.FactKey(f.factKey), Since: instant(f.Since), Until: instant(f.Until), Count: f.Count, Text: f.Text, Data: f.Data}, err
}

// whole gives the position with its open intents, whose records are among those that were kept.
func (s *snapshot) whole(record func(seq int64) (engine.Record, bool)) (engine.Position, error) {
	p := s.position
	p.Open = nil
	for _, l := range s.intents {
		r, ok := record(l.N)
		if !ok || r.Kind != engine.KindIntent {
			return p, fmt.Errorf("record %d was an open change when the records before it were pruned, and is not there; it was taken away", l.N)
		}
		i, _, err := engine.IntentOf(r)
		if err != nil {
			return p, err
		}
		account := s.names.accounts[l.Account].name
		if _, proposed := engine.ProposedName(account); account != i.Change.Account {
			i.Change.Account, i.Change.Proposed = account, proposed
		}
		i.Unknown, i.Lease, i.Halted = l.Rows[0][0] != 0, instant(l.Rows[0][1]), l.Rows[0][2] != 0
		p.Open = append(p.Open, i)
	}
	return p, nil
}
