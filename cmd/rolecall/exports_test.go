package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// lake is a receiver of batches that may take one and say that it did not.
type lake struct {
	*httptest.Server
	mu    sync.Mutex
	lines []string
	lie   bool
	got   chan string // the last number of each batch, where somebody listens
}

func newLake(t *testing.T) *lake {
	t.Helper()
	l := &lake{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer lake-token" || r.Header.Get("Content-Type") != "application/jsonl" {
			t.Errorf("headers: %v", r.Header)
		}
		l.mu.Lock()
		l.lines = append(l.lines, strings.SplitAfter(strings.TrimSuffix(string(body), "\n"), "\n")...)
		l.mu.Unlock()
		if l.lie {
			w.WriteHeader(http.StatusBadGateway)
		}
		if l.got != nil {
			l.got <- r.Header.Get("Rolecall-Last")
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// exporting is a company whose daemon's exports are made one by one.
type exporting struct {
	t   *testing.T
	p   process
	app *app
	sys *system
}

func newExporting(t *testing.T, exports string) *exporting {
	t.Helper()
	dir := company(t)
	e := &exporting{t: t, p: process{Dir: dir, Env: func(name string) string { return map[string]string{"LAKE": "lake-token"}[name] }, Now: time.Now}}
	told(t, e.p, "apply")
	file := filepath.Join(dir, "rolecall.yaml")
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append(text, exports...), 0o600); err != nil {
		t.Fatal(err)
	}
	e.open()
	return e
}

// open begins anew, as after a restart.
func (e *exporting) open() {
	e.t.Helper()
	if e.sys != nil {
		e.sys.close()
	}
	p := e.p
	p.Random, p.Stderr = rand1(), io.Discard
	e.app = &app{configFile: "rolecall.yaml", process: p}
	sys, err := e.app.open(e.t.Context(), writing)
	if err != nil {
		e.t.Fatal(err)
	}
	e.sys = sys
	e.t.Cleanup(func() { sys.close() })
}

// all sends everything that an export lacks, and gives the last error.
func (e *exporting) all(name string) error {
	e.t.Helper()
	to, err := e.app.sink(e.sys.cfg, e.sys.cfg.Exports[name])
	if err != nil {
		e.t.Fatal(err)
	}
	for more := true; more && err == nil; {
		more, err = e.sys.exportSome(e.t.Context(), name, to)
	}
	return err
}

// want is what the command exports, up to the last record of others.
func (e *exporting) want(args ...string) string {
	e.t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(told(e.t, e.p, append([]string{"audit", "export"}, args...)...), "\n"), "\n")
	for len(lines) > 0 && strings.Contains(lines[len(lines)-1], `"kind":"export"`) {
		lines = lines[:len(lines)-1]
	}
	return strings.TrimSuffix(strings.Join(lines, ""), "\n")
}

