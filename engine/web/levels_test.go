package web

import (
	"testing"
	"time"
)

func TestCharts(t *testing.T) {
	if c := charted([]time.Duration{-1, -1}); c.Says != "" || c.Bars != nil {
		t.Errorf("of nothing: %+v", c)
	}
	c := charted([]time.Duration{time.Hour, -1, 0, 30 * time.Minute})
	if c.Says != "the median of each day over 4 days; the longest was 1 h 0 min, 3 days ago" || len(c.Bars) != 3 {
		t.Fatalf("%+v", c)
	}
	if c.Bars[0] != (bar{0, 0, 20, 24}) || c.Bars[1] != (bar{50, 22, 20, 2}) || c.Bars[2] != (bar{75, 11, 20, 13}) {
		t.Errorf("%+v", c.Bars)
	}
	for d, want := range map[time.Duration]string{0: "under 1 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s", 25 * time.Hour: "1 d 1 h", 90 * time.Minute: "1 h 30 min"} {
		if got := lasting(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}
