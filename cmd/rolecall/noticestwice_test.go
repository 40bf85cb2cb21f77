package main

import (
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

// Each account whose owner is gone is a thing of its own, which stays the same when its line in the configuration moves.
func TestHandOversAreToldOnceEach(t *testing.T) {
	s := &system{cfg: &config.File{}}
	of := func(text string) toldThing {
		t.Helper()
		all := s.standsOut(&engine.Plan{Notices: []engine.Notice{{Level: "warning", Code: engine.NoticeHandOver, Program: "wiki", Text: text}}})
		if len(all) != 1 || all[0].about != "leavers" {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	here := of(`the service account "bot" of wiki belongs to ann, who has left; name another owner in rolecall.yaml:3:1`)
	if there := of(`the service account "bot" of wiki belongs to ann, who has left; name another owner in rolecall.yaml:9:1`); here.key != there.key {
		t.Error("it is told again when a line moves")
	}
	for _, other := range []string{`the service account "box" of wiki belongs to ann, who has left; …`, `the service account "bot" of wiki belongs to ben, who has left; …`} {
		if of(other).key == here.key {
			t.Errorf("%s: it is not told", other)
		}
	}
}
