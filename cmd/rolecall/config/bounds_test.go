package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// What is no configuration is refused with one sentence, and before the parser's time grows with the square of its size.
func TestHostileConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"brackets":  {strings.Repeat("[", 200_000), "r.yaml:1:33: this is nested too deeply"},
		"maps":      {strings.Repeat("{a: ", 100_000), "nested too deeply"},
		"dashes":    {strings.Repeat("- ", 100_000), "nested too deeply"},
		"keys":      {strings.Repeat("a:\n", 200_000), "r.yaml:15001:1: the configuration is too long"},
		"quotes":    {strings.Repeat(`"`, 500_000), "too long"},
		"anchors":   {strings.Repeat("&a ", 200_000), "too long"},
		"commas":    {"[" + strings.Repeat(",", 500_000), "too long"},
		"staircase": {strings.Repeat(" ", 300) + "a: b\n", "indented too far"},
		"Latin-1":   {"version: 1\nzone: \xe4\n", "r.yaml:2:7: this is not UTF-8"},
		"NUL":       {"version: 1\x00\n", "r.yaml:1:11: the control character U+0000"},
		"escape":    {"zone: \"\x1b[31m\"\n", "U+001B"},
		"list":      {"- a\n", "this is no configuration"},
		"word":      {"hello\n", "this is no configuration"},
		"large":     {strings.Repeat("#", maxSize+1), "larger than 1 MiB"},
	} {
		_, err := parse("r.yaml", "r.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v", name, err)
		}
		if mistakes, _ := err.(engine.Mistakes); len(mistakes) != 1 {
			t.Errorf("%s: %d mistakes, one is enough", name, len(mistakes))
		}
	}
}

// A byte order mark, as some editors write it, and their line ends change nothing.
func TestMarkAndLineEnds(t *testing.T) {
	_, plain := parse("r.yaml", "r.yaml", []byte("version: 1\nzone: UTC\n"))
	_, marked := parse("r.yaml", "r.yaml", []byte("\ufeffversion: 1\r\nzone: UTC\r\n"))
	if plain == nil || marked == nil || plain.Error() != marked.Error() {
		t.Errorf("%v\n%v", plain, marked)
	}
}

// A configuration that is a pipe, a folder or an endless device is refused, not waited for.
func TestConfigurationIsAFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, os.DevNull} {
		if _, err := Load("", path); err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
