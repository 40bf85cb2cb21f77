package period

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (b *Builder) intent(r *engine.Record) error {
	i, _, err := engine.IntentOf(*r)
	if err != nil {
		return fmt.Errorf("record %d: %w", r.Seq, err)
	}
	ch := &i.Change
	c := &Case{Seq: r.Seq, Kind: r.Kind, Time: r.Time, Run: r.Run, Policy: b.policy.Hash, Config: b.config.Hash, Actor: r.Actor, Person: r.Person, Login: ch.Login,
		Name: ch.Name, Op: r.Op, Program: r.Program, Account: r.Account, Entitlement: ch.Entitlement, Cause: r.Cause, Why: list(r.Why), Rules: list(r.Rules),
		Item: ch.Item, right: r.Entitlement}
	b.reason(c)
	if r.Kind == engine.KindIntent {
		b.open[r.Seq] = c
	}
	if b.began {
		b.cases = append(b.cases, c)
	}
	return nil
}

// reason finds since when Rolecall knew of the reason, and who approved what waited.
func (b *Builder) reason(c *Case) {
	c.Since = c.Time
	if b.run.name == c.Run && c.Run != "" {
		c.Since = b.run.time
		if b.run.policy != "" {
			c.Policy, c.Config = b.run.policy, b.run.config
		}
	}
	earlier := func(t time.Time, ok bool) {
		if ok && !t.IsZero() && t.Before(c.Since) {
			c.Since = t.UTC()
		}
	}
	if c.Op.Takes() {
		t, ok := b.since[engine.FactKey{Kind: engine.FactUndesired, Program: c.Program, Account: c.Account, Entitlement: c.right}]
		earlier(t, ok)
	}
	if c.Cause == engine.CauseAbsent {
		t, ok := b.since[engine.FactKey{Kind: engine.FactAbsent, Person: c.Person}]
		earlier(t, ok)
	}
	if c.Op == engine.OpCreate {
		t, ok := b.since[engine.FactKey{Kind: engine.FactWaiting, Person: c.Person, Program: c.Program}]
		earlier(t, ok)
	}
	if i, ok := b.items[c.Item]; ok && c.Item != "" {
		earlier(i.Since, true)
		c.Held, c.Approval = i.Reason, b.approvals[c.Item]
	}
}

func (b *Builder) outcome(r *engine.Record) {
	c := b.open[r.Of]
	if c == nil || r.Kind == engine.KindLate {
		if b.began {
			b.gaps.count("late", r.Seq)
		}
		if i := slices.IndexFunc(b.cases, func(c *Case) bool { return c.Seq == r.Of }); i >= 0 && r.Kind == engine.KindLate {
			b.cases[i].Late++
		}
		return
	}
	c.Outcome = step(r, string(r.Outcome))
	if r.Account != "" {
		c.Account = r.Account
	}
	if r.Outcome == engine.Uncertain || r.Outcome == engine.Halted { // it is read back, and stays open
		return
	}
	delete(b.open, r.Of)
	if c.Effect() && (c.Op.Gives() || c.Op.Takes()) {
		b.unread[c.Program] = append(b.unread[c.Program], c)
	}
}

// run is what a run says of itself.
type run struct {
	name, policy, config string
	seq                  int64
	time                 time.Time
}

// ran takes the proofs in: a complete list that was begun after a result confirms it, unless what comes with it says otherwise.
func (b *Builder) ran(r *engine.Record) error {
	var d struct {
		Policy, Config string
		Proofs         []engine.Proof
		Notices        []engine.Notice
	}
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return fmt.Errorf("record %d: what the run read can't be read: %w", r.Seq, err)
	}
	for k := range b.cleared {
		delete(b.since, k)
	}
	clear(b.cleared)
	b.just = nil
	b.run = run{name: r.Run, policy: d.Policy, config: d.Config, seq: r.Seq, time: r.Time}
	for i := range d.Proofs {
		kind := "program"
		if i == 0 {
			kind = "directory"
		}
		b.proof(r, &d.Proofs[i], kind)
	}
	b.keeps(r, d.Proofs, d.Notices)
	if b.began {
		b.notices(r, d.Notices)
	}
	return nil
}

func (b *Builder) proof(r *engine.Record, p *engine.Proof, kind string) {
	for i := range p.Partners {
		b.proof(r, &p.Partners[i], kind)
	}
	b.read(r, p, kind)
	if kind != "program" || !p.Complete() {
		return
	}
	b.unread[p.Source] = slices.DeleteFunc(b.unread[p.Source], func(c *Case) bool {
		if !p.Started.Before(c.Outcome.Time) {
			c.Read = &Step{Seq: r.Seq, Time: r.Time, By: r.Run, What: "confirmed"}
			b.just = append(b.just, c)
		}
		return c.Read != nil
	})
}

// seen contradicts what the read of the same run had confirmed.
func (b *Builder) seen(r *engine.Record) error {
	var s engine.Seen
	if err := json.Unmarshal(r.Data, &s); err != nil {
		return fmt.Errorf("record %d: %w", r.Seq, err)
	}
	against := map[[2]string]string{}
	for _, a := range s.Appeared {
		against[a] = "takes"
	}
	for _, gone := range [][][2]string{s.Disappeared, s.Vanished} {
		for _, a := range gone {
			against[a] = "gives"
		}
	}
	for _, c := range b.just {
		if c.Program == r.Program && against[[2]string{c.Account, c.right}] == c.Op.Effect() {
			c.Read.Seq, c.Read.What = r.Seq, "contradicted"
		}
	}
	return nil
}

func step(r *engine.Record, what string) *Step {
	return &Step{Seq: r.Seq, Time: r.Time, By: r.Actor, What: what, Why: text(r.Why)}
}

func text(why []string) string { return strings.Join(why, "; ") }

func list(of []string) []string { return append([]string{}, of...) }
