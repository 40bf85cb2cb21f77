package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	for _, d := range deployments(t, filepath.Join(folder, "kubernetes.yaml")) {
		if d.Replicas != 2 {
			t.Errorf("%d replicas", d.Replicas)
		}
		if !slices.ContainsFunc(d.Volumes, func(v volume) bool { return v.Name == "secrets" && v.Secret.Mode == 0o400 }) {
			t.Errorf("%v hold no secret that is for one user only", d.Volumes)
		}
		c := d.Containers[0]
		if !slices.Contains(c.Mounts, mountedAt{"secrets", "/run/secrets/rolecall", true}) {
			t.Errorf("%v: secrets are no files of the container", c.Mounts)
		}
		known(t, c.Args)
		if s := c.SecurityContext; !s.ReadOnly || s.Escalation == nil || *s.Escalation {
			t.Errorf("%s may write to its root, or become more than it is", c.Name)
		}
	}
}

// deployment is what a manifest says of the machines that it makes.
type deployment struct {
	Replicas   int
	Containers []container
	Volumes    []volume
}

type container struct {
	Name            string      `yaml:"name"`
	Args            []string    `yaml:"args"`
	Mounts          []mountedAt `yaml:"volumeMounts"`
	SecurityContext struct {
		ReadOnly   bool  `yaml:"readOnlyRootFilesystem"`
		Escalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
}

type mountedAt struct {
	Name string `yaml:"name"`
	Path string `yaml:"mountPath"`
	Only bool   `yaml:"readOnly"`
}

type volume struct {
	Name   string `yaml:"name"`
	Secret struct {
		Mode int `yaml:"defaultMode"`
	} `yaml:"secret"`
}

// deployments are those of all documents of a manifest.
func deployments(t *testing.T, file string) (all []deployment) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var one struct {
			Spec struct {
				Replicas int `yaml:"replicas"`
				Template struct {
					Spec struct {
						Containers []container `yaml:"containers"`
						Volumes    []volume    `yaml:"volumes"`
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
		if pod := one.Spec.Template.Spec; len(pod.Containers) > 0 {
			all = append(all, deployment{one.Spec.Replicas, pod.Containers, pod.Volumes})
		}
	}
}

// The image is one static binary without a shell, whose user may do nothing, and starts what the program has.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, image, found := strings.Cut(string(text), "\nFROM scratch\n")
	if !found || !strings.Contains(string(text), "CGO_ENABLED=0 go build") || !strings.Contains(image, "\nUSER 65532:65532\n") {
		t.Error("the image has more than a static binary, or a user that may do something")
	}
	var args []string
	if m := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindStringSubmatch(image); m == nil || json.Unmarshal([]byte(m[1]), &args) != nil {
		t.Fatal("the image starts nothing")
	}
	known(t, args)
}

// known says whether the program takes a command line, but for the configuration that is not there.
func known(t *testing.T, args []string) {
	t.Helper()
	u := newTerminal(t)
	u.types(exitUsage, args...)
	u.sees("rolecall.yaml: there is no such file")
}
