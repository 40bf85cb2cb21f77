package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// freshIntents commits intents of all forms and gives the store that did.
func freshIntents(t *testing.T) (*Store, time.Time) {
	t.Helper()
	now := time.Now()
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), func() time.Time { return now })
	records := []engine.Record{
		engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpCreate, Person: "ann", Login: "ann", Name: "Ann <ö>", Account: engine.ProposedPrefix + "ann", Program: "wiki",
			Entitlement: "wiki/@exists", Why: []string{"rule \"all\"", "a\nline"}, Rules: []string{"all", "b"}, Cause: engine.CauseRule,
			New: &engine.NewAccount{Name: "ann", Person: "ann", Attributes: map[string]string{"mail": "ann@example.org", "é": "\u2028"}}}, engine.ChargeGrant),
		engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpRevoke, Person: "bob", Account: "bob", Program: "wiki", Entitlement: "wiki/edit pages", Failures: 2,
			Item: "i-1", Cause: engine.CauseCut}, engine.ChargeLeaver),
		engine.IntentRecord("", "", "", engine.Change{Op: engine.OpGrant, Account: "c d", Program: "wiki", Entitlement: "wiki/é"}, ""),
	}
	if err := s.Append(context.Background(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	return s, now
}

func claimAll(t *testing.T, s *Store, now time.Time) []engine.Intent {
	t.Helper()
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 9, Now: now, Lease: time.Minute})
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	return got
}

// What a process committed itself is claimed without being read back, and is the same as what reading it gives.
func TestOwnIntentsAreClaimedAsTheyAreRead(t *testing.T) {
	s, now := freshIntents(t)
	if len(s.fresh.records) != 3 {
		t.Fatalf("%d intents are kept, not 3", len(s.fresh.records))
	}
	own := claimAll(t, s, now)
	m, err := s.Memory(context.Background(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	engine.SortClaimed(m.Open)
	if diff := cmp.Diff(m.Open, own, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Error(diff)
	}
	if len(s.fresh.records) != 0 {
		t.Error("what was claimed is still kept")
	}
}

// otherHistory makes the journal one that was put back and went on, by one record if it is to be longer than before: the last record
// is not that which this process committed.
func otherHistory(s *Store, longer bool) {
	leaves := make([]audit.Hash, 3)
	if longer {
		leaves = make([]audit.Hash, 4)
	}
	var f audit.Frontier
	f, _ = f.Append(leaves...)
	s.write.MustExec(`UPDATE journal SET leaf = 'other' WHERE seq = 3`)
	s.write.MustExec(`UPDATE head SET frontier = ?, size = ?`, f.String(), len(leaves))
}

// A database that was put back may hold another intent under the same number.
func TestAnotherIntentOfTheSameNumberIsRead(t *testing.T) {
	for _, longer := range []bool{false, true} {
		s, now := freshIntents(t)
		otherHistory(s, longer)
		s.write.MustExec(`UPDATE journal SET public = replace(public, 'edit pages', 'read pages') WHERE public LIKE '%edit pages%'`)
		var rights []string
		for _, i := range claimAll(t, s, now) {
			rights = append(rights, i.Change.Entitlement)
		}
		if all := strings.Join(rights, ","); !strings.Contains(all, "read pages") || strings.Contains(all, "edit pages") {
			t.Errorf("claimed %s: what is kept was believed against the database (longer: %v)", all, longer)
		}
	}
}

// In such a database a number may be another account's.
func TestNumbersOfAnotherHistoryAreLookedUp(t *testing.T) {
	for _, longer := range []bool{false, true} {
		s, _ := freshIntents(t)
		otherHistory(s, longer)
		s.write.MustExec(`UPDATE account SET name = 'zoe' WHERE name = 'bob'`)
		adopted := engine.Record{Kind: engine.KindAdopt, Program: "wiki", Account: "bob", Entitlement: "read pages", Person: "bob", Op: engine.OpAdopt}
		if err := s.Append(context.Background(), engine.Free, []engine.Record{adopted}); err != nil {
			t.Fatal(err)
		}
		var name string
		if err := s.read.Get(&name, "SELECT a.name FROM journal j JOIN account a ON a.id = j.account WHERE j.kind = 'adopt'"); err != nil || name != "bob" {
			t.Errorf("it is recorded of %q, %v (longer: %v)", name, err, longer)
		}
	}
}

// What is committed to it from then on is known again.
func TestOfAnotherHistoryOwnIntentsAreKeptAnew(t *testing.T) {
	s, now := freshIntents(t)
	otherHistory(s, true)
	s.write.MustExec(`UPDATE journal SET public = replace(public, 'edit pages', 'read pages') WHERE public LIKE '%edit pages%'`)
	later := engine.IntentRecord("r2", "daemon", "corp", engine.Change{Op: engine.OpGrant, Account: "e", Program: "wiki", Entitlement: "wiki/edit pages"}, "")
	if err := s.Append(context.Background(), engine.Free, []engine.Record{later}); err != nil {
		t.Fatal(err)
	}
	if len(s.fresh.records) != 1 {
		t.Errorf("%d intents are kept, not the one of this history", len(s.fresh.records))
	}
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 9, Now: now, Lease: time.Minute})
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, i := range got {
		if want := map[string]string{"bob": "wiki/read pages", "e": "wiki/edit pages"}[i.Change.Account]; want != "" && i.Change.Entitlement != want {
			t.Errorf("%s gets %s, not %s", i.Change.Account, i.Change.Entitlement, want)
		}
	}
}

