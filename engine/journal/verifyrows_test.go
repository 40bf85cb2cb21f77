package journal

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// Pages are read side by side: what is missing, moved or put in anywhere among many pages is found as in one.
func TestVerifyFindsTamperingAmongPages(t *testing.T) {
	if testing.Short() {
		t.Skip("bulk")
	}
	good := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "good.db"), nil)
	makeUp(t, good, 6*page)
	for sql, first := range map[string]int64{
		"DELETE FROM journal WHERE seq = 1":                                         1,
		"DELETE FROM journal WHERE seq = 1000":                                      1000,
		"DELETE FROM journal WHERE seq = 1001":                                      1001,
		"DELETE FROM journal WHERE seq BETWEEN 2001 AND 4000":                       2001,
		"DELETE FROM journal WHERE seq > 3500":                                      3501,
		"UPDATE journal SET seq = -7 WHERE seq = 2500":                              -7,
		"UPDATE journal SET seq = 9223372036854775807 WHERE seq = 2500":             2500,
		"UPDATE journal SET seq = seq + 1000000 WHERE seq = 2500":                   2500,
		"UPDATE journal SET leaf = 'x' WHERE seq = 5000":                            5000,
		"UPDATE journal SET personal = personal || ' ' WHERE seq = 3000":            3000,
		"UPDATE journal SET public = substr(public, 1, 20) WHERE seq = 4001":        4001,
		"UPDATE journal SET salt = NULL WHERE seq = 4001":                           4001,
		"UPDATE journal SET seq = (SELECT max(seq) FROM journal) + 1 WHERE seq = 1": 1,
	} {
		path := filepath.Join(t.TempDir(), "bad.db")
		good.write.MustExec("VACUUM INTO ?", path)
		bad := openStore(t, "sqlite:"+path, nil)
		if n, _ := bad.write.MustExec(sql).RowsAffected(); n == 0 {
			t.Fatal("the tampering touched nothing")
		}
		if v := verify(t, bad); v.Fault == nil || v.Fault.First > first || v.Fault.Last < first {
			t.Errorf("%s: %v, %q", sql, v.Fault, v.Wrong)
		}
	}
}

// Whoever verifies sees one state, however many connections read and whoever writes meanwhile.
func TestVerifyWhileOthersWrite(t *testing.T) {
	databases(t, func(t *testing.T, s *Store) {
		makeUp(t, s, 2*page)
		done := make(chan struct{})
		var wait sync.WaitGroup
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Actor: "somebody"}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 3 {
			if v := verify(t, s); !v.OK() || !v.Folded || v.Records < 2*page {
				t.Errorf("%+v", v)
			}
		}
		close(done)
		wait.Wait()
	})
}
