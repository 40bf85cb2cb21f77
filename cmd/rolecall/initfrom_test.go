package main

import (
	"encoding/base64"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Whatever is the matter with a server, init says what, in which way it can be mended, and writes nothing.
func TestInitFromRefuses(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{})
	web, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = web.Close() })
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	signIn := []string{"--bind-dn", s.Reader.DN, "--password-env"}
	for name, c := range map[string]struct {
		code int
		args []string
		sees []string
	}{
		"unreachable":    {1, []string{"--from", "ldap://127.0.0.1:1"}, []string{"127.0.0.1:1: no connection", "hint: look at host, port"}},
		"wrong password": {1, append([]string{"--from", s.URL}, append(signIn, "WRONG")...), []string{"Invalid Credentials", "hint: look at --bind-dn"}},
		"password unset": {1, append([]string{"--from", s.URL}, append(signIn, "UNSET")...), []string{"UNSET"}},
		"unknown CA":     {1, append([]string{"--from", s.TLSURL}, append(signIn, "RIGHT")...), []string{"certificate", "hint: .*--ca"}},
		"no LDAP":        {1, []string{"--from", "ldap://" + web.Addr().String()}, []string{"hint: .*LDAP|hint: .*TLS"}},
		"nobody there":   {1, append([]string{"--from", s.URL}, append(signIn, "RIGHT")...), []string{"no people found"}},
		"no right":       {1, []string{"--from", s.URL}, []string{"may not see it", "hint: sign in with --bind-dn"}},
		"no URL":         {2, []string{"--from", "ldap.example.com"}, []string{"not of the form ldaps://"}},
		"no password":    {2, []string{"--from", s.URL, "--bind-dn", s.Reader.DN}, []string{"--bind-dn has no password"}},
		"no server":      {2, []string{"--bind-dn", "cn=x", "--password-env", "RIGHT"}, []string{"--from"}},
	} {
		t.Run(name, func(t *testing.T) {
			u := newTerminal(t)
			u.env["WRONG"], u.env["RIGHT"] = "wr0ng-canary", s.Reader.Password
			u.types(c.code, append([]string{"init", "."}, c.args...)...)
			u.sees(c.sees...)
			u.seesNo("canary")
			if left, err := os.ReadDir(u.dir); err != nil || len(left) > 0 {
				t.Errorf("%d files were written, %v", len(left), err)
			}
		})
	}
}

// What a directory calls things stays data: the files can be read, and say no more than init says.
func TestInitFromHostileNames(t *testing.T) {
	name := "x\"]\n    grant: [root]\n# {{.}} 'y\u202e\x1b[31m"
	ldif := companyLDIF() + "dn:: " + base64.StdEncoding.EncodeToString([]byte("cn=x\\\"]\\0a    grant: [root]\\0a# {{.}} 'y\u202e\x1b[31m,ou=groups,"+realSuffix)) +
		"\nobjectClass: groupOfNames\ncn:: " + base64.StdEncoding.EncodeToString([]byte(name)) + "\n"
	for i := range staffed { // the biggest, so that it gets a rule
		ldif += "member: " + personDN(i) + "\n"
	}
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: ldif})
	u := newTerminal(t)
	u.env["P"] = s.Reader.Password
	u.types(0, "init", ".", "--from", s.URL, "--bind-dn", s.Reader.DN, "--password-env", "P")
	u.seesNo("\x1b")
	if text := u.read("rolecall.yaml") + u.read("policies/company.yaml"); strings.Contains(text, "\n    grant: [root]") || strings.ContainsAny(text, "\x1b\u202e") {
		t.Error(text)
	}
	u.types(0, "check", "--offline")
	u.types(2, "init", ".", "--from", s.URL, "--bind-dn", s.Reader.DN, "--password-env", "P")
	u.sees("rolecall.yaml is there already")
}

// A client certificate instead of a password, and StartTLS.
func TestSignInByCertificate(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: companyLDIF()})
	u := newTerminal(t)
	u.env["P"] = s.Reader.Password
	u.types(0, "init", ".", "--from", s.URL, "--start-tls", "--ca", s.CA.File, "--bind-dn", s.Reader.DN, "--password-env", "P")
	u.types(0, "check")
	u.sees("corp +300 people, read completely")
	u.edit("rolecall.yaml", `{dn: "`+s.Reader.DN+`", password: {env: "P"}}`, `{external: {cert: "`+s.ClientCert+`", key: "`+s.ClientKey+`"}}`)
	delete(u.env, "P")
	u.types(0, "check")
	u.sees("corp +300 people, read completely")
	u.edit("rolecall.yaml", s.ClientKey, s.ClientCert)
	u.types(2, "check")
	u.sees("directory corp: .*client certificate")
}
