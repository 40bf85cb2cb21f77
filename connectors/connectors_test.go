package connectors_test

import (
	"errors"
	"testing"

	"github.com/rolecall/rolecall/connectors"
)

func TestEveryKindDecodesItsOwnConfiguration(t *testing.T) {
	mistake := errors.New("unknown key")
	for name, open := range connectors.All() {
		if connectors.Says()[name] == "" {
			t.Errorf("%s: nothing says what it is for", name)
		}
		decoded := false
		c, err := open(t.Context(), func(any) error { decoded = true; return mistake }, connectors.Env{Program: "p"})
		if !decoded || !errors.Is(err, mistake) || c != nil {
			t.Errorf("%s: a mistake in the configuration gives %v, %v", name, c, err)
		}
		if c, err := open(t.Context(), func(any) error { return nil }, connectors.Env{Program: "p"}); err == nil || c != nil {
			t.Errorf("%s: an empty configuration gives %v, %v", name, c, err)
		}
	}
}
