package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Options are what the gate stands on. The functions are called concurrently.
type Options struct {
	Provider *Provider                                                  // nil: there is none
	Token    func(ctx context.Context, secret string) (Identity, error) // whose token it is, ErrUnknown: nobody's; nil: there are none
	// Admit says why somebody must not be let in, or not any more; "": they may. It is asked at each request.
	Admit func(ctx context.Context, who Identity) (why string, err error)
	// Record keeps what happened at the gate; who failed to get in is mostly nobody. Where it fails nobody gets in.
	Record   func(ctx context.Context, e Event) error
	Secure   bool          // the page is https for browsers
	Idle     time.Duration // after which a session that is not used ends
	Absolute time.Duration // after which it ends in any case
	Now      func() time.Time
}

// Event is something that happened at the gate.
type Event struct {
	Who     Identity // the zero one: nobody knows
	From    string   // address of the connection
	Text    string   // what happened, for people
	Refused bool
}

// ErrUnknown is what a token is answered with that nobody has.
var ErrUnknown = errors.New("nobody has this token")

// Refusal is why somebody was not let in, in words that they may read.
type Refusal struct {
	Text string
	Wait time.Duration // after which they may try again; 0: at once
}

// Error implements error.
func (r Refusal) Error() string { return r.Text }

// Gate lets people in. Its methods may be called concurrently.
type Gate struct {
	Options
	sessions *scs.SessionManager
	failures limiter
	callers  callers
	session  string // names of the cookies
	trying   string
}

// New puts a gate up.
func New(o Options) *Gate {
	g := &Gate{Options: o, session: "rolecall", trying: "rolecall-signin"}
	if o.Secure { // browsers then take them from this host alone, over https
		g.session, g.trying = "__Host-"+g.session, "__Host-"+g.trying
	}
	g.sessions = &scs.SessionManager{Store: newStore(o.Now), Codec: scs.GobCodec{}, Lifetime: o.Absolute, HashTokenInStore: true,
		Cookie: scs.SessionCookie{Name: g.session, Path: "/", HttpOnly: true, Secure: o.Secure, SameSite: http.SameSiteLaxMode}}
	return g
}

// What a session holds.
const (
	keptWho  = "who"
	keptSeen = "seen" // when it was last used
)

// Who is signed in: whoever has the token that the request brings, else whose session it is. Asking counts as use.
func (g *Gate) Who(r *http.Request) (who Identity, in bool, err error) {
	if secret, given := bearer(r); given {
		return g.call(r, secret)
	}
	ctx, err := g.load(r)
	if err != nil || !g.sessions.Exists(ctx, keptWho) {
		return who, false, err
	}
	now := g.Now()
	if who, err = decoded(g.sessions.GetBytes(ctx, keptWho)); err != nil {
		return who, false, err
	}
	if now.Sub(time.Unix(0, g.sessions.GetInt64(ctx, keptSeen))) >= g.Idle {
		return Identity{}, false, g.sessions.Destroy(ctx)
	}
	why, err := g.Admit(ctx, who)
	if err != nil {
		return Identity{}, false, err
	}
	if why != "" {
		return Identity{}, false, errors.Join(g.sessions.Destroy(ctx), g.Record(ctx, Event{Who: who, From: r.RemoteAddr, Text: "the session was ended: " + why, Refused: true}))
	}
	g.sessions.Put(ctx, keptSeen, now.UnixNano())
	_, _, err = g.sessions.Commit(ctx)
	return who, err == nil, err
}

func (g *Gate) load(r *http.Request) (context.Context, error) {
	token := ""
	if c, err := r.Cookie(g.session); err == nil {
		token = c.Value
	}
	return g.sessions.Load(r.Context(), token)
}

