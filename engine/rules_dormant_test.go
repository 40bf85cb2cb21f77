package engine_test

import (
	"fmt"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// Only an account whose last use is known, readable and long ago is dormant; a program without a purpose is not asked, and a
// suspended account counts in nothing.
func TestDormant(t *testing.T) {
	w := company(t, nil)
	w.now = w.now.AddDate(0, 0, 0)
	for id, last := range map[string]string{
		"at noon": "2025-12-02T08:00:00Z", "a day less": "2025-12-02T08:00:01Z", "a day": "2025-12-01", "of that day": "2025-12-02", "spaced": " 2025-12-02 07:00:00 ", "from a database": "2025-12-02 07:00:00.123456+00",
		"zoned": "2025-12-02T09:00:00+01:00", "lately": "2026-03-02T07:00:00Z", "ahead": "2027-01-01", "unknown": "", "odd": "yesterday", "never": "0001-01-01T00:00:00Z", "epoch": "1970-01-01T00:00:00Z",
	} {
		w.targets["wiki"].AddAccount(id, engine.AccountInfo{Name: id, Attributes: map[string]string{"last": last}}, engine.Exists, engine.Active)
	}
	w.targets["wiki"].AddAccount("suspended", engine.AccountInfo{Name: "suspended", Attributes: map[string]string{"last": "2001-01-01"}}, engine.Exists)
	w.targets["wiki"].AddAccount("bare", engine.AccountInfo{}, engine.Exists, engine.Active)
	tell := func() string {
		t.Helper()
		d, err := w.engine.Dormant(t.Context(), 90)
		if err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprintf("%+v", d.Programs)
		for _, a := range d.Accounts {
			out += fmt.Sprintf("; %s %d", a.Account, a.Days)
		}
		return out
	}
	if got := tell(); got != "[{Program:wiki Purpose: Active:14 Known:0 Unread:0 Dormant:0}]" {
		t.Errorf("without a purpose: %s", got)
	}
	w.program("wiki").LastUse = engine.LastUse{Attribute: "last"}
	if got := tell(); got != "[{Program:wiki Purpose: Active:14 Known:0 Unread:0 Dormant:0}]" {
		t.Errorf("with an attribute, and no purpose: %s", got)
	}
	w.program("wiki").LastUse.Purpose = "licences"
	if got := tell(); got != "[{Program:wiki Purpose:licences Active:14 Known:9 Unread:3 Dormant:5}]; a day 90; spaced 90; from a database 90; at noon 90; zoned 90" {
		t.Error(got)
	}
}
