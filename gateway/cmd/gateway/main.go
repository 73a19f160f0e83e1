// Command gateway is the edge: the HTTP API in front of the services.
package main

import (
	"context"
	"fmt"
	"os"

	"vestibule.dev/gateway"
	"vestibule.dev/pkg/footprint"
	"vestibule.dev/pkg/runner"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Println(gateway.Version())
		return nil
	case len(args) == 1 && args[0] == "health":
		return gateway.CheckHealth(context.Background())
	case len(args) > 1, len(args) == 1 && args[0] != "serve":
		return fmt.Errorf("usage: gateway [serve|health|version]")
	}
	cfg, err := gateway.LoadConfig()
	if err != nil {
		return err
	}
	footprint.Bound(cfg.MemoryLimit)
	ctx, stop := runner.SignalContext(context.Background())
	defer stop()
	g, err := gateway.New(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return err
	}
	return g.Run(ctx)
}
