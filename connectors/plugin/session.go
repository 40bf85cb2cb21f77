package plugin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"
)

const (
	farewell = 2 * time.Second // for a plug-in to end after its standard input did
	ahead    = 64              // accounts that a list may be ahead of who reads it
)

// session is one process that was described and opened. It is over after the first thing that goes wrong.
type session struct {
	program  string
	proc     *process
	in       io.Writer
	can      abilities
	identity string
	secrets  map[string]string
	clean    func(string) string // makes text of the plug-in fit to be shown
	timeout  time.Duration
	started  time.Time
	files    string        // what host.look saw before it was started
	free     chan struct{} // full while as many calls are under way as the plug-in declares
	writing  sync.Mutex

	mu     sync.Mutex
	last   int64
	calls  map[int64]*call // under way, also those that nobody waits for any longer
	broken error           // why it is over
	over   chan struct{}
}

// call is one question under way.
type call struct {
	id     int64
	method string
	list   bool
	size   int           // bytes of its accounts
	most   time.Duration // between two signs of life
	events chan event
	gone   chan struct{} // closed when nobody waits any longer
	began  time.Time
	late   *time.Timer
}

// event is one account of a list or the answer, which is the last one.
type event struct {
	account *wireAccount
	answer  *message
}

// unsent is an error before anything was sent: nothing happened.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// listen takes line by line until the plug-in is over.
func (s *session) listen(out io.Reader) {
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		text, err := readLine(r)
		if errors.Is(err, errLong) {
			_ = s.fail(err)
			return
		}
		if err != nil {
			s.ended()
			return
		}
		if err := s.take(text); err != nil {
			_ = s.fail(fmt.Errorf("it sent what it must not: %w", err))
			return
		}
	}
}

var errLong = fmt.Errorf("it sent a line of more than %d bytes", maxLine)

// readLine reads a line without its end, and no more of it than may be.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			return nil, errLong
		}
		text = append(text, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(text[:len(text)-1], []byte("\r")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err // what has no end is no line
		}
	}
}

// take gives one line to the call that it belongs to.
func (s *session) take(text []byte) error {
	m, err := parse(text)
	if err != nil {
		return err
	}
	e, id := event{answer: &m}, int64(0)
	if m.ID != nil {
		id = *m.ID
	} else {
		var l listed
		if err := known(m.Params, &l); err != nil {
			return err
		}
		e, id = event{account: l.Account}, l.Of
	}
	c, err := s.callOf(id, e.account != nil || m.ID == nil, len(text))
	if err != nil {
		return err
	}
	select {
	case c.events <- e:
	case <-c.gone:
	case <-s.over:
	}
	return nil
}

// callOf finds the call; with its answer it is done.
func (s *session) callOf(id int64, account bool, size int) (*call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[id]
	if c == nil || account && !c.list {
		return nil, fmt.Errorf("nobody asked for id %d, or not for a list", id)
	}
	if c.size += size; c.size > maxList {
		return nil, fmt.Errorf("a list of more than %d bytes", maxList)
	}
	if !account {
		delete(s.calls, id)
		if c.late != nil {
			c.late.Stop()
		}
		<-s.free
	}
	return c, nil
}

// ended: standard output is at its end, so the process should be, too.
func (s *session) ended() {
	err := errors.New("it closed its standard output")
	wait := time.NewTimer(farewell)
	defer wait.Stop()
	select {
	case <-s.proc.exited:
		err = fmt.Errorf("it ended by itself (%s)", s.proc.state)
	case <-wait.C:
	case <-s.over:
	}
	_ = s.fail(err)
}

// fail ends the process for good. It gives the first reason why.
func (s *session) fail(why error) error {
	s.mu.Lock()
	if s.broken == nil {
		s.broken = errors.New("the plug-in of " + s.program + " was ended: " + s.clean(why.Error()))
		close(s.over)
	}
	why = s.broken
	s.mu.Unlock()
	s.proc.kill()
	return why
}

func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken == nil
}

func (s *session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls) == 0
}

// end lets the process end by itself where nothing is under way, else at once.
func (s *session) end() {
	s.mu.Lock()
	busy, broken := len(s.calls) > 0, s.broken != nil
	s.mu.Unlock()
	if !busy && !broken {
		s.proc.farewell()
	}
	_ = s.fail(errors.New("it is not needed any longer"))
	s.proc.wait()
}

