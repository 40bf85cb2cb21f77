package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// toldThing is one thing that people are told. Its key stays the same for as long as its reason does.
type toldThing struct {
	about, key string
	lines      func(ctx context.Context) ([]notify.Line, error) // asked for only where it is told
}

// single is a thing of one line.
func single(about, key string, l notify.Line) toldThing {
	return toldThing{about, key, func(context.Context) ([]notify.Line, error) { return []notify.Line{l}, nil }}
}

// tell tells people what a run found, each thing once by each channel. It does not hold up work; only the machine that planned the
// run tells, and is at its end before the next run.
func (s *server) tell(ctx context.Context, p *engine.Plan) {
	sys, done := s.use()
	if len(sys.channels.all) == 0 || !s.telling.TryLock() {
		done()
		return
	}
	s.former.Go(func() {
		defer done()
		defer s.telling.Unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
		defer cancel()
		free, ok, err := s.alone(ctx, "notices")
		if err != nil || !ok {
			s.log.Warn("people are not told now: another machine does, or nobody can tell", "error", err)
			return
		}
		defer free()
		n, err := sys.tell(ctx, p, s.app.Now())
		if err != nil {
			s.log.Error("people were told, but not all; the rest is tried again after the next run", "messages", n, "error", err)
			return
		}
		s.log.Info("people were told", "messages", n)
	})
}

// tell gives how many messages were sent.
func (s *system) tell(ctx context.Context, p *engine.Plan, now time.Time) (sent int, err error) {
	found, err := s.toTell(ctx, p, now)
	if err != nil {
		return 0, err
	}
	facts, err := s.store.Facts(ctx, engine.FactTold)
	if err != nil {
		return 0, err
	}
	told := map[string]bool{}
	for _, f := range facts {
		told[f.Key] = true
	}
	var wrong []error
	for i := range s.channels.all {
		c := &s.channels.all[i]
		for _, about := range config.NoticeAbout() {
			fresh := slices.DeleteFunc(slices.Clone(found), func(t toldThing) bool { return t.about != about || !c.Wants(about) || told[c.key(t)] })
			if len(fresh) == 0 {
				continue
			}
			if err := s.tellBy(ctx, c, about, fresh, now); err != nil {
				wrong = append(wrong, fmt.Errorf("notices: channel %s: %w", c.name, err))
				continue
			}
			sent++
		}
	}
	return sent, errors.Join(append(wrong, s.forget(ctx, facts, found, now))...)
}

// key is how it is remembered that a thing was told; what it names may be personal and is not kept.
func (c *channel) key(t toldThing) string { return c.name + "/" + t.about + "/" + digest(t.key) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

// mostLines is how many lines a message has.
const mostLines = 50

// tellBy sends one message and remembers it. Between the two the machine may die: then it comes once more, with the same id.
func (s *system) tellBy(ctx context.Context, c *channel, about string, fresh []toldThing, now time.Time) error {
	d := notify.Data{About: about, Page: pageAddress(s.cfg), Now: now.In(zone(s.cfg))}
	var facts []engine.Fact
	var keys []string
	for _, t := range fresh {
		lines, err := t.lines(ctx)
		if err != nil {
			return err
		}
		d.Lines = append(d.Lines, lines...)
		keys = append(keys, c.key(t))
		facts = append(facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Key: c.key(t)}, Since: now.UTC()})
	}
	d.More = max(0, len(d.Lines)-mostLines)
	d.Lines = d.Lines[:len(d.Lines)-d.More]
	m := notify.Message{Version: 1, ID: digest(strings.Join(keys, "\n")), About: about, Time: d.Now, Lines: d.Lines}
	var err error
	if m.Subject, m.Text, err = s.channels.texts.Render(d); err != nil {
		return err
	}
	sending, cancel := context.WithTimeout(ctx, messageTime)
	defer cancel()
	if err := c.send.Send(sending, m); err != nil {
		return err
	}
	var records []engine.Record
	for part := range slices.Chunk(facts, 1000) {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Why: []string{c.name + " was told: " + m.Subject}, Set: part})
	}
	return s.store.Append(context.WithoutCancel(ctx), engine.Free, records)
}

// forgetAfter is how long something that was told stays told though its reason is gone: what comes and goes is told once a day.
const forgetAfter = 24 * time.Hour

// forget lets what is over be told when it comes back.
func (s *system) forget(ctx context.Context, told []engine.Fact, found []toldThing, now time.Time) error {
	there := map[string]bool{}
	for i := range s.channels.all {
		for _, t := range found {
			there[s.channels.all[i].key(t)] = true
		}
	}
	var gone []engine.FactKey
	for _, f := range told {
		if !there[f.Key] && now.Sub(f.Since) >= forgetAfter {
			gone = append(gone, f.FactKey)
		}
	}
	var records []engine.Record
	for part := range slices.Chunk(gone, 1000) {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Why: []string{"what was told before is over: " + plural(len(part), "thing")}, Clear: part})
	}
	if len(records) == 0 {
		return nil
	}
	return s.store.Append(context.WithoutCancel(ctx), engine.Free, records)
}
