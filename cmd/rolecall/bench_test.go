package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const benchSuffix = "dc=example,dc=com"

// estate is a company in slapd, a PostgreSQL whose roles are the accounts, a journal in another database of it, and the
// built program.
type estate struct {
	people   int
	slapd    *servers.SlapdServer
	postgres *servers.PostgresServer
	dir      string
	binary   string
	rights   []string
	store    string // URL of the journal
}

// BenchmarkNothingToDo is the end-to-end run: 100,000 people read from slapd with their groups, 98,000 roles of PostgreSQL with
// 0.6 million memberships, a journal in PostgreSQL that manages them all, and nothing to change. It prints the wall time as a
// ratio to ldapsearch of the same people in the same run, the peak of resident memory and the time of each phase.
// ROLECALL_BENCH_LDIF names a company to use instead of our own, ROLECALL_BENCH_PEOPLE its or our size. The estate is made by
// the program itself, which takes minutes.
func BenchmarkNothingToDo(b *testing.B) {
	e := newEstate(b, 100_000)
	first := e.apply(b)
	b.Logf("first provisioning: %s", first)
	e.postgres.Exec(b, "VACUUM ANALYZE")
	yard, sameDay := e.ldapsearch(b), e.apply(b)
	b.Logf("on the same day, with every grant within the window: ldapsearch %.2f s; %s", yard.Seconds(), sameDay)
	e.nextDay(b)
	var ratios []float64
	var last finished
	for b.Loop() {
		yard := e.ldapsearch(b)
		last = e.apply(b)
		b.Logf("ldapsearch %.2f s; %s", yard.Seconds(), last)
		ratios = append(ratios, last.wall.Seconds()/yard.Seconds())
	}
	slices.Sort(ratios)
	for name, seconds := range last.phases {
		b.ReportMetric(seconds, strings.ReplaceAll(name, " ", "-")+"-s")
	}
	b.ReportMetric(ratios[len(ratios)/2], "x-ldapsearch")
	b.ReportMetric(last.peakMiB, "peak-MiB")
	b.ReportMetric(sameDay.wall.Seconds()/yard.Seconds(), "x-ldapsearch-same-day")
	b.ReportMetric(sameDay.peakMiB, "peak-MiB-same-day")
	b.ReportMetric(last.cpu.Seconds(), "cpu-s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDemo plays the week of the example company, and prints the seconds as a part of the 15 that it may take.
func BenchmarkDemo(b *testing.B) {
	for b.Loop() {
		if code := run(b.Context(), testProcess(b.TempDir(), io.Discard, io.Discard, "demo", "--keep", filepath.Join(b.TempDir(), "acme"))); code != exitDone {
			b.Fatal(code)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/15, "of-15s")
}

// BenchmarkPlanNewPeople is the dry run for 20,000 people none of whom has anything yet, some six entitlements each, all of
// which the limits send to approval. It prints the peak of resident memory and the processor time for each person.
func BenchmarkPlanNewPeople(b *testing.B) {
	e, ldif := newCompany(b, 20_000)
	e.write(b, fmt.Sprintf(`version: 1
store: sqlite:rolecall.db
policies: policies/
directories:
  - name: corp
    kind: ldif
    authority: people
    path: %q
    complete: {whole: true}
    people: {base: "ou=people,%[2]s", filter: "(objectClass=inetOrgPerson)"}
    key: employeeNumber
    attributes: {login: uid, mail: mail, name: cn, title: title, department: departmentNumber, status: employeeType}
    state: {left: 'status == "terminated"'}
    roles:
      - {group: {base: "ou=groups,%[2]s", name: cn, nested: true}}
programs:
  pg: {kind: file, path: pg.csv, create: "{login}", match: person, revoke: managed}
leavers: {unmanaged: report}
`, ldif, benchSuffix))
	if err := os.WriteFile(filepath.Join(e.dir, "pg.csv"), []byte("account,active,entitlements,person\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	var last finished
	for b.Loop() {
		var counted lineCounter
		last = e.process(b, exitApproval, &counted, "plan", "-v", "-o", "csv")
		b.Logf("%d lines; %s", counted, last)
	}
	b.ReportMetric(last.peakMiB, "peak-MiB")
	b.ReportMetric(last.peakMiB*1024/float64(e.people), "KiB/person")
	b.ReportMetric(last.cpu.Seconds()*1e6/float64(e.people), "cpu-µs/person")
	b.ReportMetric(0, "ns/op")
}

// lineCounter counts lines instead of keeping them.
type lineCounter int

func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// BenchmarkFirstProvisioning is a whole run that makes 10,000 roles with 5 memberships each, reads, plan, journal and calls
// included, against psql making as many with 500 accounts a transaction. fsync is on. It prints the ratios of wall time and of
// processor time, the servers' included, which depends less on what else the machine does.
func BenchmarkFirstProvisioning(b *testing.B) {
	var ratios, cpu []float64
	for b.Loop() {
		e := newEstate(b, 10_000)
		yard, yardCPU := e.psql(b)
		before := e.postgres.CPU(b)
		got := e.apply(b)
		server := e.postgres.CPU(b) - before
		b.Logf("psql %.2f s, cpu %.2f s; server cpu %.2f s, %s", yard.Seconds(), yardCPU.Seconds(), server.Seconds(), got)
		ratios = append(ratios, got.wall.Seconds()/yard.Seconds())
		cpu = append(cpu, (got.cpu+server).Seconds()/yardCPU.Seconds())
	}
	slices.Sort(ratios)
	slices.Sort(cpu)
	b.ReportMetric(ratios[len(ratios)/2], "x-psql")
	b.ReportMetric(cpu[len(cpu)/2], "cpu-x-psql")
	b.ReportMetric(0, "ns/op")
}

// newCompany lays out people as LDIF, and the program that is measured.
func newCompany(b *testing.B, people int) (e *estate, ldif string) {
	b.Helper()
	if n, err := strconv.Atoi(os.Getenv("ROLECALL_BENCH_PEOPLE")); err == nil {
		people = n
	}
	e = &estate{people: people, dir: b.TempDir()}
	ldif = os.Getenv("ROLECALL_BENCH_LDIF")
	if ldif == "" {
		ldif = filepath.Join(e.dir, "company.ldif")
		if err := os.WriteFile(ldif, benchCompany(people), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	e.rights = groupsOf(b, ldif)
	e.binary = filepath.Join(e.dir, "rolecall")
	if out, err := exec.Command("go", "build", "-o", e.binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return e, ldif
}

func newEstate(b *testing.B, people int) *estate {
	b.Helper()
	e, file := newCompany(b, people)
	e.slapd = servers.Slapd(b, servers.SlapdConfig{LDIFFile: file})
	e.postgres = servers.Postgres(b, servers.WithFsync(), servers.WithSetting("max_locks_per_transaction=2048"))
	var groups strings.Builder
	for _, r := range e.rights {
		fmt.Fprintf(&groups, "CREATE ROLE %q;", r)
	}
	e.postgres.Exec(b, groups.String())
	e.configure(b)
	return e
}

// benchCompany is an LDIF of people with a department and four groups each; three in a hundred have left.
func benchCompany(people int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "dn: %[1]s\nobjectClass: domain\ndc: example\n\ndn: ou=people,%[1]s\nobjectClass: organizationalUnit\nou: people\n\ndn: ou=groups,%[1]s\nobjectClass: organizationalUnit\nou: groups\n\n", benchSuffix)
	members := map[string][]int{}
	for i := range people {
		status, department := "permanent", i*i%60
		if i%33 == 7 {
			status = "terminated"
		}
		fmt.Fprintf(&b, "dn: uid=u%[1]d,ou=people,%[2]s\nobjectClass: inetOrgPerson\nuid: u%[1]d\ncn: Person %[1]d\nsn: %[1]d\nmail: u%[1]d@example.com\nemployeeNumber: %08[1]d\nemployeeType: %[3]s\ndepartmentNumber: D%03[4]d\ntitle: Title %[5]d\n\n",
			i, benchSuffix, status, department, i%400)
		if status == "terminated" {
			continue
		}
		for _, group := range []string{fmt.Sprintf("dept-%03d", department), fmt.Sprintf("role-%03d", i%97), fmt.Sprintf("role-%03d", 97+i*3%53), fmt.Sprintf("role-%03d", 150+i/7%31), fmt.Sprintf("role-%03d", 181+i/11%19)} {
			members[group] = append(members[group], i)
		}
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "dn: cn=%[1]s,ou=groups,%[2]s\nobjectClass: groupOfNames\ncn: %[1]s\n", name, benchSuffix)
		for _, i := range members[name] {
			fmt.Fprintf(&b, "member: uid=u%d,ou=people,%s\n", i, benchSuffix)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// groupsOf lists the groups of an LDIF that give a right.
func groupsOf(b *testing.B, file string) (names []string) {
	b.Helper()
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	group := regexp.MustCompile(`^dn: cn=((?:dept|role|site)-\d+),ou=groups,`)
	s := bufio.NewScanner(f)
	for s.Scan() {
		if m := group.FindStringSubmatch(s.Text()); m != nil {
			names = append(names, m[1])
		}
	}
	if s.Err() != nil || len(names) == 0 {
		b.Fatal("the company has no groups", s.Err())
	}
	return names
}

// configure is for people in slapd and accounts in PostgreSQL.
func (e *estate) configure(b *testing.B) {
	b.Helper()
	e.store = e.postgres.NewDatabase(b)
	config := fmt.Sprintf(`version: 1
store: %q
policies: policies/
directories:
  - name: corp
    kind: ldap
    profile: openldap
    authority: people
    url: %s
    bind: {dn: %q, password: {env: BENCH_PASSWORD}}
    people: {base: "ou=people,%[4]s", filter: "(objectClass=inetOrgPerson)"}
    key: employeeNumber
    attributes: {login: uid, mail: mail, name: cn, title: title, department: departmentNumber, status: employeeType}
    state: {left: 'status == "terminated"'}
    roles:
      - {group: {base: "ou=groups,%[4]s", name: cn, nested: true}}
programs:
  pg: {kind: sql, preset: postgres, url: %[5]q, rights: ["dept-*", "role-*", "site-*"], create: "{login}", revoke: managed}
leavers: {unmanaged: report}
limits:
  grant: {floor: 10000000, percent: 100, cap: 10000000, window: 24h}
`, e.store, e.slapd.URL, e.slapd.Reader.DN, benchSuffix, e.postgres.DSN)
	e.write(b, config)
}

// write writes the configuration and one rule for each group.
func (e *estate) write(b *testing.B, config string) {
	b.Helper()
	var rules strings.Builder
	rules.WriteString("version: 1\nrules:\n  - {name: all, when: 'true', grant: [pg], reason: everybody}\n")
	for _, r := range e.rights {
		fmt.Fprintf(&rules, "  - {name: %s, roles: [%q], grant: [\"pg/%s\"], reason: its group}\n", r, "group:"+r, r)
	}
	if err := os.Mkdir(filepath.Join(e.dir, "policies"), 0o700); err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"rolecall.yaml": config, "policies/all.yaml": rules.String()} {
		if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// finished is what one run of the program took.
type finished struct {
	wall, cpu time.Duration
	peakMiB   float64
	phases    map[string]float64 // seconds
	said      string             // its last line
}

func (f finished) String() string {
	text := fmt.Sprintf("rolecall %.2f s, cpu %.2f s, peak %.0f MiB (%s):", f.wall.Seconds(), f.cpu.Seconds(), f.peakMiB, f.said)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range f.phases {
			if !yield(name) {
				return
			}
		}
	}) {
		text += fmt.Sprintf(" %s %.2f", name, f.phases[name])
	}
	return text
}

// apply runs the program in a process of its own, so that the peak is its alone; with ROLECALL_BENCH_INSIDE set in this one,
// for -cpuprofile and -memprofile.
func (e *estate) apply(b *testing.B) finished {
	b.Helper()
	var stdout, stderr bytes.Buffer
	if os.Getenv("ROLECALL_BENCH_INSIDE") == "" {
		f := e.process(b, exitDone, &stdout, "apply", "-v")
		f.saying(stdout.String())
		return f
	}
	p := thisProcess()
	p.Args, p.Dir, p.Stdout, p.Stderr = []string{"apply", "-v"}, e.dir, &stdout, &stderr
	p.Env = func(string) string { return e.slapd.Reader.Password }
	start := time.Now()
	if code := run(b.Context(), p); code != 0 {
		b.Fatalf("%d: %.2000s\n%.2000s", code, stderr.String(), stdout.String())
	}
	f := finished{wall: time.Since(start)}
	f.timed(stderr.String())
	f.saying(stdout.String())
	return f
}

func (e *estate) process(b *testing.B, code int, stdout io.Writer, args ...string) finished {
	b.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(e.binary, args...)
	cmd.Dir = e.dir
	if cmd.Env = os.Environ(); e.slapd != nil {
		cmd.Env = append(cmd.Env, "BENCH_PASSWORD="+e.slapd.Reader.Password)
	}
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	start := time.Now()
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		b.Fatalf("%v: %.2000s", err, stderr.String())
	}
	f := finished{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	f.peakMiB = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024 // KiB, getrusage(2)
	f.timed(stderr.String())
	return f
}

// saying keeps the last line.
func (f *finished) saying(stdout string) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	f.said = lines[len(lines)-1]
}

func (f *finished) timed(stderr string) {
	f.phases = map[string]float64{}
	for _, line := range strings.Split(stderr, "\n") {
		var p struct {
			Phase, What string
			Seconds     float64
		}
		if json.Unmarshal([]byte(line), &p) == nil && p.Phase != "" {
			f.phases[strings.TrimSpace(p.Phase+" "+p.What)] = p.Seconds
		}
	}
}

// nextDay makes the journal two days older, so that what was granted does not count against the budgets of the next runs any
// more. The records' hashes no longer fit, which runs do not look at.
func (e *estate) nextDay(b *testing.B) {
	b.Helper()
	for _, q := range []string{"UPDATE journal SET time = time - 172800000000", "VACUUM FULL ANALYZE"} {
		if out, err := exec.Command("psql", "-X", "-q", "-d", e.store, "-c", q).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	e.postgres.Exec(b, "VACUUM ANALYZE")
}

// ldapsearch reads the same people with the attributes that are read of them.
func (e *estate) ldapsearch(b *testing.B) time.Duration {
	b.Helper()
	cmd := exec.Command("ldapsearch", "-LLL", "-x", "-H", e.slapd.URL, "-D", e.slapd.Reader.DN, "-w", e.slapd.Reader.Password, "-E", "pr=1000/noprompt",
		"-b", "ou=people,"+benchSuffix, "(objectClass=inetOrgPerson)", "employeeNumber", "uid", "cn", "mail", "title", "employeeType", "departmentNumber")
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// psql makes as many roles under other names in a second server, so that neither finds what the other left. cpu is the
// processor time of psql and its server.
func (e *estate) psql(b *testing.B) (wall, cpu time.Duration) {
	b.Helper()
	s := servers.Postgres(b, servers.WithFsync(), servers.WithSetting("max_locks_per_transaction=2048"))
	var script bytes.Buffer
	for _, r := range e.rights {
		fmt.Fprintf(&script, "CREATE ROLE %q;", r)
	}
	s.Exec(b, script.String())
	script.Reset()
	for i := range e.people {
		if i%500 == 0 {
			fmt.Fprintln(&script, "BEGIN;")
		}
		fmt.Fprintf(&script, "CREATE ROLE u%d LOGIN;\nGRANT ", i)
		for r := range 5 {
			if r > 0 {
				script.WriteString(", ")
			}
			fmt.Fprintf(&script, "%q", e.rights[(i+r*7)%len(e.rights)])
		}
		fmt.Fprintf(&script, " TO u%d;\n", i)
		if i%500 == 499 || i == e.people-1 {
			fmt.Fprintln(&script, "COMMIT;")
		}
	}
	cmd := exec.Command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", s.DSN)
	cmd.Stdin = &script
	before, start := s.CPU(b), time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	wall = time.Since(start)
	return wall, s.CPU(b) - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
