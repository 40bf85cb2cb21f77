package sim

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

var watchFlag = flag.String("watch", "", "with -tell: PROGRAM/RIGHT/ACCOUNT, of which the story tells after each step what is known, and every call")

// watching is what the story tells of one holding.
type watching struct {
	engine.Held3
	last   string
	hashes []string // of policies, which are told by number
}

func watched() *watching {
	parts := strings.Split(*watchFlag, "/")
	if len(parts) != 3 {
		return nil
	}
	return &watching{Held3: engine.Held3{Program: parts[0], Entitlement: parts[1], Account: parts[2]}}
}

// watch tells what the journal and the checker's books know of the holding, where that has changed.
func (m *model) watch() {
	if w := m.watching; m.telling && w != nil {
		if text := m.factsOf(w) + m.booksOf(w); text != w.last {
			w.last = text
			m.story = append(m.story, fmt.Sprintf("    after step %d:%s", m.number, text))
		}
	}
}

func (m *model) watchCall(c enginetest.ProgramCall, program string) {
	if m.telling && m.watching != nil {
		m.say("  call %s %s %s %q", program, c.Op, c.Account, c.Entitlement)
	}
}

func (m *model) factsOf(w *watching) string {
	mem, err := m.store.Journal.Memory(m.context(), m.now)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, kind := range []string{engine.FactUndesired, engine.FactFormer, engine.FactMissing, engine.FactExpiry, engine.FactSuspended, engine.FactPolicy} {
		for _, f := range mem.Facts(kind) {
			if kind == engine.FactPolicy || f.Program == w.Program && f.Account == w.Account && (f.Entitlement == w.Entitlement || kind == engine.FactSuspended) {
				fmt.Fprintf(&b, " %s(%s %s %d)", kind, f.Since.Format("02T15:04"), m.byNumber(w, f.Text), f.Count)
			}
		}
	}
	return b.String()
}

func (m *model) booksOf(w *watching) string {
	var b strings.Builder
	k, last := m.check, "-"
	if p := k.last[w.Held3]; p != nil {
		last = m.byNumber(w, p.hash)
	}
	fmt.Fprintf(&b, " | managed %v, last desired by %s, now %s, there %v", k.managed[w.Held3], last, m.byNumber(w, m.pol.hash), m.program(w.Program).Has(w.Account, w.Entitlement))
	for _, i := range k.open {
		if held(&i.Record) == w.Held3 {
			fmt.Fprintf(&b, ", open %d %s called %d until %s", i.Seq, i.Op, i.called, i.lease.Format("15:04:05"))
		}
	}
	if s := k.suspends[account{w.Program, w.Account}]; s != nil {
		fmt.Fprintf(&b, ", suspended %s by %s, wanted %v", s.at.Format("02T15:04"), s.by, s.wanted)
	}
	if p := m.person(k.ownerOf(w.Held3)); p != nil {
		fmt.Fprintf(&b, " | %s %v %v missing %v, cut %v, there %v", p.Key, p.State, p.Roles, p.Missing, k.cut[p.Key], p.there)
	}
	return b.String()
}

// byNumber numbers policies instead of showing their hashes.
func (m *model) byNumber(w *watching, text string) string {
	var out []string
	for _, hash := range strings.Split(text, "\n") {
		if m.policies[hash] != nil {
			n := slices.Index(w.hashes, hash)
			if n < 0 {
				n, w.hashes = len(w.hashes), append(w.hashes, hash)
				m.story = append(m.story, fmt.Sprintf("    policy %d is %s", n, hash))
			}
			hash = fmt.Sprintf("policy %d", n)
		}
		out = append(out, hash)
	}
	return strings.Join(out, ", ")
}
