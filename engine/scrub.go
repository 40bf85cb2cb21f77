package engine

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
)

// Scrub takes secrets out of an error that holds words of somebody else: whoever is sent a secret may repeat it, as it is,
// quoted, as in a URL or in base64. What is sent together with a name is a secret of its own.
func Scrub(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		quoted := strconv.Quote(secret)
		for _, form := range []string{base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret), quoted[1 : len(quoted)-1], secret} {
			text = strings.ReplaceAll(text, form, "[secret]")
		}
	}
	if text == err.Error() {
		return err
	}
	return &scrubbed{text, err}
}

// scrubbed says what is left; what it was is there to be compared with.
type scrubbed struct {
	text string
	err  error
}

func (s *scrubbed) Error() string { return s.text }

func (s *scrubbed) Unwrap() error { return s.err }
