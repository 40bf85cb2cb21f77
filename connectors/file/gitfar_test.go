package file_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const gitToken = "token-that-nobody-may-see"

// secrets are what a test gives as secrets, by the name of a variable.
type secrets map[string]string

func (s secrets) resolve(of engine.Secret) (string, error) {
	if s[of.Env] == "" {
		return "", fmt.Errorf("%s is not set", of)
	}
	return s[of.Env], nil
}

func openFar(t *testing.T, c file.GitConfig, s secrets) *file.Program {
	t.Helper()
	p, err := file.OpenGit(c, file.GitOptions{Options: file.Options{Program: "wiki", Now: time.Now}, Secret: s.resolve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// watched lets each git and ssh that is run write down its arguments and its environment, and gives what they wrote.
func watched(t *testing.T) func() string {
	t.Helper()
	dir, seen := t.TempDir(), filepath.Join(t.TempDir(), "seen")
	for _, name := range []string{"git", "ssh"} {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\n{ echo '%s' \"$@\"; env; } >>'%s'\nexec '%s' \"$@\"\n", name, seen, real)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string { return read(t, seen) }
}

// serveGit serves a repository over HTTPS by Git's own server, to whoever has the token.
func serveGit(t *testing.T, bare string) *httptest.Server {
	t.Helper()
	backend := &cgi.Handler{Path: filepath.Join(git(t, bare, "--exec-path"), "git-http-backend"), Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=rolecall", "GIT_CONFIG_GLOBAL=/dev/null"}}
	return withTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, token, _ := r.BasicAuth(); user != "rolecall" || token != gitToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization") // it would be in the environment of Git's server
		backend.ServeHTTP(w, r)
	}))
}

// withTLS starts a server whose authority Git is told to trust.
func withTLS(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that end, as they should
	s.StartTLS()
	t.Cleanup(s.Close)
	known := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(known, pemOf(s.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", known)
	return s
}

func pemOf(der []byte) []byte {
	return []byte("-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END CERTIFICATE-----\n")
}

func overHTTPS(s *httptest.Server) file.GitConfig {
	c := gitConfig(s.URL + "/access.git")
	c.User, c.Token = "rolecall", engine.Secret{Env: "TOKEN"}
	return c
}

// readsAndCommits does what the connector is for.
func readsAndCommits(t *testing.T, p *file.Program, bare string) {
	t.Helper()
	if held, err := p.Account(t.Context(), "ann"); err != nil || len(held) != 2 {
		t.Fatal(held, err)
	}
	if outcome, err := p.Grant(t.Context(), "ann", "read"); outcome != engine.Done || err != nil {
		t.Fatal(outcome, err)
	}
	if got := git(t, bare, "show", "main:lists/wiki.csv"); !strings.Contains(got, "ann,yes,read,") {
		t.Errorf("the repository has\n%s", got)
	}
}

// fails says that neither a list nor a change comes of it, why, and no secret.
func fails(t *testing.T, p *file.Program, why string, secret ...string) {
	t.Helper()
	_, err := p.Holdings(t.Context(), func(engine.Holding) error { return errors.New("a holding came") })
	outcome, wrong := p.Grant(t.Context(), "ann", "write")
	if err == nil || outcome != engine.Failed || wrong == nil {
		t.Fatalf("%v; %s, %v", err, outcome, wrong)
	}
	for _, text := range []string{err.Error(), wrong.Error()} {
		if !strings.Contains(text, why) {
			t.Errorf("want %q: %s", why, text)
		}
		for _, s := range secret {
			if strings.Contains(text, s) {
				t.Errorf("a secret is told: %s", text)
			}
		}
	}
}

func TestGitOverHTTPS(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	server, seen := serveGit(t, bare), watched(t)
	readsAndCommits(t, openFar(t, overHTTPS(server), secrets{"TOKEN": gitToken}), bare)
	fails(t, openFar(t, overHTTPS(server), secrets{"TOKEN": "wrong-token"}), "Authentication failed", "wrong-token")
	fails(t, openFar(t, overHTTPS(server), secrets{"TOKEN": "two\nlines"}), "no token", "lines\n")
	fails(t, openFar(t, overHTTPS(server), secrets{"TOKEN": strings.Repeat("x", 70_000)}), "too long", "xxx") // nobody would read the pipe's end
	fails(t, openFar(t, overHTTPS(server), secrets{}), "is not set")
	text := seen()
	for _, secret := range []string{gitToken, base64.StdEncoding.EncodeToString([]byte("rolecall:" + gitToken)), "wrong-token"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in arguments or environment", secret)
		}
	}
	if !strings.Contains(text, "git ") || !strings.Contains(text, " push ") {
		t.Errorf("nothing was watched:\n%s", text)
	}
}

// A server that nobody vouches for, and one that sends elsewhere, get no token.
func TestGitTokenGoesNowhereElse(t *testing.T) {
	var asked atomic.Int32
	trap := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			asked.Add(1)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	unknown := httptest.NewUnstartedServer(trap)
	unknown.Config.ErrorLog = log.New(io.Discard, "", 0)
	unknown.StartTLS()
	t.Cleanup(unknown.Close)
	t.Setenv("SSL_CERT_FILE", "/dev/null")
	fails(t, openFar(t, overHTTPS(unknown), secrets{"TOKEN": gitToken}), "certificate", gitToken)
	elsewhere := withTLS(t, trap)
	sends := httptest.NewUnstartedServer(http.RedirectHandler(elsewhere.URL+"/access.git/info/refs?service=git-upload-pack", http.StatusFound))
	sends.StartTLS() // the same certificate
	t.Cleanup(sends.Close)
	fails(t, openFar(t, overHTTPS(sends), secrets{"TOKEN": gitToken}), "fetch", gitToken)
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests carried the token", n)
	}
}

func TestGitOverSSH(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	server, seen := servers.SSHD(t), watched(t)
	t.Setenv("TMPDIR", t.TempDir())
	c := gitConfig(server.Address + bare)
	c.Key, c.Hosts = engine.Secret{Env: "KEY"}, server.Hosts
	readsAndCommits(t, openFar(t, c, secrets{"KEY": strings.TrimSpace(server.Key)}), bare) // a secret from a file lacks its last line break
	fails(t, openFar(t, c, secrets{"KEY": server.Other}), "Permission denied", "PRIVATE KEY")
	fails(t, openFar(t, c, secrets{"KEY": "no key at all"}), "is no private key", "no key at all")
	stranger := c
	stranger.Hosts = filepath.Join(t.TempDir(), "known_hosts")
	fails(t, openFar(t, stranger, secrets{"KEY": server.Key}), "Host key verification failed")
	text := seen()
	for line := range strings.Lines(server.Key + server.Other) {
		if line = strings.TrimSpace(line); len(line) > 30 && strings.Contains(text, line) {
			t.Errorf("%q is in arguments or environment", line)
		}
	}
	if !strings.Contains(text, "GIT_SSH_COMMAND=ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -Fnone ") {
		t.Errorf("nothing was watched:\n%s", text)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "rolecall-ssh-*")); len(left) > 0 {
		t.Errorf("sockets are left behind: %v", left)
	}
}
