package engine

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestReadHistory: what is read by hand is what json reads, and the usual form is.
func TestReadHistory(t *testing.T) {
	at := time.Date(2027, 1, 4, 9, 0, 0, 123_000, time.UTC)
	usual := string(mustJSON([]counted{{at, 3, 0}, {at.Add(time.Hour), 0, 1_000_000}}))
	if quick, ok := quickHistory(usual); !ok || len(quick) != 2 {
		t.Errorf("%s is not read by hand", usual)
	}
	for _, text := range []string{usual, "", "null", "[]", "[{}]", "[{},]", "[{}}", "[", "{}", " " + usual, usual + "x", usual[:len(usual)-1],
		`[{"people":01}]`, `[{"people":-1}]`, `[{"people":1.5}]`, `[{"people":1234567890123}]`, `[{"people":"1"}]`, `[{"at":"today"}]`, `[{"at":"2027-01-04T10:00:00+01:00"}]`,
		`[{"holdings":1,"holdings":2}]`, `[{"other":1,"people":2}]`, `[{"People":2}]`} {
		var want []counted
		if json.Unmarshal([]byte(text), &want) != nil {
			want = nil
		}
		if have := readHistory([]byte(text)); len(have) != len(want) || len(want) > 0 && !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %v, want %v", text, have, want)
		}
	}
}

// TestSummaryJSON: written by hand, a summary is what json makes of the same names and numbers.
func TestSummaryJSON(t *testing.T) {
	s := Summary{Ops: map[Op]int{OpGrant: 1, OpRevoke: 2, OpAdopt: 3, OpCreate: 4, OpUpdate: 5, OpRename: 6, OpSuspend: 7, OpResume: 8, OpDelete: 9}, Approval: 10, Blocked: 11, Scheduled: 12, Unchanged: 13, People: 14}
	want := map[string]int{"approval": s.Approval, "blocked": s.Blocked, "scheduled": s.Scheduled, "unchanged": s.Unchanged, "people": s.People}
	for op, n := range s.Ops {
		want[string(op)] = n
	}
	if have := mustJSON(s); string(have) != string(mustJSON(want)) {
		t.Errorf("%s, want %s", have, mustJSON(want))
	}
}
