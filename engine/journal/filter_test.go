package journal

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// twoFilters is a journal of two whole segments and some more records, with texts in many of them that no other has.
func twoFilters(t *testing.T, s *Store) {
	t.Helper()
	makeUp(t, s, 7_000)
	random := rand.New(rand.NewPCG(3, 5))
	noteMany(t, s, 2*filterRecords-6_000, func() string { return randomText(random) })
}

func noteMany(t *testing.T, s *Store, n int, text func() string) {
	t.Helper()
	notes := make([]engine.Record, n)
	for i := range notes {
		notes[i] = engine.Record{Kind: engine.KindNote, Actor: "Zoë", Why: []string{text()}}
	}
	if err := s.Append(t.Context(), engine.Free, notes); err != nil {
		t.Fatal(err)
	}
}

func randomText(random *rand.Rand) string {
	words := []string{"Ticket", "INC-", "Müller", "naïve", "日本", "\"so\"", `C:\temp`, "{a,b}", "<b>&", "line\nnext", "Ab", "q", "[7]", "title:", "\u2028", "100%", "_", "x'y"}
	var text strings.Builder
	for range 1 + random.IntN(6) {
		fmt.Fprintf(&text, "%s%d", words[random.IntN(len(words))], random.IntN(1_000_000)>>random.IntN(20))
		if random.IntN(2) == 0 {
			text.WriteByte(' ')
		}
	}
	return text.String()
}

