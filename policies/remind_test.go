package policies

import (
	"strings"
	"testing"
	"time"
)

// A block never ends by itself; from the day after its review somebody is told.
func TestBlocksAreRemindedOf(t *testing.T) {
	p := mustLoad(t, `version: 1
blocks:
  - {person: mallory, entitlement: erp/*, review: 2027-06-30, reason: notice}
`)
	zone := p.zones.company
	if got := p.Reminders(time.Date(2027, 6, 30, 23, 59, 0, 0, zone)); len(got) != 0 {
		t.Errorf("on the day itself: %v", got)
	}
	got := p.Reminders(time.Date(2027, 7, 1, 0, 0, 0, 0, zone))
	if len(got) != 1 || !strings.HasPrefix(got[0], "a.yaml:3: the block of erp/* for mallory (notice)") {
		t.Errorf("%v", got)
	}
}
