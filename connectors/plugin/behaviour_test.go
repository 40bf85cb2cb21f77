package plugin_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
)

// script is a plug-in in shell: it answers describe and open, and then does what body says.
func script(t *testing.T, abilities, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin.sh")
	text := "#!/bin/sh\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1" + abilities + "}}'\n" +
		"read -r call\nopened=$call\necho '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"identity\":\"x\"}}'\n" + body + "\n"
	executable(t, path, text)
	return path
}

const grantDone = `echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"done","account":"ann","entitlement":"read"}}'`

func grantRead(t *testing.T, p engine.Connector) (engine.Outcome, string) {
	t.Helper()
	outcome, err := p.Grant(t.Context(), "ann", "read")
	if (err == nil) != (outcome == engine.Done || outcome == engine.Already) {
		t.Errorf("%s comes with %v", outcome, err)
	}
	return outcome, fmt.Sprint(err)
}

// A plug-in sees four variables and its own program's secrets, and those only on the pipe.
func TestWhatAPlugInSees(t *testing.T) {
	dir := t.TempDir()
	p := open(t, plugin.Config{Command: []string{script(t, "", `tr '\0' '\n' </proc/$$/environ >environ; tr '\0' '\n' </proc/$$/cmdline >cmdline; printf %s "$opened" >opened; pwd >pwd
read -r call; `+grantDone), "--flag"}, Config: map[string]any{"a": []any{1, "b"}}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}},
		plugin.Options{Program: "team", Dir: dir, Now: time.Now, Secret: func(engine.Secret) (string, error) { return canary, nil },
			Env: func(name string) string { return os.Getenv("PATH") + ":/" + name }})
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, line := range strings.Split(strings.TrimSpace(read("environ")), "\n") {
		if name, value, _ := strings.Cut(line, "="); value != os.Getenv("PATH")+":/"+name || !strings.Contains("PATH HOME TMPDIR LANG", name) {
			t.Errorf("it sees %s", line)
		}
	}
	if argv := read("cmdline"); strings.Contains(argv, canary) || !strings.Contains(argv, "--flag") {
		t.Errorf("its arguments: %s", argv)
	}
	if got := read("opened"); !strings.Contains(got, `"config":{"a":[1,"b"]}`) || !strings.Contains(got, `"secrets":{"token":"`+canary+`"}`) || !strings.Contains(got, `"program":"team"`) {
		t.Errorf("it is opened with %s", got)
	}
	if got := strings.TrimSpace(read("pwd")); got != dir {
		t.Errorf("it works in %s, not in %s", got, dir)
	}
}

// Who may write the executable has the program's secrets.
func TestWhatEverybodyMayChangeIsNotStarted(t *testing.T) {
	fine := script(t, "", "read -r call; "+grantDone)
	try := func(command ...string) (engine.Outcome, string) {
		return grantRead(t, open(t, plugin.Config{Command: command}, options(t)))
	}
	for name, tc := range map[string]struct {
		bend func(path string) []string
		want string
	}{
		"the file":   {func(p string) []string { _ = os.Chmod(p, 0o707); return []string{p} }, "can be changed by everybody"},
		"its folder": {func(p string) []string { _ = os.Chmod(filepath.Dir(p), 0o777); return []string{p} }, "its folder can be changed by all"},
		"behind a link": {func(p string) []string {
			_ = os.Chmod(filepath.Dir(p), 0o777)
			link := fine + ".link"
			_ = os.Symlink(p, link)
			return []string{link}
		}, "its folder can be changed by all"},
		"an argument":    {func(p string) []string { _ = os.Chmod(p, 0o606); return []string{"/bin/sh", p} }, "can be changed by everybody"},
		"not executable": {func(p string) []string { _ = os.Chmod(p, 0o600); return []string{p} }, "is not executable"},
		"a folder":       {func(p string) []string { return []string{filepath.Dir(p)} }, "is no file"},
		"gone":           {func(p string) []string { return []string{p + ".gone"} }, "no such file"},
	} {
		if outcome, err := try(tc.bend(script(t, "", "read -r call; "+grantDone))...); outcome != engine.Failed || !strings.Contains(err, tc.want) {
			t.Errorf("%s: %s, %s, want %q", name, outcome, err, tc.want)
		}
	}
	if outcome, err := try(fine); outcome != engine.Done {
		t.Error(outcome, err)
	}
	for _, command := range [][]string{nil, {""}, {"python3", "x.py"}} {
		if _, err := plugin.Open(plugin.Config{Command: command}, options(t)); err == nil {
			t.Errorf("the command %q is taken", command)
		}
	}
}