func TestKeptIntentsAreForgotten(t *testing.T) {
	s, _ := freshIntents(t)
	withdrawn := engine.Record{Kind: engine.KindOutcome, Of: 2, Outcome: engine.Withdrawn, Program: "wiki", Account: "bob", Entitlement: "edit pages", Op: engine.OpRevoke}
	if err := s.Append(context.Background(), engine.Free, []engine.Record{withdrawn}); err != nil {
		t.Fatal(err)
	}
	if _, kept := s.fresh.records[2]; kept || len(s.fresh.records) != 2 {
		t.Errorf("after its outcome the second is kept, or another is not: %d", len(s.fresh.records))
	}
	if _, err := s.Lead(context.Background()); err != nil || len(s.fresh.records) != 0 {
		t.Errorf("%v; a new leader keeps %d of the one before", err, len(s.fresh.records))
	}
}

// Where an intent can't be read, nobody has claimed those beside it: they may still be withdrawn.
func TestWhatCannotBeReadIsClaimedByNobody(t *testing.T) {
	s, now := freshIntents(t)
	otherHistory(s, true)
	s.write.MustExec(`UPDATE journal SET public = '{' WHERE public LIKE '%edit pages%'`)
	if got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 9, Now: now, Lease: time.Minute}); err == nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
	claimed := 0
	if err := s.read.Get(&claimed, "SELECT count(*) FROM open_intent WHERE claimed <> 0"); err != nil || claimed != 0 {
		t.Errorf("%d are claimed, %v", claimed, err)
	}
}

// Names are kept when a transaction is over, while a claim of what was committed before may read some in the next one: the race
// detector sees it where many are kept.
func TestClaimsReadNamesWhileOthersAreKept(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	done := make(chan struct{})
	var claiming sync.WaitGroup
	claiming.Go(func() {
		for {
			if _, err := s.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Now: time.Now(), Lease: time.Hour, Max: 1}); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for n := range 12 {
		records := make([]engine.Record, 2000)
		for i := range records {
			account := fmt.Sprint("a", n, "-", i)
			records[i] = engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: "k-" + account, Account: account, Program: "wiki", Entitlement: "wiki/x", Cause: engine.CauseRule}, engine.ChargeGrant)
		}
		if err := s.Append(t.Context(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	claiming.Wait()
}
