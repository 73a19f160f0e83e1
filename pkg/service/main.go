package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"vestibule.dev/pkg/inbox"
	"vestibule.dev/pkg/migrate"
	"vestibule.dev/pkg/ops"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/rewrap"
	"vestibule.dev/pkg/runner"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/pkg/tenancy"
)

// Command describes a service.
type Command struct {
	// Name is the context's name: directory, database, binary and prefix of
	// its environment variables.
	Name string
	// Migrations are the context's own tables and those of the packages it
	// uses beyond outbox and inbox.
	Migrations []migrate.Source
	// Sealed are the columns that hold what the service must read back, those
	// of packages included.
	Sealed []rewrap.Column
	// Build wires the service: it registers its implementations, consumers
	// and workers with the platform.
	Build func(ctx context.Context, p *Platform) error
	// Commands are further things the binary does, such as "seed". They run
	// without a server.
	Commands map[string]func(ctx context.Context, p *Platform, args []string) error
}

// Main runs the command that the arguments name and ends the process.
func Main(c Command) {
	ctx, stop := runner.SignalContext(context.Background())
	err := c.run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", c.Name, err)
		os.Exit(1)
	}
}

func (c Command) run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New(c.usage())
	}
	switch name, rest := args[0], args[1:]; name {
	case "version":
		_, err := fmt.Fprintln(out, version())
		return err
	case "serve":
		return c.serve(ctx)
	case "migrate":
		return c.migrate(ctx)
	case "outbox":
		return c.outbox(ctx, out, rest)
	case "encryption-keys":
		return c.encryptionKeys(ctx, out, rest)
	case "health":
		var cfg struct {
			OpsAddr string `env:"OPS_ADDR,required"`
		}
		if err := Load(c.Name, &cfg); err != nil {
			return err
		}
		return ops.Check(ctx, cfg.OpsAddr)
	case "credential":
		return c.credential(out, rest)
	default:
		command, ok := c.Commands[name]
		if !ok {
			return errors.New(c.usage())
		}
		return c.withPlatform(ctx, func(p *Platform) error { return command(tenancy.ForAllProjects(ctx), p, rest) })
	}
}

func (c Command) usage() string {
	names := []string{"serve", "migrate", "outbox status|replay", "encryption-keys status|rewrap", "credential keygen|issue", "health", "version"}
	for name := range c.Commands {
		names = append(names, name)
	}
	slices.Sort(names[6:])
	return "usage: " + c.Name + " " + strings.Join(names, " | ")
}

func (c Command) serve(ctx context.Context) error {
	p, err := newPlatform(ctx, c.Name, version())
	if err != nil {
		return err
	}
	if err := p.openServer(ctx); err != nil {
		return err
	}
	if err := c.Build(ctx, p); err != nil {
		return err
	}
	return p.serve(ctx)
}

// migrate needs the database's address and nothing else.
func (c Command) migrate(ctx context.Context) error {
	var cfg struct {
		PostgresURL secret.Secret `env:"POSTGRES_URL,required"`
	}
	if err := Load(c.Name, &cfg); err != nil {
		return err
	}
	if err := migrate.Up(ctx, cfg.PostgresURL, c.Sources()...); err != nil {
		return err
	}
	return migrate.Isolate(ctx, cfg.PostgresURL, c.Sources()...)
}

// Sources are all migrations of the service's database.
func (c Command) Sources() []migrate.Source {
	return append([]migrate.Source{outbox.Migrations(), inbox.Migrations()}, c.Migrations...)
}

func (c Command) outbox(ctx context.Context, out io.Writer, args []string) error {
	const usage = "usage: outbox status | outbox replay --since DURATION"
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "status":
		return c.withDB(ctx, func(ctx context.Context, db *pg.DB) error {
			status, err := outbox.ReadStatus(ctx, db)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "unpublished %d, oldest %s\n", status.Unpublished, status.OldestAge.Round(time.Millisecond))
			return err
		})
	case "replay":
		flags := flag.NewFlagSet("outbox replay", flag.ContinueOnError)
		since := flags.Duration("since", 0, "how far back, such as 1h")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *since <= 0 || flags.NArg() > 0 {
			return errors.New(usage)
		}
		return c.withDB(ctx, func(ctx context.Context, db *pg.DB) error {
			n, err := outbox.Replay(ctx, db, *since)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%d events will be published again\n", n)
			return err
		})
	}
	return errors.New(usage)
}

// withDB runs a command that needs the database alone, for all projects.
func (c Command) withDB(ctx context.Context, run func(ctx context.Context, db *pg.DB) error) error {
	var cfg struct {
		PostgresURL secret.Secret `env:"POSTGRES_URL,required"`
	}
	if err := Load(c.Name, &cfg); err != nil {
		return err
	}
	db, err := pg.Open(ctx, pg.Config{URL: cfg.PostgresURL, MaxConns: 1, ApplicationName: c.Name})
	if err != nil {
		return err
	}
	defer db.Close()
	return run(tenancy.ForAllProjects(ctx), db)
}

// withPlatform runs a command that needs what the service is configured with,
// but no server.
func (c Command) withPlatform(ctx context.Context, run func(p *Platform) error) error {
	p, err := newPlatform(ctx, c.Name, version())
	if err != nil {
		return err
	}
	defer p.DB.Close()
	return run(p)
}

// version tells the module version, or the revision the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return info.Main.Version
}
