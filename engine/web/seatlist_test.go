package web

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// claims are so many who wait for a seat, in their order: of two priorities, the one half as joiners.
func claims(n int) (out []engine.SeatClaim) {
	for i := range n {
		out = append(out, engine.SeatClaim{Person: fmt.Sprintf("p%03d", n-i), Priority: 7 * (1 - 2*i/n), Joiner: i%2 == 0, Since: noon().Add(time.Duration(i) * time.Hour)})
	}
	_, out = engine.AllotSeats(0, out)
	return out
}

// Each page of those who wait for a seat goes on where the one before ended, in the order of the plan; for people and for programs.
func TestSeatsArePaged(t *testing.T) {
	for _, n := range []int{1, shownSeats, shownSeats + 1, 2*shownSeats + 1} {
		s, _, _ := guarded(t, Viewer)
		o := outlook("x")
		o.Plan.Seats = []engine.SeatPlan{{Program: "crm", Seats: engine.NoSeatLimit}, {Program: "crm", Kind: "full & more", Seats: 1, Waiting: claims(n)}, {Program: "wiki", Kind: "full & more", Seats: 1, Waiting: claims(3)}}
		s.Outlook = func() *engine.Outlook { return o }
		var want []string
		for _, c := range o.Plan.Seats[1].Waiting {
			want = append(want, c.Person)
		}
		with := "?kind=" + url.QueryEscape("full & more")
		var people, programs []string
		for path := "/programs/crm/seats" + with; path != ""; {
			body := send(s, http.MethodGet, path, "").Body.String()
			for _, f := range regexp.MustCompile(`<tr><td><a href="/people/(p[0-9]+)"`).FindAllStringSubmatch(body, -1) {
				people = append(people, f[1])
			}
			next := regexp.MustCompile(`href="([^"]+)">Further`).FindStringSubmatch(body)
			if path = ""; next != nil {
				path = html.UnescapeString(next[1])
			}
		}
		p := newProgram(t, s)
		for path := apiBase + "/programs/crm/seats" + with; path != ""; {
			var list seatList
			if err := json.Unmarshal(p.ask(http.MethodGet, path, "").Body.Bytes(), &list); err != nil || len(list.Claims) > shownSeats || list.Found != n {
				t.Fatalf("%s: %+v, %v", path, list, err)
			}
			for _, c := range list.Claims {
				programs = append(programs, c.Person)
			}
			path = list.More
		}
		if !slices.Equal(people, want) || !slices.Equal(programs, want) {
			t.Errorf("of %d:\n%v\n%v\ninstead of\n%v", n, people, programs, want)
		}
		body := send(s, http.MethodGet, "/programs/crm", "").Body.String()
		if all := `href="/programs/crm/seats?kind=full`; strings.Contains(body, all) != (n > shownWaiting) {
			t.Errorf("of %d the way to all is not right", n)
		}
	}
}

// The other lists come in the order of the plan as well; what is not there is not found.
func TestOtherListsOfSeats(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	o := outlook("x")
	at := func(day int) time.Time { return noon().AddDate(0, 0, day) }
	o.Plan.Seats = []engine.SeatPlan{{Program: "crm", Seats: 1, Kept: []engine.SeatClaim{{Person: "p9", Joins: at(1)}, {Person: "p1", Joins: at(2)}},
		Displaced: []engine.SeatClaim{{Person: "p5", Priority: -1, Since: at(1)}, {Person: "p4", Since: at(3)}, {Person: "p3", Since: at(2)}, {Person: "p2", Priority: 2, Since: at(9)}}}}
	s.Outlook = func() *engine.Outlook { return o }
	for list, want := range map[string]string{"kept": "p9 p1", "displaced": "p5 p4 p3 p2", "waiting": "", "": ""} {
		var got []string
		for _, f := range regexp.MustCompile(`<tr><td><a href="/people/(p[0-9]+)"`).FindAllStringSubmatch(send(s, http.MethodGet, "/programs/crm/seats?list="+list, "").Body.String(), -1) {
			got = append(got, f[1])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", list, got)
		}
	}
	for path, code := range map[string]int{"/programs/crm/seats?list=x": http.StatusBadRequest, "/programs/crm/seats?kind=x": http.StatusNotFound, "/programs/wiki/seats": http.StatusNotFound} {
		if w := send(s, http.MethodGet, path, ""); w.Code != code {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	s.Outlook = func() *engine.Outlook { return nil }
	if body := send(s, http.MethodGet, "/programs/crm/seats", "").Body.String(); !strings.Contains(body, "Looking for the first time") {
		t.Error(body)
	}
}
