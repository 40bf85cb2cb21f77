package sdk

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf8"
)

const maxLine = 1 << 20 // bytes

// Main serves a program on standard input and output until the input ends. Nothing else may be written to standard output;
// what is written to standard error goes to Rolecall's log. It returns when there is nothing more to do.
func Main(about About, p Program) {
	if err := Serve(context.Background(), os.Stdin, os.Stdout, about, p); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Serve is Main on other pipes.
func Serve(ctx context.Context, in io.Reader, out io.Writer, about About, p Program) error {
	s := &server{about: about, program: p, out: out, free: make(chan struct{}, max(1, about.Parallel))}
	lines := bufio.NewReaderSize(in, maxLine)
	defer s.calls.Wait()
	for {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a call: %w", err)
		}
		var r request
		if err := json.Unmarshal(bytes.Clone(text), &r); err != nil {
			return fmt.Errorf("a call can't be read: %w", err)
		}
		s.free <- struct{}{}
		s.calls.Go(func() {
			defer func() { <-s.free }()
			s.answer(ctx, &r)
		})
	}
}

type server struct {
	about   About
	program Program
	free    chan struct{}
	calls   sync.WaitGroup
	mu      sync.Mutex
	out     io.Writer
}

type request struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// params of all methods; each uses some.
type params struct {
	Method      string            `json:"method"`
	Account     string            `json:"account"`
	Entitlement string            `json:"entitlement"`
	Name        string            `json:"name"`
	Person      string            `json:"person"`
	Attributes  map[string]string `json:"attributes"`
	Changes     []params          `json:"changes"`
}

func (p *params) account() NewAccount {
	return NewAccount{Name: p.Name, Person: p.Person, Attributes: p.Attributes}
}

// failure is an error of JSON-RPC.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

func (s *server) answer(ctx context.Context, r *request) {
	result, err := s.call(ctx, r)
	answer := map[string]any{"jsonrpc": "2.0", "id": r.ID}
	var own *failure
	switch {
	case err == nil:
		answer["result"] = result
	case errors.As(err, &own):
		answer["error"] = own
	default:
		answer["error"] = failure{-32000, err.Error()}
	}
	s.write(answer)
}

