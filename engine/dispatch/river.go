package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// River lets several processes that share one PostgreSQL run and work together. Its jobs are coarse: one run, the work of
// one program.
//
//   - A run is unique for each slot, also after it ended: whoever comes to the slot first has it queued, and any process
//     with a schedule makes it. A run that failed is left to the next slot; one that gave way, or whose process died (its
//     beat stopped, see beat), is queued again, at most maxTries times.
//   - Work is not unique: River's uniqueness would take in the job that runs, which may have looked for intents already
//     when new ones are committed. A job too many finds nothing to claim.
type River struct {
	planner
	client  *river.Client[*sql.Tx]
	crew    *crew
	seen    lastBeat
	trouble *trouble
}

const (
	runQueue, workQueue = "run", "work"

	maxWork = 8 // programs worked at once because of jobs; a sweep takes any that is left
	poll    = 200 * time.Millisecond
)

// NewRiver makes no call to the database yet. The pool may be shared; one process uses up to about ten connections of it.
// Without a schedule the process only works.
func NewRiver(db *sql.DB, o Options) (*River, error) {
	plans := newPlanner(o)
	o = plans.Options
	r := &River{planner: plans, crew: newCrew(o), trouble: &trouble{}}
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{r: r})
	river.AddWorker(workers, &workWorker{crew: r.crew})
	queues := map[string]river.QueueConfig{workQueue: {MaxWorkers: maxWork}}
	if o.Schedule != nil {
		queues[runQueue] = river.QueueConfig{MaxWorkers: 1}
	}
	client, err := river.NewClient(riverdatabasesql.New(db), &river.Config{
		Queues: queues, Workers: workers, Logger: slog.New(warnings{o.Log.Handler(), r.trouble}),
		FetchPollInterval: poll, // over database/sql River hears of nothing, it asks
		JobTimeout:        -1,   // a run takes as long as it takes
		MaxAttempts:       1,    // the next slot and the next sweep are the retries
		SoftStopTimeout:   o.Grace,
	})
	if err != nil {
		return nil, fmt.Errorf("the queue can't be set up: %w", err)
	}
	r.client = client
	return r, nil
}

// Migrate makes or updates River's own tables. Safe to call from several processes at once, which wait for each other.
func Migrate(ctx context.Context, db *sql.DB) error {
	migrator, err := rivermigrate.New(riverdatabasesql.New(db), nil)
	if err != nil {
		return fmt.Errorf("the queue's tables can't be made: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("the queue's tables can't be made, the database does not answer: %w", err)
	}
	defer conn.Close()
	const lock = 0x726f6c6563616c6c // "rolecall"; held by this connection only while the tables are made
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(lock)); err != nil {
		return fmt.Errorf("the queue's tables can't be made: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(lock)) //nolint:errcheck // ends with the connection, too
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("the queue's tables can't be made; the user needs CREATE on the schema: %w", err)
	}
	return nil
}

// Enqueue asks for work on programs, in the transaction that writes their intents: either both are there or neither.
// It waits for no lock.
func (r *River) Enqueue(ctx context.Context, tx *sql.Tx, programs []string) error {
	jobs := make([]river.InsertManyParams, 0, len(programs))
	for _, program := range programs {
		jobs = append(jobs, river.InsertManyParams{Args: workArgs{Program: program}, InsertOpts: &river.InsertOpts{Queue: workQueue}})
	}
	if len(jobs) == 0 {
		return nil
	}
	if _, err := r.client.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("work can't be queued: %w", err)
	}
	return nil
}

// Kick asks for a run out of turn, in any process that has a schedule. May be called concurrently, and without Serve.
func (r *River) Kick(ctx context.Context) error {
	if _, err := r.client.Insert(ctx, runArgs{}, &river.InsertOpts{Queue: runQueue}); err != nil {
		return fmt.Errorf("a run can't be queued: %w", err)
	}
	return nil
}

// Serve takes part until the context ends, then lets what is under way finish within Options.Grace, ends it, and returns.
// Failures of the database are logged and tried again, at the start, too. Call it once, after Migrate.
func (r *River) Serve(ctx context.Context) error {
	r.started = r.Now()
	hard, end := outlive(ctx, r.Grace)
	defer end()
	r.crew.ctx = hard
	defer r.crew.wg.Wait()
	if !r.begin(ctx) {
		return nil
	}
	for {
		r.over(ctx)
		if err := r.plan(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("whether a run is due can't be found out; it is tried again within a minute", "error", err)
		}
		if ctx.Err() == nil {
			r.crew.all()
		}
		select {
		case <-ctx.Done():
			<-r.client.Stopped()
			return nil
		case <-r.wake:
		case <-time.After(r.wait()):
		}
	}
}

// begin starts River; it is false if the context ended before the database answered.
func (r *River) begin(ctx context.Context) bool {
	for wait := r.Sweep / 60; ; wait = min(2*wait, r.Sweep) {
		err := r.client.Start(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if r.trouble.first() {
			r.Log.Error(troubled+"it can't be started", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// plan queues the run that is due.
func (r *River) plan(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Sweep)
	defer cancel()
	slot, err := r.due(ctx)
	if err != nil || slot.IsZero() {
		return err
	}
	try, err := r.nextTry(ctx, slot)
	if err != nil || try < 0 {
		return err
	}
	_, err = r.client.Insert(ctx, runArgs{Slot: slot, Try: try}, &river.InsertOpts{Queue: runQueue,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: rivertype.JobStates()}})
	return err
}
