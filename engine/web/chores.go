package web

import (
	"context"
	"net/http"

	"github.com/rolecall/rolecall/engine"
)

// Chores are what people tick off and let go of.
type Chores interface {
	TaskDone(ctx context.Context, u User, id, note string) error
	Release(ctx context.Context, u User, reason string) (int, error)
}

// tasks are what is still to be done by hand, as of now.
func (s *Site) tasks(ctx context.Context) (out []engine.Task, err error) {
	if s.Hand != nil { // first, since somebody waits for them
		if out, err = s.Hand(ctx); err != nil {
			return nil, err
		}
	}
	facts, err := s.Journal().Facts(ctx, engine.FactTask)
	for _, f := range facts {
		if t := engine.TaskOf(f); t.Done == "" {
			out = append(out, t)
		}
	}
	return out, err
}

func (s *Site) taskDone(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	id := r.PostFormValue("task")
	if id == "" {
		return "", Refused{"Say which task: nothing was done", http.StatusBadRequest}
	}
	note, err := r.reason()
	if err != nil {
		return "", err
	}
	return did("/waiting", "done", 0), s.Chores.TaskDone(ctx, r.User, id, note)
}

// frozen is how much is held as an undo, or what others contest, left it.
func (s *Site) frozen(ctx context.Context) (n int, err error) {
	for _, kind := range []string{engine.FactUndone, engine.FactContested} {
		facts, err := s.Journal().Facts(ctx, kind)
		if n += len(facts); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *Site) release(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	reason, err := r.reason()
	if err != nil {
		return "", err
	}
	n, err := s.Chores.Release(ctx, r.User, reason)
	return did("/runs", "release", n), err
}
