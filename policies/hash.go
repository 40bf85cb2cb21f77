package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// hashVersion changes with the meaning of the language: the same text must then hash differently.
const hashVersion = "rolecall policy 1"

// digest hashes the JSON form of what it is given: structs and sorted slices, no maps.
func digest(kind string, fields ...any) string {
	text, err := json.Marshal(append([]any{hashVersion, kind}, fields...))
	if err != nil {
		panic("policies: strings and numbers always have a JSON form: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// hash is of what decides whether the rule gives and what becomes of it; reason and place decide nothing.
func (r *rule) hash() string {
	when := ""
	if r.when != nil {
		when = oneSpace(r.when.text)
	}
	return digest("rule", r.name, r.mode, sorted(r.any), sorted(r.all), sorted(r.none), when, sortedRights(r.grant), r.grace)
}

func (e *extra) hash() string {
	return digest("extra", e.person, e.grant.String(), e.from, e.until)
}

// name is unique among extras: two that agree in all of it are the same. The journal keeps it for ever, so it has the person's key only within a
// hash.
func (e *extra) name() string {
	name := extraPrefix + " " + e.hash()[:12] + " " + e.grant.String() + " "
	if e.from != 0 {
		name += "from " + e.from.String() + " "
	}
	return name + "until " + e.until.String()
}

// The order of never_both decides, so it is not sorted.
func (c *conflict) hash() string {
	var never []string
	for _, e := range c.never {
		never = append(never, e.String())
	}
	return digest("conflict", c.name, c.keep, never)
}

// contentHash is over sorted hashes: where a thing stands does not matter.
func (p *Policy) contentHash() string {
	parts := []string{digest("protected", sorted(p.defs.protected.People), sorted(p.defs.protected.Accounts), p.zones.company.String())}
	for _, r := range p.rules {
		parts = append(parts, r.Hash)
	}
	for _, b := range p.defs.blocks {
		parts = append(parts, digest("block", b.person, b.pattern))
	}
	for i := range p.defs.conflicts {
		parts = append(parts, p.defs.conflicts[i].hash())
	}
	for _, r := range p.rules {
		if r.Priority != 0 { // it gives nobody anything, but decides who waits
			parts = append(parts, digest("priority", r.Name, r.Priority))
		}
	}
	slices.Sort(parts)
	return digest("policy", parts)
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func sortedRights(es []engine.Entitlement) []string {
	var out []string
	for _, e := range es {
		out = append(out, e.String())
	}
	slices.Sort(out)
	return out
}

// oneSpace drops the line ends and indentation of a condition, not the spaces within a line, which may be in a string.
func oneSpace(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
