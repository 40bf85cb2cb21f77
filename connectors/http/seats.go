package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// count is a Count, compiled.
type count struct {
	place, kind string
	address     address
	total, used *pick
}

func (c *compiler) counts(list []Count) []count {
	var out []count
	kinds := map[string]bool{}
	for i := range list {
		one, place := &list[i], fmt.Sprintf("counts[%d]", i)
		address, err := parseAddress(one.Path, nil)
		c.complain(place+".path", err)
		c.demand(one.Path != "" && one.Used != "", place, "path and used are needed: where the program says how many seats are taken")
		c.demand(!kinds[one.Kind], place, fmt.Sprintf("the kind %q is counted twice", one.Kind))
		kinds[one.Kind] = true
		out = append(out, count{place, one.Kind, address, c.pick(place+".total", one.Total), c.pick(place+".used", one.Used)})
	}
	return out
}

// Seats reads how many seats there are and are taken. What is not there where a pick points to is an error, never a zero.
func (p *Program) Seats(ctx context.Context) ([]engine.SeatCount, error) {
	if len(p.counts) == 0 {
		return nil, fmt.Errorf("program %s: nothing says where it counts its seats; write counts", p.options.Program)
	}
	out := make([]engine.SeatCount, 0, len(p.counts))
	for i := range p.counts {
		one, err := p.seats(ctx, &p.counts[i])
		if err != nil {
			return nil, p.explain(fmt.Errorf("%s: %w", p.counts[i].place, err))
		}
		out = append(out, one)
	}
	return out, nil
}

func (p *Program) seats(ctx context.Context, c *count) (engine.SeatCount, error) {
	out := engine.SeatCount{Kind: c.kind, Total: engine.SeatsUntold, Used: engine.SeatsUntold}
	path, err := c.address.fill(nil)
	if err != nil {
		return out, err
	}
	answer, err := p.client.Do(ctx, httpconn.Call{Method: http.MethodGet, Path: path, Header: p.headers})
	if err != nil {
		return out, err
	}
	item, err := decode(answer)
	if err != nil {
		return out, err
	}
	if out.Used, err = c.used.number(item); err != nil {
		return out, fmt.Errorf("used: %w", err)
	}
	if c.total == nil {
		return out, nil
	}
	if out.Total, err = c.total.number(item); err != nil {
		return out, fmt.Errorf("total: %w", err)
	}
	return out, nil
}

// number gives what is picked as a whole number from 0 on.
func (p *pick) number(item any) (int, error) {
	value, err := p.value(item, nil)
	if err != nil {
		return 0, err
	}
	n, err := countOf(value)
	if err != nil || value == nil {
		return 0, errors.New("the answer has no number of seats there; check the pick")
	}
	return n, nil
}
