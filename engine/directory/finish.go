package directory

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// finish decides what needs all entries and yields the people, sorted by key.
func (b *builder) finish(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	b.gather()
	b.assign()
	b.countRoles()
	slices.SortFunc(b.people, func(x, y *engine.Person) int { return strings.Compare(x.Key, y.Key) })
	b.settle()
	b.logins()
	b.counts()
	b.canaries()
	if len(b.people) == 0 {
		b.against(engine.ReasonEmpty, b.cfg.Name+" shows nobody; look at its people base, filter and rights")
	}
	b.tell()
	for i := range b.people {
		if err := ctx.Err(); err != nil {
			return b.proof, err
		}
		if err := yield(*b.people[i]); err != nil {
			return b.proof, err
		}
	}
	b.proof.Count, b.proof.Finished = len(b.people), b.cfg.now()
	return b.proof, nil
}

func (b *builder) settle() {
	unseen := b.proof.Unseen()
	var buf []byte
	for _, p := range b.people {
		slices.SortFunc(p.Jobs, compareJobs)
		if len(unseen) > 0 {
			if len(p.Missing) == 0 {
				p.Missing = unseen // shared: Miss copies
			} else {
				p.Miss(unseen...)
			}
		}
		b.decide(p)
		if at, ok := b.twice[p.Key]; ok {
			p.State, p.Marked, p.StateWhy = engine.StateUnknown, false, sameKey+at
		}
		p.Changed, buf = fingerprint(p, buf)
	}
}

// sameKey begins the reason why nothing of an entry counts.
const sameKey = "the same key is also in "

// compareJobs orders jobs by what is in them, so that the order of rows never shows.
func compareJobs(x, y engine.Job) int {
	return strings.Compare(spell(x.Attributes), spell(y.Attributes))
}

func spell(as engine.Attributes) string {
	var s strings.Builder
	for _, a := range as {
		fmt.Fprintf(&s, "%q=%q;", a.Name, a.Values)
	}
	return s.String()
}

// logins names logins that two people share. Both keep them; whoever matches accounts by login must not match these.
func (b *builder) logins() {
	first := make(map[string]int, len(b.people))
	for i := range b.people {
		login := b.people[i].Login()
		if login == "" {
			continue
		}
		if j, ok := first[login]; ok {
			b.notice(engine.ReasonDuplicate, fmt.Sprintf("%s and %s have the same login %s", b.people[j].Entry, b.people[i].Entry, quote(login)))
			continue
		}
		first[login] = i
	}
}

// counts says how many people are in each part of the tree and how many have each attribute.
func (b *builder) counts() {
	n := map[string]int{}
	has := make([]int, len(b.cfg.Attributes))
	for _, p := range b.people {
		if b.tree {
			n[parentDN(canonDN(p.Entry))]++
		}
		for i, a := range b.cfg.Attributes {
			if hasAttribute(p, a) {
				has[i]++
			}
		}
	}
	for i, a := range b.cfg.Attributes {
		n[engine.AttributeCount(a.Name)] = has[i]
	}
	for name, count := range n {
		b.proof.Counts = append(b.proof.Counts, engine.Count{Name: name, N: count})
	}
	slices.SortFunc(b.proof.Counts, func(x, y engine.Count) int { return strings.Compare(x.Name, y.Name) })
}

func hasAttribute(p *engine.Person, a Attribute) bool {
	if !a.Job {
		return len(p.Attributes.Get(a.Name).Values) > 0
	}
	return slices.ContainsFunc(p.Jobs, func(j engine.Job) bool { return len(j.Attributes.Get(a.Name).Values) > 0 })
}

// canaries looks for the entries that must be there.
func (b *builder) canaries() {
	for _, c := range b.cfg.Canaries {
		p := b.find(c.Entry)
		switch {
		case p == nil:
			b.against(engine.ReasonCanary, "the canary "+quote(c.Entry)+" is not shown; look at the rights of the reading account")
		case c.Attribute != "" && !slices.Contains(canaryValues(p, c), b.canaryValue(c)):
			b.against(engine.ReasonCanary, fmt.Sprintf("the canary %s does not show %s = %s", quote(c.Entry), c.Attribute, quote(c.Value)))
		}
	}
}

func canaryValues(p *engine.Person, c Canary) []string {
	values := p.Attributes.Get(c.Attribute).Values
	for _, j := range p.Jobs {
		values = append(values[:len(values):len(values)], j.Attributes.Get(c.Attribute).Values...)
	}
	return values
}

func (b *builder) canaryValue(c Canary) string {
	form := plain
	if b.cfg.attribute(c.Attribute).folds() {
		form = folded
	}
	v, err := form(c.Value)
	if err != nil {
		return c.Value
	}
	return v
}

func (b *builder) find(name string) *engine.Person {
	key, dn := name, canonDN(name)
	if f, err := folded(name); err == nil && !b.cfg.ExactKey {
		key = f
	}
	for _, p := range b.people {
		if p.Key == key || b.tree && canonDN(p.Entry) == dn {
			return p
		}
	}
	return nil
}

// fingerprint hashes what policy sees of a person, "" if part of it can't be seen. buf is scratch to be used again.
func fingerprint(p *engine.Person, buf []byte) (string, []byte) {
	if p.State == engine.StateUnknown || len(p.Missing) > 0 || unknown(p.Attributes) {
		return "", buf
	}
	buf = appendTexts(appendAttributes(append(buf[:0], byte(p.State)), p.Attributes), p.Roles)
	for _, j := range p.Jobs {
		if unknown(j.Attributes) {
			return "", buf
		}
		buf = appendTexts(appendAttributes(buf, j.Attributes), j.Roles)
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16]), buf
}

func appendAttributes(buf []byte, as engine.Attributes) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(as)))
	for _, a := range as {
		buf = appendTexts(appendText(buf, a.Name), a.Values)
	}
	return buf
}

// appendTexts spells a list with all lengths, so that no two lists spell the same.
func appendTexts(buf []byte, texts []string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(texts)))
	for _, s := range texts {
		buf = appendText(buf, s)
	}
	return buf
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

func unknown(as engine.Attributes) bool {
	return slices.ContainsFunc(as, func(a engine.Attribute) bool { return a.Unknown })
}
