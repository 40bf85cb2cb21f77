package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

const (
	decideTime = 2 * time.Minute  // how long a decision may take, whether somebody waits for it or not
	cutTime    = 30 * time.Minute // how long a cut may
	cutShown   = 20 * time.Second // how long somebody waits for the end of a cut
)

// deciding lets somebody decide with the configuration in force, as a command would: not on a journal that can't be trusted.
func (d *door) deciding(ctx context.Context, u web.User, do func(context.Context, decider) error) error {
	sys, done := d.s.use()
	defer done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), decideTime) // it is not half made because a browser goes away
	defer cancel()
	if u.Unsure != "" {
		return web.Refused{Text: "Nothing was decided: " + u.Unsure, Status: http.StatusServiceUnavailable}
	}
	if err := d.s.trust(ctx, sys); err != nil {
		return web.Refused{Text: "The journal does not continue its checkpoint, or that can't be told: nothing is decided but cuts; the log says more", Status: http.StatusServiceUnavailable}
	}
	err := do(ctx, sys.by(u.Actor, engine.Decider{Person: u.Person, Words: u.Words, Shown: true, Asked: u.Permission < web.Reviewer, InPlace: u.Permission < web.Approver}))
	d.s.seal(ctx, sys)
	return d.readable(err)
}

// readable lets people read what the engine refuses; other errors are for the log.
func (d *door) readable(err error) error {
	if err != nil {
		d.s.log.Warn("nothing was decided on the page", "error", err)
	}
	if wrong := (engine.OrderError{}); errors.As(err, &wrong) {
		return web.Refused{Text: "Nothing was decided: " + wrong.Text, Status: http.StatusBadRequest}
	}
	for known, status := range map[error]int{
		engine.ErrOwnAccess: http.StatusForbidden, engine.ErrOwnChange: http.StatusForbidden, engine.ErrUnknownAuthor: http.StatusForbidden,
		engine.ErrUnknownItem: http.StatusConflict, engine.ErrDecided: http.StatusConflict, engine.ErrStale: http.StatusConflict, engine.ErrUnknownPerson: http.StatusNotFound, engine.ErrAmbiguous: http.StatusConflict,
		engine.ErrNoReason: http.StatusBadRequest, engine.ErrNothingToUndo: http.StatusConflict, engine.ErrNotCut: http.StatusConflict,
		engine.ErrNoDelegation: http.StatusForbidden, engine.ErrStandsFor: http.StatusForbidden, engine.ErrNoStandIn: http.StatusConflict,
		engine.ErrUnknownTask: http.StatusConflict, engine.ErrNotYetMade: http.StatusConflict,
		engine.ErrNotReviewer: http.StatusForbidden, engine.ErrNoReview: http.StatusConflict, engine.ErrNoLine: http.StatusConflict, engine.ErrForbidden: http.StatusConflict, engine.ErrOver: http.StatusConflict, engine.ErrLookAgain: http.StatusConflict,
		engine.ErrHalfRead: http.StatusServiceUnavailable,
	} {
		if errors.Is(err, known) {
			return web.Refused{Text: "Nothing was decided: " + known.Error(), Status: status}
		}
	}
	return err
}

// Decide implements web.Decisions.
func (d *door) Decide(ctx context.Context, u web.User, approve bool, items []string, reason string) (n int, err error) {
	err = d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		decided, err := by.decide(ctx, approve, items, reason)
		n = len(decided)
		return err
	})
	return n, err
}

// Give implements web.Decisions.
func (d *door) Give(ctx context.Context, u web.User, person, entitlement string, day time.Time, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error { return by.give(ctx, person, entitlement, day, reason) })
}

// Pause implements web.Decisions.
func (d *door) Pause(ctx context.Context, u web.User, program string, on bool, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		if on {
			return by.pause(ctx, program, reason)
		}
		return by.resume(ctx, program)
	})
}

// Lift implements web.Decisions.
func (d *door) Lift(ctx context.Context, u web.User, person, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error { return by.lift(ctx, person, reason) })
}

// Undo implements web.Decisions.
func (d *door) Undo(ctx context.Context, u web.User, run, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		_, err := by.undo(ctx, run, reason)
		return err
	})
}

// UndoPreview implements web.Decisions.
func (d *door) UndoPreview(ctx context.Context, run string) ([]engine.Undone, error) {
	sys, done := d.s.use()
	defer done()
	list, err := sys.by("", engine.Decider{}).undoPreview(ctx, run)
	return list, d.readable(err)
}

// CutPreview implements web.Decisions.
func (d *door) CutPreview(ctx context.Context, person string) (*engine.Plan, error) {
	sys, done := d.s.use()
	defer done()
	p, err := sys.engine.CutPreview(ctx, person)
	return p, d.readable(err)
}

// Cut implements web.Decisions. It goes on when nobody waits for it any more; the daemon ends after it. A journal that can't be
// trusted does not hold it up, as on the command line.
func (d *door) Cut(ctx context.Context, u web.User, person, reason string) error {
	ended := make(chan error, 1)
	sys, done := d.s.use()
	d.s.former.Go(func() {
		defer done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
		defer cancel()
		ended <- d.cutNow(ctx, sys, u, person, reason)
	})
	waited := time.NewTimer(cutShown)
	defer waited.Stop()
	select {
	case err := <-ended:
		return err
	case <-waited.C:
		return web.ErrUnderWay
	}
}

func (d *door) cutNow(ctx context.Context, sys *system, u web.User, person, reason string) error {
	by := sys.by(u.Actor, engine.Decider{Person: u.Person, Words: u.Words})
	doubt := d.s.trust(ctx, sys)
	if doubt != nil {
		by.engine.Outbox = cutsOnly{sys.store}
	}
	p, r, err := by.cut(ctx, person, reason)
	d.s.log.Warn("somebody was cut off on the page", "actor", u.Actor, "person", person, "outcomes", outcomes(r.Outcomes), "error", err)
	if doubt == nil { // else the checkpoint outside is what shows the roll-back
		d.s.seal(ctx, sys)
	}
	switch {
	case errors.Is(err, engine.ErrNotCutOff) && p != nil:
		return web.ByHand{Changes: p.Changes}
	case errors.Is(err, engine.ErrCutUnfinished):
		return web.ErrUnderWay
	}
	return d.readable(err)
}
