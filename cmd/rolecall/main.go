// Command rolecall sees to it that everybody has the right programs for the job and nobody else has them. Its commands,
// flags, output and exit codes are described by `rolecall --help`; testdata/script shows them at work.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones, also where the machine has none
)

func main() {
	spareMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends the process at once
	code := run(ctx, thisProcess())
	stop()
	os.Exit(code)
}
