package notify

import (
	"errors"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// SecretWord is the word of the template for one-time secrets.
const SecretWord = "secret"

// SecretData is what that template is filled with.
type SecretData struct {
	To      string // name of the receiver
	For     string // name of whom the account is for
	Own     bool   // they are the same
	Program string
	Account string // name of the account
	Secret  string
}

// RenderSecret fills the template. A subject of one's own that names the secret is refused: it is shown in lists of mail.
func (t *Templates) RenderSecret(d SecretData) (subject, text string, err error) {
	d.To, d.For, d.Program, d.Account = render.Clean(d.To), render.Clean(d.For), render.Clean(d.Program), render.Clean(d.Account)
	subject, text, err = t.render(SecretWord, d)
	switch {
	case err != nil:
		return "", "", engine.Scrub(err, d.Secret)
	case strings.Contains(subject, d.Secret):
		return "", "", errors.New("secret.txt: its subject names the secret, which belongs into the text")
	case !strings.Contains(text, d.Secret):
		return "", "", errors.New("secret.txt: it does not name the secret: {{.Secret}}")
	}
	return subject, text, nil
}

// sampleSecret shows whether the template can be filled.
func sampleSecret() SecretData {
	return SecretData{To: "Ann", For: "Bob", Program: "crm", Account: "bob", Secret: "a-secret-of-a-test"}
}
