// Command vestibule-dev runs the whole system on this machine for development:
// `make run`. With the argument credential it makes a service credential for
// another backend instead. Settings are VESTIBULE_… variables, see the README of this module.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"vestibule.dev/deploy/local/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	settings, err := stack.LoadSettings()
	switch {
	case err != nil:
	case len(os.Args) == 1:
		err = stack.Run(ctx, settings, os.Stdout)
	case os.Args[1] == "credential":
		err = stack.IssueCredential(settings, os.Stdout, os.Args[2:])
	default:
		err = errors.New("usage: vestibule-dev [credential --name NAME --scope CONTEXT:LEVEL:PROJECT… [--life DURATION]]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vestibule-dev:", err)
		os.Exit(1)
	}
}
