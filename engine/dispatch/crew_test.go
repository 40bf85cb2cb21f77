package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// What ends since all is to stop is no failure; what fails besides is told, also then.
func TestWorkThatIsStoppedIsNoFailure(t *testing.T) {
	for _, one := range []struct {
		stops bool
		err   error
		told  bool
	}{
		{true, context.Canceled, false},
		{true, errors.New("no route"), true},
		{false, context.Canceled, true},
	} {
		ctx, stop := context.WithCancel(t.Context())
		var said bytes.Buffer
		c := newCrew(Options{Log: slog.New(slog.NewTextHandler(&said, nil)), Jobs: Jobs{Work: func(context.Context, string) error {
			if one.stops {
				stop()
			}
			return fmt.Errorf("read a fact: %w", one.err)
		}}})
		c.ctx = ctx
		c.work("wiki")
		stop()
		if told := strings.Contains(said.String(), "working a program failed"); told != one.told {
			t.Errorf("%+v: %s", one, said.String())
		}
	}
}
