package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The examples of docs/deploy start the program with a command that it has, as nobody, on a root that can't be written to.
func TestDeployExamples(t *testing.T) {
	folder := filepath.Join("..", "..", "docs", "deploy")
	unit, err := os.ReadFile(filepath.Join(folder, "rolecall.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Type=notify", "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "WatchdogSec="} {
		if !strings.Contains(string(unit), "\n"+want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	starts := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/rolecall (.*)$`).FindStringSubmatch(string(unit))
	if starts == nil {
		t.Fatal("the unit starts nothing")
	}
	known(t, strings.Fields(starts[1]))
	for _, c := range containers(t, filepath.Join(folder, "kubernetes.yaml")) {
		known(t, c.Args)
		if s := c.SecurityContext; !s.ReadOnly || s.Escalation == nil || *s.Escalation {
			t.Errorf("%s may write to its root, or become more than it is", c.Name)
		}
	}
}

type container struct {
	Name            string   `yaml:"name"`
	Args            []string `yaml:"args"`
	SecurityContext struct {
		ReadOnly   bool  `yaml:"readOnlyRootFilesystem"`
		Escalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
}

// containers are those of all documents of a manifest.
func containers(t *testing.T, file string) (all []container) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var one struct {
			Kind string `yaml:"kind"`
			Spec struct {
				Template struct {
					Spec struct {
						Containers []container `yaml:"containers"`
					} `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"spec"`
		}
		switch err := d.Decode(&one); {
		case errors.Is(err, io.EOF):
			if len(all) == 0 {
				t.Fatal("no container")
			}
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, one.Spec.Template.Spec.Containers...)
	}
}

// known says whether the program takes a command line, but for the configuration that is not there.
func known(t *testing.T, args []string) {
	t.Helper()
	u := newTerminal(t)
	u.types(exitUsage, args...)
	u.sees("rolecall.yaml: there is no such file")
}
