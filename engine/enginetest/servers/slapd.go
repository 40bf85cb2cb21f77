package servers

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// SlapdConfig says what an OpenLDAP server holds and allows. The zero value is
// an empty directory dc=example,dc=com.
type SlapdConfig struct {
	Suffix   string   // default dc=example,dc=com
	LDIF     string   // entries, the suffix entry first; default: the suffix entry alone
	LDIFFile string   // the same from a file, for big directories
	Overlays []string // any of memberof, refint, syncprov
	Access   []string // "to … by …", tried before the default, which lets Reader and Limited read everything
	Limits   []string // "dn.exact=… size=…", tried before the default, which leaves Reader without any
	Database []string // more lines of the database section, such as `limits …` or `sizelimit 10`
	Global   []string // more lines before the database section
	Password string   // of Reader; "": reader
}

// Account is a name that can bind with a password.
type Account struct{ DN, Password string }

// SlapdServer is a running slapd. Its three accounts exist always.
type SlapdServer struct {
	URL     string // ldap://127.0.0.1:port, StartTLS offered
	TLSURL  string // ldaps://127.0.0.1:port; the certificate names localhost, too
	IPCURL  string // ldapi:// on a Unix socket (SASL EXTERNAL as the operating-system user)
	Suffix  string
	Admin   Account // rootdn: no access rules, no limits
	Reader  Account // reads everything, no limits
	Limited Account // reads everything, under slapd's limits (500 entries, paged or not)
	CA      *CA
	// A client certificate that SASL EXTERNAL maps to Reader.
	ClientCert, ClientKey string

	dir      string
	programs map[string]string
	process  *process
}

// Slapd loads the entries with slapadd and starts a server that ends with the
// test. slapadd runs no overlays, so memberOf is filled for later changes only,
// unless the LDIF brings it.
func Slapd(t testing.TB, cfg SlapdConfig) *SlapdServer {
	t.Helper()
	programs, err := findPrograms("slapd ldap-utils", []string{"/usr/sbin", "/usr/local/libexec"}, "slapd", "slapadd", "ldapmodify")
	if err != nil {
		lacking(t, err)
	}
	if cfg.Suffix == "" {
		cfg.Suffix = "dc=example,dc=com"
	}
	s := newSlapd(t, cfg, programs)
	s.writeConfig(t, cfg)
	s.load(t, cfg)
	s.Start(t)
	t.Cleanup(s.Kill)
	return s
}

func newSlapd(t testing.TB, cfg SlapdConfig, programs map[string]string) *SlapdServer {
	t.Helper()
	dir := tempDir(t, "slapd")
	s := &SlapdServer{
		URL:      fmt.Sprintf("ldap://127.0.0.1:%d", freePort(t)),
		TLSURL:   fmt.Sprintf("ldaps://127.0.0.1:%d", freePort(t)),
		IPCURL:   "ldapi://" + strings.ReplaceAll(filepath.Join(dir, "ldapi"), "/", "%2F"),
		Suffix:   cfg.Suffix,
		Admin:    Account{"cn=admin," + cfg.Suffix, "secret"},
		Reader:   Account{"cn=reader," + cfg.Suffix, cmp.Or(cfg.Password, "reader")},
		Limited:  Account{"cn=limited," + cfg.Suffix, "limited"},
		CA:       NewCA(t, dir),
		dir:      dir,
		programs: programs,
	}
	s.CA.Issue(t, "localhost", "localhost", "127.0.0.1")
	s.ClientCert, s.ClientKey = s.CA.Issue(t, "reader")
	return s
}