func (s *server) write(line any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if e.Encode(line) != nil {
		return // strings and numbers only
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.out.Write(text.Bytes()) // nobody listens any longer: the input ends, too
}

func (s *server) call(ctx context.Context, r *request) (any, error) {
	var p params
	if r.Method != "open" && len(r.Params) > 0 {
		if err := json.Unmarshal(r.Params, &p); err != nil {
			return nil, &failure{-32602, err.Error()}
		}
	}
	switch r.Method {
	case "describe":
		return s.describe(), nil
	case "open":
		return s.open(ctx, r.Params)
	case "holdings":
		return s.holdings(ctx, r.ID)
	case "entitlements":
		if c, ok := s.program.(Cataloguer); ok {
			names, err := c.Entitlements(ctx)
			return map[string]any{"entitlements": append([]string{}, names...)}, cmp.Or(err, text(names...))
		}
	case "account":
		if reader, ok := s.program.(Reader); ok {
			a, err := reader.Account(ctx, p.Account)
			if err == nil && a != nil {
				err = a.ready()
			}
			return map[string]any{"id": p.Account, "account": a}, err
		}
	case "batch":
		if b, ok := s.program.(Batcher); ok {
			return s.batch(ctx, b, p.Changes), nil
		}
	default:
		p.Method = r.Method
		if result, known := s.change(ctx, &p); known {
			return changed(&p, result), nil
		}
	}
	return nil, &failure{-32601, "there is no method " + r.Method}
}

func (s *server) describe() map[string]any {
	_, suspends := s.program.(Suspender)
	_, creates := s.program.(Creator)
	_, updates := s.program.(Updater)
	_, reads := s.program.(Reader)
	_, lists := s.program.(Cataloguer)
	batch := 0
	if _, ok := s.program.(Batcher); ok {
		batch = s.about.Batch
	}
	return map[string]any{"protocol": Protocol, "name": s.about.Name, "version": s.about.Version, "accounts": suspends, "lifecycle": creates,
		"update": updates, "keyed": s.about.Keyed, "read": reads, "catalogue": lists, "batch": batch, "parallel": s.about.Parallel,
		"lag": s.about.Lag.Seconds(), "deletes": s.about.Deletes}
}

func (s *server) open(ctx context.Context, raw json.RawMessage) (any, error) {
	var settings Settings
	if err := json.Unmarshal(raw, &settings); err != nil {
		return nil, &failure{-32602, err.Error()}
	}
	identity, err := s.program.Open(ctx, settings)
	return map[string]string{"identity": identity}, cmp.Or(err, text(identity))
}

// text says which of these would arrive as another text: encoding/json replaces what is not UTF-8, and two names become one.
func text(all ...string) error {
	for _, one := range all {
		if !utf8.ValidString(one) {
			return fmt.Errorf("%q is not UTF-8", one)
		}
	}
	return nil
}

// ready makes an account fit to be sent, or says why it is not.
func (a *Account) ready() error {
	if a.Entitlements == nil {
		a.Entitlements = []string{}
	}
	all := append([]string{a.ID, a.Name, a.Display, a.Kind, a.Person}, a.Entitlements...)
	for name, value := range a.Attributes {
		all = append(all, name, value)
	}
	if err := text(all...); err != nil {
		return fmt.Errorf("the account %q: %w", a.ID, err)
	}
	return nil
}

// holdings sends every account, and says that it was all only if the program did.
func (s *server) holdings(ctx context.Context, id int64) (any, error) {
	n := 0
	var wrong error
	err := s.program.Accounts(ctx, func(a Account) {
		if e := a.ready(); e != nil {
			wrong = cmp.Or(wrong, e)
			return
		}
		n++
		s.write(map[string]any{"jsonrpc": "2.0", "method": "account", "params": map[string]any{"of": id, "account": a}})
	})
	if err = cmp.Or(err, wrong); err != nil {
		return map[string]any{"complete": false, "accounts": n, "reason": err.Error()}, nil
	}
	return map[string]any{"complete": true, "accounts": n}, nil
}

// change makes one change; known is false for what the program can't do.
func (s *server) change(ctx context.Context, p *params) (r Result, known bool) {
	suspender, suspends := s.program.(Suspender)
	creator, creates := s.program.(Creator)
	updater, updates := s.program.(Updater)
	r.Account, known = p.Account, true
	switch {
	case p.Method == "grant":
		r.Outcome, r.Err = s.program.Grant(ctx, p.Account, p.Entitlement)
	case p.Method == "revoke":
		r.Outcome, r.Err = s.program.Revoke(ctx, p.Account, p.Entitlement)
	case p.Method == "suspend" && suspends:
		r.Outcome, r.Err = suspender.Suspend(ctx, p.Account)
	case p.Method == "resume" && suspends:
		r.Outcome, r.Err = suspender.Resume(ctx, p.Account)
	case p.Method == "delete" && creates:
		r.Outcome, r.Err = creator.Delete(ctx, p.Account)
	case p.Method == "create" && creates:
		r.Account, r.Outcome, r.Err = creator.Create(ctx, p.account())
	case p.Method == "update" && updates:
		r.Outcome, r.Err = updater.Update(ctx, p.Account, p.account())
	default:
		known = false
	}
	return r, known
}

func (s *server) batch(ctx context.Context, b Batcher, changes []params) any {
	asked := make([]Change, len(changes))
	for i, p := range changes {
		asked[i] = Change{Method: p.Method, Account: p.Account, Entitlement: p.Entitlement, New: p.account()}
	}
	results := []map[string]any{}
	for i, r := range b.Batch(ctx, asked) {
		if i == len(changes) {
			break
		}
		if changes[i].Method != "create" {
			r.Account = changes[i].Account
		}
		results = append(results, changed(&changes[i], r))
	}
	return map[string]any{"results": results}
}

// changed repeats what was asked for, so that no answer can be taken for another one's.
func changed(p *params, r Result) map[string]any {
	if err := text(r.Account); err != nil {
		r.Account, r.Err = "", cmp.Or(r.Err, err)
	}
	answer := map[string]any{"outcome": r.Outcome, "account": r.Account}
	if p.Entitlement != "" {
		answer["entitlement"] = p.Entitlement
	}
	if p.Name != "" {
		answer["name"] = p.Name
	}
	good := r.Outcome == Done || r.Outcome == Already
	switch {
	case good && r.Err != nil || r.Outcome == "":
		answer["outcome"], answer["reason"] = Unknown, "no outcome was given"
		if r.Err != nil {
			answer["reason"] = r.Err.Error()
		}
	case !good && r.Err != nil:
		answer["reason"] = r.Err.Error()
	}
	return answer
}