// unaided is what a search gives that knows no filters.
func unaided(t *testing.T, s *Store, q engine.Query) (found []int64) {
	t.Helper()
	if err := s.bounded(t.Context(), &q); err != nil {
		t.Fatal(err)
	}
	_, err := s.storedRecords(t.Context(), q, func(r engine.Record, _ Stored) error { found = append(found, r.Seq); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func aided(t *testing.T, s *Store, q engine.Query) (found []int64) {
	t.Helper()
	if err := s.Records(t.Context(), q, func(r engine.Record) error { found = append(found, r.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

// someWords are a piece of a stored record, at times of two, at times changed a little.
func someWords(t *testing.T, s *Store, random *rand.Rand, size int64) string {
	t.Helper()
	var words []string
	for range 1 + random.IntN(2) {
		var text string
		query := s.read.Rebind("SELECT public || coalesce(personal, '') FROM journal WHERE seq = ?")
		if err := s.read.Get(&text, query, 1+random.Int64N(size)); err != nil {
			t.Fatal(err)
		}
		from, length := random.IntN(len(text)+1), random.IntN(14)
		words = append(words, strings.ToValidUTF8(text[from:min(len(text), from+length)], ""))
	}
	out := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.Join(words, " "))
	switch random.IntN(4) {
	case 0:
		out += string(rune('a' + random.IntN(26)))
	case 1:
		out = strings.ToUpper(out)
	}
	return out
}

// A search finds the same with filters as without, whatever is asked and whatever became of them.
func TestFiltersFindTheSame(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 15
	}
	databases(t, func(t *testing.T, s *Store) {
		twoFilters(t, s)
		size := func() int64 { h, _ := s.Head(t.Context()); return h.Size }()
		random := rand.New(rand.NewPCG(7, 11))
		compare := func(t *testing.T) {
			for range rounds {
				q := engine.Query{Words: someWords(t, s, random, size), Newest: random.IntN(2) == 0, Limit: random.IntN(3) * 20}
				switch random.IntN(8) {
				case 0:
					q.Actor = "cron"
				case 1:
					q.Outcome, q.Program = engine.Done, "wiki"
				case 2:
					q.After, q.Before = random.Int64N(size), random.Int64N(size)
				case 3:
					q.Person = "p0000007"
				case 4:
					q.Kind = engine.KindNote
				case 5:
					q.Run = "run-000003"
				}
				if want, got := unaided(t, s, q), aided(t, s, q); !slices.Equal(want, got) {
					t.Fatalf("%+v: %d are found, %d without filters", q, len(got), len(want))
				}
			}
		}
		t.Run("none", compare)
		if made, err := s.MakeFilters(t.Context()); err != nil || made != 2 {
			t.Fatal(made, err)
		}
		t.Run("all", compare)
		if all, _ := s.worded(t.Context(), &engine.Query{Words: "nothing-has-this"}, nil); !slices.Equal(all, []span{{2*filterRecords + 1, lastSeq - 1}}) {
			t.Errorf("of what is nowhere the filters leave %v", all)
		}
		for _, c := range [][2]string{
			{"rows are of others", "SET bits = (SELECT o.bits FROM word_filter o WHERE o.part = word_filter.part AND o.segment = 1) WHERE segment = 0 AND part % 7 = 0"},
			{"rows are elsewhere", "SET segment = segment + 1 WHERE segment = 1 AND part % 7 = 1"},
			{"rows are short", "SET bits = substr(bits, 1, 900) WHERE part % 7 = 2"},
			{"rows are no texts", "SET bits = '?' || bits WHERE part % 7 = 3"},
			{"cells are empty", "SET bits = substr(bits, 1, 12) || '" + strings.Repeat("A", 1364) + "' WHERE part % 7 = 4"},
		} {
			s.write.MustExec("UPDATE word_filter " + c[1])
			t.Run(c[0], compare)
		}
		s.write.MustExec("DELETE FROM word_filter WHERE part % 7 = 5")
		t.Run("rows are missing", compare)
	})
}

// Words of one or two letters, and those of which nothing is a word to JSON, are looked for as well.
func TestGramsOfWords(t *testing.T) {
	for word, want := range map[string]string{
		"": "", `"`: "", "{,}": "", "a": "a", "ab": "ab a b", `a"b`: "a b", "abcde": "abcd bcde abc bcd cde",
		"0123456789abcdefghijklm": "012345678 789abcdef efghijklm", "inc-000003": "inc-00000 nc-000003 inc-00",
	} {
		if got := strings.Join(wordGrams(word, map[bool]int{true: 3, false: 9}[len(word) > 9]), " "); got != want {
			t.Errorf("%q: %q, not %q", word, got, want)
		}
	}
}

// Of a filter that claims to be right, verify finds out whether it is; one that a search would not believe is no fault.
func TestChangedFilterIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("many records, slow under the race detector")
	}
	s := openStore(t, lite(t), nil)
	twoFilters(t, s)
	if _, err := s.MakeFilters(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, s); !v.OK() {
		t.Fatal(v.first())
	}
	all, err := s.segments(t.Context(), s.read, 0, 0)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	put := func(of filterOf) {
		for part := range int64(filterParts) {
			_, bits := newWordFilter().row(of, part)
			s.write.MustExec("UPDATE word_filter SET bits = ? WHERE part = ? AND segment = 0", bits, part)
		}
	}
	q := engine.Query{Words: "INC-000003"}
	put(filterOf{0, base64.StdEncoding.EncodeToString(make([]byte, 32))})
	if v := verify(t, s); !v.OK() || len(aided(t, s, q)) == 0 {
		t.Errorf("a filter of another journal counts: %+v", v.Wrong)
	}
	put(all[0])
	if v := verify(t, s); v.OK() || !strings.Contains(v.first(), "records 1 to 16384 was changed") {
		t.Errorf("a filter that hides everything is not found: %+v", v.Wrong)
	}
	s.write.MustExec("DELETE FROM word_filter WHERE segment = 0")
	if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
		t.Error(made, err)
	}
	if v := verify(t, s); !v.OK() {
		t.Error(v.first())
	}
}

// aliceFiltered is a journal with a filter, in whose segment a person stands who has nothing any more.
func aliceFiltered(t *testing.T, s *Store) {
	t.Helper()
	marked(t, s)
	noteMany(t, s, filterRecords, func() string { return "nothing" })
}

func mayHave(t *testing.T, s *Store, word string) bool {
	t.Helper()
	spans, err := s.worded(t.Context(), &engine.Query{Words: word, Before: mentionBlock + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return spans == nil || spans[0].from == 1
}

// Of what was blanked no filter tells, whoever made one before, meanwhile or after.
func TestFiltersAfterBlanking(t *testing.T) {
	databases(t, func(t *testing.T, s *Store) {
		aliceFiltered(t, s)
		all, err := s.segments(t.Context(), s.read, 0, 0)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		early := newWordFilter()
		was, err := s.fill(t.Context(), early, all[0])
		if err != nil {
			t.Fatal(err)
		}
		if written, err := s.keepFilter(t.Context(), early, filterOf{0, "of another journal"}, was); written || err != nil {
			t.Errorf("what is of another journal is written: %v", err)
		}
		if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
			t.Fatal(made, err)
		}
		blankAlice(t, s)
		rows := -1
		if err := s.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != 0 {
			t.Errorf("%d rows of the filter are left, %v", rows, err)
		}
		if written, err := s.keepFilter(t.Context(), early, all[0], was); written || err != nil {
			t.Errorf("what was read before the blanking is written after it: %v", err)
		}
		if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
			t.Fatal(made, err)
		}
		if mayHave(t, s, "why-of-alice") || mayHave(t, s, "login-of-alice") || !mayHave(t, s, "why-of-bob") {
			t.Error("the filter does not tell what is left")
		}
		if v := verify(t, s); !v.OK() {
			t.Error(v.first())
		}
	})
}

// waiting comes back when somebody waits for the filters, or ended is closed.
func waiting(t *testing.T, s *Store, ended <-chan struct{}) (waits int) {
	t.Helper()
	for waits == 0 {
		select {
		case <-ended:
			return 0
		default:
		}
		if err := s.read.Get(&waits, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'word_filter'::regclass"); err != nil {
			t.Fatal(err)
		}
	}
	return waits
}

// On PostgreSQL a blanking waits for a filter that is being written, and then deletes it; and a filter waits for a blanking.
func TestBlankingWaitsForFilter(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	s := openStore(t, address, nil)
	aliceFiltered(t, s)
	all, err := s.segments(t.Context(), s.read, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	erasing, err := s.read.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	erasing.MustExec("DELETE FROM word_filter")
	made := make(chan struct{})
	go func() { defer close(made); _, _ = s.keepFilter(context.Background(), newWordFilter(), all[0], told{}) }()
	if waiting(t, s, made) == 0 {
		t.Error("a filter is written while somebody erases")
	}
	if err := erasing.Commit(); err != nil {
		t.Fatal(err)
	}
	<-made
	busy, err := s.read.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	busy.MustExec(s.dialect.lockFilters())
	busy.MustExec("INSERT INTO word_filter VALUES (0, 0, 'why-of-alice')")
	blanked := make(chan struct{})
	go func() { defer close(blanked); blankAlice(t, s) }()
	waiting(t, s, blanked)
	if err := busy.Commit(); err != nil {
		t.Fatal(err)
	}
	<-blanked
	rows := -1
	if err := s.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != 0 {
		t.Errorf("%d rows of the filter are left, %v", rows, err)
	}
}

// Who stands still while a filter is written is not waited for longer than a writer is: an erasing waits for it, and all writers for that.
func TestWhoMakesFiltersMayNotStandStill(t *testing.T) {
	s := openStore(t, servers.Postgres(t).NewDatabase(t), nil)
	making, err := s.read.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = making.Rollback() }()
	making.MustExec(s.dialect.lockFilters())
	is := ""
	if err := making.Get(&is, "SELECT current_setting('"+idleTime+"')"); err != nil || is != "30s" {
		t.Error(is, err)
	}
}

// What was pruned is in no filter either.
func TestFiltersAfterPruning(t *testing.T) {
	if testing.Short() {
		t.Skip("many records, slow under the race detector")
	}
	databases(t, func(t *testing.T, s *Store) {
		makeUp(t, s, 6_000)
		noteMany(t, s, filterRecords-5_000, func() string { return "nothing" })
		if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
			t.Fatal(made, err)
		}
		if !mayHave(t, s, "INC-000001") {
			t.Fatal("the filter lacks what is there")
		}
		pruneBefore(t, s, madeUpStart.Add(30*24*time.Hour))
		rows := -1
		if err := s.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != 0 {
			t.Errorf("%d rows of the filter are left, %v", rows, err)
		}
		if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
			t.Fatal(made, err)
		}
		if mayHave(t, s, "INC-000001") || len(aided(t, s, engine.Query{Words: "INC-000002"})) == 0 {
			t.Error("the filter does not tell what is left")
		}
		if v := verify(t, s); !v.OK() {
			t.Error(v.first())
		}
	})
}

