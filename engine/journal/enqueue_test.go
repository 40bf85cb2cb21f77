package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

func intentFor(program, account string) engine.Record {
	return engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: "ann", Program: program, Account: account,
		Entitlement: program + "/eng"}, engine.Class(""))
}

func TestEnqueueSharesTheTransactionOfIntents(t *testing.T) {
	var fail error
	s, err := Open(t.Context(), servers.Postgres(t).NewDatabase(t), Options{Migrate: true,
		Enqueue: func(ctx context.Context, tx *sql.Tx, programs []string) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO queued (programs) VALUES ($1)", strings.Join(programs, " "))
			return errors.Join(err, fail)
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.write.MustExec("CREATE TABLE queued (n serial, programs text)")
	state := func() (text string) {
		if err := s.write.Get(&text, "SELECT concat((SELECT count(*) FROM journal), ' records;', (SELECT string_agg(programs, '+' ORDER BY n) FROM queued))"); err != nil {
			t.Fatal(err)
		}
		return text
	}
	add := func(records ...engine.Record) error { return s.Append(t.Context(), engine.Free, records) }
	for _, step := range []struct {
		records []engine.Record
		fail    error
		want    string
	}{
		{[]engine.Record{{Kind: engine.KindPause, Program: "wiki", Actor: "ann"}}, nil, "1 records;"},
		{[]engine.Record{intentFor("wiki", "a"), intentFor("crm", "a"), intentFor("wiki", "b")}, nil, "4 records;crm wiki"},
		{[]engine.Record{intentFor("wiki", "c")}, errors.New("the queue is broken"), "4 records;crm wiki"},
		{[]engine.Record{intentFor("wiki", "c")}, nil, "5 records;crm wiki+wiki"},
	} {
		fail = step.fail
		if err := add(step.records...); !errors.Is(err, step.fail) {
			t.Errorf("Append gave %v", err)
		}
		if got := state(); got != step.want {
			t.Errorf("%s, want %s", got, step.want)
		}
	}
}

func TestEnqueueIsRefusedOnSQLite(t *testing.T) {
	_, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"), Options{Migrate: true, Enqueue: func(context.Context, *sql.Tx, []string) error { return nil }})
	if err == nil || !strings.Contains(fmt.Sprint(err), "only on PostgreSQL") {
		t.Errorf("Open gave %v", err)
	}
}