// What goes wrong before a change was sent is a failure; what goes wrong afterwards leaves nobody knowing.
func TestOutcomesOfBrokenPlugIns(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want engine.Outcome
		text string
	}{
		"crash":                {"read -r call; exit 3", engine.Uncertain, "exit status 3"},
		"killed":               {"read -r call; kill -9 $$", engine.Uncertain, "signal: killed"},
		"hang":                 {"read -r call; sleep 600", engine.Uncertain, "did not answer grant within 1s"},
		"closed output":        {"read -r call; exec >&-; sleep 600", engine.Uncertain, "closed its standard output"},
		"nonsense":             {"read -r call; echo hello; sleep 600", engine.Uncertain, "not JSON"},
		"half a line":          {"read -r call; printf '{\"jsonrpc\"'; exit 0", engine.Uncertain, "exit status 0"},
		"another id":           {`read -r call; echo '{"jsonrpc":"2.0","id":4,"result":{"outcome":"done","account":"ann","entitlement":"read"}}'; sleep 600`, engine.Uncertain, "nobody asked for id 4"},
		"an id again":          {`read -r call; echo '{"jsonrpc":"2.0","id":2,"result":{"identity":"x"}}'; sleep 600`, engine.Uncertain, "nobody asked for id 2"},
		"an account":           {`read -r call; echo '{"jsonrpc":"2.0","method":"account","params":{"of":3,"account":{"id":"a"}}}'; sleep 600`, engine.Uncertain, "nobody asked for id 3, or not for a list"},
		"another account":      {`read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"done","account":"ben","entitlement":"read"}}'; sleep 600`, engine.Uncertain, `for the account "ben"`},
		"another word":         {`read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"ok","account":"ann","entitlement":"read"}}'; sleep 600`, engine.Uncertain, "is no outcome"},
		"more than it may say": {`read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"done","account":"ann","entitlement":"read","seat":1}}'; sleep 600`, engine.Uncertain, "unknown field"},
		"an error":             {`read -r call; echo '{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"no \u001b[2J"}}'; read -r call`, engine.Uncertain, `no \u001b[2J`},
		"no such method":       {`read -r call; echo '{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"no"}}'; read -r call`, engine.Refused, "answers with an error"},
		"refused":              {`read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"refused","account":"ann","entitlement":"read","reason":"no seat"}}'; read -r call`, engine.Refused, "no seat"},
		"a long line":          {"read -r call; head -c 2000000 /dev/zero | tr '\\0' x; sleep 600", engine.Uncertain, "a line of more than"},
		"answer and crash":     {"read -r call; " + grantDone + "; exit 3", engine.Done, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 20 * time.Second
			if name == "hang" {
				timeout = time.Second
			}
			p := open(t, plugin.Config{Command: []string{script(t, "", tc.body)}, Timeout: timeout}, options(t))
			if outcome, err := grantRead(t, p); outcome != tc.want || !strings.Contains(err, tc.text) || strings.Contains(err, "\x1b") {
				t.Errorf("%s, %s, want %s with %q", outcome, err, tc.want, tc.text)
			}
		})
	}
	for name, text := range map[string]string{
		"exits at once":        "#!/bin/sh\nexit 1\n",
		"another protocol":     "#!/bin/sh\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":2}}'\nread -r call\n",
		"refuses its settings": "#!/bin/sh\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1}}'\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":1,\"message\":\"no url\"}}'\nread -r call\n",
		"no identity":          "#!/bin/sh\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1}}'\nread -r call\necho '{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"identity\":\"\"}}'\nread -r call\n",
	} {
		path := script(t, "", "")
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if outcome, err := grantRead(t, open(t, plugin.Config{Command: []string{path}}, options(t))); outcome != engine.Failed {
			t.Errorf("%s: %s, %s", name, outcome, err)
		}
	}
}

