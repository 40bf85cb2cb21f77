package main

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/export"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// sink takes records of the journal in order. What it was given is kept there when deliver returns without an error.
type sink interface {
	deliver(ctx context.Context, at *cursor, b *batch) error
}

// batch is some records, one behind the other.
type batch struct {
	lines       [][]byte // without those that the form has no place for
	first, last engine.Record
	n, size     int
	news        bool   // there is something besides records of exports
	kind        string // as HTTP names it
}

// full says that more may follow.
func (b *batch) full() bool { return b.n == batchRecords || b.size >= batchBytes }

// errFull ends a batch.
var errFull = errors.New("the batch is full")

// whole is all lines, each with its end.
func (b *batch) whole() []byte { return bytes.Join(b.lines, nil) }

const (
	batchRecords = 2000             // of one batch, at most
	batchBytes   = 4 << 20          // after which no more are added
	batchTime    = 25 * time.Second // for one batch to be taken
)

// exportNow sends what is new to every export that is not under way, one machine at a time; nobody waits for it.
func (s *server) exportNow(ctx context.Context) {
	sys, done := s.use()
	defer done()
	for _, name := range slices.Sorted(maps.Keys(sys.cfg.Exports)) {
		s.exportApart(ctx, sys, name)
	}
}

// exportApart sends one export what is new, beside the others: one that hangs or has much to catch up holds back none of them.
func (s *server) exportApart(ctx context.Context, sys *system, name string) {
	if _, busy := s.exporting.LoadOrStore(name, true); busy {
		return
	}
	sys.using.Add(1)
	s.former.Go(func() {
		defer sys.using.Done()
		defer s.exporting.Delete(name)
		if mine, err := s.exportAll(ctx, sys, name); mine || err != nil {
			s.exported(ctx, name, err)
		}
	})
}

// exported notes how an export went, and says so if it went otherwise before.
func (s *server) exported(ctx context.Context, name string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	before, known := s.exportErrors.Swap(name, text)
	s.metrics.export(name, err == nil)
	switch {
	case text == before || ctx.Err() != nil || !known && err == nil:
	case err != nil:
		s.log.Error("records can't be exported; it is tried again", "export", name, "error", err)
	default:
		s.log.Info("records are exported again", "export", name)
	}
}

// exportAll sends one export all that it lacks; mine is false while another machine is at it.
func (s *server) exportAll(ctx context.Context, sys *system, name string) (mine bool, err error) {
	free, mine, err := s.alone(ctx, "export "+name)
	if err != nil || !mine {
		return mine, err
	}
	defer free()
	to, err := s.app.sink(sys.cfg, sys.cfg.Exports[name])
	if err != nil {
		return true, err
	}
	for more := true; more && err == nil && ctx.Err() == nil; {
		more, err = sys.exportSome(ctx, name, to)
	}
	return true, err
}

// exportSome sends a batch and moves the cursor behind it. Between the two the machine may die: a file is then cut back to the cursor, and
// elsewhere the batch comes once more.
func (s *system) exportSome(ctx context.Context, name string, to sink) (more bool, err error) {
	x := s.cfg.Exports[name]
	key, err := s.exportKey(name, x)
	if err != nil {
		return false, err
	}
	at, err := s.exportCursor(ctx, key, x.Format)
	if err != nil {
		return false, err
	}
	collect := s.collect
	if x.Format == config.FormatCheckpoint {
		collect = s.collectCheckpoint
	}
	b, err := collect(ctx, at.Seq, x.Format)
	if err != nil || !b.news { // the record of a cursor is exported with what follows, not for its own sake
		return false, err
	}
	sending, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	if err := to.deliver(sending, &at, b); err != nil {
		return false, err
	}
	at.Seq, at.Hash = b.last.Seq, b.last.Hash
	text, err := json.Marshal(at)
	if err != nil {
		return false, err
	}
	return b.full(), s.store.Append(context.WithoutCancel(ctx), engine.Free, []engine.Record{{Kind: engine.KindExport, Actor: actorDaemon,
		Why: []string{fmt.Sprintf("%s has %s up to %d", name, sent(x.Format), at.Seq)}, Set: []engine.Fact{{FactKey: key, Since: s.engine.Now().UTC(), Data: text}}}})
}

// exportKey is where the cursor of an export is kept. Files of several machines are several files.
func (s *system) exportKey(name string, x *config.Export) (engine.FactKey, error) {
	key := engine.FactKey{Kind: engine.FactExport, Key: name}
	if x.Kind != config.ExportFile || strings.HasPrefix(s.cfg.Store, "sqlite:") {
		return key, nil
	}
	host, err := os.Hostname()
	key.Key += "@" + host
	return key, err
}

