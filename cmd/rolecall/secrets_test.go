package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"plain": "hunter2\n", "dos": "hunter2\r\n", "spaced": " hunter2 \n\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"PASSWORD": "hunter2", "CREDENTIALS_DIRECTORY": dir}
	a := &app{process: process{Env: func(k string) string { return env[k] }}}
	resolve := a.secrets(dir)
	for _, c := range []struct {
		secret engine.Secret
		want   string // "" for an error
	}{
		{engine.Secret{Env: "PASSWORD"}, "hunter2"}, {engine.Secret{File: "plain"}, "hunter2"}, {engine.Secret{File: "dos"}, "hunter2"},
		{engine.Secret{File: "spaced"}, " hunter2 \n"}, {engine.Secret{File: filepath.Join(dir, "plain")}, "hunter2"}, {engine.Secret{Credential: "plain"}, "hunter2"},
		{engine.Secret{Env: "NOTHING"}, ""}, {engine.Secret{File: "empty"}, ""}, {engine.Secret{File: "missing"}, ""},
		{engine.Secret{Credential: "../" + filepath.Base(dir) + "/plain"}, ""}, {engine.Secret{}, ""}, {engine.Secret{Env: "PASSWORD", File: "plain"}, ""},
	} {
		got, err := resolve(c.secret)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s is %q, error %v", c.secret, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
	env["CREDENTIALS_DIRECTORY"] = ""
	if _, err := resolve(engine.Secret{Credential: "plain"}); err == nil {
		t.Error("a credential without its directory is found")
	}
}