// A file has every record once and in order, wherever it was interrupted; records of exports are exported with others and never for their own sake.
func TestExportsToAFile(t *testing.T) {
	e := newExporting(t, "exports: {log: {kind: file, path: audit.jsonl}}\n")
	path := filepath.Join(e.p.Dir, "audit.jsonl")
	is := func() {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || strings.TrimSuffix(string(got), "\n") != e.want() {
			t.Fatalf("%v: the file has\n%s, not\n%s", err, got, e.want())
		}
	}
	for range 3 {
		if err := e.all("log"); err != nil {
			t.Fatal(err)
		}
		is()
	}
	if n := strings.Count(told(t, e.p, "audit", "list", "--kind", "export", "-o", "csv"), "\n"); n != 2 { // and the header
		t.Errorf("%d records of one export", n-1)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(strings.Repeat("half a line ", 1<<16)); err != nil { // written, and the machine died before the cursor was
		t.Fatal(err)
	}
	file.Close()
	told(t, e.p, "pause", "wiki", "--reason", "trouble")
	e.open()
	if err := e.all("log"); err != nil {
		t.Fatal(err)
	}
	is()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	told(t, e.p, "resume", "wiki")
	if err := e.all("log"); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("to a file that somebody cut: %v", err)
	}
	if err := os.Remove(path); err != nil { // rotated
		t.Fatal(err)
	}
	if err := e.all("log"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !strings.Contains(string(got), `"kind":"resume"`) || strings.Contains(string(got), `"kind":"pause"`) {
		t.Errorf("after a rotation: %s", got)
	}
}

// Elsewhere nothing is lost; what was taken and not acknowledged comes again, and falls away by its number.
func TestExportsElsewhere(t *testing.T) {
	l := newLake(t)
	c := startCollector(t)
	e := newExporting(t, "exports:\n  lake: {kind: http, url: \""+l.URL+"\", token: {env: LAKE}}\n  siem: {kind: syslog, collector: \""+c.address+"\", ca: "+c.ca+"}\n")
	l.lie, c.breakOff = true, 2
	for _, name := range []string{"lake", "siem"} {
		if err := e.all(name); err == nil {
			t.Errorf("%s: nothing was wrong", name)
		}
	}
	l.lie = false
	c.mu.Lock()
	c.breakOff = 0
	c.mu.Unlock()
	told(t, e.p, "pause", "wiki", "--reason", "trouble")
	e.open()
	for _, name := range []string{"lake", "siem", "lake", "siem"} {
		if err := e.all(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var got []string
	last := int64(0)
	for _, line := range l.lines {
		var r struct{ Seq int64 }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Seq > last {
			got, last = append(got, strings.TrimSuffix(line, "\n")), r.Seq
		}
	}
	if strings.Join(got, "\n") != e.want() {
		t.Errorf("the lake has %s", strings.Join(got, "\n"))
	}
	sent := strings.Join(c.take()[2:], "\n")
	if want := told(t, e.p, "audit", "export", "--format", "syslog"); !strings.HasPrefix(want, sent) || !strings.Contains(sent, `kind="pause"`) {
		t.Errorf("the collector has %s, not %s", sent, want)
	}
}

// Batches are bounded in bytes, too: one record may name thousands of holdings. What is over comes with the next.
func TestExportsInParts(t *testing.T) {
	e := newExporting(t, "exports: {log: {kind: file, path: audit.jsonl}}\n")
	big := engine.Record{Kind: engine.KindNote, Why: []string{strings.Repeat("x", batchBytes/2)}}
	for range 5 {
		if err := e.sys.store.Append(t.Context(), engine.Free, []engine.Record{big}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := e.sys.collect(t.Context(), 0, "jsonl")
	if err != nil || b.size < batchBytes || b.size > 2*batchBytes {
		t.Errorf("%d bytes at once, %v", b.size, err)
	}
	if err := e.all("log"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(e.p.Dir, "audit.jsonl")); strings.Count(string(got), `"kind":"note","run":""`) < 5 {
		t.Errorf("%d bytes were written", len(got))
	}
}

// A journal that is another one than before is not exported behind the former.
func TestExportsKnowTheirJournal(t *testing.T) {
	e := newExporting(t, "exports: {log: {kind: file, path: audit.jsonl}}\n")
	if err := e.all("log"); err != nil {
		t.Fatal(err)
	}
	at := cursor{Version: 1, Format: "jsonl", Seq: 2, Hash: "of another journal", Size: 10}
	text, _ := json.Marshal(at)
	if err := e.sys.store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindExport, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactExport, Key: "log"}, Data: text}}}}); err != nil {
		t.Fatal(err)
	}
	if err := e.all("log"); err == nil || !strings.Contains(err.Error(), "restored or rolled back") {
		t.Error(err)
	}
	e.sys.cfg.Exports["log"] = &config.Export{Kind: config.ExportFile, Path: "audit.jsonl", Format: "ocsf"}
	if err := e.all("log"); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Error(err)
	}
}

// The daemon exports what comes, without being asked.
func TestServeExports(t *testing.T) {
	l := newLake(t)
	l.got = make(chan string, 1000)
	e := newExporting(t, "exports: {lake: {kind: http, url: \""+l.URL+"\", token: {env: LAKE}}}\n")
	e.sys.close()
	d := startDaemonAs(t, e.p)
	d.wait("run ended")
	told(t, e.p, "pause", "wiki", "--reason", "trouble")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for found := false; !found; {
		select {
		case <-l.got:
			l.mu.Lock()
			found = strings.Contains(strings.Join(l.lines, ""), `"kind":"pause"`)
			l.mu.Unlock()
		case <-ctx.Done():
			t.Fatal("what came was not exported")
		}
	}
	d.ended()
}