// Begin sends the browser to the provider; next is where to come back to.
func (g *Gate) Begin(w http.ResponseWriter, r *http.Request, base, next string) error {
	if g.Provider == nil {
		return Refusal{Text: "There is no provider to sign in with."}
	}
	a := newAttempt(next, g.Now())
	to, err := g.Provider.way(r.Context(), a, base+ReturnPath)
	if err != nil {
		return err
	}
	http.SetCookie(w, a.cookie(g.trying, g.Secure))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// ReturnPath is where the provider sends browsers back to, below the page's address.
const ReturnPath = "/login/return"

// Return takes the browser that comes back from the provider, and says where it was going.
func (g *Gate) Return(w http.ResponseWriter, r *http.Request, base string) (next string, err error) {
	a, ours := attemptOf(r, g.trying, g.Now())
	gone := attempt{}.cookie(g.trying, g.Secure) // #nosec G124 -- secure wherever the page is
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	q := r.URL.Query()
	switch {
	case g.Provider == nil:
		return "", Refusal{Text: "There is no provider to sign in with."}
	case !ours:
		return "", g.refuse(r, Identity{}, "This sign-in was not begun in this browser, or too long ago; begin again.", nil)
	case q.Get("error") != "":
		return "", g.refuse(r, Identity{}, "The provider did not let you in.", fmt.Errorf("the provider says %.200q: %.500q", q.Get("error"), q.Get("error_description")))
	case cmp.Or(q.Get("iss"), g.Provider.Issuer) != g.Provider.Issuer:
		return "", g.refuse(r, Identity{}, "Another provider answered; begin again.", nil)
	}
	who, err := g.Provider.identity(r.Context(), a, base+ReturnPath, q.Get("code"))
	if err != nil {
		return "", g.refuse(r, Identity{}, "The provider's answer can't be believed; begin again.", err)
	}
	return a.Next, g.enter(w, r, who, "signed in with "+g.Provider.Issuer)
}

// Enter lets in whoever has a token.
func (g *Gate) Enter(w http.ResponseWriter, r *http.Request, secret string) error {
	if g.Token == nil {
		return Refusal{Text: "Nobody signs in with a token here."}
	}
	who, err := g.Token(r.Context(), secret)
	if errors.Is(err, ErrUnknown) {
		return g.refuse(r, Identity{}, "Nobody has this token, or it has expired.", nil)
	}
	if err != nil {
		return err
	}
	return g.enter(w, r, who, "signed in with a token")
}

// enter begins a session of its own, never one that the browser brought along.
func (g *Gate) enter(w http.ResponseWriter, r *http.Request, who Identity, how string) error {
	why, err := g.Admit(r.Context(), who)
	if err != nil {
		return err
	}
	if why != "" {
		return g.refuse(r, who, "You can't sign in: "+why+".", nil)
	}
	if err := g.Record(r.Context(), Event{Who: who, From: r.RemoteAddr, Text: how}); err != nil {
		return fmt.Errorf("the sign-in could not be recorded, so that nobody was let in: %w", err)
	}
	ctx, err := g.load(r)
	if err != nil {
		return err
	}
	if err := errors.Join(g.sessions.Clear(ctx), g.sessions.RenewToken(ctx)); err != nil {
		return err
	}
	now := g.Now()
	g.sessions.SetDeadline(ctx, now.Add(g.Absolute))
	g.sessions.Put(ctx, keptWho, encoded(who))
	g.sessions.Put(ctx, keptSeen, now.UnixNano())
	token, until, err := g.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	g.sessions.WriteSessionCookie(ctx, w, token, until)
	return nil
}

// Leave ends the session of the browser.
func (g *Gate) Leave(w http.ResponseWriter, r *http.Request) error {
	who, in, err := g.Who(r)
	if err != nil {
		return err
	}
	ctx, err := g.load(r)
	if err != nil {
		return err
	}
	if err := g.sessions.Destroy(ctx); err != nil {
		return err
	}
	g.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	if !in {
		return nil
	}
	return g.Record(ctx, Event{Who: who, From: r.RemoteAddr, Text: "signed out"})
}

// refuse records that somebody was not let in; cause is for the record alone. What an address tries that failed too often is not
// recorded; whoever comes with the right thing is let in nevertheless, since behind a proxy all come from one address.
func (g *Gate) refuse(r *http.Request, who Identity, text string, cause error) error {
	if g.failures.over(r, g.Now()) {
		return Refusal{Text: "Too many sign-ins failed from your address; wait a minute.", Wait: time.Minute}
	}
	g.failures.failed(r, g.Now())
	said := text
	if cause != nil {
		said += " (" + cause.Error() + ")"
	}
	return errors.Join(Refusal{Text: text}, g.Record(r.Context(), Event{Who: who, From: r.RemoteAddr, Text: "not signed in: " + said, Refused: true}))
}
