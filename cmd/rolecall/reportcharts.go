package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// mostBars is how many bars a chart has: more than that are read as a table.
const mostBars = 12

// seatCharts show how full the programs are whose seats are counted.
func seatCharts(list []seatReport) []web.ReportChart {
	c := web.ReportChart{Title: "Seats that are taken"}
	for i := range list {
		if p := &list[i]; p.Seats > 0 {
			c.Bars = append(c.Bars, web.ReportBar{Label: p.Program, Text: fmt.Sprintf("%d of %d", p.Taken, p.Seats), Part: float64(p.Taken), Whole: float64(p.Seats), Over: p.Taken > p.Seats})
		}
	}
	return few(c)
}

// dayCharts show the most seats of each day, a chart for each program.
func dayCharts(days []seatDay) (out []web.ReportChart) {
	at := map[string]int{}
	for _, d := range days {
		i, known := at[d.Program]
		if !known {
			if len(out) == mostBars {
				continue
			}
			i, at[d.Program] = len(out), len(out)
			out = append(out, web.ReportChart{Title: d.Program, From: d.Day})
		}
		out[i].Days, out[i].Until = append(out[i].Days, float64(d.Peak)), d.Day
	}
	for i := range out {
		out[i].Title += fmt.Sprintf(": seats taken each day, at most %g", slices.Max(out[i].Days))
	}
	return out
}

// costCharts show who costs most, a chart for each currency.
func costCharts(lines []costLine) (out []web.ReportChart) {
	sums := map[string]map[string]float64{}
	for i := range lines {
		l := &lines[i]
		if sums[l.Month.Currency] == nil {
			sums[l.Month.Currency] = map[string]float64{}
		}
		sums[l.Month.Currency][l.called()] += l.Month.Amount
	}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, ranked("What a month costs, in "+currency, sums[currency], func(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) + " " + currency })...)
	}
	return out
}

// ranked is a chart of the largest amounts, each beside the largest.
func ranked(title string, amounts map[string]float64, text func(float64) string) []web.ReportChart {
	c, most := web.ReportChart{Title: title}, 0.0
	for _, n := range amounts {
		most = max(most, n)
	}
	for _, label := range slices.SortedFunc(maps.Keys(amounts), func(a, b string) int { return cmp.Or(cmp.Compare(amounts[b], amounts[a]), cmp.Compare(a, b)) }) {
		c.Bars = append(c.Bars, web.ReportBar{Label: label, Text: text(amounts[label]), Part: amounts[label], Whole: most})
	}
	return few(c)
}

// few gives a chart of what is worth one: at least a bar, and the first of many.
func few(c web.ReportChart) []web.ReportChart {
	if len(c.Bars) == 0 {
		return nil
	}
	if more := len(c.Bars) - mostBars; more > 0 {
		c.Bars, c.More = c.Bars[:mostBars], more
	}
	return []web.ReportChart{c}
}

// forecastCharts show how much of each budget is spent by the end of the contract.
func forecastCharts(list []forecast) []web.ReportChart {
	c := web.ReportChart{Title: "Cost until the contract's end, of the budget"}
	for i := range list {
		if f := &list[i]; f.Budget != nil {
			c.Bars = append(c.Bars, web.ReportBar{Label: f.Program, Text: f.Cost.String() + " of " + f.Budget.String(), Part: f.Cost.Amount, Whole: f.Budget.Amount, Over: f.Over.Amount > 0})
		}
	}
	return few(c)
}

// unmanagedCharts show where most is unmanaged.
func unmanagedCharts(list []engine.Unmanaged) []web.ReportChart {
	n := map[string]float64{}
	for i := range list {
		n[list[i].Program]++
	}
	return ranked("Unmanaged holdings", n, func(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) })
}

// leaverCharts show how long accounts lived on.
func leaverCharts(list []engine.Departure) []web.ReportChart {
	if len(list) == 0 {
		return nil
	}
	labels, n, open := []string{"under a minute", "under an hour", "under a day", "a day or longer"}, [4]int{}, 0
	for i := range list {
		switch lived := list[i].Ended.Sub(list[i].Decided); {
		case list[i].Open > 0:
			open++
		case lived < time.Minute:
			n[0]++
		case lived < time.Hour:
			n[1]++
		case lived < 24*time.Hour:
			n[2]++
		default:
			n[3]++
		}
	}
	c := web.ReportChart{Title: "How long accounts lived on"}
	for i, label := range labels {
		c.Bars = append(c.Bars, web.ReportBar{Label: label, Text: strconv.Itoa(n[i]), Part: float64(n[i]), Whole: float64(len(list))})
	}
	c.Bars = append(c.Bars, web.ReportBar{Label: "not ended yet", Text: strconv.Itoa(open), Part: float64(open), Whole: float64(len(list)), Over: open > 0})
	return few(c)
}
