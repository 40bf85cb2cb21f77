package plugin

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A list that always goes on, with other accounts, ends some time.
func TestAListTakesNoLongerThanItMay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin.sh")
	if err := os.WriteFile(path, []byte(`#!/bin/sh
read -r call; echo '{"jsonrpc":"2.0","id":1,"result":{"protocol":1}}'
read -r call; echo '{"jsonrpc":"2.0","id":2,"result":{"identity":"x"}}'
read -r call; i=0
while i=$((i+1)); do echo '{"jsonrpc":"2.0","method":"account","params":{"of":3,"account":{"id":"'$i'","entitlements":[]}}}'; done
`), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := Open(Config{Command: []string{path}}, Options{Program: "team", Dir: t.TempDir(), Now: time.Now, Env: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	p := c.(*Program)
	defer p.Close()
	p.mostFor = 300 * time.Millisecond
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), "did not end within 300ms") {
		t.Error(err)
	}
}

// However a secret is written, it is not shown.
func TestASecretInEveryForm(t *testing.T) {
	secret := "pä\"ss\\wo<r>d\tone"
	clean := cleaner(map[string]string{"token": secret})
	for _, text := range []string{
		secret, strconv.Quote(secret), strconv.QuoteToASCII(secret), `pä\"ss\\wo\u003cr\u003ed\tone`, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if got := clean("a " + text + " b"); !strings.Contains(got, "[secret]") || strings.Contains(got, "one") || len(got) > len("a \"[secret]\" b==") {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}
