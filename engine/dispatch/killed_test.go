package dispatch_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const childVariable = "ROLECALL_DISPATCH_CHILD"

// TestChild is a process of TestAKilledProcessesRunIsMadeUp; called otherwise it does nothing. It ends when its standard input does, which is when the
// test that started it ends.
func TestChild(t *testing.T) {
	name := os.Getenv(childVariable)
	if name == "" {
		return
	}
	began, err := strconv.ParseInt(os.Getenv("BEGAN"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, name, os.Getenv("DSN"), os.Getenv("SPEC"), time.Unix(0, began))
	p.hangs.Store(os.Getenv("HANGS") != "")
	p.serve(t)
	os.Stdin.Read(make([]byte, 1))
	p.hangs.Store(false)
}

func child(t *testing.T, name, dsn, spec string, began time.Time, hangs string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+name, "DSN="+dsn, "SPEC="+spec, "HANGS="+hangs, "BEGAN="+strconv.FormatInt(began.UnixNano(), 10))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	}
	t.Cleanup(kill)
	return kill
}

// TestAKilledProcessesRunIsMadeUp kills a process with signal 9 in the middle of a run, once where no further slot comes for a day, once where
// one comes each minute. The killed process is River's leader, since it was alone.
func TestAKilledProcessesRunIsMadeUp(t *testing.T) {
	if testing.Short() {
		t.Skip("kill tests run without the race detector")
	}
	s := servers.Postgres(t)
	for name, spec := range map[string]string{"daily": "0 0 * * *", "each minute": "* * * * *"} {
		t.Run(name, func(t *testing.T) {
			dsn, db := newBooks(t, s)
			must(t, db, "INSERT INTO done VALUES ('2026-06-01 00:00Z', 'yesterday')") // the journal knows of a slot
			began := time.Now()
			if spec == "* * * * *" {
				must(t, db, "UPDATE done SET slot = '2026-06-01 23:58Z'")
			}
			kill := child(t, "first", dsn, spec, began, "hangs")
			eventually(t, db, "SELECT count(*) = 1 FROM begun")
			eventually(t, db, "SELECT count(*) = 1 FROM river_leader")
			kill()
			killed := time.Now()
			for _, name := range []string{"second", "third"} {
				child(t, name, dsn, spec, began, "")
			}
			eventually(t, db, "SELECT count(*) > 1 FROM done")
			t.Logf("the next run was done %v after the kill", time.Since(killed).Round(time.Millisecond))
			eventually(t, db, allWorked)
			if name == "daily" {
				time.Sleep(time.Second) // three sweeps
				if n := get[int](t, db, "SELECT count(*) FROM begun WHERE who <> 'first'"); n != 1 {
					t.Errorf("the missed slot was made up %d times", n)
				}
				return
			}
			eventually(t, db, "SELECT count(*) > 4 FROM done")
			if n := get[int](t, db, doubles+" WHERE slot > (SELECT min(slot) FROM begun)"); n != 0 {
				t.Errorf("%d later slots were begun twice", n)
			}
		})
	}
}
