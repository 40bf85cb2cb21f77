package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// wire is a channel of a test.
type wire struct {
	mu    sync.Mutex
	taken []notify.Message
	asked []string // what each message was about, taken or not
	send  func(ctx context.Context, m notify.Message) error
}

func (w *wire) Send(ctx context.Context, m notify.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, m.About)
	if w.send != nil {
		if err := w.send(ctx, m); err != nil {
			return err
		}
	}
	w.taken = append(w.taken, m)
	return nil
}

// texts are the lines of what was taken since the last time.
func (w *wire) texts() (out []string) {
	for _, m := range w.taken {
		for _, l := range m.Lines {
			out = append(out, m.About+": "+l.Text)
		}
	}
	w.taken = nil
	return out
}

// wired is a company whose people are told by these channels, in the order of their names.
func wired(t *testing.T, channels map[string]*wire) *system {
	t.Helper()
	dir := company(t)
	p := process{Dir: dir, Env: func(string) string { return "" }, Now: time.Now, Random: rand1(), Stderr: io.Discard}
	told(t, p, "apply")
	s, err := (&app{configFile: "rolecall.yaml", process: p}).open(t.Context(), writing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	if s.channels.texts, err = notify.Load("", config.NoticeAbout()); err != nil {
		t.Fatal(err)
	}
	for name, w := range channels {
		s.channels.all = append(s.channels.all, channel{name: name, Channel: &config.Channel{}, send: w})
	}
	slices.SortFunc(s.channels.all, func(a, b channel) int { return strings.Compare(a.name, b.name) })
	return s
}

// alarms is a plan with something to tell of two kinds.
func alarms() *engine.Plan {
	return &engine.Plan{Notices: []engine.Notice{{Level: "alarm", Code: "paused", Program: "wiki", Text: "wiki is paused"}, {Level: "alarm", Code: engine.NoticeUnread, Program: "wiki", Text: "wiki was not read"}}}
}

// A channel that hangs keeps nobody else waiting, and is not asked again in the same run; one that refuses a message is offered the next.
func TestChannelsDoNotWaitForEachOther(t *testing.T) {
	ctx, other := t.Context(), make(chan struct{})
	b := &wire{send: func(_ context.Context, m notify.Message) error {
		if m.About == "alarms" {
			close(other)
		}
		return nil
	}}
	a := &wire{send: func(ctx context.Context, _ notify.Message) error {
		select {
		case <-other:
			return &net.OpError{Op: "read", Err: context.DeadlineExceeded}
		case <-ctx.Done():
			t.Error("the other channel waits for the one that hangs")
			return ctx.Err()
		}
	}}
	c := &wire{send: func(_ context.Context, m notify.Message) error {
		if m.About == "programs" {
			return errors.New("it answers 400")
		}
		return nil
	}}
	s := wired(t, map[string]*wire{"a": a, "b": b, "c": c})
	n, err := s.tell(ctx, alarms(), time.Now())
	if n != 3 || err == nil || !strings.Contains(err.Error(), "channel a: ") || !strings.Contains(err.Error(), "channel c: it answers 400") {
		t.Errorf("%d messages, %v", n, err)
	}
	if !slices.Equal(a.asked, []string{"programs"}) || !slices.Equal(b.asked, []string{"programs", "alarms"}) || !slices.Equal(c.asked, b.asked) {
		t.Errorf("asked: %q %q %q", a.asked, b.asked, c.asked)
	}
	a.send, b.send, c.send = nil, nil, nil
	if n, err := s.tell(ctx, alarms(), time.Now()); n != 3 || err != nil {
		t.Errorf("in the next run: %d messages, %v", n, err)
	}
}

// What some receivers of a channel have is not sent to them again because others were refused; who was is said, and counted in the journal.
func TestRefusedReceiversAreSaid(t *testing.T) {
	w := &wire{}
	s := wired(t, map[string]*wire{"w": w})
	refusing := &refuser{to: w}
	s.channels.all[0].send = refusing
	if n, err := s.tell(t.Context(), alarms(), time.Now()); n != 2 || err == nil || !strings.Contains(err.Error(), "bob@example.com: nobody of that name") {
		t.Errorf("%d messages, %v", n, err)
	}
	if n, err := s.tell(t.Context(), alarms(), time.Now()); n != 0 || err != nil || len(w.taken) != 2 {
		t.Errorf("again: %d messages, %v", n, err)
	}
	var why []string
	if err := s.store.Records(t.Context(), engine.Query{Kind: engine.KindNotice}, func(r engine.Record) error { why = append(why, r.Why...); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"w was told: 1 program needs somebody; refused: 1 receiver", "w was told: Rolecall: 1 alarm; refused: 1 receiver"}; !slices.Equal(why, want) {
		t.Errorf("%q", why)
	}
}

// refuser takes messages for some.
type refuser struct{ to *wire }

func (r *refuser) Send(ctx context.Context, m notify.Message) error {
	return errors.Join(r.to.Send(ctx, m), &notify.RefusedError{To: []string{"bob@example.com"}, Why: []error{errors.New("bob@example.com: nobody of that name")}})
}