// Start starts the server again after Stop or Kill, on the same ports and data.
func (s *SlapdServer) Start(t testing.TB) {
	t.Helper()
	// -d 0 keeps it in the foreground, so its process id is ours.
	cmd := exec.Command(s.programs["slapd"], "-d", "0", "-f", s.configFile(),
		"-h", s.URL+"/ "+s.TLSURL+"/ "+s.IPCURL+"/")
	p, err := spawn(cmd, filepath.Join(s.dir, "slapd.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process = p
	if err := p.ready(new(net.Dialer).DialContext, strings.TrimPrefix(s.URL, "ldap://"), strings.TrimPrefix(s.TLSURL, "ldaps://")); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the server anew on the same data with other access rules, limits and global lines.
func (s *SlapdServer) Restart(t testing.TB, cfg SlapdConfig) {
	t.Helper()
	s.Stop()
	cfg.Suffix = s.Suffix
	s.writeConfig(t, cfg)
	s.Start(t)
}

// Stop ends the server in order: open connections are told.
func (s *SlapdServer) Stop() { s.process.stop(syscall.SIGTERM) }

// Kill ends the server at once, as a crash would.
func (s *SlapdServer) Kill() { s.process.stop(syscall.SIGKILL) }

// Modify applies LDIF change records (or, without changetype, adds entries) as
// Admin, through the overlays.
func (s *SlapdServer) Modify(t testing.TB, changes string) {
	t.Helper()
	cmd := exec.Command(s.programs["ldapmodify"], "-a", "-x", "-H", s.URL, "-D", s.Admin.DN, "-w", s.Admin.Password)
	cmd.Stdin = strings.NewReader(changes)
	run(t, cmd)
}

func (s *SlapdServer) configFile() string { return filepath.Join(s.dir, "slapd.conf") }

func (s *SlapdServer) writeConfig(t testing.TB, cfg SlapdConfig) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.configFile(), []byte(slapdConf(s, cfg)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func slapdConf(s *SlapdServer, cfg SlapdConfig) string {
	lines := []string{
		"include /etc/ldap/schema/core.schema",
		"include /etc/ldap/schema/cosine.schema",
		"include /etc/ldap/schema/inetorgperson.schema",
		"modulepath /usr/lib/ldap",
		"moduleload back_mdb",
	}
	for _, overlay := range cfg.Overlays {
		lines = append(lines, "moduleload "+overlay)
	}
	lines = append(lines,
		"pidfile "+s.dir+"/slapd.pid",
		"argsfile "+s.dir+"/slapd.args",
		"loglevel 0",
		"threads 4",
		"sortvals member", // big groups
		"TLSCACertificateFile "+s.CA.File,
		"TLSCertificateFile "+s.dir+"/localhost.pem",
		"TLSCertificateKeyFile "+s.dir+"/localhost.key",
		"TLSVerifyClient try",
		`authz-regexp "^cn=([a-z]+)$" "cn=$1,`+cfg.Suffix+`"`,
	)
	lines = append(lines, cfg.Global...)
	lines = append(lines,
		"database mdb",
		`suffix "`+cfg.Suffix+`"`,
		`rootdn "`+s.Admin.DN+`"`,
		"rootpw "+s.Admin.Password,
		"directory "+s.dir+"/db",
		"maxsize 8589934592", // bytes; a sparse file
		"dbnosync",
		"index objectClass eq",
		"index uid,cn,employeeNumber,departmentNumber eq",
		"index member eq",
		"index entryUUID,entryCSN eq", // syncprov needs it
	)
	for _, limits := range cfg.Limits {
		lines = append(lines, "limits "+limits)
	}
	lines = append(lines,
		`limits dn.exact="`+s.Reader.DN+`" size.soft=unlimited size.hard=unlimited size.prtotal=unlimited time=unlimited`,
		"access to attrs=userPassword by anonymous auth by * none",
	)
	for _, access := range cfg.Access {
		lines = append(lines, "access "+access)
	}
	lines = append(lines, `access to * by dn.exact="`+s.Reader.DN+`" read by dn.exact="`+s.Limited.DN+`" read by * none`)
	lines = append(lines, cfg.Database...)
	return strings.Join(append(lines, overlayLines(cfg.Overlays)...), "\n") + "\n"
}

func overlayLines(overlays []string) []string {
	var lines []string
	for _, overlay := range overlays {
		lines = append(lines, "overlay "+overlay)
		switch overlay {
		case "memberof":
			lines = append(lines, "memberof-refint TRUE")
		case "refint":
			lines = append(lines, "refint_attributes member manager")
		case "syncprov":
			lines = append(lines, "syncprov-checkpoint 1000 10", "syncprov-sessionlog 10000")
		}
	}
	return lines
}

// load fills the database with slapadd -q (no checks: it is fast) -w (writes
// contextCSN, which syncprov wants).
func (s *SlapdServer) load(t testing.TB, cfg SlapdConfig) {
	t.Helper()
	text := cfg.LDIF
	if cfg.LDIFFile != "" {
		raw, err := os.ReadFile(cfg.LDIFFile)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	if text == "" {
		text = suffixEntry(cfg.Suffix)
	}
	file := filepath.Join(s.dir, "load.ldif")
	if err := os.WriteFile(file, []byte(s.withAccounts(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", "-f", s.configFile(), "-l", file}
	if slices.Contains(cfg.Overlays, "syncprov") {
		args = append(args, "-w")
	}
	run(t, exec.Command(s.programs["slapadd"], args...))
	_ = os.Remove(file)
}

// withAccounts puts Reader and Limited behind the first entry.
func (s *SlapdServer) withAccounts(text string) string {
	text = strings.TrimLeft(text, "\n")
	first, rest, _ := strings.Cut(text, "\n\n")
	var b strings.Builder
	b.WriteString(strings.TrimRight(first, "\n") + "\n\n")
	for _, account := range []Account{s.Reader, s.Limited} {
		fmt.Fprintf(&b, "dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: %s\nuserPassword: %s\n\n",
			account.DN, account.Password, account.Password)
	}
	b.WriteString(rest)
	return b.String()
}

// suffixEntry is the entry of a suffix that starts with dc= or o=.
func suffixEntry(suffix string) string {
	rdn, _, _ := strings.Cut(suffix, ",")
	name, value, _ := strings.Cut(rdn, "=")
	if name == "o" {
		return fmt.Sprintf("dn: %s\nobjectClass: organization\no: %s\n", suffix, value)
	}
	return fmt.Sprintf("dn: %s\nobjectClass: dcObject\nobjectClass: organization\n%s: %s\no: %s\n", suffix, name, value, value)
}

// Search reads one entry as Admin and returns it as LDIF, lines unbroken.
func (s *SlapdServer) Search(t testing.TB, dn string, attributes ...string) string {
	t.Helper()
	args := []string{"-LLL", "-o", "ldif-wrap=no", "-x", "-H", s.URL, "-D", s.Admin.DN, "-w", s.Admin.Password, "-b", dn, "-s", "base"}
	return run(t, exec.Command("ldapsearch", append(args, attributes...)...))
}
