package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// testServerCrashes stops PostgreSQL as a crash would (pg_ctl stop -m immediate) while the program is at a
// failpoint: 50 times, 500 in `make soak`. What the program makes of it is one sentence at most, and afterwards everything is
// as without the crash.
func testServerCrashes(t *testing.T, lab *crashLab) {
	most := 50
	if soaking() {
		most = 500
	}
	s := &scene{name: "a day", start: lab.day(false)}
	want, reached := s.sane(t)
	all := s.deaths(reached, len(reached)) // each time that each point is reached
	began, stops := time.Now(), 0
	for stops < most {
		var left []*doomed
		for i := 0; i < len(all) && stops < most; i += max(1, len(all)/most) {
			d := s.start.copy()
			d.what = all[i].String()
			if d.serverStops(all[i]) {
				stops++
			}
			left = append(left, d)
		}
		each(left, func(d *doomed) {
			defer d.end()
			d.settle()
			if have := d.state(); have != want {
				d.wrong("the state afterwards differs:\n%s", difference(want, have))
			}
		})
		for _, d := range left {
			for _, p := range d.problems {
				t.Errorf("%s: %s", d.what, p)
			}
		}
	}
	t.Logf("%v", time.Since(began).Round(time.Second))
	survived(t, "PostgreSQL stopped as by a crash (-m immediate) while the program stands at a point", stops)
}

// serverStops is false if the point was not reached.
func (d *doomed) serverStops(at death) bool {
	h := d.haltAt(fmt.Sprintf("%s %d stop", at.point, at.n), "apply")
	if h == nil {
		return false
	}
	d.server.StopImmediate()
	d.server.Start(d.t)
	before := d.recordedFirst()
	said, code := h.goOn()
	if code != exitDone && code != exitPartly {
		d.clearly(said, code, "")
	}
	if after := d.recordedFirst(); len(after) < len(before) {
		d.wrong("of %d records that were there, some are lost", len(before))
	}
	if strings.Contains(said, "panic") {
		d.wrong("%s", said)
	}
	return true
}
