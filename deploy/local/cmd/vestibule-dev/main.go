// Command vestibule-dev runs the whole system on this machine for development:
// `make run`. Settings are VESTIBULE_… variables, see the README of this module.
package main

import (
	"context"
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
	if err == nil {
		err = stack.Run(ctx, settings, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vestibule-dev:", err)
		os.Exit(1)
	}
}
