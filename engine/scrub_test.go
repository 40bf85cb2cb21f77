package engine

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// However a secret is repeated, it is not told; what the error is stays known.
func TestScrub(t *testing.T) {
	const secret = `s3 "cret/%+`
	known := errors.New("refused")
	for _, said := range []string{secret, fmt.Sprintf("%q", secret), url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("me:" + secret)), secret + secret} {
		got := Scrub(fmt.Errorf("it says %s: %w", said, known), secret, "me:"+secret, "")
		if text := got.Error(); !strings.Contains(text, "it says ") || !strings.Contains(text, "[secret]") || strings.Contains(text, "cret/") || strings.Contains(text, said) || !errors.Is(got, known) {
			t.Errorf("%s becomes %v", said, got)
		}
	}
	if got := Scrub(known, secret); got != known {
		t.Errorf("without a secret: %v", got)
	}
	if Scrub(nil, secret) != nil {
		t.Error("no error became one")
	}
}