// A list is whole only if the plug-in says so, and how many accounts it were.
func TestListsThatAreNotWhole(t *testing.T) {
	account := func(of int, fields string) string {
		return fmt.Sprintf(`echo '{"jsonrpc":"2.0","method":"account","params":{"of":%d,"account":{%s}}}'; `, of, fields)
	}
	end := func(result string) string {
		return `echo '{"jsonrpc":"2.0","id":3,"result":` + result + `}'; read -r call`
	}
	ann := account(3, `"id":"ann","active":true,"entitlements":["read"]`)
	for name, tc := range map[string]struct {
		body, code string // "": complete
	}{
		"whole":             {ann + end(`{"complete":true,"accounts":1}`), ""},
		"empty and whole":   {end(`{"complete":true,"accounts":0}`), ""},
		"no mark":           {ann + end(`{"accounts":1}`), engine.ReasonPartial},
		"no mark and empty": {end(`{}`), engine.ReasonPartial},
		"null":              {ann + end(`null`), "error"},
		"says it is not":    {ann + end(`{"complete":false,"accounts":1,"reason":"page 2 is missing"}`), engine.ReasonPartial},
		"both":              {ann + end(`{"complete":true,"accounts":1,"reason":"page 2 is missing"}`), engine.ReasonMalformed},
		"one too few":       {ann + end(`{"complete":true,"accounts":2}`), engine.ReasonPartial},
		"not counted":       {ann + end(`{"complete":true}`), engine.ReasonPartial},
		"twice":             {ann + ann + end(`{"complete":true,"accounts":2}`), engine.ReasonDuplicate},
		"without active":    {account(3, `"id":"ann"`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"without id":        {account(3, `"active":true`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"a reserved name":   {account(3, `"id":"ann","active":true,"entitlements":[".exists"]`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"a right twice":     {account(3, `"id":"ann","active":true,"entitlements":["a","a"]`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"a NUL":             {account(3, `"id":"a\u0000b","active":true`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"an unknown kind":   {account(3, `"id":"ann","active":true,"kind":"robot"`) + end(`{"complete":true,"accounts":1}`), engine.ReasonMalformed},
		"crash":             {ann + "exit 1", "error"},
		"no account":        {`echo '{"jsonrpc":"2.0","method":"account","params":{"of":3}}'; read -r call`, "error"},
		"for another list":  {account(7, `"id":"ann","active":true`) + end(`{"complete":true,"accounts":1}`), "error"},
		"an error":          {ann + `echo '{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"gone"}}'; read -r call`, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, plugin.Config{Command: []string{script(t, `,"accounts":true`, "read -r call; "+tc.body)}}, options(t))
			proof, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil })
			switch {
			case tc.code == "error":
				if err == nil {
					t.Errorf("no error, %+v", proof)
				}
			case err != nil || (tc.code == "") != proof.Complete() || tc.code != "" && proof.Reasons[0].Code != tc.code:
				t.Errorf("%v, %+v, want %q", err, proof.Reasons, tc.code)
			}
		})
	}
}

// Hangs end with everything that was started, and with us.
func TestWhatAPlugInStartedEndsWithIt(t *testing.T) {
	dir := t.TempDir()
	o := options(t)
	o.Dir = dir
	p := open(t, plugin.Config{Command: []string{script(t, "", "sleep 600 & echo $! >child; read -r call; sleep 600")}, Timeout: time.Second}, o)
	if outcome, err := grantRead(t, p); outcome != engine.Uncertain {
		t.Fatal(outcome, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child of a plug-in that hung lives on", func() bool { return gone(child) })
}

// What failed is started again later each time; the rest does not wait for ever.
func TestRestarts(t *testing.T) {
	var mu sync.Mutex
	now, waits := time.Unix(0, 0), []time.Duration{}
	o := options(t)
	o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	o.Wait = func(_ context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		now, waits = now.Add(d), append(waits, d)
		return nil
	}
	p := open(t, plugin.Config{Command: []string{script(t, "", "read -r call; exit 1")}}, o)
	for range 7 {
		if outcome, err := grantRead(t, p); outcome != engine.Uncertain {
			t.Fatal(outcome, err)
		}
	}
	if got := fmt.Sprint(waits); got != "[100ms 200ms 400ms 800ms 1.6s 3.2s]" {
		t.Errorf("it waited %s", got)
	}
	for range 2 {
		if outcome, err := grantRead(t, p); outcome != engine.Failed || !strings.Contains(err, "failed 7 times, and is not started again before 1970-01-01T00:00:12Z") {
			t.Errorf("%s, %s", outcome, err)
		}
	}
	o.Wait(t.Context(), time.Hour)
	if outcome, err := grantRead(t, p); outcome != engine.Uncertain {
		t.Errorf("an hour later: %s, %s", outcome, err)
	}
}

// A secret that changed reaches the plug-in with the next look at what it can do.
func TestARotatedSecret(t *testing.T) {
	secret := "one"
	o := options(t)
	o.Secret = func(engine.Secret) (string, error) { return secret, nil }
	p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call
case $opened in *'"token":"two"'*) `+grantDone+`;; *) echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"refused","account":"ann","entitlement":"read","reason":"signed out"}}';; esac
read -r call`)}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}}, o)
	if outcome, err := grantRead(t, p); outcome != engine.Refused {
		t.Fatal(outcome, err)
	}
	secret = "two"
	if _, err := p.(engine.Describer).Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Error(outcome, err)
	}
}

// A cut does not wait for a list.
func TestAChangeDoesNotWaitForAList(t *testing.T) {
	p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call
case $call in *holdings*) sleep 600;; esac
`+grantDone+`; read -r call`)}}, options(t))
	ctx, cancel := context.WithCancel(t.Context())
	listed := make(chan error)
	go func() {
		_, err := p.Holdings(ctx, func(engine.Holding) error { return nil })
		listed <- err
	}()
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Error(outcome, err)
	}
	cancel()
	if err := <-listed; err == nil {
		t.Error("a list that was given up on has no error")
	}
}

