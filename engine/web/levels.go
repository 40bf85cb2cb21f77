package web

import (
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// levelRow is how long one program takes, with its chart.
type levelRow struct {
	engine.Level
	AccessChart, RemovalChart chart
}

// chart is bars of equal width, one for each day.
type chart struct {
	Says string // for those who can't see it
	Bars []bar
}

// bar stands on the ground of a box that is 100 wide and 24 high.
type bar struct{ X, Y, Width, Height float64 }

func levelRows(levels []engine.Level) (out []levelRow) {
	for _, l := range levels {
		out = append(out, levelRow{l, charted(l.Access.Days), charted(l.Removal.Days)})
	}
	return out
}

// charted draws the median of each day; a day without any stays empty, and the shortest bar can still be seen.
func charted(days []time.Duration) (c chart) {
	most, at, n := time.Duration(0), 0, 0
	for i, d := range days {
		if d >= 0 {
			n++
		}
		if d >= most {
			most, at = d, i
		}
	}
	if n == 0 {
		return c
	}
	c.Says = fmt.Sprintf("the median of each day over %s; the longest was %s, %s", plural(len(days), "day", "days"), lasting(most), ago(time.Duration(len(days)-1-at)*24*time.Hour))
	width := 100 / float64(len(days))
	for i, d := range days {
		if d < 0 {
			continue
		}
		height := 2.0
		if most > 0 {
			height += 22 * float64(d) / float64(most)
		}
		c.Bars = append(c.Bars, bar{float64(i) * width, 24 - height, width * .8, height})
	}
	return c
}

// lasting says how long something took, in the two biggest units.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
