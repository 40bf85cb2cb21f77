package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// What a filter lets through is exported with the filter's own address, on the page and for programs.
func TestExport(t *testing.T) {
	s, failed := site(t, records("x"), outlook("x"))
	page := get(s, "/audit?kind=run&person=")
	if !strings.Contains(page.Body.String(), `href="/audit/export?format=csv&amp;kind=run"`) {
		t.Errorf("no export of what is shown: %s", page.Body)
	}
	for _, base := range []string{"/audit/export", "/api/v1/audit/export"} {
		w := get(s, base+"?format=jsonl&kind=run")
		if w.Code != http.StatusOK || w.Body.String() != "{\"form\":\"jsonl\",\"kind\":\"run\"}\n" || w.Header().Get("Content-Type") != "application/jsonl" || w.Header().Get("Content-Disposition") != `attachment; filename="rolecall-audit-20270104.jsonl"` {
			t.Errorf("%s: %d %v %s", base, w.Code, w.Header(), w.Body)
		}
		if w := get(s, base+"?format=csv&kind=cut"); w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Disposition") == "" {
			t.Errorf("%s of nothing: %d %v", base, w.Code, w.Header())
		}
		for _, wrong := range []string{"", "?format=pdf", "?format=csv&kind=nonsense", "?format=csv&from=soon"} {
			if w := get(s, base+wrong); w.Code != http.StatusBadRequest {
				t.Errorf("%s%s: %d", base, wrong, w.Code)
			}
		}
	}
	s.Exports = nil
	if get(s, "/audit/export?format=csv").Code != http.StatusNotFound || strings.Contains(get(s, "/audit").Body.String(), "Export") || len(*failed) > 0 {
		t.Error("what can't be exported is offered", *failed)
	}
}

// breaking fails, after a few records or before.
type breaking struct {
	*book
	after int
	begun chan struct{}
	end   chan struct{}
}

func (b breaking) Export(_ context.Context, _ engine.Query, _ string, to io.Writer) error {
	for range b.after {
		_, _ = io.WriteString(to, "a line\n")
	}
	if b.begun != nil {
		b.begun <- struct{}{}
		<-b.end
		return nil
	}
	return errors.New("secret-of-the-database")
}

// An export that can't be ended is broken off: it must not look whole. One that can't be begun says so.
func TestExportBreaksOff(t *testing.T) {
	s, failed := site(t, records("x"), outlook("x"))
	s.Exports = breaking{after: 0, book: records("x")}
	if w := get(s, "/audit/export?format=csv"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") || len(*failed) != 1 {
		t.Errorf("%d %s %v", w.Code, w.Body, *failed)
	}
	s.Exports = breaking{after: 2, book: records("x")}
	defer func() {
		if recover() != http.ErrAbortHandler || len(*failed) != 2 {
			t.Errorf("an export that broke off looks whole: %v", *failed)
		}
	}()
	get(s, "/audit/export?format=csv")
}

// Few exports are written at once, and pages are still made meanwhile.
func TestExportsAreFew(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	b := breaking{after: 1, book: records("x"), begun: make(chan struct{}), end: make(chan struct{})}
	s.Exports = b
	ended := make(chan int)
	for range exportsAtOnce {
		go func() { ended <- get(s, "/audit/export?format=csv").Code }()
		<-b.begun
	}
	more := make(chan int, 1)
	go func() { more <- get(s, "/audit/export?format=csv").Code }()
	select {
	case <-b.begun:
		t.Error("one more export is written")
	case code := <-more:
		if code != http.StatusServiceUnavailable {
			t.Errorf("one more export: %d", code)
		}
	}
	if page := get(s, "/people").Code; page != http.StatusOK {
		t.Errorf("a page meanwhile: %d", page)
	}
	close(b.end)
	for range exportsAtOnce {
		if code := <-ended; code != http.StatusOK {
			t.Error(code)
		}
	}
}

// Somebody who signed in has one export at a time, so that others have theirs; asking what would come takes no place, and writes nothing.
func TestOneExportEach(t *testing.T) {
	s, d, _ := guarded(t, Viewer)
	b := breaking{after: 1, book: records("x"), begun: make(chan struct{}), end: make(chan struct{})}
	s.Exports = b
	ended := make(chan int)
	begin := func() {
		go func() { ended <- get(s, "/audit/export?format=csv").Code }()
		<-b.begun
	}
	begin()
	if w := get(s, "/audit/export?format=csv"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "Another export of yours") {
		t.Errorf("a second one: %d %s", w.Code, w.Body)
	}
	if w := send(s, http.MethodHead, "/audit/export?format=csv", ""); w.Code != http.StatusOK || w.Header().Get("Content-Disposition") == "" || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d %v %s", w.Code, w.Header(), w.Body)
	}
	d.user.Actor = "oidc:2 (Ben)"
	begin()
	close(b.end)
	for range 2 {
		if code := <-ended; code != http.StatusOK {
			t.Error(code)
		}
	}
	again := make(chan int)
	go func() { again <- get(s, "/audit/export?format=csv").Code }()
	<-b.begun
	if code := <-again; code != http.StatusOK {
		t.Errorf("after the first: %d", code)
	}
}

// slow is a connection whose other end takes a part in some time.
type slow struct {
	*httptest.ResponseRecorder
	takes    time.Duration
	deadline time.Time
}

func (s *slow) SetWriteDeadline(at time.Time) error { s.deadline = at; return nil }

func (s *slow) Write(text []byte) (int, error) {
	if time.Now().Add(s.takes).After(s.deadline) {
		time.Sleep(time.Until(s.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	time.Sleep(s.takes)
	return len(text), nil
}

// Whoever takes an export drop by drop, each in time, does not keep others from theirs; whoever pauses once, or is just fast enough, gets it.
func TestSlowReaders(t *testing.T) {
	const part = 64 << 10
	for _, one := range []struct {
		takes, pause time.Duration
		until        time.Duration // 0: for ever
	}{
		{29 * time.Second, 0, time.Minute}, {part * time.Second / exportRate, 0, 0}, {part*time.Second/exportRate + time.Second, 0, 5 * time.Minute}, {time.Second, 29 * time.Second, 0}, {time.Millisecond, 31 * time.Second, 31 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &slow{ResponseRecorder: httptest.NewRecorder(), takes: one.takes}
			p := &parts{w: w, now: noon, reader: patient{exportPatience}}
			begun, err := time.Now(), error(nil)
			for i := 0; i < 10_000 && err == nil; i++ {
				if w.takes = one.takes; i == 1000 || i == 2000 {
					w.takes = max(one.takes, one.pause)
				}
				_, err = p.Write(make([]byte, part))
			}
			if (err == nil) != (one.until == 0) || err != nil && time.Since(begun) > one.until {
				t.Errorf("%+v: %v after %s", one, err, time.Since(begun))
			}
		})
	}
}

// A record shows its proof; one that was changed says so, and one whose proof can't be made is shown nevertheless.
func TestProofOnThePage(t *testing.T) {
	b := records("x")
	s, failed := site(t, b, outlook("x"))
	shows := func(want string) {
		t.Helper()
		if body := get(s, "/audit/1").Body.String(); !strings.Contains(body, want) {
			t.Errorf("%q is missing in %s", want, body)
		}
	}
	shows("what is stored leads to its root over 1 hash")
	shows("beside")
	b.changed = true
	shows("it was changed")
	s.Prove = func(context.Context, int64) (Proof, error) { return Proof{}, errors.New("secret") }
	shows("The proof can't be made now")
	if len(*failed) != 1 {
		t.Error(*failed)
	}
	s.Prove = nil
	shows("The proof can't be made now")
}
