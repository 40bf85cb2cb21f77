package plugin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Faults stand between a plug-in and its caller and make calls go wrong on purpose, for `rolecall connector test`.
type Faults struct {
	mu    sync.Mutex
	armed string
}

// Faults that are possible.
const (
	loseBefore  = "lose-before"  // the plug-in ends before it gets a change
	loseAfter   = "lose-after"   // it ends before its answer to a change arrives
	breakList   = "break-list"   // it ends in the middle of a list
	partialList = "partial-list" // it stops in the middle of a list, and says so
	hidePart    = "hide-part"    // a line of a list gets lost
)

// Arm makes the next call of the kind that the fault is about go wrong; false: that is not possible here.
func (f *Faults) Arm(fault string) bool {
	if !slices.Contains([]string{loseBefore, loseAfter, breakList, partialList, hidePart}, fault) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = fault
	return true
}

// Between is an Options.Pipe.
func (f *Faults) Between(p Pipe) Pipe {
	m := &meddler{faults: f, real: p, lines: bufio.NewReaderSize(p.Out, maxLine)}
	return Pipe{In: writer{m}, Out: reader{m}}
}

// take gives the armed fault to a call that it is about.
func (f *Faults) take(method string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.armed == breakList || f.armed == partialList || f.armed == hidePart
	reads := slices.Contains([]string{"describe", "open", "entitlements", "account"}, method)
	if f.armed == "" || reads || list != (method == "holdings") {
		return ""
	}
	fault := f.armed
	f.armed = ""
	return fault
}

// meddler is one line to a plug-in with a fault in it.
type meddler struct {
	faults *Faults
	real   Pipe
	lines  *bufio.Reader
	rest   []byte // of a line that was read in part

	mu    sync.Mutex
	fault string
	id    int64 // of the call that it is about
	came  int   // accounts so far
}

type (
	writer struct{ *meddler }
	reader struct{ *meddler }
)

// Write gets one whole line.
func (w writer) Write(text []byte) (int, error) {
	var r struct {
		ID     int64  `json:"id"`
		Method string `json:"method"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, err
	}
	if fault := w.faults.take(r.Method); fault != "" {
		w.mu.Lock()
		w.fault, w.id, w.came = fault, r.ID, 0
		w.mu.Unlock()
		if fault == loseBefore {
			w.hangUp()
			return len(text), nil
		}
	}
	return w.real.In.Write(text)
}

func (w writer) Close() error { return w.real.In.Close() }

func (m *meddler) hangUp() {
	_ = m.real.In.Close()
	_ = m.real.Out.Close()
}

// Read gives what is left of the plug-in's lines.
func (r reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		text, err := r.lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			r.rest = text // too long for a line: what follows must see that
		case err != nil:
			return 0, err
		default:
			r.rest, err = r.bend(text)
		}
		if r.rest == nil && err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r reader) Close() error { return r.real.Out.Close() }

// bend gives what arrives in place of a line.
func (m *meddler) bend(text []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	account := !bytes.Contains(text, []byte(`"result"`))
	if account {
		m.came++
	}
	switch {
	case m.fault == loseAfter || m.fault == breakList && m.came > 1:
		m.hangUp()
		return nil, io.ErrUnexpectedEOF
	case m.fault == hidePart && account && m.came == 1, m.fault == partialList && account && m.came > 1:
		return nil, nil
	case m.fault == partialList && !account:
		return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"result":{"complete":false,"accounts":1,"reason":"a fault was asked for"}}`+"\n", m.id), nil
	}
	return text, nil
}
