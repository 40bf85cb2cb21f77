package sql_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const perTransaction = 500

// BenchmarkProvision makes 10,000 roles with 5 memberships each, against psql with 500 accounts a transaction (fsync on).
func BenchmarkProvision(b *testing.B) {
	const accounts, rights = 10_000, 5
	s := servers.Postgres(b, servers.WithFsync(), servers.WithSetting("max_locks_per_transaction=512"))
	var ratios []float64
	empty := func() { // as a new cluster: no roles, and none of their remains
		groups := ""
		for r := range 40 {
			groups += fmt.Sprintf("CREATE ROLE app_%d;", r)
		}
		s.Exec(b, dropRoles(b)+groups)
		for _, table := range []string{"pg_authid", "pg_auth_members", "pg_shdescription", "pg_shdepend"} {
			s.Exec(b, "VACUUM FULL "+table)
		}
		s.Exec(b, "CHECKPOINT")
	}
	for b.Loop() {
		empty()
		yard := psql(b, s, accounts, rights)
		empty()
		p, err := sql.Open(postgresConfig(s), options())
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		provision(b, p.(engine.Batcher), accounts, rights)
		ratios = append(ratios, time.Since(start).Seconds()/yard.Seconds())
		if got := s.Exec(b, "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member AND r.rolname LIKE 'u%'"); got != fmt.Sprint(accounts*rights) {
			b.Fatalf("%s memberships", got)
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-psql")
}

func provision(b *testing.B, p engine.Batcher, accounts, rights int) {
	b.Helper()
	for from := 0; from < accounts; from += perTransaction {
		var calls []engine.Call
		for i := from; i < from+perTransaction; i++ {
			calls = append(calls, engine.Call{New: &engine.NewAccount{Name: fmt.Sprintf("u%d", i), Person: fmt.Sprint(i)}})
		}
		var grants []engine.Call
		for i, made := range p.Apply(context.Background(), calls) {
			if made.Err != nil {
				b.Fatal(made.Err)
			}
			for r := range rights {
				grants = append(grants, engine.Call{Grant: true, Account: made.ID, Entitlement: fmt.Sprintf("app_%d", (from+i+r*7)%40)})
			}
		}
		for _, granted := range p.Apply(context.Background(), grants) {
			if granted.Outcome != engine.Done {
				b.Fatal(granted)
			}
		}
	}
}

func psql(b *testing.B, s *servers.PostgresServer, accounts, rights int) time.Duration {
	b.Helper()
	var script bytes.Buffer
	for i := range accounts {
		if i%perTransaction == 0 {
			fmt.Fprintln(&script, "BEGIN;")
		}
		fmt.Fprintf(&script, "CREATE ROLE u%d LOGIN;\nGRANT app_%d", i, i%40)
		for r := 1; r < rights; r++ {
			fmt.Fprintf(&script, ", app_%d", (i+r*7)%40)
		}
		fmt.Fprintf(&script, " TO u%d;\n", i)
		if i%perTransaction == perTransaction-1 {
			fmt.Fprintln(&script, "COMMIT;")
		}
	}
	cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", s.DSN)
	cmd.Stdin = &script
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return time.Since(start)
}

// BenchmarkRead reads 100,000 roles with 6 memberships each, against psql's COPY of the same two tables.
func BenchmarkRead(b *testing.B) {
	const accounts, rights = 100_000, 6
	s := servers.Postgres(b, servers.WithSetting("max_locks_per_transaction=2048"))
	s.Exec(b, `CREATE ROLE rolecall LOGIN CREATEROLE`)
	s.Exec(b, `DO $$ BEGIN FOR i IN 0..299 LOOP EXECUTE format('CREATE ROLE app_%s', i); END LOOP; END $$`)
	s.Exec(b, fmt.Sprintf(`SET allow_system_table_mods = on;
		INSERT INTO pg_authid (oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit)
			SELECT 1000000 + i, 'user' || i, false, true, false, false, true, false, false, -1 FROM generate_series(1, %d) i;
		INSERT INTO pg_auth_members (roleid, member, grantor, admin_option)
			SELECT g.oid, 1000000 + i, 10, false FROM generate_series(1, %d) i, generate_series(0, %d) r JOIN pg_roles g ON true
			WHERE g.rolname = 'app_' || ((i + r * 13) %% 300)::text`, accounts, accounts, rights-1))
	s.Exec(b, "VACUUM ANALYZE")
	p, err := sql.Open(postgresConfig(s), options())
	if err != nil {
		b.Fatal(err)
	}
	var ratio, peak float64
	for b.Loop() {
		start := time.Now()
		for _, table := range []string{"(SELECT oid, rolname, rolcanlogin FROM pg_roles)", "(SELECT roleid, member FROM pg_auth_members)"} {
			if out, err := exec.Command("psql", "-X", "-q", "-o", "/dev/null", "-d", s.DSN, "-c", "COPY "+table+" TO STDOUT").CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
		yard := time.Since(start)
		runtime.GC()
		start = time.Now()
		n := 0
		if _, err := p.Holdings(context.Background(), func(engine.Holding) error { n++; return nil }); err != nil || n < accounts*(rights+2) {
			b.Fatal(n, err)
		}
		ratio = time.Since(start).Seconds() / yard.Seconds()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = float64(m.HeapSys) / (1 << 20)
	}
	b.ReportMetric(ratio, "x-copy")
	b.ReportMetric(peak, "MiB-heap")
}