func (s *system) exportCursor(ctx context.Context, key engine.FactKey, format string) (at cursor, err error) {
	f, known, err := s.store.Fact(ctx, key)
	if err != nil || !known {
		return cursor{Version: 1, Format: format}, err
	}
	if err := json.Unmarshal(f.Data, &at); err != nil {
		return at, fmt.Errorf("its cursor can't be read: %w", err)
	}
	if at.Format != format {
		return at, fmt.Errorf("it was begun in the form %s; give the form %s another name", at.Format, format)
	}
	return at, at.same(ctx, s.store)
}

// collect is what comes behind a record.
func (s *system) collect(ctx context.Context, after int64, format string) (*batch, error) {
	form := lineForm(storedForm)
	if format != formJSONL {
		form, _ = formOf(format)
	}
	b := &batch{kind: "application/jsonl"}
	err := writtenAs(ctx, s.store, engine.Query{After: after, Limit: batchRecords}, form, func(r engine.Record, line []byte) error {
		if b.n == 0 {
			b.first = r
		}
		b.n, b.last, b.news = b.n+1, r, b.news || r.Kind != engine.KindExport
		if len(line) > 0 {
			b.lines, b.size = append(b.lines, line), b.size+len(line)
		}
		if b.full() {
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return b, err
}

// sink is where an export goes.
func (a *app) sink(cfg *config.File, x *config.Export) (sink, error) {
	switch x.Kind {
	case config.ExportFile:
		return fileSink(cfg.In(x.Path)), nil
	case config.ExportHTTP:
		return &httpSink{x.URL, func() (string, error) { return a.secrets(cfg.Dir)(x.Token) }, !x.Token.IsZero(), notify.NoRedirects()}, nil
	}
	c, err := collectorTLS(cfg.In, x.CA, x.Cert, x.Key)
	if err != nil {
		return nil, err
	}
	return &syslogSink{export.Collector{Address: strings.TrimPrefix(x.Collector, "tls://"), Config: c, Patience: batchTime / 2}}, nil
}

// fileSink is a file: nothing is lost or doubled in it, for the cursor knows its length.
type fileSink string

func (path fileSink) deliver(_ context.Context, at *cursor, b *batch) (err error) {
	out, err := at.output(string(path))
	if err != nil {
		return err
	}
	defer settle(&err, out.Close)
	if _, err := out.Write(b.whole()); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	at.Size, err = out.Seek(0, io.SeekCurrent)
	return err
}

// httpSink posts batches. One that was taken and not acknowledged comes once more, maybe with more behind it: its receiver drops the
// records that it has, by their numbers.
type httpSink struct {
	url    string
	token  func() (string, error)
	signed bool
	client *http.Client
}

func (h *httpSink) deliver(ctx context.Context, _ *cursor, b *batch) error {
	if len(b.lines) == 0 {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(b.whole()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", b.kind)
	r.Header.Set("Rolecall-First", strconv.FormatInt(b.first.Seq, 10))
	r.Header.Set("Rolecall-Last", strconv.FormatInt(b.last.Seq, 10))
	if h.signed {
		token, err := h.token()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("%s answers %s", h.url, answer.Status)
	}
	return nil
}

// syslogSink is a collector of syslog over TLS.
type syslogSink struct{ export.Collector }

func (c *syslogSink) deliver(_ context.Context, _ *cursor, b *batch) error {
	defer c.Close()
	var frames []byte
	for _, line := range b.lines {
		if b.kind == checkpointType {
			line = export.SyslogCheckpoint(b.last.Time, b.last.Seq, line)
		}
		frames = append(frames, export.Framed(line)...)
	}
	if len(frames) == 0 {
		return nil
	}
	if _, err := c.Write(frames); err != nil {
		return err
	}
	return c.Received()
}

// alone makes sure that of all machines with one PostgreSQL store only one does something; ok is false where another one does. With
// SQLite there is only one.
func (s *server) alone(ctx context.Context, what string) (free func(), ok bool, err error) {
	if s.pool == nil {
		return func() {}, true, nil
	}
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, false, err
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte("rolecall " + what))
	lock := int32(sum.Sum32()) // #nosec G115 -- any number will do
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1::int4, current_schema()::regnamespace::oid::int4)", lock).Scan(&ok); err != nil || !ok {
		return nil, false, errors.Join(err, conn.Close())
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1::int4, current_schema()::regnamespace::oid::int4)", lock); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // dropped, and the lock with it
		}
		_ = conn.Close()
	}, true, nil
}
