package web

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// asked is a request of somebody.
type asked struct {
	*http.Request
	User User
}

// page makes what is shown.
type page func(ctx context.Context, r asked) (view, error)

// act does something, and says where to look then.
type act func(ctx context.Context, w http.ResponseWriter, r asked) (to string, err error)

// route is an address of the page and the least permission for it. Exactly one of show and do is set.
type route struct {
	pattern string
	needs   Permission
	show    page
	do      act
}

// routes are all there are for people, as calls are for programs: nothing is reached by another way, and the permission is asked
// for in one place, Site.guarded.
func (s *Site) routes() []route {
	return []route{
		{"GET /login", Anybody, s.login, nil},
		{"GET /login/start", Anybody, nil, s.loginStart},
		{"GET /login/return", Anybody, nil, s.loginReturn},
		{"POST /login/token", Anybody, nil, s.loginToken},
		{"POST /logout", Own, nil, s.logout},

		{"GET /{$}", Own, nil, s.first},
		{"GET /mine", Own, s.mine, nil},
		{"GET /mine/people/{key}", Own, s.mate, nil},
		{"GET /mine/programs/{name}", Own, s.ownProgram, nil},
		{"GET /reviews", Own, s.reviews, nil},
		{"GET /reviews/{name}", Own, s.review, nil},
		{"POST /reviews", Admin, nil, s.startReview},
		{"POST /reviews/{name}", Own, nil, s.decideReview}, // on lines for which they are asked; the engine looks which these are
		{"POST /reviews/{name}/close", Admin, nil, s.closeReview},
		{"GET /people", Viewer, s.people, nil},
		{"GET /people/{key}", Viewer, s.person, nil},
		{"GET /programs", Viewer, s.programs, nil},
		{"GET /programs/{name}", Viewer, s.program, nil},
		{"GET /programs/{name}/holders", Viewer, s.holders, nil},
		{"GET /asof", Viewer, s.asOf, nil},
		{"GET /changes", Viewer, s.changes, nil},
		{"GET /waiting", Viewer, s.waiting, nil},
		{"GET /runs", Viewer, s.runs, nil},
		{"GET /runs/{run}", Viewer, s.run, nil},
		{"GET /reports", Viewer, s.reports, nil},
		{"GET /reports/{report}", Viewer, s.report, nil},
		{"GET /reports/{report}/csv", Viewer, nil, s.reportCSV},
		{"GET /audit", Viewer, s.audit, nil},
		{"GET /audit/export", Viewer, nil, s.export},
		{"GET /audit/{seq}", Viewer, s.event, nil},
		{"POST /waiting", Approver, nil, acts(s.decide)},
		{"POST /tasks/done", Approver, nil, s.taskDone},
		{"POST /release", Admin, nil, s.release},
		{"POST /delegations", Approver, nil, s.delegate},
		{"POST /delegations/end", Approver, nil, s.endDelegation},
		{"POST /people/{key}/give", Approver, nil, acts(s.give)},
		{"GET /people/{key}/cut", Approver, s.cutForm, nil},
		{"POST /people/{key}/cut", Approver, nil, acts(s.cut)},
		{"POST /people/{key}/lift", Admin, nil, acts(s.lift)},
		{"POST /pause", Admin, nil, acts(s.pause(true))},
		{"POST /resume", Admin, nil, acts(s.pause(false))},
		{"GET /runs/{run}/undo", Admin, s.undoForm, nil},
		{"POST /runs/{run}/undo", Admin, nil, acts(s.undo)},

		{"GET /", Own, notThere, nil},
	}
}

// way is how requests to one address are answered.
type way struct {
	pattern string
	needs   Permission
	answer  func(ctx context.Context, w http.ResponseWriter, r asked)
	fail    func(w http.ResponseWriter, r asked, err error) // says why nothing was done
	login   bool                                            // who is not signed in is led to where they can
}

// guarded answers those who may.
func (s *Site) guarded(to way) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, err := s.user(r)
		if err != nil {
			to.fail(w, asked{r, u}, err)
			return
		}
		if !s.may(u, to, r.Method) {
			s.refuse(w, asked{r, u}, to)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		to.answer(ctx, w, asked{r, u})
	}
}

// serve answers a route with pages.
func (s *Site) serve(one route) http.HandlerFunc {
	return s.guarded(way{one.pattern, one.needs, func(ctx context.Context, w http.ResponseWriter, r asked) {
		if one.show != nil {
			s.show(ctx, w, r, one.show)
			return
		}
		s.do(ctx, w, r, one.do)
	}, func(w http.ResponseWriter, r asked, err error) { s.pages.answer(w, r, view{}, err) }, true})
}

func (s *Site) show(ctx context.Context, w http.ResponseWriter, r asked, make page) {
	free, err := s.turn(ctx)
	if err != nil {
		s.pages.answer(w, r, view{}, err)
		return
	}
	defer free()
	v, err := make(ctx, r)
	s.pages.answer(w, r, v, err)
}

// turn waits until something more may be made: pages share the journal's readers with those who act.
func (s *Site) turn(ctx context.Context) (free func(), err error) {
	select {
	case s.busy <- struct{}{}:
		return func() { <-s.busy }, nil
	case <-ctx.Done():
		return nil, Refused{"Too much is being asked for at once; try again in a moment", http.StatusServiceUnavailable}
	}
}

// mostForm is the largest form that is read, in bytes.
const mostForm = 256 << 10

// do acts, then sends the browser to look, so that loading a page again does nothing again.
func (s *Site) do(ctx context.Context, w http.ResponseWriter, r asked, act act) {
	if r.Method == http.MethodPost {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * patience)) // a decision may take longer than a page
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		if err := r.ParseForm(); err != nil {
			s.pages.answer(w, r, view{}, Refused{"This form can't be read", http.StatusBadRequest})
			return
		}
	}
	to, err := act(ctx, w, r)
	if err != nil {
		s.pages.answer(w, r, view{}, err)
		return
	}
	if to != "" {
		http.Redirect(w, r.Request, to, http.StatusSeeOther)
	}
}

// refuse sends who is not signed in to do so, and tells everybody else what they lack. That is recorded.
func (s *Site) refuse(w http.ResponseWriter, r asked, to way) {
	switch {
	case s.Door == nil:
		to.fail(w, r, Refused{"No login is configured, so that this page only shows", http.StatusForbidden})
	case r.User.Permission == Anybody && !to.login:
		to.fail(w, r, Refused{"Nobody is signed in: send the header Authorization: Bearer TOKEN, or the cookie of a session", http.StatusUnauthorized})
	case r.User.Permission == Anybody && r.Method == http.MethodGet:
		http.Redirect(w, r.Request, "/login?"+url.Values{"next": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
	case r.User.Permission == Anybody:
		to.fail(w, r, Refused{"You are not signed in any more, and nothing was done; sign in and send it again", http.StatusUnauthorized})
	default:
		s.noted(r.Context(), r.User, to.pattern+" is for "+to.needs.String()+"s, and "+r.User.Permission.String()+" is not enough")
		to.fail(w, r, Refused{"This is for " + to.needs.String() + "s; you are " + article(r.User.Permission), http.StatusForbidden})
	}
}

func article(p Permission) string {
	switch p {
	case Anybody, Own:
		return p.String()
	case Approver, Admin:
		return "an " + p.String()
	}
	return "a " + p.String()
}
