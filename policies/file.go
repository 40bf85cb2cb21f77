package policies

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// definitions is everything the files say, names resolved and checked.
type definitions struct {
	rules     []rule
	extras    []extra
	blocks    []block
	conflicts []conflict
	protected Protected
	tests     []testCase
}

type rule struct {
	name, place, mode, reason string
	any, all, none            []string // canonical roles
	when                      *condition
	grant                     []engine.Entitlement
	grace                     time.Duration
	priority                  int // of who waits for a seat; 0: like any other rule
}

type extra struct {
	person, place, reason, author string
	grant                         engine.Entitlement
	from, until                   date
}

type block struct {
	person, place, reason string
	pattern               string
	review                date
}

type conflict struct {
	name, place, keep, reason string
	never                     []engine.Entitlement // in the order of the file: it decides
}

// Protected is who and what only an approval or a cut may touch.
type Protected struct {
	People   []string // keys or logins
	Accounts []string // "program/account id"
}

// Modes of a rule.
const (
	modeObserve  = "observe"
	modeAdditive = "additive"
	modeEnforce  = "enforce"
)

// What a conflict keeps.
const (
	keepFirst    = "first"
	keepExisting = "existing"
	keepRecord   = "record"
)

const endMark = "..."

// policyFile reads one whole file into defs.
func (r *reader) policyFile(root *node, defs *definitions) {
	before := defs.count()
	var grace time.Duration
	first := len(defs.rules)
	r.fields(root, "a policy file", []field{
		{"version", false, r.version}, // 1 is meant unless another one is named
		{"end", false, r.end},
		{"grace", false, r.duration(&grace)},
		{"rules", false, r.each(func(n *node) { defs.rules = append(defs.rules, r.rule(n)) })},
		{"extras", false, r.each(func(n *node) { defs.extras = append(defs.extras, r.extra(n)...) })},
		{"blocks", false, r.each(func(n *node) { defs.blocks = append(defs.blocks, r.block(n)) })},
		{"conflicts", false, r.each(func(n *node) { defs.conflicts = append(defs.conflicts, r.conflict(n)) })},
		{"protected", false, func(n *node) { r.protected(n, &defs.protected) }},
		{"tests", false, r.each(func(n *node) { defs.tests = append(defs.tests, r.testCase(n)) })},
	}, nil)
	for i := first; i < len(defs.rules); i++ {
		if defs.rules[i].grace < 0 {
			defs.rules[i].grace = grace
		}
	}
	if root.kind != table {
		return
	}
	if i := slices.IndexFunc(root.entries, func(e entry) bool { return e.key.text == "version" }); i > 0 {
		r.wrong(root.entries[i].key, "version does not come first", "begin the file with version: 1")
	}
	if defs.count() == before {
		r.wrongAt(1, 1, "the file says nothing", "it may be cut off; remove it if it is not needed")
	}
}

func (d *definitions) count() int {
	return len(d.rules) + len(d.extras) + len(d.blocks) + len(d.conflicts) + len(d.tests) + len(d.protected.People) + len(d.protected.Accounts)
}

func (r *reader) version(n *node) {
	if n.kind != scalar || n.text != "1" || n.quoted {
		r.wrong(n, "version "+quote(n.text)+" is not known", "write version: 1")
	}
}

// A file that announces its end mark can't be cut off anywhere without being refused.
func (r *reader) end(n *node) {
	if s, ok := r.text(n); ok && s != "required" {
		r.wrong(n, quote(s)+" is not known here", "write end: required and close the file with a line "+endMark)
	}
	last := len(r.lines) - 1
	for last > 0 && r.lines[last] == "" {
		last--
	}
	if r.lines[last] != endMark {
		r.wrongAt(last+1, 1, "the file has no end mark: it may be cut off", "its first lines say end: required, so the last one must be "+endMark)
	}
}

func (r *reader) rule(n *node) rule {
	out := rule{place: r.place(n), mode: modeEnforce, grace: -1}
	var hasRoles, hasWhen bool
	ok := r.fields(n, "a rule", []field{
		{"name", true, func(n *node) { out.name = r.name(n) }},
		{"roles", false, func(n *node) { hasRoles = true; r.roles(n, &out) }},
		{"when", false, func(n *node) { hasWhen = true; out.when = r.condition(n) }},
		{"grant", true, func(n *node) { out.grant = r.entitlements(n, 1) }},
		{"mode", false, r.word(&out.mode, modeObserve, modeAdditive, modeEnforce)},
		{"reason", false, r.textInto(&out.reason)},
		{"grace", false, r.duration(&out.grace)},
		{"priority", false, r.priority(&out.priority)},
	}, nil)
	if ok && !hasRoles && !hasWhen {
		r.wrong(n, "the rule has neither roles nor when, so it would match everybody", "if that is meant, write when: 'true'")
	}
	return out
}

// priority is a whole number from 0 to 1000.
func (r *reader) priority(to *int) func(*node) {
	return func(n *node) {
		i, err := strconv.Atoi(n.text)
		if n.kind != scalar || n.quoted || err != nil || i < 0 || i > 1000 {
			r.wrong(n, "a priority is a whole number from 0 to 1000", "the highest goes first where seats are too few; left out it is 0")
			return
		}
		*to = i
	}
}

