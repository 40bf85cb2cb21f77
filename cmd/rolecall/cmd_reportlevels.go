package main

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

func (a *app) reportLevels() *cobra.Command {
	from := ""
	c := &cobra.Command{
		Use: "levels", Short: "How long giving and taking access took, by program and month", Args: args(cobra.NoArgs),
		Long: "Reads the journal alone: for each program and month in which something was decided, how many grants (accounts and rights, of\n" +
			"those who join and of all others) and how many removals from those who left or were cut off are done, how long half of them took at\n" +
			"most from the decision to the program's word, how long 99 of 100, and how many are still open. Begins with the month of --from (a\n" +
			"year ago unless said); what was decided before is left out.",
		Example: "  rolecall report levels\n  rolecall report levels --from 2027-01-01 -o csv > levels.csv",
		RunE:    func(c *cobra.Command, _ []string) error { return a.levels(c.Context(), from) },
	}
	c.Flags().StringVar(&from, "from", "", "not before the month of this `DAY`, 2027-01-31")
	return c
}

func (a *app) levels(ctx context.Context, from string) (err error) {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	store, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	r, err := monthLevels(ctx, store, from, a.Now(), zone(cfg))
	if err != nil {
		return err
	}
	return a.out().Data(r.table, r.form)
}

// levelsFrom is monthLevels for those who have a system.
func levelsFrom(from string) reporter {
	return func(ctx context.Context, s *system, now time.Time) (reported, error) {
		return monthLevels(ctx, s.store, from, now, zone(s.cfg))
	}
}

// levelsBack is how many months before this one the report looks back.
const levelsBack = 11

// levelsBegin is the first day of the report unless another is said.
func levelsBegin(now time.Time, in *time.Location) string {
	y, m, _ := now.In(in).Date()
	return time.Date(y, m-levelsBack, 1, 0, 0, 0, 0, in).Format(time.DateOnly)
}

// levelJSON is one program in one month in the documented form of the report.
type levelJSON struct {
	Month   string   `json:"month"` // 2027-01
	Program string   `json:"program"`
	Access  tookJSON `json:"access"`
	Removal tookJSON `json:"removal"`
}

// tookJSON is how long changes took, in seconds; nothing where none is done.
type tookJSON struct {
	Count  int      `json:"count"` // done
	Open   int      `json:"open"`
	Median *float64 `json:"median,omitempty"`
	P99    *float64 `json:"p99,omitempty"`
}

func tookOf(t engine.Took) tookJSON {
	out := tookJSON{Count: t.N, Open: t.Open}
	if t.N > 0 {
		median, p99 := t.Median.Seconds(), t.P99.Seconds()
		out.Median, out.P99 = &median, &p99
	}
	return out
}

// monthLevels are told of from the journal alone.
func monthLevels(ctx context.Context, log engine.Log, from string, now time.Time, in *time.Location) (reported, error) {
	day, err := config.ParseDate(cmp.Or(from, levelsBegin(now, in)))
	if err != nil {
		return reported{}, usage("--from 2027-01-31", "--from: %w", err)
	}
	since := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, in)
	list, err := engine.MonthLevels(ctx, log, since)
	if err != nil {
		return reported{}, err
	}
	lines := []levelJSON{}
	t := render.Table{Header: []string{"month", "program", "given", "median of given", "99 of 100 of given", "not given yet", "taken", "median of taken", "99 of 100 of taken", "not taken yet"}}
	for i := range list {
		m := &list[i]
		color := render.Plain
		if m.Removal.Open > 0 {
			color = render.Amber
		}
		one := levelJSON{m.Month.Format("2006-01"), m.Program, tookOf(m.Access), tookOf(m.Removal)}
		t.Add(color, append([]string{one.Month, one.Program}, append(tookCells(m.Access), tookCells(m.Removal)...)...)...)
		lines = append(lines, one)
	}
	return reported{table: t, charts: levelCharts(list), form: struct {
		Version int         `json:"version"`
		From    string      `json:"from"`
		Levels  []levelJSON `json:"levels"`
	}{1, since.Format(time.DateOnly), lines}}, nil
}

// tookCells leave out what is not known: nothing that took no time.
func tookCells(t engine.Took) []string {
	median, p99 := "", ""
	if t.N > 0 {
		median, p99 = spanText(t.Median), spanText(t.P99)
	}
	return []string{strconv.Itoa(t.N), median, p99, strconv.Itoa(t.Open)}
}

// spanText says how long something took, to the second where that is enough.
func spanText(d time.Duration) string {
	if d < 10*time.Second {
		return config.FormatDuration(d.Round(time.Millisecond))
	}
	return config.FormatDuration(d.Round(time.Second))
}

// levelCharts show the median of the newest month that has one, by program.
func levelCharts(list []engine.MonthLevel) (out []web.ReportChart) {
	for _, of := range []struct {
		title string
		took  func(*engine.MonthLevel) engine.Took
	}{{"Until access was there", func(m *engine.MonthLevel) engine.Took { return m.Access }}, {"Until leavers' access was taken", func(m *engine.MonthLevel) engine.Took { return m.Removal }}} {
		month, longest := time.Time{}, map[string]float64{}
		for i := len(list) - 1; i >= 0; i-- {
			m := &list[i]
			if took := of.took(m); took.N > 0 && (month.IsZero() || m.Month.Equal(month)) {
				month, longest[m.Program] = m.Month, float64(took.Median)
			}
		}
		out = append(out, ranked(of.title+", the median of "+month.Format("2006-01"), longest, func(n float64) string { return spanText(time.Duration(n)) })...)
	}
	return out
}
