package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a statement that the log named Origin had this size and root.
//
// Its text form is that of c2sp.org/tlog-checkpoint: the lines origin, size and
// root (base64), then extension lines, of which two are ours: "time " and an
// RFC 3339 time in UTC, and "next-key " and a verifier key. Tools that do not
// know them skip them. They are signed with the rest, but are the log's own
// claim: no proof follows from the time.
type Checkpoint struct {
	Origin  string    // the name in the log's keys
	Head              // size in records, and root
	Time    time.Time // when it was made, to the second; zero if not stated
	NextKey string    // verifier key of the key that takes over after this checkpoint; see [Keys]
	Extra   []string  // further extension lines, kept as they are
}

const (
	timePrefix = "time "
	nextPrefix = "next-key "
)

// Text returns the unsigned text, each line ended by a newline.
func (c Checkpoint) Text() (string, error) {
	lines := []string{c.Origin, strconv.FormatInt(c.Size, 10), c.Root.String()}
	if !c.Time.IsZero() {
		lines = append(lines, timePrefix+c.Time.UTC().Format(time.RFC3339))
	}
	if c.NextKey != "" {
		lines = append(lines, nextPrefix+c.NextKey)
	}
	text := strings.Join(append(lines, c.Extra...), "\n") + "\n"
	if _, err := ParseCheckpoint(text); err != nil {
		return "", err
	}
	return text, nil
}

// ParseCheckpoint reads the text of a checkpoint whose signatures are already
// checked; [Keys.Open] does both. It accepts unknown extension lines.
func ParseCheckpoint(text string) (Checkpoint, error) {
	body, ended := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ended || len(lines) < 3 || !utf8.ValidString(text) {
		return Checkpoint{}, errors.New("not a checkpoint: it needs the lines origin, size and root, each ended by a newline; compare the file with the one saved")
	}
	c := Checkpoint{Origin: lines[0]}
	for i, line := range lines {
		if line == "" || strings.ContainsFunc(line, isControl) {
			return Checkpoint{}, fmt.Errorf("not a checkpoint: line %d is empty or holds control characters; compare the file with the one saved", i+1)
		}
	}
	if err := c.parseHead(lines[1], lines[2]); err != nil {
		return Checkpoint{}, err
	}
	for i, line := range lines[3:] {
		if err := c.parseExtension(line); err != nil {
			return Checkpoint{}, fmt.Errorf("checkpoint line %d: %w", i+4, err)
		}
	}
	return c, nil
}

// Claimed reads a signed checkpoint and checks no signature: it is what somebody
// says who may have no key at all.
func Claimed(signed []byte) (Checkpoint, error) {
	text := string(signed)
	return ParseCheckpoint(text[:strings.LastIndex(text, "\n\n")+1])
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (c *Checkpoint) parseHead(size, root string) (err error) {
	if c.Size, err = parseSize(size); err != nil {
		return fmt.Errorf("checkpoint line 2: %w", err)
	}
	if c.Root, err = tlog.ParseHash(root); err != nil || c.Root.String() != root {
		return errors.New("checkpoint line 3: the root is not the base64 of 32 bytes; compare the file with the one saved")
	}
	if c.Size == 0 && c.Root != (Frontier{}).Head().Root {
		return errors.New("checkpoint line 3: an empty log has the hash of the empty string as its root, this is another one")
	}
	return nil
}

// parseExtension takes time and next-key once each and before any other line,
// so that each checkpoint has one text.
func (c *Checkpoint) parseExtension(line string) (err error) {
	clock, isTime := strings.CutPrefix(line, timePrefix)
	key, isKey := strings.CutPrefix(line, nextPrefix)
	switch {
	case isTime && c.Time.IsZero() && c.NextKey == "" && len(c.Extra) == 0:
		c.Time, err = time.Parse(time.RFC3339, clock)
		if err != nil || c.Time.IsZero() || c.Time.UTC().Format(time.RFC3339) != clock {
			return fmt.Errorf("the time %.40q is not in the form 2006-01-02T15:04:05Z", clock)
		}
		c.Time = c.Time.UTC()
	case isKey && c.NextKey == "" && len(c.Extra) == 0:
		c.NextKey = key
		if _, err = note.NewVerifier(key); err != nil {
			return fmt.Errorf("the next key is unusable (%w)", err)
		}
	case isTime || isKey:
		return errors.New("a time or next-key line is repeated or out of order (time, next-key, others)")
	default:
		c.Extra = append(c.Extra, line)
	}
	return nil
}
