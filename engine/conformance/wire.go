package conformance

import (
	"context"
	"errors"
	"sync"
)

// WireFault is how an exchange between a connector and its program goes wrong, where the two do not speak HTTP.
type WireFault string

// The faults of wires.
const (
	LostRequest WireFault = "the request gets lost"                             // nothing happened
	LostAnswer  WireFault = "the answer gets lost"                              // it happened
	LostForGood WireFault = "the answer gets lost, and nobody answers any more" // it can't be read back either
	HalfAnswer  WireFault = "half of the answer comes"                          // and then the end
	Garbage     WireFault = "the answer is of something else"                   // and then the end
	Silence     WireFault = "no answer comes in time"                           // it comes when nobody waits for it any more
	Nobody      WireFault = "nobody is there"                                   // from the first exchange on
)

// junk is what somebody else answers, who speaks another language: an alert of TLS (RFC 8446 section 6), and the end of a line.
const junk = "\x15\x03\x03\x00\x02\x02\x28\n"

var errWire = errors.New("the wire broke, as it was asked to")

// Wire stands between a connector and its program, whatever the two speak, and makes one exchange go wrong: what the connector asks
// until it is answered. Exchanges are counted from Arm on. It lies below any encryption, so certificates are verified as ever. Safe
// for concurrent use.
type Wire struct {
	Prompt bool // nothing can be waited for, as with a file: there is no silence

	mu    sync.Mutex
	used  bool // something went through it
	fault WireFault
	at    int   // the exchange that goes wrong: 1, 2, …
	bytes int64 // of answers, after which they end; 0: any number
	asked int
	came  int64 // bytes of answers
	hit   chan struct{}
	gone  bool
	late  chan struct{} // closed when what was held back may come
	ends  map[*ends]bool
}

// Arm makes exchange number at go wrong, or the first one after it that is answered.
func (w *Wire) Arm(fault WireFault, at int) {
	w.arm(fault, at, 0)
	if fault == Nobody {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leave()
	}
}

// ArmBytes ends the wire after so many bytes of answers.
func (w *Wire) ArmBytes(bytes int64) { w.arm(HalfAnswer, 0, bytes) }

func (w *Wire) arm(fault WireFault, at int, bytes int64) {
	w.Disarm()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault, w.at, w.bytes, w.asked, w.came = fault, at, bytes, 0, 0
	w.hit, w.late = make(chan struct{}), make(chan struct{})
}

// Disarm lets everything pass from now on, also what was held back, and says whether something went wrong.
func (w *Wire) Disarm() (went bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	went = w.hit != nil && w.over()
	if w.late != nil {
		close(w.late)
	}
	w.fault, w.hit, w.late, w.gone = "", nil, nil, false
	return went
}

// Hit is closed when something goes wrong.
func (w *Wire) Hit() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hit
}

// between says whether anything goes through it.
func (w *Wire) between() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used
}

// Came is how many bytes of answers there were since Arm.
func (w *Wire) Came() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came
}

// over: the lock is held.
func (w *Wire) over() bool {
	select {
	case <-w.hit:
		return true
	default:
		return false
	}
}

// leave ends everything that is open, for good: the lock is held.
func (w *Wire) leave() {
	w.gone = true
	if !w.over() {
		close(w.hit)
	}
	for e := range w.ends {
		e.cut()
	}
}

// asks counts an exchange that begins, and says whether its request gets lost.
func (w *Wire) asks() (lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used = true
	w.asked++
	if w.fault == LostRequest && w.asked >= w.at && !w.over() {
		close(w.hit)
		return true
	}
	return w.gone
}

// answers says what becomes of the answer to the present exchange: all of it if the fault is none.
func (w *Wire) answers(answer []byte) (pass int, f WireFault, late <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := int64(len(answer))
	switch was := w.came; {
	case w.gone:
		return 0, Nobody, nil
	case w.fault == "" || w.over():
	case w.bytes > 0 && was+n >= w.bytes:
		close(w.hit)
		return int(w.bytes - was), HalfAnswer, nil
	case w.bytes == 0 && w.asked >= w.at && w.fault != LostRequest:
		if close(w.hit); w.fault == LostForGood {
			w.leave()
		}
		return len(answer) / 2, w.fault, w.late
	}
	w.came += n
	return len(answer), "", nil
}

// Step is one exchange with a program that is not spoken to through a connection, such as a command: do makes it.
func (w *Wire) Step(ctx context.Context, do func() ([]byte, error)) ([]byte, error) {
	if w.asks() {
		return nil, errWire
	}
	answer, err := do()
	if err != nil {
		return answer, err
	}
	pass, fault, _ := w.answers(answer)
	switch fault {
	case "":
		return answer, nil
	case HalfAnswer:
		if pass > 0 && answer[pass-1] == '\n' {
			pass-- // what ends with a line may be whole
		}
		return answer[:pass], nil
	case Garbage:
		return []byte(junk), nil
	case Silence:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, errWire
}
