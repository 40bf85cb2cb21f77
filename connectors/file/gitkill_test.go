package file_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A branch whose name ends in the whole name of another is not that one.
func TestGitBranchesThatEndAlike(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	git(t, bare, "branch", "a/refs/heads/"+requestBranch, "main")
	p := openGit(t, proposing(bare))
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits in the branch")
	apply(t, p, called(true, "ann", "read"), engine.Uncertain, "waits in the branch")
}

// A Git that is killed, or that finds a lock, costs its own command and no other.
func TestGitThatIsKilled(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	dir, temp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	slow, began := filepath.Join(dir, "slow"), filepath.Join(dir, "began")
	for name, text := range map[string]string{
		"hook": fmt.Sprintf("#!/bin/sh\nif [ -e %s ]; then touch %s; exec sleep 30; fi\nexec \"$@\"\n", slow, began),
		"conf": "[uploadpack]\n\tpackObjectsHook = " + filepath.Join(dir, "hook") + "\n",
		"ssh":  fmt.Sprintf("#!/bin/sh\nfor c in \"$@\"; do :; done\nGIT_CONFIG_GLOBAL=%s; export GIT_CONFIG_GLOBAL\neval \"$c\"\n", filepath.Join(dir, "conf")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p := openGit(t, gitConfig("ssh://x@example.com"+bare))
	if err := os.WriteFile(slow, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil { // no clock tells when Git waits
			if _, err := os.Stat(began); err == nil {
				cancel()
				return
			}
		}
	}()
	if _, err := p.Account(ctx, "ann"); err == nil {
		t.Fatal("it was read")
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "rolecall-git-*")); len(left) > 0 {
		t.Errorf("the clone of a Git that was killed is left: %v", left)
	}
	if err := os.Remove(slow); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
	clones, _ := filepath.Glob(filepath.Join(temp, "rolecall-git-*"))
	if err := os.WriteFile(filepath.Join(clones[0], "shallow.lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Account(t.Context(), "ann") // it may find the lock
	if _, err := p.Account(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
}

// The token is what is used, whatever the user's .netrc has for the server.
func TestGitTokenComesBeforeNetrc(t *testing.T) {
	bare, _ := bareRepository(t, gitList)
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine 127.0.0.1 login somebody password else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var others atomic.Int32
	backend := &cgi.Handler{Path: filepath.Join(git(t, bare, "--exec-path"), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=rolecall", "GIT_CONFIG_GLOBAL=/dev/null"}}
	s := withTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, ok := r.BasicAuth()
		if ok && user != "rolecall" {
			others.Add(1)
		}
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization")
		backend.ServeHTTP(w, r)
	}))
	readsAndCommits(t, openFar(t, overHTTPS(s), secrets{"TOKEN": gitToken}), bare)
	if n := others.Load(); n > 0 {
		t.Errorf("%d requests came from somebody else", n)
	}
}
