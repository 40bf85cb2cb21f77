package notify

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

//go:embed templates
var built embed.FS

// Data is what a template is filled with.
type Data struct {
	About string
	Lines []Line // the first of them
	More  int    // that are not among Lines
	Page  string // address of the page, "" if there is none
	Now   time.Time
}

// Count is how many things are told.
func (d Data) Count() int { return len(d.Lines) + d.More }

// Templates make messages: the first line "Subject: …", an empty line, the text.
type Templates struct{ of map[string]*template.Template }

// Load reads the texts for these words; folder, which may be "", has those of the company. What is wrong is said with its place.
func Load(folder string, words []string) (*Templates, error) {
	t := &Templates{of: map[string]*template.Template{}}
	var wrong []error
	if slices.Contains(words, PeopleWord) {
		more, err := languages(folder)
		words, wrong = append(slices.Clone(words), more...), append(wrong, err)
	}
	for _, word := range words {
		text, name, err := source(folder, word)
		if err == nil {
			t.of[strings.ToLower(word)], err = template.New(name).Option("missingkey=error").Funcs(functions()).Parse(text)
		}
		if err == nil {
			err = t.try(word)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%w; the texts that come with Rolecall show what there is", err))
		}
	}
	return t, errors.Join(wrong...)
}

func source(folder, word string) (text, name string, err error) {
	if folder != "" {
		name = filepath.Join(folder, word+".txt")
		own, err := os.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(own), name, err
		}
	}
	name = "templates/" + word + ".txt"
	own, err := built.ReadFile(name)
	return string(own), name, err
}

func functions() template.FuncMap {
	return template.FuncMap{
		"clean": render.Clean,
		"day":   func(t time.Time) string { return t.Format(time.DateOnly) },
		"plural": func(n int, one, many string) string {
			return fmt.Sprintf("%d %s", n, map[bool]string{true: one, false: many}[n == 1])
		},
	}
}

// sample shows whether a template can be filled before it must be.
func sample(word string) Data {
	day := time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC)
	return Data{About: word, Lines: []Line{{Text: "a sentence", Program: "crm", Person: "4711", Name: "Ann", Link: "https://rolecall.example.com/", Since: day}}, More: 1, Page: "https://rolecall.example.com", Now: day}
}

// try fills the template of a word with what it may have to show.
func (t *Templates) try(word string) (err error) {
	if is, _, _ := strings.Cut(word, "."); is == PeopleWord {
		_, _, err = t.render(strings.ToLower(word), sampleLetter())
		return err
	}
	_, _, err = t.Render(sample(word))
	return err
}

// Render fills the template for what the data is about.
func (t *Templates) Render(d Data) (subject, text string, err error) { return t.render(d.About, d) }

func (t *Templates) render(word string, d any) (subject, text string, err error) {
	one := t.of[word]
	if one == nil {
		return "", "", fmt.Errorf("there is no text for %q", word)
	}
	var b strings.Builder
	if err := one.Execute(&b, d); err != nil {
		return "", "", err
	}
	first, rest, _ := strings.Cut(strings.ReplaceAll(b.String(), "\r", ""), "\n")
	subject, is := strings.CutPrefix(first, "Subject: ")
	if !is || strings.TrimSpace(subject) == "" || strings.TrimSpace(rest) == "" {
		return "", "", fmt.Errorf("%s: it begins with a line \"Subject: …\", then comes the text", one.Name())
	}
	return render.Clean(strings.TrimSpace(subject)), strings.TrimSpace(rest) + "\n", nil
}