// Two may make the same filter at once: one does.
func TestFilterByTwo(t *testing.T) {
	s := openStore(t, lite(t), nil)
	noteMany(t, s, filterRecords, func() string { return "nothing" })
	made := make([]int, 2)
	var wait sync.WaitGroup
	for i := range made {
		wait.Go(func() {
			var err error
			if made[i], err = s.MakeFilters(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if made[0]+made[1] != 1 {
		t.Errorf("%v are made", made)
	}
	s.write.MustExec("DELETE FROM word_filter WHERE part = 7")
	if again, err := s.MakeFilters(t.Context()); err != nil || again != 1 {
		t.Errorf("%d filters are made anew of which a row is missing, %v", again, err)
	}
	rows := 0
	if err := s.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != filterParts {
		t.Errorf("a filter of %d rows, %v", rows, err)
	}
}

// A filter is a cache: one that was changed is in the way of no pruning and no restore, and only who asks for everything hears of it.
func TestChangedFilterStopsNothing(t *testing.T) {
	s := openStore(t, lite(t), nil)
	noteMany(t, s, filterRecords, func() string { return "nothing" })
	all, err := s.segments(t.Context(), s.read, 0, 0)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	_, bits := newWordFilter().row(all[0], 3)
	s.write.MustExec("INSERT INTO word_filter (part, segment, bits) VALUES (3, 0, ?)", bits)
	if v, err := s.Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("it is in the way: %v, %+v", err, v.Wrong)
	}
	if v := verify(t, s); v.OK() || !strings.Contains(v.first(), "DELETE FROM word_filter is enough, rolecall serve makes them anew") {
		t.Errorf("%+v", v.Wrong)
	}
}

// Several may make filters at once: each is made, and by one.
func TestFiltersByMany(t *testing.T) {
	if testing.Short() {
		t.Skip("many records, slow under the race detector")
	}
	databases(t, func(t *testing.T, s *Store) {
		twoFilters(t, s)
		var wait sync.WaitGroup
		made := make([]int, 2)
		for i := range made {
			wait.Go(func() {
				var err error
				if made[i], err = s.MakeFilters(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		rows := 0
		if err := s.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != 2*filterParts || made[0]+made[1] != 2 {
			t.Errorf("%v made %d rows, %v", made, rows, err)
		}
		if v := verify(t, s); !v.OK() {
			t.Error(v.first())
		}
	})
}

// A journal that is only read makes none, and a copy between databases takes none along.
func TestFiltersStay(t *testing.T) {
	if testing.Short() {
		t.Skip("many records, slow under the race detector")
	}
	address := servers.Postgres(t).NewDatabase(t)
	s := openStore(t, address, nil)
	makeUp(t, s, filterRecords)
	if made, err := s.MakeFilters(t.Context()); made != 1 || err != nil {
		t.Fatal(made, err)
	}
	r, err := Open(t.Context(), address, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.MakeFilters(t.Context()); err == nil || !strings.Contains(err.Error(), "reading only") {
		t.Error(err)
	}
	file := t.TempDir() + "/copy.db"
	if _, err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	c := openStore(t, "sqlite:"+file, nil)
	rows := -1
	if err := c.read.Get(&rows, "SELECT count(*) FROM word_filter"); err != nil || rows != 0 {
		t.Error(rows, err)
	}
}
