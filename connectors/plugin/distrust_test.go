package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
)

func list(t *testing.T, p engine.Connector) (engine.Proof, error) {
	t.Helper()
	return p.Holdings(t.Context(), func(engine.Holding) error { return nil })
}

const (
	emptyList = `echo '{"jsonrpc":"2.0","id":3,"result":{"complete":true,"accounts":0}}'; read -r call`
	oneRead   = "read -r call; " + grantDone + "; read -r call"
)

// What is null, or is not said, is not known; it is not nothing.
func TestNullIsNotNothing(t *testing.T) {
	for _, fields := range []string{
		`"id":"ann","entitlements":null`, `"id":"ann"`, `"id":"ann","entitlements":[null]`, `"id":"ann","entitlements":[],"person":null`,
		`"id":"ann","entitlements":[],"name":null`, `"id":"ann","entitlements":[],"attributes":{"mail":null}`, `"id":"ann","entitlements":[],"reſult":1`,
	} {
		p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call; echo '{"jsonrpc":"2.0","method":"account","params":{"of":3,"account":{`+fields+`}}}'
echo '{"jsonrpc":"2.0","id":3,"result":{"complete":true,"accounts":1}}'; read -r call`)}}, options(t))
		if proof, err := list(t, p); err == nil && proof.Complete() {
			t.Errorf("a list with %s is whole", fields)
		}
	}
	for answer, there := range map[string]bool{`{"id":"ann","account":null}`: true, `{"id":"ann"}`: false, `{"id":"ann","account":{"id":"ann","entitlements":null}}`: false} {
		p := open(t, plugin.Config{Command: []string{script(t, `,"read":true`, `read -r call; echo '{"jsonrpc":"2.0","id":3,"result":`+answer+`}'; read -r call`)}}, options(t))
		if held, err := p.(engine.Reader).Account(t.Context(), "ann"); (err == nil) != there || len(held) > 0 {
			t.Errorf("%s: %v, %v", answer, held, err)
		}
	}
	p := open(t, plugin.Config{Command: []string{script(t, `,"catalogue":true`, `read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{}}'; read -r call`)}}, options(t))
	if d, err := p.(engine.Describer).Describe(t.Context()); err == nil {
		t.Errorf("no rights are listed as %v", d.Grantable)
	}
}

// variant is a plug-in that says something else of itself in its second process.
func variant(t *testing.T, first, second, body string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "plugin.sh")
	answer := func(n int, result string) string {
		return fmt.Sprintf("read -r call; echo '{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%s}'\n", n, result)
	}
	a, b, _ := strings.Cut(first, ";")
	c, d, _ := strings.Cut(second, ";")
	text := "#!/bin/sh\nif [ -e once ]; then\n" + answer(1, `{"protocol":1`+c+`}`) + answer(2, `{"identity":"`+d+`"}`) + "else\n>once\n" +
		answer(1, `{"protocol":1`+a+`}`) + answer(2, `{"identity":"`+b+`"}`) + "fi\n" + body + "\n"
	executable(t, path, text)
	return path
}

// The list of a process that is another one than was described is not read: it would show everybody as suspended.
func TestAnotherProcessIsHeldToWhatWasDescribed(t *testing.T) {
	for name, second := range map[string]string{"abilities": ";x", "target": `,"accounts":true;y`} {
		p := open(t, plugin.Config{Command: []string{variant(t, `,"accounts":true;x`, second, "read -r call; "+emptyList)}}, options(t))
		if _, err := p.(engine.Describer).Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if proof, err := list(t, p); err == nil {
			t.Errorf("%s: a list of another one: %+v", name, proof)
		}
	}
	p := open(t, plugin.Config{Command: []string{variant(t, ",\"lag\":1;x", ";x", "read -r call; exit 3")}}, options(t))
	if _, err := p.(engine.Describer).Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if outcome, err := grantRead(t, p); outcome != engine.Uncertain {
		t.Fatal(outcome, err)
	}
	if outcome, err := grantRead(t, p); outcome != engine.Failed || !strings.Contains(err, "other abilities") {
		t.Errorf("a change by another one: %s, %s", outcome, err)
	}
	if d, err := p.(engine.Describer).Describe(t.Context()); err != nil || d.Lag != 0 {
		t.Errorf("described again: %+v, %v", d, err)
	}
}

