package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (g *repository) git(ctx context.Context, input []byte, args ...string) (string, error) {
	return g.run(ctx, input, nil, args...)
}

// run runs Git with nothing of the user's settings, and nobody to ask for a password.
func (g *repository) run(ctx context.Context, input []byte, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	command := args[0]
	cmd := g.command(ctx, env, args)
	end, err := g.signIn(cmd, command)
	if err != nil {
		return "", fmt.Errorf("git %s of %s: %w", command, g.path(), err)
	}
	defer end()
	var out, wrong bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &wrong
	answer, err := g.options.Step.make(ctx, func() ([]byte, error) { err := cmd.Run(); return out.Bytes(), err })
	if err != nil {
		text := strings.TrimSpace(wrong.String())
		if ctx.Err() != nil || strings.Contains(text, ".lock': File exists") {
			g.drop() // a Git that was killed leaves its locks behind
		}
		return "", fmt.Errorf("git %s of %s: %s", command, g.path(), g.scrub(cmp.Or(text, err.Error())))
	}
	return string(answer), nil
}

// author is whom commits are by, without what Git itself takes from the ends of a name.
func (g *repository) author() (name, mail string) {
	name, mail, _ = strings.Cut(strings.TrimSuffix(g.config.Author, ">"), " <")
	crud := func(r rune) bool { return r <= ' ' || strings.ContainsRune(`.,:;<>"\'`, r) }
	return strings.TrimFunc(name, crud), strings.TrimFunc(mail, crud)
}

// drop lets the next read make a clone anew.
func (g *repository) drop() {
	if g.clone != "" {
		_ = os.RemoveAll(g.clone) // what is left is in nobody's way
	}
	g.clone = ""
}

// gitEnds is how long a Git that is told to end may take to remove its locks.
const gitEnds = 5 * time.Second

func (g *repository) command(ctx context.Context, env, args []string) *exec.Cmd {
	name, mail := g.author()
	args = append([]string{"-c", "core.hooksPath=/dev/null", "-c", "http.followRedirects=false", "-c", "credential.helper=", "-c", "credential.helper=" + fromPipe, "-c", "gc.auto=0"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // what comes from the configuration can't be taken for an option, see check
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, gitEnds
	cmd.Dir = cmp.Or(g.clone, os.TempDir())
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_ALLOW_PROTOCOL=https:ssh:file", "GIT_SSH_COMMAND=" + g.ssh(), "GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + mail, "GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + mail}, env...)
	if known := os.Getenv("SSL_CERT_FILE"); known != "" { // the authorities that all other connectors trust
		cmd.Env = append(cmd.Env, "GIT_SSL_CAINFO="+known)
	}
	return cmd
}

// home is where ssh's settings are. With a token there is none, or the user's .netrc would come before the token.
func (g *repository) home() string {
	if !g.config.Token.IsZero() {
		return os.DevNull
	}
	return os.Getenv("HOME")
}

// fromPipe is the helper that gives Git name and password: from a pipe, since others can read arguments and environment.
const fromPipe = "!f() { cat <&3; }; f"

// longestToken fits into a pipe that nobody reads yet.
const longestToken = 8 << 10

// signIn gives a command that goes elsewhere what proves who asks, read anew each time.
func (g *repository) signIn(cmd *exec.Cmd, command string) (end func(), err error) {
	end = func() {}
	switch command {
	case "fetch", "push", "ls-remote":
	default:
		return end, nil
	}
	switch {
	case !g.config.Token.IsZero():
		return g.withToken(cmd)
	case !g.config.Key.IsZero():
		return g.withKey(cmd)
	}
	return end, nil
}

func (g *repository) withToken(cmd *exec.Cmd) (end func(), err error) {
	token, err := g.secret(g.config.Token)
	if err == nil && (strings.ContainsAny(token, "\r\n\x00") || len(token) > longestToken) {
		err = fmt.Errorf("the secret in %s is no token: it has line breaks, or is too long", g.config.Token)
	}
	if err != nil {
		return nil, err
	}
	user := cmp.Or(g.config.User, "rolecall")
	g.secrets.Store(&[2]string{token, base64.StdEncoding.EncodeToString([]byte(user + ":" + token))})
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(write, "username=%s\npassword=%s\n", user, token)
	if err = errors.Join(err, write.Close()); err != nil {
		return nil, errors.Join(err, read.Close())
	}
	cmd.ExtraFiles = []*os.File{read}
	return func() { _ = read.Close() }, nil // Git has read it
}

// secret reads a secret, which is not empty.
func (g *repository) secret(of engine.Secret) (string, error) {
	text, err := g.options.Secret(of)
	if err == nil && text == "" {
		err = fmt.Errorf("the secret in %s is empty", of)
	}
	return text, err
}

// ssh is the command by which Git goes over ssh. With a key of our own, the settings of the user's ssh count for nothing.
func (g *repository) ssh() string {
	command := "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes"
	if !g.config.Key.IsZero() {
		command += " -Fnone -oIdentityFile=none"
	}
	if hosts := g.hosts(); hosts != "" {
		command += " -oUserKnownHostsFile=" + hosts
	}
	return command + " -oConnectTimeout=20 -oServerAliveInterval=15"
}

// hosts is the file with the servers' keys; "": that of the user.
func (g *repository) hosts() string {
	if h := g.config.Hosts; h == "" || filepath.IsAbs(h) {
		return h
	}
	return filepath.Join(g.options.Dir, g.config.Hosts)
}

// scrub takes secrets out of what Git says, which is cut to what people read.
func (g *repository) scrub(text string) string {
	if known := g.secrets.Load(); known != nil {
		for _, secret := range known {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}
