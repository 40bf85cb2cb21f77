package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// old is a company whose first records are more than a year old, and of which somebody is gone for as long.
func (l *crashLab) old(sqlite bool) *doomed {
	d := l.day(sqlite)
	d.settle()
	d.people("ann,Engineer,", "bob,Engineer,", "dan,Clerk,", "eve,Clerk,left", "fay,Engineer,", "gus,Engineer,left")
	for _, table := range []string{"account", "held"} { // the program crm deletes no accounts by itself
		l.must(l.targets, "SET LOCAL search_path = "+d.name+", public; DELETE FROM "+table+" WHERE account = 'gus'")
	}
	d.at = d.at.Add(400 * 24 * time.Hour)
	d.settle()
	for range 4 { // a silence counts for a month at most
		d.at = d.at.Add(30 * 24 * time.Hour)
		d.settle()
	}
	if len(d.problems) > 0 {
		l.t.Fatal(d.problems)
	}
	return d
}

// testKilledWhileItDeletes kills a pruning and a blanking at each point: afterwards each is done or not, and can be begun again,
// and the journal verifies every time.
func testKilledWhileItDeletes(t *testing.T, lab *crashLab) {
	for _, store := range []string{"sqlite", "postgres"} {
		start := lab.old(store == "sqlite")
		before := start.at.Add(-300 * 24 * time.Hour).Format(time.DateOnly)
		prune := &deleting{lab: lab, start: start, args: []string{"audit", "prune", "--before", before, "--reason", "too old", "--yes"}, again: true}
		blank := &deleting{lab: lab, start: start, args: []string{"person", "blank", "k-gus", "--reason", "asked for"}}
		survived(t, "kill -9 while records are pruned or blanked, "+storeName(store), prune.play(t)+blank.play(t))
	}
}

// deleting is one command that deletes something for good.
type deleting struct {
	lab   *crashLab
	start *doomed
	args  []string
	again bool // it may be given again although it is done
	want  string
}

func (d *deleting) play(t *testing.T) (kills int) {
	c := d.start.copy()
	log := filepath.Join(c.dir, "points")
	if said, code := c.rolecall([]string{"ROLECALL_FAILPOINT_LOG=" + log}, d.args...); code != exitDone {
		t.Fatalf("%v, without a crash: exit code %d: %s", d.args, code, said)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	d.want = d.left(c)
	for _, p := range c.problems {
		t.Errorf("%v: %s", d.args, p)
	}
	c.end()
	times := map[string]int{}
	for _, p := range strings.Fields(string(text)) {
		times[p]++
	}
	for point, n := range times {
		if !begins(point, "prune. transaction.") {
			continue
		}
		for _, at := range slices.Compact([]int{1, (n + 1) / 2, n}) {
			kills += d.die(t, death{point: point, n: at, action: "kill"})
		}
	}
	return kills
}

func (d *deleting) die(t *testing.T, at death) int {
	c := d.start.copy()
	defer c.end()
	said, code := c.rolecall([]string{"ROLECALL_FAILPOINT=" + at.String()}, d.args...)
	if code != -1 {
		t.Errorf("%v, %v: it did not die: exit code %d: %s", d.args, at, code, said)
		return 0
	}
	if said, code := c.rolecall(nil, "audit", "verify"); code != exitDone {
		t.Errorf("%v, %v: the journal is wrong: %s", d.args, at, said)
	}
	if said, code = c.rolecall(nil, d.args...); code != exitDone && d.again {
		t.Errorf("%v, %v: it does not go on: exit code %d: %s", d.args, at, code, said)
	}
	if have := d.left(c); have != d.want {
		t.Errorf("%v, %v: what is left differs:\n%s", d.args, at, difference(d.want, have))
	}
	for _, p := range c.problems {
		t.Errorf("%v, %v: %s", d.args, at, p)
	}
	return 1
}

// left is how much is left of the records, and what people have.
func (d *deleting) left(c *doomed) string {
	said, code := c.rolecall(nil, "audit", "verify", "-o", "json")
	var v verified
	if err := json.Unmarshal([]byte(said), &v); err != nil || code != exitDone || !v.OK {
		c.wrong("verify: exit code %d, %v: %s", code, err, said)
	}
	emptied := int64(0)
	if v.Pruned != nil {
		emptied = v.Pruned.Emptied
	}
	held, code := c.rolecall(nil, "audit", "asof", c.at.Format(time.RFC3339), "-o", "csv")
	if code != exitDone {
		c.wrong("asof: %s", held)
	}
	text, err := json.Marshal([]any{emptied, v.Blanked, v.Left})
	if err != nil {
		c.wrong("%v", err)
	}
	return string(text) + "\n" + held
}