// An executable that was replaced is started with the next look at what it can do.
func TestANewExecutable(t *testing.T) {
	path := script(t, `,"lag":1`, "read -r call")
	p := open(t, plugin.Config{Command: []string{path}}, options(t))
	for lag := 1; lag <= 2; lag++ {
		if d, err := p.(engine.Describer).Describe(t.Context()); err != nil || d.Lag != time.Duration(lag)*time.Second {
			t.Fatalf("%+v, %v", d, err)
		}
		if err := os.Rename(script(t, `,"lag":2`, "read -r call"), path); err != nil {
			t.Fatal(err)
		}
	}
}

// An identity goes into logs and pages.
func TestAnIdentityThatTellsASecret(t *testing.T) {
	for _, identity := range []string{canary, `a\u001b[2J`, "Y2FuYXJ5LTdmM2E="} {
		p := open(t, plugin.Config{Command: []string{variant(t, ";https://u:"+identity+"@x", ";", "read -r call")}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}}, options(t))
		if d, err := p.(engine.Describer).Describe(t.Context()); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

// A secret is found before a name is cut and escaped.
func TestASecretInAName(t *testing.T) {
	secret := "s3cret\twith \"quotes\" & more"
	o := options(t)
	o.Secret = func(engine.Secret) (string, error) { return secret, nil }
	for _, text := range []string{secret[:6] + `\twith \"quotes\" & more`, strings.Repeat("x", 70) + secret[:6] + `\twith \"quotes\" & more`} {
		p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call; echo '{"jsonrpc":"2.0","id":3,"result":{"outcome":"done","account":"`+strings.ReplaceAll(text, `\`, `\\`)+`","entitlement":"read"}}'; read -r call`)},
			Secrets: map[string]engine.Secret{"token": {Env: "T"}}}, o)
		if _, err := grantRead(t, p); strings.Contains(err, "s3cret") || !strings.Contains(err, "[secret]") {
			t.Error(err)
		}
	}
}

// The same page for ever ends the list.
func TestEndlessPages(t *testing.T) {
	p := open(t, plugin.Config{Command: []string{script(t, "", `read -r call
while echo '{"jsonrpc":"2.0","method":"account","params":{"of":3,"account":{"id":"ann","entitlements":[]}}}'; do :; done`)}}, options(t))
	if _, err := list(t, p); err == nil || !strings.Contains(err.Error(), "not worth reading on") {
		t.Error(err)
	}
}

// However much it writes to standard error, it is read.
func TestStandardErrorWithoutEnd(t *testing.T) {
	p := open(t, plugin.Config{Command: []string{script(t, "", "head -c 70000000 /dev/zero >&2; "+oneRead)}}, options(t))
	if outcome, err := grantRead(t, p); outcome != engine.Done {
		t.Error(outcome, err)
	}
}

// Who may change a folder above, or owns it, may change the plug-in.
func TestWhoElseMayChangeAPlugIn(t *testing.T) {
	for name, tc := range map[string]struct {
		bend func(path, above string) string
		want string
	}{
		"a folder above":      {func(p, above string) string { _ = os.Chmod(above, 0o777); return p }, "everybody can put another file"},
		"group of the file":   {func(p, _ string) string { _ = os.Chmod(p, 0o770); _ = os.Chown(p, -1, 54321); return p }, "changed by its group"},
		"group of the folder": {func(p, above string) string { _ = os.Chmod(above, 0o770); _ = os.Chown(above, -1, 54321); return p }, "its group can put another file"},
		"setuid":              {func(p, _ string) string { _ = os.Chmod(p, 0o755|os.ModeSetuid); return p }, "run as somebody else"},
		"a link in between": {func(p, above string) string {
			outer := filepath.Join(filepath.Dir(above), "outer")
			_ = os.Mkdir(outer, 0o700)
			_ = os.Chmod(outer, 0o777)
			_ = os.Symlink(p, filepath.Join(outer, "middle"))
			_ = os.Symlink(filepath.Join(outer, "middle"), p+".link")
			return p + ".link"
		}, "everybody can put another file"},
		"owner": {func(p, _ string) string { _ = os.Chown(p, 54321, -1); return p }, "by its owner"},
		"none":  {func(p, _ string) string { return p }, ""},
	} {
		if os.Geteuid() != 0 && strings.Contains("owner, group of the file, group of the folder", name) {
			continue // only root can give files away
		}
		above := filepath.Join(t.TempDir(), "above")
		path := filepath.Join(above, "in", "plugin.sh")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Rename(script(t, "", oneRead), path)); err != nil {
			t.Fatal(err)
		}
		outcome, err := grantRead(t, open(t, plugin.Config{Command: []string{tc.bend(path, above)}}, options(t)))
		if (outcome == engine.Done) != (tc.want == "") || !strings.Contains(err, tc.want) {
			t.Errorf("%s: %s, %s", name, outcome, err)
		}
	}
}

// What takes something from somebody waits no longer than patience; a list that fails is not asked for again at once.
func TestLeaversDoNotWaitLong(t *testing.T) {
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
		grantRead(t, p)
	}
	if outcome, err := grantRead(t, p); outcome != engine.Failed {
		t.Fatal(outcome, err)
	}
	if outcome, err := p.Revoke(t.Context(), "ann", "read"); outcome != engine.Uncertain || waits[len(waits)-1] != 5*time.Second {
		t.Errorf("a revoke: %s, %v, after %v", outcome, err, waits)
	}
	waits = nil
	for range 3 {
		if _, err := list(t, p); err == nil {
			t.Fatal("a list of a plug-in that crashes")
		}
	}
	if fmt.Sprint(waits) != "[100ms 200ms]" {
		t.Errorf("lists waited %v", waits)
	}
}

// A call that waited behind one that hangs is made in another process.
func TestACallBehindOneThatHangs(t *testing.T) {
	o := options(t)
	p := open(t, plugin.Config{Command: []string{script(t, "", "if [ -e hung ]; then "+oneRead+"; fi; read -r call; >hung; sleep 600")}, Timeout: 2 * time.Second}, o)
	ctx, cancel := context.WithCancel(t.Context())
	hung, behind := make(chan engine.Outcome), make(chan string)
	go func() {
		outcome, _ := p.Grant(ctx, "ann", "read")
		hung <- outcome
	}()
	eventually(t, "the first call does not arrive", func() bool { _, err := os.Stat(filepath.Join(o.Dir, "hung")); return err == nil })
	go func() {
		outcome, err := grantRead(t, p)
		behind <- fmt.Sprint(outcome, err)
	}()
	cancel()
	if outcome := <-hung; outcome != engine.Uncertain {
		t.Errorf("the call that hangs: %s", outcome)
	}
	if got := <-behind; !strings.HasPrefix(got, "done") {
		t.Errorf("the call behind it: %s", got)
	}
}

// The schema asks for what the connector asks for.
func TestTheSchemaIsNoMilder(t *testing.T) {
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"outcome":"done","entitlement":"read"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"outcome":"done","name":"dan"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"outcome":"done","account":"ann","reason":"no seat"}}`,
		`{"jsonrpc":"2.0","method":"account","params":{"of":1,"account":{"id":"ann"}}}`,
		`{"jsonrpc":"2.0","method":"account","params":{"of":1,"account":{"id":"ann","entitlements":null}}}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if compiled(t).Validate(value) == nil {
			t.Errorf("the schema takes %s", line)
		}
	}
}
