package web

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// panicked has the log say what went wrong where nobody thought of it, and breaks off the one answer: what was sent of it may look whole.
func (s *Site) panicked(r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, is := p.(error); !is || !errors.Is(err, http.ErrAbortHandler) { // that one is meant
		s.Failed(r.URL.Path, fmt.Errorf("it panicked: %v\n%s", p, debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}
