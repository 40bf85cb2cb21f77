package web

import (
	"context"
	"io"
	"net/http"
)

// TableWriter writes rows as CSV.
type TableWriter func(to io.Writer, header []string, rows [][]string) error

// reportCSV sends all rows that a page of the report would lead to.
func (s *Site) reportCSV(ctx context.Context, w http.ResponseWriter, r asked) (string, error) {
	v, err := s.reportOf(ctx, r)
	if err != nil {
		return "", err
	}
	if v.Report == nil {
		return "", errReading()
	}
	rows, _, err := v.rows(r)
	if err != nil {
		return "", err
	}
	var header []string
	for _, c := range v.Report.Columns {
		header = append(header, c.Name)
	}
	cells := make([][]string, len(rows))
	for i, row := range rows {
		cells[i] = row.Cells
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="rolecall-`+v.Name+`-`+v.Report.At.UTC().Format("20060102")+`.csv"`)
	if err := s.CSV(w, header, cells); err != nil {
		s.Failed(r.URL.Path, err)
		panic(http.ErrAbortHandler) // a list that ends early must not look whole
	}
	return "", nil
}
