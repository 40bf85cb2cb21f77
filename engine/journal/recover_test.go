package journal

import (
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A commit whose answer is lost was made, or not, or nobody can tell: what Append says is what became of the records.
func TestWhatBecameOfACommitWithoutAnAnswer(t *testing.T) {
	lost := errors.New("the answer was lost")
	for name, c := range map[string]struct {
		made, later bool // it was committed; the journal can be read afterwards
		says        string
		records     int64
	}{
		"it was made":           {true, true, "", 10},
		"it was not":            {false, true, "the answer was lost", 9},
		"nobody can tell":       {true, false, "the records may or may not be there", 10},
		"nobody can tell of it": {false, false, "the records may or may not be there", 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
			fill(t, s)
			broken := false
			f := &faults{query: func(text string) (string, error) {
				if broken && !c.later {
					return "", lost
				}
				return text, nil
			}}
			f.commit = func(t driver.Tx) error {
				if broken {
					return t.Commit()
				}
				broken = true
				if c.made {
					return errors.Join(lost, t.Commit())
				}
				return errors.Join(lost, t.Rollback())
			}
			faulty(t, s, f)
			r := []engine.Record{{Kind: engine.KindNote}}
			err := s.Append(t.Context(), engine.Free, r)
			if (err == nil) != (c.says == "") || err != nil && (!errors.Is(err, lost) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v", err)
			}
			if err == nil && r[0].Seq != c.records {
				t.Errorf("its number is %d", r[0].Seq)
			}
			if v := verify(t, openStore(t, "sqlite:"+s.path, nil)); !v.OK() || v.Records != c.records {
				t.Errorf("%+v", v)
			}
		})
	}
}

// What is wrong with one statement of a look at everything is told, not taken for the end of the records.
func TestVerifyThatCannotReadSaysSo(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	down := errors.New("connection lost")
	faulty(t, s, &faults{query: func(text string) (string, error) {
		if strings.Contains(text, "FROM journal") {
			return "", down
		}
		return text, nil
	}})
	if v, err := s.Verify(t.Context()); !errors.Is(err, down) {
		t.Errorf("%v %+v", err, v)
	}
}

// A driver that can't copy lines any more, as a newer one may, is an error and no lost row.
func TestADriverWithoutCopy(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	faulty(t, s, &faults{query: func(text string) (string, error) {
		if strings.HasPrefix(text, "COPY ") {
			return "SELECT 1", nil
		}
		return text, nil
	}})
	err := s.locked(t.Context(), func(t *tx, _ *head) error {
		r := newRows("i")
		r.add(int64(1))
		return t.copy("node", "level", r)
	})
	if err == nil || !strings.Contains(err.Error(), "has no COPY of lines") {
		t.Error(err)
	}
}

// mute is a connection that can't be asked anything.
type mute struct {
	driver.Conn
	closed bool
}

func (m *mute) Close() error { m.closed = true; return nil }

type muted struct{ *mute }

func (m muted) Connect(context.Context) (driver.Conn, error) { return m.mute, nil }
func (m muted) Driver() driver.Driver                        { return nil }

// A daemon whose connection can't take the lock that keeps a restore away does not begin.
func TestADaemonWithoutItsLockDoesNotBegin(t *testing.T) {
	m := &mute{}
	if conn, err := (stayer{muted{m}}).Connect(t.Context()); err == nil || conn != nil || !m.closed {
		t.Errorf("%v %v, closed %v", conn, err, m.closed)
	}
}
