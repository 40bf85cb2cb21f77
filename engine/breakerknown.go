package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

func (w *worker) brokenKey() FactKey { return FactKey{Kind: FactBroken, Program: w.p.Name} }

// lookBroken takes over that the program is not set aside, and which accounts of it are known to fail.
func (w *worker) lookBroken(ctx context.Context, facts FactReader) error {
	b := &w.breaker
	if b.state != breakerClosed {
		b.state, b.row, b.failed = breakerClosed, nil, 0 // what failed then has been judged
	}
	f, _, err := facts.Fact(ctx, w.brokenKey())
	b.known = failedOf(f).Failed
	return err
}

// asideFailed is what a FactAside remembers, and a FactBroken.
type asideFailed struct {
	Failed []string  `json:"failed"` // accounts, hashed
	Tried  time.Time `json:"tried,omitzero"`
}

func failedOf(f Fact) (a asideFailed) {
	if json.Unmarshal(f.Data, &a) != nil {
		return asideFailed{}
	}
	return a
}

// broken is what the journal keeps of the accounts that failed, once their program works again: else five of them that are worked on
// one after another would have it set aside in each run, and everybody else would wait.
func (w *worker) broken() (set []Fact, ends []FactKey) {
	if len(w.breaker.known) == 0 {
		return nil, []FactKey{w.brokenKey()}
	}
	return []Fact{{FactKey: w.brokenKey(), Since: w.e.Now().UTC(), Data: mustJSON(asideFailed{Failed: w.breaker.known})}}, nil
}

// unnamed takes out of an error what it says of the person whose change failed: it is told of the program, and is not forgotten with
// them. The record of the change has all of it.
func unnamed(text string, c *Change) string {
	names := []string{c.Account, c.Login, c.Name, c.Person}
	if name, ok := ProposedName(c.Account); ok {
		names = append(names, name)
	}
	if c.New != nil {
		names = append(names, c.New.Name)
		for _, value := range c.New.Attributes {
			names = append(names, value)
		}
	}
	names = slices.DeleteFunc(names, func(s string) bool { return len(s) < 2 })
	for n := range names {
		names[n] = readable(names[n])
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for n := range names {
		names[n] = regexp.QuoteMeta(names[n])
	}
	if len(names) == 0 {
		return text
	}
	return regexp.MustCompile("(?i)"+strings.Join(names, "|")).ReplaceAllLiteralString(readable(text), "…")
}

// readable is a text as a record has it: what is no text in a name of a program is no pattern either.
func readable(text string) string { return string([]rune(text)) }
