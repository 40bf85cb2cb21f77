// Command baton is a plug-in (docs/plugins.md) that lets Rolecall use a Baton connector, any of ConductorOne's open
// ones, through its gRPC service mode: baton [-accounts] [-lag 30s] [-parallel 4] CONNECTOR [ARGUMENT...].
//
// It is a module of its own, so that Rolecall itself does not carry gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "baton:", err)
	}
}

// run serves the protocol of plug-ins until its input ends, or the connector does.
func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	flags := flag.NewFlagSet("baton", flag.ContinueOnError)
	flags.SetOutput(log)
	accounts := flags.Bool("accounts", false, "let Rolecall create and delete accounts; the connector must be able to")
	lag := flags.Duration("lag", 0, "how long the program's lists may be behind changes")
	parallel := flags.Int("parallel", 4, "calls at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("the connector is missing: name its executable after the options, as in: baton ./baton-github")
	}
	p := newProgram(flags.Args(), *parallel, log)
	defer p.close()
	about := sdk.About{Name: "baton", Version: "1", Parallel: *parallel, Lag: *lag, Deletes: "the account, as the connector deletes it"}
	if *accounts {
		return sdk.Serve(ctx, until(p.ended, in), out, about, &creating{p})
	}
	return sdk.Serve(ctx, until(p.ended, in), out, about, p)
}

// until gives what comes from in, and ends with it or when done: calls under way are still answered then.
func until(done <-chan struct{}, in io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		_ = w.CloseWithError(err)
	}()
	go func() {
		<-done
		_ = w.Close()
	}()
	return r
}

const (
	openFor   = 25 * time.Second // start and Validate; Rolecall waits 30 s
	changeFor = 25 * time.Second // one change: Rolecall waits 30 s, and ends a process that takes longer
	loadFor   = 30 * time.Minute // all resources and entitlements
)
