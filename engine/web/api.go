package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// apiBase is where the addresses for programs begin. What is below it stays as it is documented; a form that is not the same any
// more gets another number.
const apiBase = "/api/v1"

// teller gives what a program asked for, to be written as JSON.
type teller func(ctx context.Context, r asked) (any, error)

// call is an address for programs and the least permission for it.
type call struct {
	pattern string
	needs   Permission
	tell    teller
	write   act // instead of tell: what is too much to be one answer
}

// calls are all there are; openapi.json describes each.
func (s *Site) calls() []call {
	return []call{
		{"GET /api/openapi.json", Anybody, described, nil},
		{"GET " + apiBase + "/me", Own, me, nil},
		{"GET " + apiBase + "/mine", Own, told(s.mine, mineOf), nil},
		{"GET " + apiBase + "/mine/people/{key}", Own, told(s.mate, accessOf), nil},
		{"GET " + apiBase + "/mine/programs/{name}", Own, told(s.ownProgram, ownedOf), nil},
		{"GET " + apiBase + "/now", Viewer, told(s.now, nowOf), nil},
		{"GET " + apiBase + "/people", Viewer, told(s.people, peopleOf), nil},
		{"GET " + apiBase + "/people/{key}", Viewer, told(s.person, personOf), nil},
		{"GET " + apiBase + "/people/{key}/cut", Approver, told(s.cutForm, cutOf), nil},
		{"GET " + apiBase + "/programs", Viewer, told(s.programs, programsOf), nil},
		{"GET " + apiBase + "/programs/{name}", Viewer, told(s.program, programOf), nil},
		{"GET " + apiBase + "/programs/{name}/holders", Viewer, told(s.holders, holdersOf), nil},
		{"GET " + apiBase + "/asof", Viewer, told(s.asOf, asOfListOf), nil},
		{"GET " + apiBase + "/changes", Viewer, told(s.changes, changeListOf), nil},
		{"GET " + apiBase + "/waiting", Viewer, told(s.waiting, waitingOf), nil},
		{"GET " + apiBase + "/runs", Viewer, told(s.runs, runsOf), nil},
		{"GET " + apiBase + "/runs/{run}", Viewer, told(s.run, runOf), nil},
		{"GET " + apiBase + "/runs/{run}/undo", Admin, told(s.undoForm, undoOf), nil},
		{"GET " + apiBase + "/reviews", Own, told(s.reviews, reviewsOf), nil},
		{"GET " + apiBase + "/reviews/{name}", Own, told(s.review, reviewOf), nil},
		{"POST " + apiBase + "/reviews", Admin, takenBy[startReviewBody](s.startReview), nil},
		{"POST " + apiBase + "/reviews/{name}", Own, takenBy[decideReviewBody](s.decideReview), nil}, // see routes
		{"POST " + apiBase + "/reviews/{name}/close", Admin, takenBy[reasonBody](s.closeReview), nil},
		{"GET " + apiBase + "/reports", Viewer, told(s.reports, reportsOf), nil},
		{"GET " + apiBase + "/reports/{report}", Viewer, s.tellReport, nil},
		{"GET " + apiBase + "/reports/{report}/csv", Viewer, nil, s.reportCSV},
		{"GET " + apiBase + "/audit", Viewer, told(s.audit, auditOf), nil},
		{"GET " + apiBase + "/audit/export", Viewer, nil, s.export},
		{"GET " + apiBase + "/audit/{seq}", Viewer, told(s.event, wholeOf), nil},
		{"POST " + apiBase + "/waiting", Approver, taken[decideBody](s.decide), nil},
		{"POST " + apiBase + "/people/{key}/give", Approver, taken[giveBody](s.give), nil},
		{"POST " + apiBase + "/people/{key}/cut", Approver, taken[reasonBody](s.cut), nil},
		{"POST " + apiBase + "/people/{key}/lift", Admin, taken[reasonBody](s.lift), nil},
		{"POST " + apiBase + "/pause", Admin, taken[pauseBody](s.pause(true)), nil},
		{"POST " + apiBase + "/resume", Admin, taken[resumeBody](s.pause(false)), nil},
		{"POST " + apiBase + "/runs/{run}/undo", Admin, taken[reasonBody](s.undo), nil},
		{"POST " + apiBase + "/tasks/done", Approver, takenBy[taskBody](s.taskDone), nil},
		{"POST " + apiBase + "/release", Admin, takenBy[reasonBody](s.release), nil},
		{"POST " + apiBase + "/delegations", Approver, takenBy[delegateBody](s.delegate), nil},
		{"POST " + apiBase + "/delegations/end", Approver, takenBy[endDelegationBody](s.endDelegation), nil},
		{"GET /api/", Own, nothingThere, nil},
		{"POST /api/", Own, nothingThere, nil},
	}
}

