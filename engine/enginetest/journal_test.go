package enginetest

import (
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	JournalSuite(t, func(_ testing.TB, now func() time.Time) Store { return NewJournal(now) })
}
