package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/rolecall/rolecall/engine"
)

// wholePlan is the plan as encoding/json writes it, with every field that the type has.
func wholePlan(p *engine.Plan) any {
	shown := *p
	shown.Changes, shown.Unmanaged, shown.Notices = orEmpty(p.Changes), orEmpty(p.Unmanaged), orEmpty(p.Notices)
	return struct {
		*engine.Plan
		Seats  []engine.SeatPlan `json:"seats"`
		Money  []engine.Money    `json:"money"`
		Proofs []ProofJSON       `json:"proofs"`
	}{&shown, orEmpty(p.Seats), orEmpty(p.Money), Proofs(p.Proofs)}
}

func streamedPlans() []*engine.Plan {
	due := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	plans := []*engine.Plan{{}}
	for _, s := range hostile() {
		p := hostilePlan(s)
		p.Changes = append(p.Changes, engine.Change{Op: engine.OpCreate, Program: "b", Account: "new:x", Proposed: true, Due: &due, Why: []string{s, "b"}, Rules: []string{s},
			New: &engine.NewAccount{Name: s, Attributes: map[string]string{"mail": s}}}, engine.Change{Program: "c"})
		p.Summary = engine.Summary{Ops: map[engine.Op]int{engine.OpGrant: 1}, People: 3}
		plans = append(plans, p)
	}
	return plans
}

// A plan that is written line by line is byte for byte what it is as a whole, so no field of it is forgotten.
func TestStreamedJSON(t *testing.T) {
	for _, p := range streamedPlans() {
		r := engine.Report{Run: "r1", Dropped: p.Changes}
		var plan, applied, wantPlan, wantApplied bytes.Buffer
		err := errors.Join(Out{W: &plan}.PlanJSON(p), Out{W: &applied}.AppliedJSON(p, r), Out{W: &wantPlan}.JSON(wholePlan(p)),
			Out{W: &wantApplied}.JSON(struct {
				Version int           `json:"version"`
				Plan    any           `json:"plan"`
				Report  engine.Report `json:"report"`
			}{1, wholePlan(p), r}))
		if err != nil {
			t.Fatal(err)
		}
		if plan.String() != wantPlan.String() {
			t.Errorf("a plan is\n%s\nwant\n%s", plan.String(), wantPlan.String())
		}
		if applied.String() != wantApplied.String() {
			t.Errorf("what was applied is\n%s\nwant\n%s", applied.String(), wantApplied.String())
		}
		if !json.Valid(plan.Bytes()) {
			t.Error("it is no JSON")
		}
	}
}

// prettyGrid is the layout by the library, which needs all rows at once.
func prettyGrid(o Out, header []string, r rows) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingLeft: "", PaddingRight: "  "}
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	line := func(cells []string, c Color) table.Row {
		row := make(table.Row, len(cells))
		for i, cell := range cells {
			row[i] = o.Paint(c, Clean(cell))
		}
		return row
	}
	if len(header) > 0 {
		w.AppendHeader(line(header, Dim))
	}
	for color, cells := range r {
		w.AppendRow(line(cells, color))
	}
	var b strings.Builder
	for l := range strings.Lines(w.Render()) {
		b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return b.String()
}

func TestGrid(t *testing.T) {
	var narrow Table
	for i, s := range hostile() {
		narrow.Add([]Color{Plain, Red}[i%2], s, "x", s+s)
		narrow.Add(Plain, "short row")
	}
	tables := []Table{{}, {Header: []string{"a", "bb"}}, {Header: []string{"name", "Łukasz 山田", "c"}, Rows: narrow.Rows, Colors: narrow.Colors}, narrow}
	for i := range tables {
		for _, color := range []bool{false, true} {
			var b bytes.Buffer
			o := Out{W: &b, Format: TableFormat, Color: color}
			if err := o.Data(tables[i], nil); err != nil {
				t.Fatal(err)
			}
			if want := prettyGrid(o, tables[i].Header, tables[i].lines()); b.String() != want {
				t.Errorf("table %d (colour %v) is\n%q\nwant\n%q", i, color, b.String(), want)
			}
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// A plan that could not be written in full is never taken for one.
func TestWriteErrors(t *testing.T) {
	p := &engine.Plan{Changes: make([]engine.Change, 5000)}
	for _, f := range Formats() {
		if err := (Out{W: brokenWriter{}, Format: Format(f)}).Plan(p); err == nil {
			t.Errorf("%s: no error", f)
		}
	}
	if err := (Out{W: brokenWriter{}}).AppliedJSON(p, engine.Report{}); err == nil || fmt.Sprint(err) != "disk full" {
		t.Errorf("the error is %v", err)
	}
}
