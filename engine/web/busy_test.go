package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Pages share the journal's readers with those who act: three are made at once, the others wait, and whoever goes away meanwhile
// gets none.
func TestThreePagesAreMadeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var making, made atomic.Int32
		hold := make(chan struct{})
		s, _ := site(t, records("x"), outlook("x"))
		look := s.Outlook
		s.Outlook = func() *engine.Outlook {
			making.Add(1)
			<-hold
			return look()
		}
		ask := func(ctx context.Context) {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/people", http.NoBody)
			r.Host = "localhost"
			if s.ServeHTTP(w, r); w.Code == http.StatusOK {
				made.Add(1)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		go ask(ctx)
		synctest.Wait() // it is being made, and is let finish
		for range 4 {
			go ask(t.Context())
		}
		synctest.Wait()
		if n := making.Load(); n != 3 {
			t.Errorf("%d pages at once", n)
		}
		away, leave := context.WithCancel(t.Context())
		go ask(away)
		synctest.Wait()
		leave()
		cancel()
		synctest.Wait()
		close(hold)
		synctest.Wait()
		if n := made.Load(); n != 5 {
			t.Errorf("%d pages were made", n)
		}
	})
}

// Whoever waited in vain is told so: an answer without anything in it would be taken for "nobody".
func TestBusyIsSaid(t *testing.T) {
	for path, kind := range map[string]string{"/people": "text/html; charset=utf-8", "/api/v1/people": "application/problem+json"} {
		synctest.Test(t, func(t *testing.T) {
			hold := make(chan struct{})
			s, _ := site(t, records("x"), outlook("x"))
			look := s.Outlook
			s.Outlook = func() *engine.Outlook { <-hold; return look() }
			for range atOnce {
				go get(s, "/people")
			}
			synctest.Wait()
			begun := time.Now()
			w := get(s, path)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Body.String(), "Too much is being asked for at once") || time.Since(begun) != patience {
				t.Errorf("%s after %s: %d %v %s", path, time.Since(begun), w.Code, w.Header(), w.Body)
			}
			close(hold)
			synctest.Wait()
		})
	}
}