// forPrograms says whether a request is for the addresses of programs.
func forPrograms(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

func (s *Site) serveCall(one call) http.HandlerFunc {
	return s.guarded(way{one.pattern, one.needs, func(ctx context.Context, w http.ResponseWriter, r asked) {
		if one.tell != nil {
			s.answerCall(ctx, w, r, one.tell)
		} else if _, err := one.write(ctx, w, r); err != nil {
			s.problem(w, r, err)
		}
	}, s.problem, false})
}

// answerCall tells. What is asked for waits for its turn as pages do; what is done does not.
func (s *Site) answerCall(ctx context.Context, w http.ResponseWriter, r asked, tell teller) {
	if r.Method == http.MethodPost {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * patience)) // as for a form
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	} else {
		free, err := s.turn(ctx)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		defer free()
	}
	answer, err := tell(ctx, r)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	s.send(w, r, http.StatusOK, "application/json", answer)
}

// send writes an answer whole, or not at all.
func (s *Site) send(w http.ResponseWriter, r asked, status int, kind string, answer any) {
	text, raw := answer.(json.RawMessage)
	if !raw {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			s.Failed(r.URL.Path, err)
			http.Error(w, "The answer can't be written; the log says why.", http.StatusInternalServerError)
			return
		}
		text = out.Bytes()
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// problem is an error as RFC 9457 has it.
type problem struct {
	Type    string          `json:"type"`              // always about:blank: the status and the title say which problem it is
	Title   string          `json:"title"`             // the same for every problem of this kind
	Status  int             `json:"status"`            // the one of the answer
	Detail  string          `json:"detail"`            // what is wrong here, in a sentence
	Changes []engine.Change `json:"changes,omitempty"` // of a cut that could not be recorded: what somebody must do by hand
}

// problem says what went wrong.
func (s *Site) problem(w http.ResponseWriter, r asked, err error) {
	p := problem{Type: "about:blank"}
	var hand ByHand
	if errors.As(err, &hand) {
		p.Title, p.Detail, p.Status, p.Changes = "Nothing was done", hand.Error()+": do it by hand", http.StatusServiceUnavailable, whole(hand.Changes)
	} else {
		p.Title, p.Detail, p.Status = s.failure(r, err)
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="rolecall"`)
	}
	s.send(w, r, p.Status, "application/problem+json", p)
}

func nothingThere(_ context.Context, r asked) (any, error) {
	return nil, fmt.Errorf("%w: %s %s is no address of the API; /api/openapi.json lists them", errNotThere, r.Method, r.URL.Path)
}

// described is what every address takes and gives.
func described(context.Context, asked) (any, error) {
	text, err := files.ReadFile("assets/openapi.json")
	return json.RawMessage(text), err
}

// told gives what a page shows in the form for programs.
func told[V, J any](make page, form func(*V) (J, error)) teller {
	return func(ctx context.Context, r asked) (any, error) {
		v, err := make(ctx, r)
		if err != nil {
			return nil, err
		}
		shown, ok := v.data.(V)
		if !ok {
			return nil, fmt.Errorf("the page %s is filled with a %T", v.name, v.data)
		}
		return form(&shown)
	}
}

// errUnread is answered where a page would say that it looks for the first time: an empty list would be taken for "nobody".
func errUnread() error {
	return Refused{"People and programs are being read for the first time since the daemon was started; ask again in a moment", http.StatusServiceUnavailable}
}

// body is what a program sends, as the form that a page would.
type body interface{ form() url.Values }

// taken does what a program sends.
func taken[B body](do deed) teller {
	return func(ctx context.Context, r asked) (any, error) {
		var b B
		if err := decoded(r, &b); err != nil {
			return nil, err
		}
		r.PostForm, r.Form = b.form(), b.form()
		x, err := do(ctx, r)
		if err != nil {
			return nil, err
		}
		if x.path == "/" {
			x.path = "/now"
		}
		return doneJSON{x.word, x.n, apiBase + x.path}, nil
	}
}

// takenBy is taken for what answers browsers alone: it says where to look then, and in that what was done.
func takenBy[B body](do act) teller {
	return taken[B](func(ctx context.Context, r asked) (done, error) {
		to, err := do(ctx, nil, r)
		path, query, _ := strings.Cut(to, "?")
		said, _ := url.ParseQuery(query)
		n, _ := strconv.Atoi(said.Get("n"))
		return done{path, said.Get("did"), n}, err
	})
}

// decoded reads what was sent. Other pages can't send this type without asking first, which nobody allows them.
func decoded(r asked, into any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return Refused{"Send JSON, with the header Content-Type: application/json; nothing was done", http.StatusUnsupportedMediaType}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("something follows the first value")
	}
	if err != nil {
		return fmt.Errorf("%w, and nothing was done: %s", errWrong, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
