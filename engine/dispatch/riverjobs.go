package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/rolecall/rolecall/engine"
)

// runArgs are stored by River: fields may be added, none may change its meaning.
type runArgs struct {
	Slot time.Time `json:"slot,omitzero"` // UTC; zero: out of turn
	Try  int       `json:"try"`           // 0 at first
}

func (runArgs) Kind() string { return "run" }

// workArgs are stored by River, see runArgs.
type workArgs struct {
	Program string `json:"program"`
}

func (workArgs) Kind() string { return "work" }

type runWorker struct {
	river.WorkerDefaults[runArgs]
	r *River
}

// Work makes the run. What becomes of the job says what nextTry does: completed and discarded (failed) end the slot,
// cancelled asks for another try.
func (w *runWorker) Work(ctx context.Context, job *river.Job[runArgs]) error {
	stop := w.r.beat(ctx, job.ID)
	defer stop()
	err := w.r.Run(ctx, job.Args.Slot)
	switch {
	case err == nil || errors.Is(err, engine.ErrSlotDone):
		return nil
	case GaveWay(err) || ctx.Err() != nil:
		w.r.Log.Info("a run was given up; it is tried again", "slot", job.Args.Slot, "error", err)
		return river.JobCancel(err)
	}
	w.r.Log.Error("a run failed; the next slot tries again", "slot", job.Args.Slot, "error", err)
	return err
}

type workWorker struct {
	river.WorkerDefaults[workArgs]
	crew *crew
}

// Work works the program; the crew logs what fails, and its sweeps are the retries.
func (w *workWorker) Work(_ context.Context, job *river.Job[workArgs]) error {
	w.crew.work(job.Args.Program)
	return nil
}

// beat shows that the process of a run lives: it counts in the job's output, three times for each sweep.
func (r *River) beat(ctx context.Context, job int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(r.Sweep / 3)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if _, err := r.client.JobUpdate(ctx, job, &river.JobUpdateParams{Output: n}); err != nil && ctx.Err() == nil {
				r.Log.Warn("others can't be shown that this run goes on, and may begin it anew", "error", err)
			}
		}
	}()
	return cancel
}

// lastBeat is what this process saw of a running job, and since when by its own clock: clocks are not compared.
type lastBeat struct {
	job   int64
	count string
	since time.Time
}

// nextTry is the number of the try to queue for a slot, -1 if there is none to queue.
func (r *River) nextTry(ctx context.Context, slot time.Time) (int, error) {
	list, err := r.client.JobList(ctx, river.NewJobListParams().Kinds(runArgs{}.Kind()).Where("args->>'slot' = @slot",
		river.NamedArgs{"slot": slot.Format(time.RFC3339)}).OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(1))
	if err != nil || len(list.Jobs) == 0 {
		return 0, err
	}
	job := list.Jobs[0]
	var args runArgs
	if err := json.Unmarshal(job.EncodedArgs, &args); err != nil {
		return -1, fmt.Errorf("job %d of River's: %w", job.ID, err)
	}
	again := job.State == rivertype.JobStateCancelled || job.State == rivertype.JobStateRunning && r.abandoned(job)
	if !again || args.Try+1 >= maxTries {
		return -1, nil
	}
	return args.Try + 1, nil
}

// abandoned says whether a running job's beat has stood still for two sweeps.
func (r *River) abandoned(job *rivertype.JobRow) bool {
	if count := string(job.Output()); r.seen.job != job.ID || r.seen.count != count {
		r.seen = lastBeat{job.ID, count, time.Now()}
	}
	return time.Since(r.seen.since) >= 2*r.Sweep
}
