package directory

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// BenchmarkSlapd reads 100,000 people with six attributes and their groups from slapd and prints the ratio to ldapsearch
// of the same people in the same run, and the peak of memory. ROLECALL_BENCH_LDIF names an LDIF to use instead of our own.
func BenchmarkSlapd(b *testing.B) {
	file := os.Getenv("ROLECALL_BENCH_LDIF")
	if file == "" {
		file = filepath.Join(b.TempDir(), "company.ldif")
		if err := os.WriteFile(file, []byte(company(100_000)), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s := servers.Slapd(b, servers.SlapdConfig{LDIFFile: file})
	d := ldapDir(b, client(b, s, s.Reader), func(c *LDAPConfig) {
		c.PageSize = 1000
		c.Attributes = append(c.Attributes, Attribute{Name: "department", Source: "departmentNumber"})
	})
	var ours, theirs time.Duration
	for b.Loop() {
		theirs += ldapsearch(b, s)
		debug.FreeOSMemory()
		resetPeak(b)
		start, n, roles := time.Now(), 0, 0
		proof, err := d.People(context.Background(), func(p engine.Person) error { n++; roles += len(p.Roles); return nil })
		if err != nil || !proof.Complete() || n != 100_000 {
			b.Fatal(err, n, proof.Reasons)
		}
		ours += time.Since(start)
		b.ReportMetric(float64(roles)/float64(n), "roles/person")
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-ldapsearch")
	b.ReportMetric(peak(b), "peak-MiB")
}

func ldapsearch(b *testing.B, s *servers.SlapdServer) time.Duration {
	b.Helper()
	cmd := exec.Command("ldapsearch", "-LLL", "-x", "-H", s.URL, "-D", s.Reader.DN, "-w", s.Reader.Password, "-E", "pr=1000/noprompt",
		"-b", "ou=people,"+suffix, "(objectClass=person)", "employeeNumber", "uid", "cn", "mail", "title", "employeeType", "departmentNumber")
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// resetPeak makes the kernel count the peak of resident memory anew (proc(5), clear_refs).
func resetPeak(b *testing.B) {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
}

func peak(b *testing.B) float64 {
	b.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
