package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

var (
	modelSeeds = flag.Int("seeds", 60, "random histories of the model")
	modelFirst = flag.Uint64("first", 1, "the first seed")
	modelTell  = flag.Bool("tell", false, "print the story of every history")
)

// TestModel plays random histories through the real engine, checks what must hold at every step, then stops all faults and
// requires that everything becomes as it should be. One integer makes the whole history:
//
//	go test ./engine -run TestModel -first 4711 -seeds 1 -tell
func TestModel(t *testing.T) {
	wrong := 0
	for seed := *modelFirst; seed < *modelFirst+uint64(*modelSeeds); seed++ {
		m := playModel(seed)
		if m.failed != "" {
			wrong++
			t.Errorf("seed %d: %s", seed, m.failed)
		}
		if m.failed != "" && wrong <= 1 || *modelTell {
			t.Logf("the story of seed %d:\n%s", seed, strings.Join(m.story, "\n"))
		}
	}
	t.Logf("%d histories, %d wrong", *modelSeeds, wrong)
}

// TestModelReplays: the same seed tells the same story.
func TestModelReplays(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		one, two := playModel(seed), playModel(seed)
		if a, b := strings.Join(one.story, "\n"), strings.Join(two.story, "\n"); a != b {
			t.Errorf("seed %d is not deterministic", seed)
		}
	}
}

func playModel(seed uint64) *model {
	m := newModel(seed)
	events := modelEvents()
	for steps := 60 + m.events.IntN(120); steps > 0 && m.failed == ""; steps-- {
		m.step(events)
		m.check.step()
	}
	if m.failed == "" {
		m.settle()
	}
	return m
}

// run is one whole run of the daemon: read, plan, commit, work.
func (m *model) run() *engine.Plan {
	m.someDirectoryFault()
	p, epoch := m.planned()
	if p == nil {
		return nil
	}
	if m.commit(p, epoch) {
		m.work()
	}
	return p
}

// planned becomes the leader and plans; nil if the process died.
func (m *model) planned() (*engine.Plan, int64) {
	epoch, err := m.journal.Lead(context.Background())
	if err != nil {
		return nil, 0
	}
	s, err := m.engine.Snapshot(context.Background())
	if err != nil {
		m.say("run: %v", err)
		return nil, 0
	}
	m.check.snapshot = s
	p := engine.MakePlan(s)
	m.tell(p)
	return p, epoch
}

func (m *model) tell(p *engine.Plan) {
	m.say("run %s: people %s", p.ID, proofText(&p.Proofs[0]))
	for i := range p.Proofs[1:] {
		if proof := &p.Proofs[i+1]; !proof.Complete() {
			m.say("  %s: %s", proof.Source, proofText(proof))
		}
	}
	for _, n := range p.Notices {
		if n.Level == "alarm" {
			m.say("  alarm: %s", n.Text)
		}
	}
	for _, c := range p.Changes {
		m.say("  %-8s %-14s %-12s %-6s %s/%s %s", c.Op, c.Entitlement, c.Account, c.Person, c.State, c.Cause, c.Reason)
	}
}

func proofText(p *engine.Proof) string {
	if p.Complete() {
		return "complete"
	}
	return "not complete: " + p.Reasons[0].Code
}

func (m *model) commit(p *engine.Plan, epoch int64) bool {
	_, err := m.engine.Commit(context.Background(), p, "daemon", epoch)
	if err != nil {
		m.say("  not committed: %v", err)
		if !m.dead {
			m.fail("nobody interfered, but the plan could not be committed: %v", err)
		}
	}
	return err == nil
}

func (m *model) work() {
	for i := range m.engine.Programs {
		if _, err := m.engine.WorkProgram(context.Background(), &m.engine.Programs[i]); err != nil {
			m.say("  work in %s: %v", m.engine.Programs[i].Name, err)
			if !m.dead {
				m.fail("work stopped although nothing crashed: %v", err)
			}
		}
	}
}

// twoDaemons: one plans, another one plans or somebody decides, and the first comes back.
func (m *model) twoDaemons() {
	m.say("a daemon plans, and pauses")
	m.someDirectoryFault()
	p, epoch := m.planned()
	if p == nil {
		return
	}
	before := m.check.snapshot
	m.say("meanwhile:")
	control := m.check.control
	if m.events.IntN(2) == 0 {
		m.run()
	} else {
		m.cut()
	}
	m.dead = false
	m.say("the first daemon wakes up")
	m.check.snapshot = before
	interfered := control != m.check.control
	_, err := m.engine.Commit(context.Background(), p, "daemon", epoch)
	if err == nil && interfered {
		m.fail("a daemon committed a stale plan")
	} else if err != nil && !m.dead && !errors.Is(err, engine.ErrDeposed) && !errors.Is(err, engine.ErrStale) {
		m.fail("a stale plan was refused with %v", err)
	}
}

// worker is a further worker that only carries out what is open.
func (m *model) worker() {
	m.say("a worker looks for open work")
	m.work()
}

// dryRun plans twice from one snapshot: nothing may change, and the plans must be equal to the byte.
func (m *model) dryRun() {
	m.someDirectoryFault()
	calls, records := m.check.calls, m.check.records
	s, err := m.engine.Snapshot(context.Background())
	if err != nil {
		return
	}
	one, _ := json.Marshal(engine.MakePlan(s))
	two, _ := json.Marshal(engine.MakePlan(s))
	if string(one) != string(two) {
		m.fail("equal snapshots gave different plans:\n%s\n%s", one, two)
	}
	if calls != m.check.calls || records != m.check.records {
		m.fail("a dry run changed something")
	}
}

// settle switches all faults off and lets the daemon run: everything must become as it should be.
func (m *model) settle() {
	m.quiet, m.dead = true, false
	m.say("--- all faults are switched off")
	for program := range m.check.pausedNow() {
		if err := m.engine.Unpause(context.Background(), "boss", program); err != nil {
			m.fail("%v", err)
		}
	}
	var last *engine.Plan
	for i := 0; i < 60 && m.failed == ""; i++ { // longer than any grace, back-off, approval and wait
		m.now = m.now.Add(3 * time.Hour)
		if i < 55 {
			if _, err := m.engine.Approve(context.Background(), "boss", []string{"all"}, "yes"); err != nil {
				m.fail("%v", err)
			}
		}
		last = m.run()
		m.check.step()
	}
	if m.failed == "" {
		m.check.end(last)
	}
}
