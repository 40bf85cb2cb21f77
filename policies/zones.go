package policies

import (
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// zones finds people's time zones; each is loaded once. Safe for concurrent use.
type zones struct {
	company *time.Location
	loaded  sync.Map // IANA name → *time.Location
}

func newZones(company *time.Location) *zones { return &zones{company: company} }

// of is the person's zone, the company's where the person has none or its name is not known here.
// "Local" is not taken: an answer must not depend on the machine.
func (z *zones) of(p *engine.Person) *time.Location {
	if p.Zone == "" || p.Zone == "Local" {
		return z.company
	}
	if l, ok := z.loaded.Load(p.Zone); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(p.Zone)
	if err != nil {
		return z.company
	}
	z.loaded.Store(p.Zone, l)
	return l
}

// today is the calendar date where the person is.
func (z *zones) today(p *engine.Person, now time.Time) date { return dateOf(now.In(z.of(p))) }