// Of several machines with one PostgreSQL store one does something at a time; a machine that dies leaves it to others.
func TestOneMachineAtATime(t *testing.T) {
	dsn := servers.Postgres(t).DSN
	machine := func() *server {
		pool, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pool.Close() })
		return &server{pool: pool}
	}
	a, b := machine(), machine()
	free, ok, err := a.alone(t.Context(), "x")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := b.alone(t.Context(), "x"); ok || err != nil {
		t.Error("two machines at once", err)
	}
	if other, ok, err := b.alone(t.Context(), "y"); !ok || err != nil {
		t.Error("something else waits, too", err)
	} else {
		other()
	}
	free()
	if free, ok, err = b.alone(t.Context(), "x"); !ok || err != nil {
		t.Fatal("not after it was free", err)
	}
	free()
	if _, ok, err = a.alone(t.Context(), "x"); !ok || err != nil { // and dies with it
		t.Fatal(err)
	}
	if _, err := b.pool.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err = b.alone(t.Context(), "x"); !ok || err != nil {
		t.Error("a machine that died keeps it:", err)
	}
	if _, ok, err := (&server{}).alone(t.Context(), "x"); !ok || err != nil {
		t.Error("with SQLite there is one machine", err)
	}
}

// An export that hangs holds back no other: what comes meanwhile is exported there.
func TestExportsDoNotWaitForEachOther(t *testing.T) {
	begun, ended := make(chan struct{}, 1000), make(chan struct{}, 1000)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	defer slow.Close()
	l := newLake(t)
	l.got = make(chan string, 1000)
	e := newExporting(t, "exports:\n  lake: {kind: http, url: \""+l.URL+"\", token: {env: LAKE}}\n  slow: {kind: http, url: \""+slow.URL+"\"}\n")
	e.sys.close()
	d := startDaemonAs(t, e.p)
	<-begun
	<-l.got // of the same round
	for _, program := range []string{"wiki", "gitea"} {
		told(t, e.p, "pause", program, "--reason", "trouble with "+program)
		for found := false; !found; {
			select {
			case <-l.got:
				l.mu.Lock()
				found = strings.Contains(strings.Join(l.lines, ""), "trouble with "+program)
				l.mu.Unlock()
			case <-ended:
				t.Fatal("what came waits for an export that hangs")
			}
		}
	}
	if len(begun) > 0 {
		t.Error("one export is under way twice at once")
	}
	d.ended()
}

// A machine says how its own exports went, not how those did that another one was at.
func TestExportsOfAnotherMachine(t *testing.T) {
	dsn := servers.Postgres(t).DSN
	machine := func() *server {
		pool, err := sql.Open("postgres", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pool.Close() })
		return &server{pool: pool, log: slog.New(slog.DiscardHandler), metrics: newMetrics(time.Now, func() engine.ReviewLog { return nil })}
	}
	e := newExporting(t, "exports: {log: {kind: file, path: audit.jsonl}}\n")
	a, b := machine(), machine()
	b.app, b.current = e.app, e.sys
	ok := func() string {
		b.exportNow(t.Context())
		b.former.Wait()
		families, err := b.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "rolecall_export_ok" {
				return fmt.Sprint(f.GetMetric()[0].GetGauge().GetValue())
			}
		}
		return "not said"
	}
	hold := func() func() {
		free, ok, err := a.alone(t.Context(), "export log")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		return free
	}
	free := hold()
	if got := ok(); got != "not said" {
		t.Errorf("while another machine exports: %s", got)
	}
	free()
	if got := ok(); got != "1" {
		t.Errorf("exported: %s", got)
	}
	if err := os.WriteFile(filepath.Join(e.p.Dir, "audit.jsonl"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	told(t, e.p, "pause", "wiki", "--reason", "trouble")
	if got := ok(); got != "0" {
		t.Errorf("to a file that somebody cut: %s", got)
	}
	defer hold()()
	if got := ok(); got != "0" {
		t.Errorf("what failed here is said to be right as another machine is at it: %s", got)
	}
}
