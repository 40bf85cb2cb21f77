package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// commands is everything that can be typed.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.initCommand(), a.checkCommand(), a.limitsCommand(), a.planCommand(), a.applyCommand(), a.whyCommand(), a.approvalsCommand(), a.pauseCommand(), a.resumeCommand(),
		a.cutCommand(), a.demoCommand(), a.giveCommand(), a.auditCommand(), a.policyCommand(), a.serveCommand(), a.workCommand(), a.undoCommand(), a.adoptCommand(), a.tasksCommand(),
		a.connectorCommand(), a.backupCommand(), a.restoreCommand(), a.reportCommand(), a.tokenCommand(), a.personCommand(), a.reviewCommand(),
	}
}

// manCommand writes the man pages; it is for packagers and not listed.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages into a folder", Hidden: true, Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			dir := a.path(given[0])
			if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- man pages are for everybody
				return err
			}
			now := a.Now()
			return doc.GenManTree(c.Root(), &doc.GenManHeader{Title: "ROLECALL", Section: "1", Date: &now}, dir)
		},
	}
}

// settle puts the close of a system behind a command's own error.
func settle(err *error, close func() error) {
	if closing := close(); closing != nil && *err == nil {
		*err = fmt.Errorf("closing the journal: %w", closing)
	}
}
