package servers

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

func TestMissingProgramIsAFailureInCIAndForRoot(t *testing.T) {
	for _, tc := range []struct {
		ci   string
		uid  int
		want bool
	}{{"true", 1000, true}, {"", 0, true}, {"", 1000, false}, {"false", 1000, false}} {
		if got := mustHave(tc.ci, tc.uid); got != tc.want {
			t.Errorf("mustHave(%q, %d) = %v", tc.ci, tc.uid, got)
		}
	}
	_, err := findPrograms("some-package", nil, "sh", "no-such-program")
	if err == nil || !strings.Contains(err.Error(), "no-such-program not found") || !strings.Contains(err.Error(), "some-package") {
		t.Errorf("error without program or package: %v", err)
	}
}

func search(t *testing.T, s *SlapdServer, args ...string) string {
	t.Helper()
	cmd := exec.Command("ldapsearch", append([]string{"-LLL", "-o", "ldif-wrap=no", "-b", s.Suffix}, args...)...)
	cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+s.CA.File, "LDAPTLS_CERT="+s.ClientCert, "LDAPTLS_KEY="+s.ClientKey)
	return run(t, cmd)
}

func TestSlapd(t *testing.T) {
	s := Slapd(t, SlapdConfig{
		Overlays: []string{"memberof", "refint", "syncprov"},
		Access:   []string{`to attrs=description by * none`},
		LDIF: `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: uid=ann,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Ann
description: hidden
`})
	simple := []string{"-x", "-D", s.Reader.DN, "-w", s.Reader.Password}
	s.Modify(t, "dn: cn=g,dc=example,dc=com\nobjectClass: groupOfNames\ncn: g\nmember: uid=ann,dc=example,dc=com\n")
	for name, args := range map[string][]string{
		"ldap":              append([]string{"-H", s.URL}, simple...),
		"StartTLS":          append([]string{"-H", s.URL, "-ZZ"}, simple...),
		"ldaps":             append([]string{"-H", s.TLSURL}, simple...),
		"client cert":       {"-H", s.TLSURL, "-Y", "EXTERNAL", "-Q"},
		"limited over ldap": {"-H", s.URL, "-x", "-D", s.Limited.DN, "-w", s.Limited.Password},
	} {
		t.Run(name, func(t *testing.T) {
			out := search(t, s, append(args, "(uid=ann)", "memberOf", "cn", "description")...)
			if !strings.Contains(out, "memberOf: cn=g,dc=example,dc=com") || strings.Contains(out, "hidden") {
				t.Error(out)
			}
		})
	}
	s.Kill()
	if err := exec.Command("ldapsearch", "-x", "-H", s.URL).Run(); err == nil {
		t.Error("the killed server answers")
	}
	s.Start(t)
	if out := search(t, s, append([]string{"-H", s.URL}, append(simple, "(cn=g)", "member")...)...); !strings.Contains(out, "uid=ann") {
		t.Errorf("data lost after restart: %s", out)
	}
}

func TestPostgres(t *testing.T) {
	s := Postgres(t, WithFsync())
	if got := s.Exec(t, "SHOW fsync"); got != "on" {
		t.Errorf("fsync = %q", got)
	}
	if a, b := s.NewDatabase(t), s.NewDatabase(t); a == b {
		t.Errorf("two databases share the DSN %s", a)
	}
	s.Exec(t, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	s.StopImmediate()
	if s.ping() == nil {
		t.Error("the stopped server answers")
	}
	s.Start(t)
	if got := s.Exec(t, "SELECT n FROM kept"); got != "7" {
		t.Errorf("after recovery: %q", got)
	}
	s.Stop()
	s.Start(t)
}

func TestSamba(t *testing.T) {
	s := Samba(t)
	s.CreateUser(t, "alice", "Str0ng!pw1", "--job-title=Engineer")
	s.CreateGroup(t, "inner", "alice")
	s.CreateGroup(t, "outer", "inner")
	s.Modify(t, "dn: CN=Bob,CN=Users,DC=example,DC=test\nobjectClass: contact\n")
	for _, url := range []string{s.URL, s.TLSURL} {
		cmd := exec.Command("ldapsearch", "-LLL", "-x", "-H", url, "-D", s.Admin.DN, "-w", s.Admin.Password, "-b", "CN=Users,"+s.Suffix,
			"(memberOf:1.2.840.113556.1.4.1941:=CN=outer,CN=Users,"+s.Suffix+")", "title")
		cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+s.CA.File)
		if out := run(t, cmd); !strings.Contains(out, "title: Engineer") || !strings.Contains(out, "CN=inner") {
			t.Errorf("%s: %s", url, out)
		}
	}
}

func TestRabbitMQ(t *testing.T) {
	s := RabbitMQ(t, "secret")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("rolecall", "wrong")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("it lets everybody in: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
}

func TestMariaDB(t *testing.T) {
	s := MariaDB(t)
	name := s.NewDatabase(t)
	s.Exec(t, "CREATE TABLE "+name+".t (x varchar(10)); INSERT INTO "+name+".t VALUES ('Łucja')")
	s.Kill()
	s.StartWith(t, "sql-mode=ANSI_QUOTES")
	if got := s.Exec(t, `SELECT x, @@sql_mode FROM "`+name+`".t`); got != "Łucja\tANSI_QUOTES" {
		t.Errorf("after a crash: %q", got)
	}
}
