package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/export"
)

// collectorFlags say where an export is sent.
type collectorFlags struct{ to, ca, cert, key string }

func (f *collectorFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.to, "collector", "", "send to this collector, `tls://HOST:PORT`, with --format syslog and --cursor")
	c.Flags().StringVar(&f.ca, "ca", "", "the `FILE` with the certificates of those who sign the collector's; else the machine's own")
	c.Flags().StringVar(&f.cert, "cert", "", "the `FILE` with the own certificate, if the collector wants one")
	c.Flags().StringVar(&f.key, "cert-key", "", "the `FILE` with its key")
}

// collector is nil where nothing is to be sent.
func (a *app) collector(f collectorFlags, format, cursorFile, outFile string) (*export.Collector, error) {
	address, tlsURL := strings.CutPrefix(f.to, "tls://")
	_, port, err := net.SplitHostPort(address)
	switch {
	case f.to == "" && f.ca+f.cert+f.key == "":
		return nil, nil
	case f.to == "":
		return nil, usage("--collector tls://HOST:PORT", "--ca, --cert and --cert-key are for --collector")
	case !tlsURL || err != nil || port == "":
		return nil, usage("--collector tls://collector.example.com:6514", "%q is no collector", f.to)
	case format != "syslog" || cursorFile == "" || outFile != "":
		return nil, usage("--format syslog --cursor FILE --collector tls://HOST:PORT", "a collector is sent syslog, from a cursor on")
	}
	c, err := collectorTLS(a.path, f.ca, f.cert, f.key)
	if err != nil {
		return nil, err
	}
	return &export.Collector{Address: address, Config: c}, nil
}

// collectorTLS is how a collector is known, and how it knows us; path is where a file is.
func collectorTLS(path func(string) string, ca, cert, key string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(path(ca))
		if err != nil {
			return nil, failed("", "%w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("it begins with -----BEGIN CERTIFICATE-----", "%s holds no certificate", ca)
		}
	}
	if cert != "" || key != "" {
		own, err := tls.LoadX509KeyPair(path(cert), path(key))
		if err != nil {
			return nil, failed("", "%w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