// Standard error is logged without what a terminal obeys, without secrets, and not without end.
func TestStandardError(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	o := options(t)
	o.Log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))
	p := open(t, plugin.Config{Command: []string{script(t, "", `printf 'token is `+canary+` \033[2J\302\233\n' >&2
head -c 100000 /dev/zero | tr '\0' y >&2; echo >&2
i=0; while [ $i -lt 400 ]; do echo line $i >&2; i=$((i+1)); done
read -r call; `+grantDone+`; read -r call`)}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}}, o)
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	if err := p.(interface{ Close() error }).Close(); err != nil {
		t.Fatal(err)
	}
	text := func() string { mu.Lock(); defer mu.Unlock(); return log.String() }
	eventually(t, "what was too much is not counted", func() bool { return strings.Contains(text(), "wrote more than is logged") })
	got := text()
	if strings.Contains(got, canary) || strings.ContainsAny(got, "\x1b\u009b") || !strings.Contains(got, "token is [secret]") {
		t.Errorf("%.500s", got)
	}
	if n := strings.Count(got, "\n"); n > 210 || len(got) > 100_000 {
		t.Errorf("%d lines, %d bytes", n, len(got))
	}
	complaints := strings.Join(p.(interface{ Complaints() []string }).Complaints(), "\n")
	if !strings.Contains(complaints, "floods its standard error") || !strings.Contains(complaints, "control characters") {
		t.Error(complaints)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// Killed as hard as can be, Rolecall leaves no plug-in behind with its secrets.
func TestAPlugInEndsWithRolecall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process of its parent's end")
	}
	dir := os.Getenv("PLUGIN_TEST_DIR")
	if dir != "" { // this is the process that is killed
		o := options(t)
		o.Dir = dir
		grantRead(t, open(t, plugin.Config{Command: []string{filepath.Join(dir, "plugin.sh")}}, o))
		select {}
	}
	dir = filepath.Dir(script(t, "", "read -r call; "+grantDone+"; echo $$ >pid.new; mv pid.new pid; exec sleep 600"))
	parent := exec.Command(os.Args[0], "-test.run", "^TestAPlugInEndsWithRolecall$")
	parent.Env = append(os.Environ(), "PLUGIN_TEST_DIR="+dir)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	eventually(t, "the plug-in was not started", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	if gone(pid) {
		t.Error("the plug-in ended before")
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	eventually(t, "the plug-in lives on", func() bool { return gone(pid) })
}

// No environment at all is none, and not ours.
func TestAnEmptyEnvironment(t *testing.T) {
	t.Setenv("ROLECALL_TEST_CANARY", "seen")
	o := options(t)
	o.Env = nil
	p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call; echo "${ROLECALL_TEST_CANARY:-none}" >seen; `+grantDone)}}, o)
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	if text, err := os.ReadFile(filepath.Join(o.Dir, "seen")); err != nil || string(text) != "none\n" {
		t.Errorf("it sees %q, %v", text, err)
	}
}
