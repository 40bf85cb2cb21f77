package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// tested builds a plug-in, holds it to the suite with a file that is its program, and gives the card and the file afterwards.
func tested(t *testing.T, pkg, mistake, file, settings string) (string, map[string]any) {
	t.Helper()
	dir := t.TempDir()
	command := filepath.Join(dir, "plug-in")
	build := exec.Command("go", "build", "-o", command, "./testdata/"+pkg)
	build.Dir = filepath.Join("..", "..", "connectors", "plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{"team.json": file, "plug-in.yaml": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, stderr bytes.Buffer
	run(context.Background(), process{Args: []string{"connector", "test", "--config", "plug-in.yaml", "-o", "json", "--most", "5s", command, mistake},
		Dir: dir, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &stderr, Now: time.Now, Actor: "tester", Env: func(string) string { return "" }})
	text, err := os.ReadFile(filepath.Join(dir, "team.json"))
	if err != nil {
		t.Fatal(err)
	}
	return out.String() + stderr.String(), parsedTeam(t, string(text))
}

func parsedTeam(t *testing.T, text string) map[string]any {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// A plug-in that gives the id of somebody's account for the one that it created does not lead the test to that account.
func TestTheTestLeavesAccountsOfOthersAlone(t *testing.T) {
	for name, scratch := range map[string]string{
		"in a check":             "{accounts: [ann, Ben Smith, Łucja], rights: [read, Write all]}",
		"for what is tried with": "{rights: [read, Write all]}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, after := tested(t, "bad", "creates somebody else", scratchTeam, "config: {path: team.json}\nscratch: "+scratch+"\n")
			if want := parsedTeam(t, scratchTeam)["accounts"].(map[string]any)["old"]; !strings.Contains(said, "there before") || len(after["accounts"].(map[string]any)) != 4 {
				t.Errorf("%.3000s\n%v", said, after)
			} else if got, _ := after["accounts"].(map[string]any)["old"].(map[string]any); got == nil ||
				!reflect.DeepEqual(got["entitlements"], want.(map[string]any)["entitlements"]) || got["active"] != false {
				t.Errorf("old is %v", got)
			}
		})
	}
}

// In a keyed program an account that holds nothing is in no list; what it got is taken all the same.
func TestWhatAKeyedProgramGrantedIsPutBack(t *testing.T) {
	said, after := tested(t, "keyed", "", `{"1": [], "2": [], "3": [], "4": ["read"]}`, "config: {path: team.json}\nscratch: {accounts: ['1', '2', '3'], rights: [read, write]}\n")
	if !reflect.DeepEqual(after, parsedTeam(t, `{"1": [], "2": [], "3": [], "4": ["read"]}`)) {
		t.Errorf("after the test: %v", after)
	}
	var c card
	if err := json.Unmarshal([]byte(said), &c); err != nil || !c.OK {
		t.Errorf("%v\n%.4000s", err, said)
	}
}

// What a check changed is put back, also if it does not end.
func TestACheckThatDoesNotEndIsPutBack(t *testing.T) {
	said, after := tested(t, "bad", "changes and never answers", scratchTeam, "config: {path: team.json}\ntimeout: 1h\nscratch: {accounts: [ann, Ben Smith, Łucja], rights: [read, Write all]}\n")
	if !strings.Contains(said, "it did not end within 5s") {
		t.Errorf("%.3000s", said)
	}
	for name, a := range parsedTeam(t, scratchTeam)["accounts"].(map[string]any) {
		if got, _ := after["accounts"].(map[string]any)[name].(map[string]any); !reflect.DeepEqual(got["entitlements"], a.(map[string]any)["entitlements"]) {
			t.Errorf("%s is left with %v", name, got)
		}
	}
}
