package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Credentials that end soon stand on the first page, also before anything was seen.
func TestCredentialsThatEnd(t *testing.T) {
	for name, o := range map[string]*engine.Outlook{"seen": outlook("x"), "not yet": nil} {
		s, _, _ := guarded(t, Viewer)
		s.Outlook = func() *engine.Outlook { return o }
		s.Ending = func(context.Context) ([]Credential, error) {
			return []Credential{{"the token <a> of \u202ecrm", noon().Add(-time.Hour), true}, {"the certificate", noon().AddDate(0, 0, 9), false}}, nil
		}
		body := send(s, http.MethodGet, "/", "").Body.String()
		for _, want := range []string{"the token &lt;a&gt; of \\u202ecrm ended on 2027-01-04", "the certificate ends on 2027-01-13"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %q is missing in %s", name, want, body)
			}
		}
		var got nowJSON
		if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, "/api/v1/now", "").Body.Bytes(), &got); err != nil || len(got.Ending) != 2 || !got.Ending[0].Ended || got.Ending[1].Ended || !got.Ending[1].Ends.Equal(noon().AddDate(0, 0, 9)) {
			t.Error(err, got.Ending)
		}
		s.Failed, s.Ending = func(string, error) {}, func(context.Context) ([]Credential, error) { return nil, errors.New("of the store") }
		if w := send(s, http.MethodGet, "/", ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("a store that fails: %d", w.Code)
		}
	}
}
