package audit

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A checkpoint is continued by the log that it is of, however long that is by then, and by no other.
func TestContinued(t *testing.T) {
	hash := func(of byte) func(i int64) (Hash, error) {
		return func(i int64) (Hash, error) { return Hash{byte(i), of}, nil }
	}
	log, other := LeafRuns(hash(1)), LeafRuns(hash(2))
	f, err := FrontierAt(5, log)
	if err != nil {
		t.Fatal(err)
	}
	c := Checkpoint{Head: f.Head(), Time: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	for _, size := range []int64{5, 6, 300} {
		if wrong, err := c.Continued(size, log); wrong != "" || err != nil {
			t.Errorf("%d records: %q %v", size, wrong, err)
		}
	}
	if wrong, err := c.Continued(4, log); err != nil || !strings.Contains(wrong, "4 records") || !strings.Contains(wrong, "2026-03-02T08:00:00Z 5") {
		t.Errorf("cut off: %q %v", wrong, err)
	}
	if wrong, err := c.Continued(6, other); err != nil || !strings.Contains(wrong, "among the first 5 was changed") {
		t.Errorf("changed: %q %v", wrong, err)
	}
	unread := errors.New("unread")
	if wrong, err := c.Continued(6, LeafRuns(func(int64) (Hash, error) { return Hash{}, unread })); wrong != "" || !errors.Is(err, unread) {
		t.Errorf("unread: %q %v", wrong, err)
	}
}
