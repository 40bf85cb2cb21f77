package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// What nobody thought of is in the log, with where it was, and ends the one answer alone.
func TestAPanicIsInTheLog(t *testing.T) {
	s, failed := site(t, records("x"), outlook("x"))
	wrong := errors.New("x")
	for what, want := range map[any]bool{"nobody thought of it": true, wrong: true, http.ErrAbortHandler: false} {
		*failed = nil
		s.Outlook = func() *engine.Outlook { panic(what) }
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%v: the server is left with %v", what, p)
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/people", http.NoBody))
		}()
		said := strings.Join(*failed, "\n")
		if in := strings.Contains(said, "it panicked") && strings.Contains(said, "lastresort_test.go"); in != want {
			t.Errorf("%v: %q", what, said)
		}
	}
}
