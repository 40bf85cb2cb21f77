package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// scope is what one budget counts over.
type scope struct {
	kind, name string      // program, source, all
	everybody  int         // people of the directory, where the scope is wider than one program
	histories  [][]counted // of each of its programs, oldest first
}

func (s scope) String() string {
	if s.kind == "all" {
		return "all programs together"
	}
	return s.kind + " " + s.name
}

func (s scope) has(program, source string) bool {
	return s.kind == "all" || s.kind == "program" && s.name == program || s.kind == "source" && s.name == source
}

func programOf(s scope) string {
	if s.kind == "program" {
		return s.name
	}
	return ""
}

// counted is one point of a program's history of holder counts: it held from then until the next one.
type counted struct {
	At       time.Time `json:"at"`
	People   int       `json:"people"`
	Holdings int       `json:"holdings"`
}

// highest is the largest count since a time. That of several programs is the sum of theirs, so that it may have stood at
// no single moment.
func (s scope) highest(by counting, since time.Time) int {
	sum := s.everybody
	if by == holdings {
		sum = 0
	}
	for _, history := range s.histories {
		if by == people && s.kind != "program" {
			break
		}
		most := 0
		for i, c := range history {
			if i+1 < len(history) && !history[i+1].At.After(since) {
				continue // over before
			}
			if by == people {
				most = max(most, c.People)
			} else {
				most = max(most, c.Holdings)
			}
		}
		sum += most
	}
	return sum
}

// scopes lists the budgets' scopes with the counts that were seen.
func (b *builder) scopes() []scope {
	all := scope{kind: "all", everybody: b.proofCount()}
	out := []scope{}
	for _, p := range b.programs {
		history := p.history()
		all.histories = append(all.histories, history)
		out = append(out, scope{kind: "program", name: p.program.Name, histories: [][]counted{history}})
	}
	sources := map[string]bool{}
	for i := range b.subjects {
		sources[b.subjects[i].source] = true
	}
	for name := range sources {
		out = append(out, scope{kind: "source", name: name, everybody: all.everybody, histories: all.histories})
	}
	slices.SortFunc(out, func(x, y scope) int { return strings.Compare(x.kind+x.name, y.kind+y.name) })
	return append(out, all)
}

func (b *builder) proofCount() int {
	n := len(b.s.People)
	if b.s.accepted != nil {
		return max(n, b.s.accepted.Count)
	}
	if f, ok := b.s.Memory.Fact(FactKey{Kind: FactBaseline, Key: b.s.Proof.Source}); ok {
		var base Proof
		if json.Unmarshal(f.Data, &base) == nil {
			n = max(n, base.Count)
		}
	}
	return n
}

// readHistory reads JSON, that of the usual form by hand: it is read for each program in each plan.
func readHistory(data []byte) (known []counted) {
	if quick, ok := quickHistory(string(data)); ok {
		return quick
	}
	if json.Unmarshal(data, &known) != nil {
		return nil
	}
	return known
}

func quickHistory(text string) (out []counted, ok bool) {
	rest, ok := strings.CutPrefix(text, "[")
	for more := ok; more; {
		var c counted
		if rest, ok = quickObject(rest, c.quickField); !ok || rest == "" {
			return nil, false
		}
		out = append(out, c)
		more, ok, rest = rest[0] == ',', rest[0] == ',' || rest[0] == ']', rest[1:]
	}
	return out, ok && rest == ""
}

func (c *counted) quickField(name, value string) (rest string, ok bool) {
	switch name {
	case "at":
		var at string
		if at, rest, ok = plainText(value); ok {
			ok = c.At.UnmarshalText([]byte(at)) == nil
		}
	case "people":
		c.People, rest, ok = plainNumber(value)
	case "holdings":
		c.Holdings, rest, ok = plainNumber(value)
	}
	return rest, ok
}

// history is how many held how much within the longest window, with the present last; a complete read adds to what is
// remembered. Of what is older only the last point is kept, which still held when the window began.
func (p *programPlan) history() []counted {
	key := FactKey{Kind: FactHolders, Program: p.program.Name}
	var known []counted
	if f, ok := p.b.s.Memory.Fact(key); ok {
		known = readHistory(f.Data)
	}
	since := p.b.s.Now.Add(-p.b.s.Settings.Window())
	for len(known) > 1 && !known[1].At.After(since) {
		known = known[1:]
	}
	now := counted{At: p.b.s.Now.UTC(), People: len(p.sets.Actual.Accounts()), Holdings: p.sets.Actual.Len()}
	history := append(slices.Clip(known), now)
	if n := len(known); p.complete && (n == 0 || known[n-1].People != now.People || known[n-1].Holdings != now.Holdings) {
		p.b.set(Fact{FactKey: key, Data: mustJSON(history)})
	}
	return history
}
