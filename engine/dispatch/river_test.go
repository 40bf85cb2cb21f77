package dispatch_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// books stand for the journal: an epoch, slots that were run, open intents. begun also knows the runs that came to nothing.
const books = `CREATE TABLE head (epoch int); INSERT INTO head VALUES (0);
	CREATE TABLE done (slot timestamptz PRIMARY KEY, who text);
	CREATE TABLE begun (n serial, slot timestamptz, who text);
	CREATE TABLE intent (program text); CREATE TABLE worked (program text, who text)`

func openBooks(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(10)
	t.Cleanup(func() { db.Close() })
	return db
}

func newBooks(t testing.TB, s *servers.PostgresServer) (dsn string, db *sql.DB) {
	t.Helper()
	dsn = s.NewDatabase(t)
	db = openBooks(t, dsn)
	must(t, db, books)
	if err := dispatch.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return dsn, db
}

func must(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t testing.TB, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// process is one process of several: with a pool, a clock and a name of its own.
type process struct {
	name  string
	db    *sql.DB
	river *dispatch.River
	takes time.Duration // a run
	hangs atomic.Bool   // a run does not end
	fail  func(slot time.Time) error
}

// fast is a clock on which a minute takes a second, from 23:58 UTC on.
func fast(began time.Time) func() time.Time {
	return func() time.Time {
		return time.Date(2026, 6, 1, 23, 58, 0, 0, time.UTC).Add(60 * time.Since(began))
	}
}

func newProcess(t testing.TB, name, dsn, spec string, began time.Time) *process {
	t.Helper()
	return newLogged(t, name, dsn, spec, began, logger(t))
}

func newLogged(t testing.TB, name, dsn, spec string, began time.Time, log *slog.Logger) *process {
	t.Helper()
	p := &process{name: name, db: openBooks(t, dsn), takes: 50 * time.Millisecond}
	o := dispatch.Options{Now: fast(began), Sweep: 300 * time.Millisecond, Grace: 5 * time.Second, Log: log,
		Jobs: dispatch.Jobs{Run: p.run, Work: p.work, Last: p.last, Programs: always([]string{"crm", "wiki"})}}
	if spec != "" {
		o.Schedule = always(schedule(t, spec))
	}
	var err error
	if p.river, err = dispatch.NewRiver(p.db, o); err != nil {
		t.Fatal(err)
	}
	return p
}

func logger(t testing.TB) *slog.Logger {
	if os.Getenv("ROLECALL_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// serve starts the process, and stops it at the end of the test or before.
func (p *process) serve(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.river.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (p *process) last(ctx context.Context) (time.Time, error) {
	var slot sql.NullTime
	err := p.db.QueryRowContext(ctx, "SELECT max(slot) FROM done").Scan(&slot)
	return slot.Time, err
}

func (p *process) run(ctx context.Context, slot time.Time) error {
	epoch := 0
	if err := p.db.QueryRowContext(ctx, "UPDATE head SET epoch = epoch + 1 RETURNING epoch").Scan(&epoch); err != nil {
		return err
	}
	if _, err := p.db.ExecContext(ctx, "INSERT INTO begun (slot, who) VALUES ($1, $2)", sql.NullTime{Time: slot, Valid: !slot.IsZero()}, p.name); err != nil {
		return err
	}
	if p.hangs.Load() {
		<-ctx.Done()
	}
	if err := pause(ctx, p.takes); err != nil {
		return err
	}
	if p.fail != nil {
		if err := p.fail(slot); err != nil {
			return err
		}
	}
	return p.commit(ctx, slot, epoch)
}

func (p *process) commit(ctx context.Context, slot time.Time, epoch int) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := 0
	if err := tx.QueryRow("SELECT epoch FROM head FOR UPDATE").Scan(&now); err != nil {
		return err
	}
	if now != epoch {
		return engine.ErrDeposed
	}
	if !slot.IsZero() {
		n, err := tx.Exec("INSERT INTO done SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM done WHERE slot >= $1)", slot, p.name)
		if err != nil {
			return err
		}
		if rows, err := n.RowsAffected(); err != nil || rows == 0 {
			return errors.Join(err, engine.ErrSlotDone)
		}
	}
	if _, err := tx.Exec("INSERT INTO intent VALUES ('crm'), ('wiki')"); err != nil {
		return err
	}
	if err := p.river.Enqueue(ctx, tx, []string{"crm", "wiki"}); err != nil {
		return err
	}
	return tx.Commit()
}

func (p *process) work(ctx context.Context, program string) error {
	_, err := p.db.ExecContext(ctx, "WITH x AS (DELETE FROM intent WHERE program = $1 RETURNING program) INSERT INTO worked SELECT program, $2 FROM x", program, p.name)
	return err
}

// eventually waits until the query gives true. It fails after half a minute, with what there is.
func eventually(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	ok, end := false, time.Now().Add(30*time.Second)
	for time.Now().Before(end) {
		if err := db.QueryRow(query).Scan(&ok); err == nil && ok {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never true: %s\nruns begun: %s", query, get[string](t, db, "SELECT coalesce(string_agg(concat(slot, ' ', who), E'\n' ORDER BY n), '') FROM begun"))
}

const (
	allWorked = "SELECT count(*) = 0 FROM intent"
	gaps      = "SELECT count(*) FROM (SELECT slot - lag(slot) OVER (ORDER BY slot) AS d FROM done) x WHERE d <> '1 minute'"
	doubles   = "SELECT count(*) FROM (SELECT slot FROM begun WHERE slot IS NOT NULL GROUP BY slot HAVING count(*) > 1) x"
)

func TestRiver(t *testing.T) {
	s := servers.Postgres(t)
	for name, test := range map[string]func(*testing.T, *servers.PostgresServer){
		"three processes run each slot once":   testThreeProcesses,
		"a worker does not run":                testWorkerOnly,
		"a run that gave way is tried again":   testDeposed,
		"a run that failed waits for the next": testFailed,
		"a run that kills is tried five times": testTries,
		"work is queued with the transaction":  testEnqueue,
		"many migrate at once":                 testMigrate,
		"a long run is left alone":             testLongRun,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
	t.Run("the database is killed", func(t *testing.T) { testDatabaseKilled(t, s) })
	t.Run("an outage is said once", func(t *testing.T) { testOutageIsSaidOnce(t, s) })
}

func testThreeProcesses(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	began := time.Now()
	for _, name := range []string{"a", "b", "c"} {
		newProcess(t, name, dsn, "* * * * *", began).serve(t)
	}
	eventually(t, db, "SELECT count(*) >= 6 FROM done")
	eventually(t, db, allWorked)
	if n := get[int](t, db, gaps); n != 0 {
		t.Errorf("%d slots were left out", n)
	}
	if n := get[int](t, db, doubles); n != 0 {
		t.Errorf("%d slots were begun twice", n)
	}
}

func testWorkerOnly(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	w := newProcess(t, "worker", dsn, "", time.Now())
	w.serve(t)
	must(t, db, "INSERT INTO intent VALUES ('wiki')") // nobody queued it: a lost wake-up
	eventually(t, db, allWorked)
	if err := w.river.Kick(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // it asks five times for jobs
	if n := get[int](t, db, "SELECT count(*) FROM river_job WHERE kind = 'run' AND state = 'available'"); n != 1 {
		t.Error("the worker took the run")
	}
	newProcess(t, "all", dsn, "* * * * *", time.Now()).serve(t)
	eventually(t, db, "SELECT count(*) >= 2 FROM done")
	eventually(t, db, "SELECT count(*) = 1 FROM begun WHERE slot IS NULL") // the kick
	if who := get[string](t, db, "SELECT string_agg(DISTINCT who, ' ') FROM begun"); who != "all" {
		t.Errorf("%s made runs", who)
	}
}

func testDeposed(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	p := newProcess(t, "a", dsn, "0 0 * * *", time.Now())
	var times atomic.Int32
	p.fail = func(time.Time) error {
		if times.Add(1) == 1 {
			_, err := db.Exec("UPDATE head SET epoch = epoch + 1") // somebody applies by hand
			return err
		}
		return nil
	}
	p.serve(t)
	eventually(t, db, "SELECT count(*) = 1 FROM done")
	if n := get[int](t, db, "SELECT count(*) FROM begun"); n != 2 {
		t.Errorf("%d runs begun", n)
	}
}

func testFailed(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	p := newProcess(t, "a", dsn, "*/3 * * * *", time.Now())
	p.fail = func(slot time.Time) error {
		if slot.Minute() == 0 {
			return errors.New("the directory is down")
		}
		return nil
	}
	p.serve(t)
	eventually(t, db, "SELECT count(*) = 1 FROM done")
	if got := get[string](t, db, "SELECT string_agg(to_char(slot AT TIME ZONE 'UTC', 'HH24:MI'), ' ' ORDER BY n) FROM begun"); got != "00:00 00:03" {
		t.Errorf("slots tried: %s", got)
	}
}

func testTries(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	p := newProcess(t, "a", dsn, "0 0 * * *", time.Now())
	p.fail = func(time.Time) error { return engine.ErrDeposed }
	p.serve(t)
	eventually(t, db, "SELECT count(*) = 5 FROM river_job WHERE kind = 'run' AND state = 'cancelled'")
	time.Sleep(time.Second) // three sweeps
	if n := get[int](t, db, "SELECT count(*) FROM begun"); n != 5 {
		t.Errorf("%d runs begun", n)
	}
}

func testEnqueue(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	p := newProcess(t, "a", dsn, "", time.Now())
	for _, commit := range []bool{false, true} {
		tx, err := p.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.river.Enqueue(t.Context(), tx, []string{"crm", "wiki"}); err != nil {
			t.Fatal(err)
		}
		end, want := tx.Rollback, 0
		if commit {
			end, want = tx.Commit, 2
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if n := get[int](t, db, "SELECT count(*) FROM river_job"); n != want {
			t.Errorf("committed %v: %d jobs", commit, n)
		}
	}
}

func testMigrate(t *testing.T, s *servers.PostgresServer) {
	dsn := s.NewDatabase(t)
	var wg sync.WaitGroup
	for range 4 {
		db := openBooks(t, dsn)
		wg.Go(func() {
			if err := dispatch.Migrate(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if locks := get[int](t, openBooks(t, dsn), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); locks != 0 {
		t.Errorf("%d locks are left", locks)
	}
}

// testLongRun lets a run last for many sweeps of two processes: its beat keeps the other from beginning it anew.
func testLongRun(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	began := time.Now()
	for _, name := range []string{"a", "b"} {
		p := newProcess(t, name, dsn, "0 0 * * *", began)
		p.takes = 4 * time.Second // 13 sweeps; two without a beat would do
		p.serve(t)
	}
	eventually(t, db, "SELECT count(*) = 1 FROM done")
	if n := get[int](t, db, "SELECT count(*) FROM begun"); n != 1 {
		t.Errorf("%d runs begun", n)
	}
}

// testDatabaseKilled kills the server in the middle of runs and work.
func testDatabaseKilled(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	began := time.Now()
	for _, name := range []string{"a", "b"} {
		p := newProcess(t, name, dsn, "* * * * *", began)
		p.takes = 400 * time.Millisecond
		p.serve(t)
	}
	for round := range 2 {
		before := get[int](t, db, "SELECT count(*) FROM begun")
		eventually(t, db, "SELECT (SELECT count(*) FROM begun) > "+strings.Repeat("1+", before)+"0") // a run has just begun
		s.StopImmediate()
		s.Start(t)
		back := time.Now()
		eventually(t, db, "SELECT count(*) >= 2 FROM done WHERE slot > (SELECT coalesce(max(slot), '2000-01-01') - interval '2 minutes' FROM begun)")
		eventually(t, db, allWorked)
		t.Logf("round %d: two slots and all work done %v after the server was back", round, time.Since(back).Round(time.Millisecond))
	}
}

// lines counts what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// until waits for something to be logged so many times.
func (l *lines) until(t *testing.T, text string, times int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); l.count(text) < times; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q was not logged %d times:\n%s", text, times, l.text.String())
		}
	}
}

// testOutageIsSaidOnce has the database down as the queue starts, and again later.
func testOutageIsSaidOnce(t *testing.T, s *servers.PostgresServer) {
	dsn, db := newBooks(t, s)
	const fails, works = "the queue fails", "the queue works again"
	log := &lines{}
	p := newLogged(t, "a", dsn, "* * * * *", time.Now(), slog.New(slog.NewTextHandler(log, nil)))
	s.StopImmediate()
	p.serve(t)
	log.until(t, fails, 1)
	s.Start(t)
	eventually(t, db, "SELECT count(*) >= 1 FROM done")
	log.until(t, works, 1)
	due := log.count("whether a run is due")
	s.StopImmediate()
	log.until(t, fails, 2)
	log.until(t, "whether a run is due", due+4) // that is at least three sweeps, and so several polls of River's
	s.Start(t)
	log.until(t, works, 2)
	eventually(t, db, allWorked)
	if log.count(fails) != 2 || log.count(works) != 2 || log.count("Error fetching jobs") > 1 || log.count("errors_left_out=0") > 1 {
		t.Errorf("two outages were logged so:\n%s", log.text.String())
	}
}
