// Command load measures what requests cost. It starts a system of its own on
// loopback, drives it within bounds of count and time, and writes a report in
// Markdown.
//
// Throughput and latency depend on the machine and on what else runs there.
// The figure to compare is processor time per request, summed over gateway,
// services and Postgres, beside that of a minimal gateway and service that do
// only what the request cannot do without, measured moments before. Counts of
// SQL statements and of calls between processes are exact.
//
// Linux only: it reads /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// settings bound the measurement.
type settings struct {
	output string
	// concurrency of the closed loops; each is run with one connection too.
	concurrency int
	// phase is how long one closed loop lasts at most, requests how many it
	// sends at most.
	phase    time.Duration
	requests int
	only     string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(serveFloor(os.Args[2:]))
	}
	var s settings
	flag.StringVar(&s.output, "o", "", "write the report to this file too")
	flag.IntVar(&s.concurrency, "c", 16, "connections of the closed loops")
	flag.DurationVar(&s.phase, "phase", 3*time.Second, "longest time of one closed loop")
	flag.IntVar(&s.requests, "n", 20_000, "most requests of one closed loop")
	flag.StringVar(&s.only, "only", "", "measure only operations whose name contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, s settings) error {
	report, err := measure(ctx, s, func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	})
	if err != nil {
		return err
	}
	targets := []io.Writer{os.Stdout}
	if s.output != "" {
		file, err := os.Create(s.output)
		if err != nil {
			return err
		}
		defer file.Close()
		targets = append(targets, file)
	}
	return report.write(io.MultiWriter(targets...))
}
