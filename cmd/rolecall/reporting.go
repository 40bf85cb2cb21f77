package main

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// reported is a report: as people and spreadsheets read it, and in its documented form.
type reported struct {
	table  render.Table
	form   any
	proofs []engine.Proof    // of what was read for it; none where it tells from the journal alone
	people []string          // key of the person that a row is about, "" for nobody; none where no row is about anybody
	charts []web.ReportChart // for the page
	notes  []string          // below the table, for people
}

// reporter makes a report. It changes nothing.
type reporter func(ctx context.Context, s *system, now time.Time) (reported, error)

// tell makes a report and shows it, and says in its exit code whether something may be missing.
func (a *app) tell(ctx context.Context, make reporter) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	r, err := make(ctx, s, a.Now())
	if err != nil {
		return err
	}
	if err := a.out().Data(r.table, r.form); err != nil {
		return err
	}
	if a.out().Format == render.TableFormat {
		for _, note := range r.notes {
			a.out().Line("%s", note)
		}
	}
	return incomplete(r.proofs)
}
