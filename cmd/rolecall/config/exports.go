package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Export is where the daemon sends the journal, record by record, as it grows, or the checkpoints that it is sealed with.
type Export struct {
	// Kind is `file`, `http` or `syslog` (over TLS).
	Kind string `yaml:"kind"`
	// Format is `jsonl`, `ocsf`, `syslog` or `cef`; left out, `jsonl`, and `syslog` for a collector of it. `checkpoint` sends no records but each new signed checkpoint, for those who are to find a journal that was rolled back or rewritten.
	Format string `yaml:"format"`
	// Path of the file that is appended to. With a PostgreSQL store each machine writes a whole file of its own.
	Path string `yaml:"path"`
	// URL is where batches are posted, `https://`; `http://` on this machine only.
	URL string `yaml:"url"`
	// Token is sent with each batch, `Authorization: Bearer …`.
	Token engine.Secret `yaml:"token"`
	// Collector of syslog, `tls://siem.example.com:6514`.
	Collector string `yaml:"collector"`
	// CA is the file with the certificates of those who sign the collector's; left out, the machine's own.
	CA string `yaml:"ca"`
	// Cert is the file with the own certificate, if the collector wants one.
	Cert string `yaml:"cert"`
	// Key is the file with its key.
	Key string `yaml:"key"`
}

// The kinds of exports.
const (
	ExportFile   = "file"
	ExportHTTP   = "http"
	ExportSyslog = "syslog"
)

// FormatCheckpoint is the format of an export that sends signed checkpoints.
const FormatCheckpoint = "checkpoint"

func (c *checks) exports() {
	for _, name := range slices.Sorted(maps.Keys(c.Exports)) {
		x := c.Exports[name]
		if !nameForm.MatchString(name) {
			c.add(x, fmt.Sprintf("%q is no name of an export", name), "lower-case letters, digits, dots, dashes, underscores")
		}
		if !slices.Contains([]string{ExportFile, ExportHTTP, ExportSyslog}, x.Kind) {
			c.word(&x.Kind, "kind", x.Kind, ExportFile, ExportHTTP, ExportSyslog)
			continue
		}
		c.export(name, x)
	}
}

func (c *checks) export(name string, x *Export) {
	if x.Format == "" {
		x.Format = map[string]string{ExportSyslog: "syslog"}[x.Kind]
		if x.Format == "" {
			x.Format = "jsonl"
		}
	}
	c.exportFormat(x)
	given := map[string]bool{ExportFile: x.Path != "", ExportHTTP: x.URL != "" || !x.Token.IsZero(), ExportSyslog: x.Collector+x.CA+x.Cert+x.Key != ""}
	for _, kind := range []string{ExportFile, ExportHTTP, ExportSyslog} {
		if given[kind] && kind != x.Kind {
			c.add(x, fmt.Sprintf("the export %s is of the kind %s, and has keys of the kind %s", name, x.Kind, kind), "path: is for file; url: and token: for http; collector:, ca:, cert: and key: for syslog")
		}
	}
	switch {
	case x.Kind == ExportFile && x.Path == "":
		c.add(x, "the export "+name+" has no path", "path: /var/log/rolecall/audit.jsonl")
	case x.Kind == ExportHTTP && !safeURL(x.URL):
		c.add(x, fmt.Sprintf("the export %s: %q is no https:// address", name, x.URL), "http:// is for 127.0.0.1 and localhost")
	case x.Kind == ExportSyslog && !collectorForm(x.Collector):
		c.add(x, fmt.Sprintf("the export %s: %q is no collector", name, x.Collector), "collector: tls://siem.example.com:6514")
	}
}

func (c *checks) exportFormat(x *Export) {
	known := []string{"jsonl", "ocsf", "syslog", "cef", FormatCheckpoint}
	switch {
	case !slices.Contains(known, x.Format):
		c.word(&x.Format, "format", x.Format, known...)
	case x.Format == FormatCheckpoint && x.Kind == ExportFile:
		c.add(&x.Format, "an export of checkpoints is of the kind http or syslog", "audit: {checkpoints: FILE} keeps them in a file")
	case x.Format == FormatCheckpoint && c.Audit.Key.IsZero():
		c.add(&x.Format, "there is no key that would sign a checkpoint", "audit: {key: …}; `rolecall audit key NAME` makes a pair")
	case x.Kind == ExportSyslog && x.Format != "syslog" && x.Format != FormatCheckpoint:
		c.add(&x.Format, "a collector of syslog takes syslog", "remove format:")
	}
}

func collectorForm(text string) bool {
	address, is := strings.CutPrefix(text, "tls://")
	host, port, err := net.SplitHostPort(address)
	return is && err == nil && host != "" && port != ""
}
