package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/bundle"
	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditBundle() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "bundle DIR", Short: "Write all that an auditor needs of a period into a folder", Args: args(cobra.ExactArgs(1)),
		Long: "Who came, moved and left and who held what at the end; each change with its rule, approval, result and read-back; policies as they\n" +
			"were; the records with proofs to the signed checkpoint; and what all this does not cover. `rolecall audit verify-bundle DIR` checks\n" +
			"it with nothing else at hand. The folder holds the records from the first one on, names included: keep it as you keep the journal.\n" +
			"Where records were pruned it goes on from the snapshot of them, and the period begins after it.",
		Example: "  rolecall audit bundle --from 2026-01-01 --to 2026-12-31 evidence-2026",
		RunE: func(c *cobra.Command, given []string) error {
			o, err := a.order(from, to)
			if err != nil {
				return err
			}
			return a.bundle(c.Context(), a.path(given[0]), given[0], o)
		},
	}
	c.Flags().StringVar(&from, "from", "", "the first `DAY` of the period (in UTC), or the instant at which it begins")
	c.Flags().StringVar(&to, "to", "", "the last `DAY` of the period, or the instant at which it is over")
	return c
}

func (a *app) order(from, to string) (o bundle.Order, err error) {
	if from == "" || to == "" {
		return o, usage("for example: --from 2026-01-01 --to 2026-12-31", "--from and --to are needed")
	}
	if o.From, err = moment(from); err != nil {
		return o, err
	}
	if o.To, err = moment(to); err != nil {
		return o, err
	}
	if _, err := time.Parse(time.RFC3339, to); err != nil { // a day is in the period to its end
		o.To = o.To.AddDate(0, 0, 1)
	}
	if !o.From.Before(o.To) {
		return o, usage("", "the period ends before it begins")
	}
	o.Made, o.By = a.Now(), a.Actor
	return o, nil
}

// bundle makes the folder beside, checks it as an auditor would, and gives it its name then.
func (a *app) bundle(ctx context.Context, folder, name string, o bundle.Order) (err error) {
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return usage("name a folder that is not there", "%s is there already", name)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	store, err := a.store(ctx, cfg, reading, nil)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	if err := a.seals(ctx, cfg, store, &o); err != nil {
		return err
	}
	half := filepath.Join(filepath.Dir(folder), "."+filepath.Base(folder)+".half")
	if err := os.RemoveAll(half); err != nil {
		return failed("", "%w", err)
	}
	defer os.RemoveAll(half) //nolint:errcheck // gone already if all went well
	found, err := bundle.Write(half, o, &bundleSource{ctx, store})
	if err != nil {
		return failed("", "the bundle could not be made: %w", err)
	}
	report, err := bundle.Verify(half, bundle.Given{Verifier: o.Verifier})
	if err != nil {
		return failed("", "%w", err)
	}
	if !report.OK() {
		return failed("look with `rolecall audit verify`", "the journal does not give a bundle that holds: %s", report.Wrong[0])
	}
	if err := os.Rename(half, folder); err != nil {
		return failed("", "%w", err)
	}
	return a.bundled(name, report, found)
}

// seals finds the checkpoints. A journal that does not continue what was sealed outside gives no evidence.
func (a *app) seals(ctx context.Context, cfg *config.File, store *journal.Store, o *bundle.Order) error {
	if err := a.prunedBefore(ctx, cfg, store, o); err != nil {
		return err
	}
	c, sealed, err := a.outside(ctx, cfg, store)
	if err != nil {
		return err
	}
	o.Verifier = cfg.Audit.Verifier
	if !sealed {
		return nil
	}
	if err := store.Continues(ctx, c); err != nil {
		return failed("look with `rolecall audit verify` and `rolecall audit accept`", "%w", err)
	}
	if o.Seal, err = os.ReadFile(cfg.In(cfg.Audit.Checkpoints)); err != nil {
		return failed("", "%w", err)
	}
	kept, err := store.Checkpoints(ctx)
	for _, k := range kept {
		o.Formers = append(o.Formers, []byte(k.Note))
	}
	return err
}

// prunedBefore refuses a period that reaches into what was pruned, and one behind a pruning that the key does not vouch for.
func (a *app) prunedBefore(ctx context.Context, cfg *config.File, store *journal.Store, o *bundle.Order) error {
	pruned, err := store.Pruned(ctx)
	if err != nil || pruned == nil {
		return err
	}
	if o.From.Before(pruned.Before) {
		return failed("begin with --from "+firstDay(pruned.Before)+" or later; for earlier periods there are the bundles that were made before", "a bundle has all that is behind it, and %s", pruned.String())
	}
	by, err := a.keyHistory(ctx, cfg, store)
	if err == nil {
		err = by.snapshot(ctx, store, pruned)
	}
	if err != nil {
		return failed("look with `rolecall audit verify`", "%w", err)
	}
	return nil
}

// firstDay is the first whole day from a time on.
func firstDay(t time.Time) string {
	return t.UTC().Add(24*time.Hour - time.Nanosecond).Format(time.DateOnly)
}

// bundleSource is the journal as bundles read it.
type bundleSource struct {
	ctx   context.Context
	store *journal.Store
}

// Each implements bundle.Source.
func (s *bundleSource) Each(to time.Time, yield func(engine.Record, journal.Stored) error) error {
	return s.store.Everything(s.ctx, to, yield)
}

// Pruning implements bundle.Source.
func (s *bundleSource) Pruning() (journal.Stored, bool, error) {
	p, err := s.store.Pruned(s.ctx)
	if err != nil || p == nil {
		return journal.Stored{}, false, err
	}
	return s.Next(p.Record)
}

// Snapshot implements bundle.Source.
func (s *bundleSource) Snapshot(p *engine.Pruned, yield func(journal.Stored) error) error {
	return s.store.SnapshotLines(s.ctx, p, yield)
}

// Next implements bundle.Source.
func (s *bundleSource) Next(seq int64) (found journal.Stored, ok bool, err error) {
	err = s.store.StoredRecords(s.ctx, engine.Query{After: seq - 1, Limit: 1}, func(r engine.Record, st journal.Stored) error {
		found, ok = st, r.Seq == seq
		return nil
	})
	return found, ok, err
}

// Prove implements bundle.Source.
func (s *bundleSource) Prove(newer, older int64) ([]audit.Hash, error) {
	return s.store.ProveConsistency(s.ctx, newer, older)
}

func (a *app) bundled(name string, r *bundle.Report, f *period.Findings) error {
	if a.output == "json" {
		return a.out().JSON(shownBundle(r))
	}
	out := a.out()
	out.Line("%s: %d records, %d of them of the period, from %s up to but without %s.", name, r.Manifest.Records, f.Last-f.First+1, stamp(f.From), stamp(f.To))
	for _, l := range sizes(f) {
		out.Line("  %-10s %d", l.name, l.n)
	}
	out.Line("SHA-256 of manifest.json: %s", r.SHA256)
	out.Line("What it does not cover stands in not-covered.html. Check it with: rolecall audit verify-bundle %s --key KEY", name)
	return nil
}

type sized struct {
	name string
	n    int
}

func sizes(f *period.Findings) []sized {
	return []sized{{"joiners", len(f.Joiners)}, {"movers", len(f.Movers)}, {"leavers", len(f.Leavers)}, {"others", len(f.Others)}, {"holders", len(f.Holders)},
		{"cases", len(f.Cases)}, {"decisions", len(f.Decisions)}}
}
