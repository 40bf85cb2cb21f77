package web

import (
	"fmt"
	"slices"
)

// drawn gives bars their lengths.
func drawn(c ReportChart) reportChart {
	out := reportChart{ReportChart: c}
	for _, b := range c.Bars {
		d := drawnBar{b, 0}
		if b.Whole > 0 {
			d.Percent = max(0, min(100, 100*b.Part/b.Whole))
		}
		out.Drawn = append(out.Drawn, d)
	}
	if len(c.Days) > 0 {
		out.Line = dayBars(c.Days, c.From, c.Until)
	}
	return out
}

// dayBars draws an amount for each day; the most fills the height.
func dayBars(days []float64, from, until string) (c chart) {
	most := slices.Max(days)
	c.Says = fmt.Sprintf("each day from %s to %s, at most %s", clean(from), clean(until), thousands(most))
	width := 100 / float64(len(days))
	for i, n := range days {
		if n > 0 {
			height := 24 * n / most
			c.Bars = append(c.Bars, bar{float64(i) * width, 24 - height, width * .9, height})
		}
	}
	return c
}
