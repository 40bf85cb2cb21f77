package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
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
	if sys.channels.none() || !s.telling.TryLock() {
		done()
		return
	}
	s.former.Go(func() {
		defer done()
		defer s.telling.Unlock()
		ctx := context.WithoutCancel(ctx)
		telling, cancel := context.WithTimeout(ctx, tellTime)
		defer cancel()
		free, ok, err := s.alone(telling, "notices")
		if err != nil || !ok {
			s.log.Warn("people are not told now: another machine does, or nobody can tell", "error", err)
			return
		}
		defer free()
		n, err := sys.tell(telling, p, s.app.Now())
		if err != nil {
			s.log.Error("people were told, but not all; the rest is tried again after the next run", "messages", n, "error", err)
		} else {
			s.log.Info("people were told", "messages", n)
		}
		if o := s.outlook.Load(); o != nil && o.Plan == p && sys.channels.people != nil {
			s.tellPeople(ctx, sys, o)
		}
	})
}

// tellPeople tells those whose access changed; it has a time of its own, so that no channel takes it.
func (s *server) tellPeople(ctx context.Context, sys *system, o *engine.Outlook) {
	ctx, cancel := context.WithTimeout(ctx, peopleTime)
	defer cancel()
	n, err := sys.tellPeople(ctx, o, s.app.Now())
	if err != nil {
		s.log.Error("those whose access changed were told, but not all; the rest is tried again after the next run", "letters", n, "error", err)
		return
	}
	s.log.Info("those whose access changed were told", "letters", n)
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
	n, wrong := make([]int, len(s.channels.all)), make([]error, len(s.channels.all)+1)
	var all sync.WaitGroup
	for i := range s.channels.all {
		all.Go(func() { n[i], wrong[i] = s.tellAllBy(ctx, &s.channels.all[i], found, told, now) })
	}
	all.Wait()
	for i := range n {
		sent += n[i]
	}
	wrong[len(n)] = s.forget(ctx, facts, found, now)
	return sent, errors.Join(wrong...)
}

// tellAllBy tells by one channel what it was not told before. One that does not answer is left until the next run.
func (s *system) tellAllBy(ctx context.Context, c *channel, found []toldThing, told map[string]bool, now time.Time) (sent int, err error) {
	ctx, cancel := context.WithTimeout(ctx, channelTime)
	defer cancel()
	var wrong []error
	for _, about := range config.NoticeAbout() {
		fresh := slices.DeleteFunc(slices.Clone(found), func(t toldThing) bool { return t.about != about || !c.wants(&t) || told[c.key(t)] })
		if len(fresh) == 0 {
			continue
		}
		taken, err := s.tellBy(ctx, c, about, fresh, now)
		if taken {
			sent++
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("notices: channel %s: %w", c.name, err))
		}
		if silent(err) {
			break
		}
	}
	return sent, errors.Join(wrong...)
}

// silent says whether an error is that nobody answered in time.
func silent(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
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
func (s *system) tellBy(ctx context.Context, c *channel, about string, fresh []toldThing, now time.Time) (taken bool, err error) {
	m, facts, err := s.message(ctx, c, about, fresh, now)
	if err != nil {
		return false, err
	}
	sending, cancel := context.WithTimeout(ctx, messageTime)
	defer cancel()
	err = c.send.Send(sending, m)
	why, refused := c.name+" was told: "+m.Subject, (*notify.RefusedError)(nil)
	switch {
	case errors.As(err, &refused): // the others have it, and would get it again
		why += "; refused: " + plural(len(refused.To), "receiver")
	case err != nil:
		return false, err
	}
	var records []engine.Record
	for part := range slices.Chunk(facts, 1000) {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Why: []string{why}, Set: part})
	}
	return true, errors.Join(err, s.store.Append(context.WithoutCancel(ctx), engine.Free, records))
}

// message is what a channel is sent, and how it is remembered.
func (s *system) message(ctx context.Context, c *channel, about string, fresh []toldThing, now time.Time) (m notify.Message, facts []engine.Fact, err error) {
	d := notify.Data{About: about, Page: pageAddress(s.cfg), Now: now.In(zone(s.cfg))}
	var keys []string
	for _, t := range fresh {
		lines, err := t.lines(ctx)
		if err != nil {
			return m, nil, err
		}
		d.Lines = append(d.Lines, lines...)
		keys = append(keys, c.key(t))
		facts = append(facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Key: c.key(t)}, Since: now.UTC()})
	}
	d.More = max(0, len(d.Lines)-mostLines)
	d.Lines = d.Lines[:len(d.Lines)-d.More]
	m = notify.Message{Version: 1, ID: digest(strings.Join(keys, "\n")), About: about, Time: d.Now, Lines: d.Lines}
	m.Subject, m.Text, err = s.channels.texts.Render(d)
	return m, facts, err
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
		if s.channels.people != nil && strings.HasPrefix(f.Key, toPeople) { // see forgetPeople
			continue
		}
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
