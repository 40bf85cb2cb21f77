package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SambaServer is a running Samba Active Directory domain controller,
// dc1.example.test of the domain EXAMPLE. Its ports cannot be chosen, so it
// lives in a network namespace of its own; the addresses below are loopback
// ports of the host that lead there.
type SambaServer struct {
	URL      string // ldap://127.0.0.1:port
	TLSURL   string // ldaps://127.0.0.1:port; the certificate names localhost and Host, too
	Host     string // dc1.example.test, the host of its service principal ldap/Host
	KDC      string // 127.0.0.1:port, TCP
	Krb5Conf string // file: realm and KDC, for Kerberos clients
	Realm    string // EXAMPLE.TEST
	Suffix   string // DC=example,DC=test
	Admin    Account
	CA       *CA

	dir      string
	programs map[string]string
	process  *process
	ns       *namespace
}

// Samba provisions a domain and starts its controller; both end with the test.
// It needs root, and about 15 seconds.
func Samba(t testing.TB) *SambaServer {
	t.Helper()
	programs, err := findPrograms("samba samba-ad-dc samba-ad-provision samba-dsdb-modules winbind ldb-tools python3-samba ldap-utils iproute2",
		[]string{"/usr/sbin", "/sbin"}, "samba", "samba-tool", "ldapmodify", "ip")
	if err == nil && os.Getuid() != 0 {
		err = errors.New("Samba needs a network namespace; run the test as root")
	}
	if err != nil {
		lacking(t, err)
	}
	s := &SambaServer{
		Host:     "dc1.example.test",
		Realm:    "EXAMPLE.TEST",
		Suffix:   "DC=example,DC=test",
		Admin:    Account{"CN=Administrator,CN=Users,DC=example,DC=test", "Passw0rd!Adm1n"},
		dir:      tempDir(t, "samba"),
		programs: programs,
	}
	s.CA = NewCA(t, s.dir)
	s.provision(t)
	s.start(t)
	return s
}

func (s *SambaServer) config() string { return filepath.Join(s.dir, "ad", "etc", "smb.conf") }

func (s *SambaServer) provision(t testing.TB) {
	t.Helper()
	run(t, exec.Command(s.programs["samba-tool"], "domain", "provision", "--targetdir="+filepath.Join(s.dir, "ad"),
		"--realm="+s.Realm, "--domain=EXAMPLE", "--server-role=dc", "--dns-backend=NONE", "--adminpass="+s.Admin.Password,
		"--host-name=dc1", "--host-ip=127.0.0.1", "--use-rfc2307", "--option=interfaces=lo", "--option=bind interfaces only=yes"))
	text, err := os.ReadFile(s.config())
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := s.CA.Issue(t, s.Host, s.Host, "localhost", "127.0.0.1")
	settings := []string{"[global]",
		"server services = ldap, cldap, kdc, drepl, winbindd, kcc",
		"pid directory = " + s.dir,
		"ncalrpc dir = " + s.dir + "/ncalrpc",
		"winbindd socket directory = " + s.dir + "/winbindd",
		"log file = " + s.dir + "/samba.log",
		"ldap server require strong auth = no", // simple binds over ldap://, for tests on loopback
		"tls certfile = " + certFile,           // the self-made one has no subject alternative name
		"tls keyfile = " + keyFile,
		"tls cafile = " + s.CA.File,
	}
	changed := strings.Replace(string(text), "[global]", strings.Join(settings, "\n\t"), 1)
	if err := os.WriteFile(s.config(), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Tool(t, "spn", "add", "ldap/"+s.Host, "DC1$") // Kerberos binds look for it
}

// start runs Samba and opens the bridges.
func (s *SambaServer) start(t testing.TB) {
	t.Helper()
	s.ns = newNamespace(t)
	s.run(t)
	s.URL = "ldap://" + s.ns.bridge(t, "127.0.0.1:389")
	s.TLSURL = "ldaps://" + s.ns.bridge(t, "127.0.0.1:636")
	s.KDC = s.ns.bridge(t, "127.0.0.1:88")
	s.Krb5Conf = filepath.Join(s.dir, "krb5.conf")
	conf := fmt.Sprintf("[libdefaults]\n default_realm = %s\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n udp_preference_limit = 1\n"+
		"[realms]\n %s = {\n  kdc = %s\n }\n[domain_realm]\n .example.test = %s\n", s.Realm, s.Realm, s.KDC, s.Realm)
	if err := os.WriteFile(s.Krb5Conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts it as process 1 of a process namespace, so that its helpers end with it.
func (s *SambaServer) run(t testing.TB) {
	t.Helper()
	script := fmt.Sprintf("%s link set lo up && exec %s -s %s -i --debug-stdout", s.programs["ip"], s.programs["samba"], s.config())
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
	p, err := spawn(cmd, filepath.Join(s.dir, "out.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process = p
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	s.ns.enter(t, cmd.Process.Pid)
	if err := p.ready(s.ns.dial, "127.0.0.1:389", "127.0.0.1:636", "127.0.0.1:88"); err != nil {
		t.Fatal(err)
	}
}

// Snapshot keeps the domain as it is now, as a snapshot of the controller's machine does, and returns what goes back to it:
// the controller has its former name and number of changes then. It is started anew both times.
func (s *SambaServer) Snapshot(t testing.TB) (back func()) {
	t.Helper()
	now, kept := filepath.Join(s.dir, "ad"), filepath.Join(s.dir, "kept")
	copied := func(from, to string) {
		t.Helper()
		s.Kill()
		run(t, exec.Command("rm", "-rf", to))
		run(t, exec.Command("cp", "-a", from, to))
		s.run(t)
	}
	copied(now, kept)
	return func() { t.Helper(); copied(kept, now) }
}

// Kill ends the server at once.
func (s *SambaServer) Kill() { s.process.stop(syscall.SIGKILL) }

// Tool runs samba-tool on the domain's database and returns what it prints.
func (s *SambaServer) Tool(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, exec.Command(s.programs["samba-tool"], append(args, "-s", s.config())...))
}

// CreateUser makes an account; options are those of `samba-tool user create`,
// such as --job-title=Engineer. Its DN is CN=name,CN=Users,Suffix unless they
// give it a surname.
func (s *SambaServer) CreateUser(t testing.TB, name, password string, options ...string) {
	t.Helper()
	s.Tool(t, append([]string{"user", "create", name, password}, options...)...)
}

// CreateGroup makes a group with members, which may be groups themselves.
func (s *SambaServer) CreateGroup(t testing.TB, name string, members ...string) {
	t.Helper()
	s.Tool(t, "group", "add", name)
	if len(members) > 0 {
		s.Tool(t, "group", "addmembers", name, strings.Join(members, ","))
	}
}

// Modify applies LDIF change records (or, without changetype, adds entries) as
// Admin; for many entries it is much faster than CreateUser.
func (s *SambaServer) Modify(t testing.TB, changes string) {
	t.Helper()
	cmd := exec.Command(s.programs["ldapmodify"], "-a", "-x", "-H", s.URL, "-D", s.Admin.DN, "-w", s.Admin.Password)
	cmd.Stdin = strings.NewReader(changes)
	run(t, cmd)
}