func (r *reader) name(n *node) string {
	s, ok := r.text(n)
	if ok && (len(s) > 100 || strings.Contains(s, "\n") || strings.HasPrefix(s, extraPrefix)) {
		r.wrong(n, quote(s)+" can't be a name", "at most 100 bytes in one line, not beginning with "+quote(extraPrefix))
	}
	return s
}

// roles takes {any, all, none}, or a plain list, which means any.
func (r *reader) roles(n *node, out *rule) {
	switch n.kind {
	case list:
		r.roleList(&out.any)(n)
		return
	case scalar:
		r.wrong(n, "roles must be a list or a table", "write ["+n.text+"] or {any: [...], all: [...], none: [...]}")
		return
	}
	r.fields(n, "roles", []field{
		{"any", false, r.roleList(&out.any)},
		{"all", false, r.roleList(&out.all)},
		{"none", false, r.roleList(&out.none)},
	}, nil)
	if n.kind == table && len(n.entries) == 0 {
		r.wrong(n, "roles names no role", "leave it out or name one")
	}
}

// An empty list is refused: read as "no restriction" it would widen the rule, read as "nobody" it would end it.
func (r *reader) roleList(to *[]string) func(*node) {
	return func(n *node) {
		if n.kind == list && len(n.items) == 0 {
			r.wrong(n, "the list of roles is empty", "leave it out or name a role")
		}
		r.texts(n, func(item *node, text string) {
			role, wrong := r.schema.role(text)
			r.problem(item, wrong)
			*to = append(*to, role)
		})
	}
}

func (r *reader) entitlements(n *node, least int) []engine.Entitlement {
	var out []engine.Entitlement
	items := 0
	r.oneOrMore(n, func(item *node, text string) {
		items++
		e, wrong := r.schema.entitlement(text)
		r.problem(item, wrong)
		out = append(out, e)
	})
	if n.kind == list && len(n.items) < least {
		r.wrong(n, "the list of entitlements is too short", "")
	}
	return out
}

func (r *reader) extra(n *node) []extra {
	out := extra{place: r.place(n)}
	var grant []engine.Entitlement
	r.fields(n, "an extra", []field{
		{"person", true, r.textInto(&out.person)},
		{"grant", true, func(n *node) { grant = r.entitlements(n, 1) }},
		{"from", false, r.date(&out.from)},
		{"until", true, r.date(&out.until)},
		{"reason", true, r.textInto(&out.reason)},
	}, nil)
	if out.from != 0 && out.until != 0 && out.from > out.until {
		r.wrong(n, "the extra ends before it begins", "")
	}
	all := make([]extra, len(grant))
	for i, e := range grant {
		all[i] = out
		all[i].grant = e
	}
	return all
}

func (r *reader) block(n *node) block {
	out := block{place: r.place(n)}
	r.fields(n, "a block", []field{
		{"person", true, r.textInto(&out.person)},
		{"entitlement", true, func(n *node) { out.pattern = r.pattern(n) }},
		{"review", true, r.date(&out.review)},
		{"reason", true, r.textInto(&out.reason)},
	}, nil)
	return out
}

// pattern takes an entitlement in which * stands for any text, also with slashes.
func (r *reader) pattern(n *node) string {
	s, ok := r.text(n)
	if !ok {
		return ""
	}
	program, _, _ := strings.Cut(s, "/")
	switch {
	case !strings.Contains(s, "*"):
		_, wrong := r.schema.entitlement(s)
		r.problem(n, wrong)
	case !strings.Contains(program, "*"):
		if _, known := r.schema.Programs[program]; !known {
			r.problem(n, unknownName("program", program, sortedKeys(r.schema.Programs)))
		}
	}
	return s
}

func (r *reader) conflict(n *node) conflict {
	out := conflict{place: r.place(n)}
	r.fields(n, "a conflict", []field{
		{"name", true, func(n *node) { out.name = r.name(n) }},
		{"never_both", true, func(n *node) {
			if n.kind != list {
				r.wrong(n, "here must be a list of at least two entitlements", "")
				return
			}
			out.never = r.entitlements(n, 2)
		}},
		{"keep", true, r.word(&out.keep, keepFirst, keepExisting, keepRecord)},
		{"reason", false, r.textInto(&out.reason)},
	}, nil)
	return out
}

func (r *reader) protected(n *node, to *Protected) {
	r.fields(n, "protected", []field{
		{"people", false, func(n *node) { r.texts(n, func(_ *node, s string) { to.People = append(to.People, s) }) }},
		{"accounts", false, func(n *node) {
			r.texts(n, func(item *node, s string) {
				program, account, _ := strings.Cut(s, "/")
				if _, ok := r.schema.Programs[program]; !ok {
					r.problem(item, unknownName("program", program, sortedKeys(r.schema.Programs)))
				} else if account == "" {
					r.wrong(item, quote(s)+" names no account", "write program/account")
				}
				to.Accounts = append(to.Accounts, s)
			})
		}},
	}, nil)
}
