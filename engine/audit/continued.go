package audit

import (
	"fmt"
	"time"
)

// Continued says what is wrong with a log of so many records, whose hashes runs has, if it does not begin with those that the
// checkpoint speaks of; "" if it does. It reads a few stored hashes only; [Verify] reads everything.
func (c Checkpoint) Continued(size int64, r Runs) (wrong string, err error) {
	at := c.Time.UTC().Format(time.RFC3339)
	if size < c.Size {
		return fmt.Sprintf("it has %d records, the checkpoint of %s %d; it was cut off or restored from an older backup", size, at, c.Size), nil
	}
	f, err := FrontierAt(c.Size, r)
	if err == nil && f.Head() != c.Head {
		wrong = fmt.Sprintf("a record among the first %d was changed since the one of %s; run audit verify", c.Size, at)
	}
	return wrong, err
}
