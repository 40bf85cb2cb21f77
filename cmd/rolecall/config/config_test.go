package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
)

func TestGood(t *testing.T) {
	f, err := Load("", "testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Programs["crm"].Contract; !got.Ends.Equal(time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)) || got.Notice != 90*24*time.Hour {
		t.Errorf("contract is %v", got)
	}
	if got := f.Programs["vpn"].Entitlements; !cmp.Equal(got, Patterns{"vpn"}) {
		t.Errorf("entitlements are %v", got)
	}
	if got := f.Directories[0].Attributes["languages"]; got.From != "lang" || !got.Multi {
		t.Errorf("languages is %v", got)
	}
	if f.Limits.Grant.Cap != 2000 || f.Leavers.Unmanaged != engine.UnmanagedApprove {
		t.Error("defaults or values are missing")
	}
}

// Each file of testdata that begins with #! names all mistakes in it: line:col: text | hint.
func TestMistakes(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	tried := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.Lines(string(data)) {
			if text, ok := strings.CutPrefix(line, "#! "); ok {
				want = append(want, strings.TrimSuffix(text, "\n"))
			}
		}
		if len(want) == 0 {
			continue
		}
		tried++
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := parse("f", "f", data)
			var got []string
			var mistakes engine.Mistakes
			if !errors.As(err, &mistakes) {
				t.Fatalf("error is %v", err)
			}
			for _, m := range mistakes {
				if m.Line == 0 {
					m.Place.File = "0"
				}
				got = append(got, strings.TrimPrefix(m.Place.String(), "f:")+": "+m.Text+" | "+m.Hint)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("a secret came back in a message")
			}
		})
	}
	if tried < 3 {
		t.Errorf("only %d files tried", tried)
	}
}

func TestSection(t *testing.T) {
	f, err := Load("", "testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var own struct {
		URL   string        `yaml:"url"`
		Token engine.Secret `yaml:"token"`
	}
	if err := f.Programs["crm"].Settings.Decode(&own); err != nil || own.Token.File != "/run/secrets/crm" {
		t.Errorf("decoded %+v, error %v", own, err)
	}
	var shared struct {
		Directory    string            `yaml:"directory"`
		Entitlements map[string]string `yaml:"entitlements"`
	}
	if err := f.Programs["vpn"].Settings.Decode(&shared); err != nil || shared.Entitlements["vpn"] == "" {
		t.Errorf("a key that both read is %+v, error %v", shared, err)
	}
	var other struct {
		Path string `yaml:"path"`
		URI  string `yaml:"uri"`
	}
	err = f.Programs["crm"].Settings.Decode(&other)
	want := "testdata/good.yaml:25:18: unknown key \"url\" (did you mean \"uri\"?)\n" +
		"testdata/good.yaml:25:56: unknown key \"token\""
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v", err)
	}
}

func TestAliasBomb(t *testing.T) {
	text := "version: 1\nprotected: &a [x,x,x,x,x,x,x,x,x,x]\n"
	if _, err := parse("f", "f", []byte(text+strings.Repeat("store: *a\n", 3))); err == nil {
		t.Error("an alias of the wrong form passed")
	}
	var b strings.Builder
	b.WriteString("a0: &a0 {kind: file, protected: [" + strings.Repeat("x,", 100) + "x]}\n")
	d := newDecoder("f")
	b.WriteString("many: [" + strings.Repeat("*a0, ", 5_000) + "]\n")
	var into struct {
		A0   Program    `yaml:"a0"`
		Many []*Program `yaml:"many"`
	}
	decodeInto(d, b.String(), &into)
	if err := d.mistakes.Err(); err == nil || !strings.Contains(err.Error(), "aliases make this file too large") {
		t.Errorf("error is %v", err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "2w": 336 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "0": 0, "10s": 10 * time.Second,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s is %v, error %v", text, got, err)
		}
		if back, err := ParseDuration(FormatDuration(want)); err != nil || back != want {
			t.Errorf("%s comes back as %v, error %v", FormatDuration(want), back, err)
		}
	}
	for _, text := range []string{"", "30", "-1h", "d", "1h-30m", "99999999999w", "1dd", "x", "1.5d", "300000000h"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		data, _ := os.ReadFile(file)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := parse("f", "f", data); (file == nil) == (err == nil) {
			t.Error("either a file or an error")
		}
	})
}

func decodeInto(d *decoder, text string, into any) {
	if n := d.parse([]byte(text)); n != nil {
		d.value(n, reflect.ValueOf(into).Elem())
	}
}
