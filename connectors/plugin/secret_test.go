package plugin_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A plug-in sets secrets and ends sessions; what it says of a secret comes through without it.
func TestSessionsAndSecretsOfAPlugin(t *testing.T) {
	command, seen := built(t, "testdata/bad"), &tap{}
	o := options(t)
	o.Pipe = seen.between
	p := everything(t, command, teamFile(t), o)
	if d, err := p.(engine.Describer).Describe(t.Context()); err != nil || !d.Sessions || !d.Secrets || d.Invites {
		t.Errorf("%+v, %v", d, err)
	}
	if err := p.(engine.SessionEnder).EndSessions(t.Context(), "ann"); err != nil {
		t.Error(err)
	}
	secret, err := p.(engine.SecretMaker).NewSecret(t.Context(), "ann")
	if err != nil || secret == "" {
		t.Errorf("%q, %v", secret, err)
	}
	if secret, err := p.(engine.SecretMaker).NewSecret(t.Context(), "nobody"); secret != "" || err == nil || !strings.Contains(err.Error(), "there is nobody for [secret]") {
		t.Errorf("%q, %v", secret, err)
	}
	schema := compiled(t)
	for _, line := range seen.all() {
		holdsTo(t, schema, line)
	}
}