// begin sends a question. An error that is unsent says that nothing was.
func (s *session) begin(ctx context.Context, method string, params any, list bool) (*call, error) {
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return nil, unsent{fmt.Errorf("the plug-in of %s was busy until there was no time left: %w", s.program, ctx.Err())}
	case <-s.over:
		return nil, unsent{s.why()}
	}
	c := &call{method: method, list: list, most: s.timeout, began: time.Now(), events: make(chan event, ahead), gone: make(chan struct{})}
	if method == methodBatch {
		c.most *= 10
	}
	s.mu.Lock()
	s.last++
	c.id = s.last
	text, err := json.Marshal(request{JSONRPC: "2.0", ID: c.id, Method: method, Params: params})
	switch {
	case err != nil:
	case len(text) >= maxLine:
		err = fmt.Errorf("the call %s is longer than %d bytes", method, maxLine)
	case ctx.Err() != nil:
		err = ctx.Err()
	default:
		err = s.broken
	}
	if err == nil {
		s.calls[c.id] = c
	}
	s.mu.Unlock()
	if err != nil {
		<-s.free
		return nil, unsent{err}
	}
	return c, s.write(append(text, '\n'))
}

// write sends one line. A plug-in that does not read is ended.
func (s *session) write(line []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	stuck := time.AfterFunc(s.timeout, func() { _ = s.fail(errors.New("it does not read its standard input")) })
	defer stuck.Stop()
	if _, err := s.in.Write(line); err != nil {
		return s.fail(fmt.Errorf("nothing can be sent to it: %w", err))
	}
	return nil
}

func (s *session) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// next waits for an account or the answer.
func (s *session) next(ctx context.Context, c *call) (*wireAccount, json.RawMessage, error) {
	select {
	case e := <-c.events:
		return s.event(e)
	default:
	}
	patience := time.NewTimer(c.most)
	defer patience.Stop()
	select {
	case e := <-c.events:
		return s.event(e)
	case <-ctx.Done():
		s.abandon(c)
		return nil, nil, ctx.Err()
	case <-patience.C:
		return nil, nil, s.fail(fmt.Errorf("it did not answer %s within %s", c.method, c.most))
	case <-s.over:
	}
	select { // what came before the end counts
	case e := <-c.events:
		return s.event(e)
	default:
		return nil, nil, s.why()
	}
}

// noMethod is the answer of a plug-in that does not know a method.
type noMethod struct{ error }

func (s *session) event(e event) (*wireAccount, json.RawMessage, error) {
	switch {
	case e.answer == nil && e.account == nil:
		return nil, nil, s.fail(errors.New("it lists nothing in place of an account"))
	case e.answer == nil:
		return e.account, nil, nil
	case e.answer.Error != nil:
		err := fmt.Errorf("the plug-in of %s answers with an error (%d): %s", s.program, e.answer.Error.Code, s.clean(e.answer.Error.Message))
		if e.answer.Error.Code == noSuchMethod {
			return nil, nil, noMethod{err}
		}
		return nil, nil, err
	}
	return nil, e.answer.Result, nil
}

// abandon leaves a call to itself; if its answer does not come some time later, the plug-in hangs.
func (s *session) abandon(c *call) {
	close(c.gone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[c.id] == c { // a call has its time, however long somebody waits for it; those behind it wait, too
		c.late = time.AfterFunc(c.most-time.Since(c.began), func() { _ = s.fail(fmt.Errorf("it never answered %s", c.method)) })
	}
}

// ask makes a call with one answer.
func (s *session) ask(ctx context.Context, method string, params, into any) error {
	c, err := s.begin(ctx, method, params, false)
	if err != nil {
		return err
	}
	_, answer, err := s.next(ctx, c)
	if err != nil {
		return err
	}
	return s.decode(method, answer, into)
}

// decode reads a result; what can't be read ends the process.
func (s *session) decode(method string, result json.RawMessage, into any) error {
	if err := known(result, into); err != nil {
		return s.fail(fmt.Errorf("its answer to %s can't be read: %w", method, err))
	}
	return nil
}

// greet learns what the plug-in can do and gives it its settings.
func (s *session) greet(ctx context.Context, config map[string]any) error {
	if err := s.ask(ctx, "describe", map[string]int{"protocol": Protocol}, &s.can); err != nil {
		return err
	}
	if err := s.can.check(); err != nil {
		return s.fail(err)
	}
	var answer opened
	params := map[string]any{"program": s.program, "config": orEmpty(config), "secrets": orEmpty(s.secrets)}
	if err := s.ask(ctx, "open", params, &answer); err != nil {
		return err
	}
	if err := checkName("identity", answer.Identity); err != nil {
		return s.fail(errors.New("it does not say which target it stands for: identity is missing or can't be"))
	}
	if s.clean(answer.Identity) != answer.Identity {
		return s.fail(errors.New("its identity holds a secret, what can't be printed, or too much"))
	}
	s.identity = answer.Identity
	s.free = make(chan struct{}, max(1, s.can.Parallel))
	return nil
}

func orEmpty[V any](m map[string]V) map[string]V {
	out := map[string]V{}
	maps.Copy(out, m)
	return out
}
