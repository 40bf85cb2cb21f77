package web

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/engine"
)

//go:embed assets templates
var files embed.FS

// Journal is what the page reads of the journal.
type Journal interface {
	engine.Log
	engine.AsOf
	engine.Facts
}

// Options are where the page gets what it shows. The functions are called concurrently, once or more for each request.
type Options struct {
	Outlook   func() *engine.Outlook // what the last run of this process saw; nil before it
	Journal   func() Journal
	Paused    func(context.Context) ([]engine.Fact, error) // what is paused now
	Levels    func() *Levels                               // how long changes take; nil: not known yet
	Programs  func() []Program                             // that are configured, sorted by name
	Next      func() time.Time                             // when the next run begins; zero: not on this machine
	Now       func() time.Time
	Zone      func() *time.Location // in which times are shown
	Failed    func(what string, err error)
	Items     func(context.Context) ([]engine.Item, error)                    // what waits for a decision, or was decided and not yet used
	Hand      func(context.Context) ([]engine.Task, error)                    // changes that people make; nil: there are none
	Holders   HoldersOf                                                       // who has what in a program now
	Begun     func(ctx context.Context, run string) (int, error)              // changes of a run that are not at their end yet
	Had       func(context.Context, engine.AsOfQuery) ([]engine.Held, error)  // who had what at one time, page by page
	Leads     func(program string) []Lead                                     // the rules that lead to it, sorted by name
	CutSince  func(ctx context.Context, person string) (*engine.Fact, error)  // since when somebody is cut off; nil: they are not
	Extras    func(ctx context.Context, person string) ([]engine.Fact, error) // that somebody was given and that are not over
	Decisions Decisions                                                       // with a Door
	Reviews   Reviewing                                                       // with a Door
	Delegates Delegating                                                      // with a Door
	Ending    func(context.Context) ([]Credential, error)                     // credentials that end soon, the first one first; nil: nobody knows
	Lead      func(source string) time.Duration                               // how long before the first day a directory's people are given access; nil: not at all
	Overdue   func() time.Duration                                            // how long a leaver may keep what is to be taken before it is an alarm; nil or 0: for ever
	Escalates func() engine.Escalation                                        // nil: never
	Chores    Chores                                                          // with a Door
	Door      Door                                                            // nil: nobody signs in, and whoever sits at the machine sees everything and changes nothing
	Ways      Ways                                                            // with a Door
	Local     func(next string) string                                        // an address of the page itself, "/" for any other; with a Door
	Reports   func() []ReportKind                                             // nil: there are none
	CSV       TableWriter                                                     // with Reports
	Blanked   func(ctx context.Context, person string) (*Blanked, error)      // of somebody whom records know by a number alone; nil: they were not blanked
	Exports   Exports                                                         // nil: nothing is exported
	Prove     func(ctx context.Context, seq int64) (Proof, error)             // that a record is in the journal; nil: nothing is proven
	Refused   func(ctx context.Context, u User, what string) error            // is told what somebody may not; nil: nobody is
}

// Program is what the configuration says of a program, for people.
type Program struct {
	Name, Kind, Vendor, Owner string
	Seats                     int    // paid for; 0: not said
	Price                     string // of one seat, "19 EUR per month", "" if not said
	Monthly                   Money  // the same by month
	Ends, Notice              time.Time
	Renews                    bool              // the contract goes on by itself
	Declared                  []DeclaredAccount // sorted by name
}

// DeclaredAccount is a service or shared account of the configuration, which is nobody's.
type DeclaredAccount struct {
	Name, Kind string
	Owner      string    // who answers for it, "" for nobody
	Review     time.Time // when its time is over; zero: none is set
}

// Lead is a rule, or a dated extra, that gives something in a program.
type Lead struct {
	Name, Mode, Reason, Place string
	Roles                     string   // that it asks for, in words; "" for none
	When                      string   // its condition, "" for none
	Grants                    []string // sorted, in this program
	Until                     string   // of an extra: its last day, "" of a rule
}

// Credential is something that Rolecall, or somebody who asks it, is known by, which ends.
type Credential struct {
	Name  string
	Ends  time.Time
	Ended bool // where Ends is a last day, once that is over
}

// Levels are how long changes took in the days before a time.
type Levels struct {
	At   time.Time
	Days int
	List []engine.Level // sorted by program
}

// Blanked says when, by whom and why the records of somebody were blanked.
type Blanked struct {
	At         time.Time
	By, Reason string
	Record     int64
}

// Money is an amount in a currency; none without one.
type Money struct {
	Amount   float64
	Currency string
}

// Site answers the requests of the page.
type Site struct {
	Options
	pages *pages
	mux   *http.ServeMux
	cross *http.CrossOriginProtection
	busy  chan struct{} // one for each page that is being made

	exporting exportSlots
	reads     reads
}

// atOnce is how many pages are made at once.
const atOnce = 3

// New puts the page together.
func New(o Options) (*Site, error) {
	style, err := files.ReadFile("assets/style.css")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(style)
	s := &Site{Options: o, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), busy: make(chan struct{}, atOnce), exporting: exportSlots{of: map[string]bool{}}}
	sheet := "/assets/style-" + hex.EncodeToString(sum[:6]) + ".css"
	if s.pages, err = parsePages(s, sheet); err != nil {
		return nil, err
	}
	s.mux.HandleFunc("GET "+sheet, func(w http.ResponseWriter, _ *http.Request) { // for everybody, also before they sign in
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(style)
	})
	for _, one := range s.routes() {
		s.mux.HandleFunc(one.pattern, s.serve(one))
	}
	for _, one := range s.calls() {
		s.mux.HandleFunc(one.pattern, s.serveCall(one))
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if s.Ways.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	if err := s.misled(r); err != nil {
		if forPrograms(r) {
			s.problem(w, asked{Request: r}, *err)
			return
		}
		http.Error(w, err.Text+".", err.Status)
		return
	}
	if !forPrograms(r) {
		r.Header.Del("Authorization") // browsers sign in with a session alone
	}
	if r.Method != http.MethodPost {
		r.Body = http.NoBody // a GET asks by its address alone; a form behind it would be kept in memory and on disk
	}
	s.mux.ServeHTTP(w, r)
}

// misled says why a request is not for this page, nil if it is.
func (s *Site) misled(r *http.Request) *Refused {
	switch {
	case s.foreign(r):
		return &Refused{"Another page may not ask for this one; type its address", http.StatusForbidden}
	case !local(r.Host) && (s.Ways.Host == "" || r.Host != s.Ways.Host):
		return &Refused{"This page is for the machine itself: open it as http://127.0.0.1 or http://localhost", http.StatusMisdirectedRequest}
	case forPrograms(r) && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return &Refused{"Only GET and POST are known here", http.StatusMethodNotAllowed}
	}
	return nil
}

// foreign says whether another page asks. It may lead people to where they sign in, and from there back; where nobody signs
// in, it may not even link here.
func (s *Site) foreign(r *http.Request) bool {
	if s.cross.Check(r) != nil {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		led := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		return s.Door == nil || !led
	}
	return false
}

// local says whether a request names this machine. Another name that resolves to it may be somebody's who wants to read
// the page from a browser here (DNS rebinding).
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
