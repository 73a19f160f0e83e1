package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// goal is the most processor time that the operation may cost, in
// milliseconds.
func (r row) goal(hash float64) float64 {
	return r.floor*r.times + r.plus + float64(r.hashes)*hash
}

func (o operation) goalText() string {
	var parts []string
	if o.floor != "" {
		parts = append(parts, fmt.Sprintf("%.1f × floor(%s)", o.times, o.floor))
	}
	if o.hashes > 0 {
		parts = append(parts, "the hash")
	}
	if o.plus > 0 {
		parts = append(parts, fmt.Sprintf("%.2f", o.plus))
	}
	return "≤ " + strings.Join(parts, " + ")
}

// verdict marks a figure that misses its goal.
func verdict(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

// remarks say where the time of requests goes that cost more than their goal, as
// profiles (perf) of all processes during the closed loop show it.
const remarks = `A refresh takes two hops, two statements and two commits where its floor takes one of each: 30 % of its processor time is Postgres's, 28 % that of sessions (3 % the signature), 24 % the gateway's and 17 % identity's, and the Go processes spend a third of theirs in the kernel, on connections and on switching threads, and a tenth on the thread by which the runtime watches the others. ` +
	`An update of a user is also told: the relay, the consumers and what Postgres does for them are a fifth of its cost, and the rest is five statements in four round trips to Postgres, where the texts by which users are found take 13 % and the log 7 %. ` +
	`A selected team is a second hop with a statement of its own, which makes the request 1.9 times as dear: 18 % of it is spent in teams, the rest in identity, the gateway and Postgres, which each have a message more to pass on.`

// write renders the report.
func (r *report) write(w io.Writer) error {
	p := &printer{w: w}
	p.line("# Performance")
	p.line("")
	p.line("Written by `make bench ARGS='-o docs/performance.md'`. What is measured and how stands in [test/load](../test/load/main.go); the figures are of one run on one machine, the load generator included:")
	p.line("")
	for _, fact := range machine() {
		p.line("- %s", fact)
	}
	p.line("- %s, commit %s", time.Now().UTC().Format("2006-01-02 15:04 UTC"), r.revision)
	p.line("")
	p.line("## Operations")
	p.line("")
	p.line("Closed loop with %d connections, the last column with one. *CPU* is milliseconds of processor time per request, summed over the gateway, the services and Postgres. *SQL* counts statements (and explicit transactions) before the answer, *hops* calls between processes; both are exact and asserted by a test.", r.settings.concurrency)
	p.line("")
	p.line("| operation | requests/s | p50 ms | p99 ms | CPU | goal | | SQL | goal | | hops | goal | | refused | failed | CPU, c=1 |")
	p.line("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, row := range r.rows {
		goal := row.goal(r.hash)
		p.line("| %s | %.0f | %.1f | %.1f | **%.2f** | %s = %.2f | %s | %d (%d) | %d | %s | %d | %d | %s | %d | %d | %.2f |",
			row.name, row.loaded.rate(), row.loaded.quantile(0.5), row.loaded.quantile(0.99), row.loaded.cpu,
			row.goalText(), goal, verdict(row.loaded.cpu <= goal),
			row.count.sql, row.count.transactions, row.goalSQL, verdict(row.count.sql <= row.goalSQL),
			row.count.hops, row.goalHops, verdict(row.count.hops <= row.goalHops),
			row.loaded.refused, row.loaded.failures, row.alone.cpu)
	}
	p.line("")
	p.line("%s", remarks)
	p.line("")
	p.line("## Floors")
	p.line("")
	p.line("A generated gateway and a bare service, each a process of its own on the same Postgres, measured just before each operation that is compared with them.")
	p.line("")
	p.line("| shape | CPU, each time |")
	p.line("|---|---|")
	for _, s := range slices.Sorted(maps.Keys(r.floors)) {
		var figures []string
		for _, figure := range r.floors[s] {
			figures = append(figures, fmt.Sprintf("%.3f", figure))
		}
		p.line("| %s | %s |", s, strings.Join(figures, ", "))
	}
	p.line("| one password hash (argon2id, 19 MiB, t=2, p=1), on all processors at once | %.1f |", r.hash)
	p.line("")
	r.writeRates(p)
	r.writeFacts(p)
	r.writeSystem(p)
	p.line("## What the counts are")
	p.line("")
	for _, row := range r.rows {
		p.line("%s", row.name)
		p.line("")
		for _, call := range row.count.calls {
			p.line("- `%s`", call)
		}
		for _, statement := range row.count.statements {
			p.line("- %s", summary(statement))
		}
		p.line("")
	}
	return p.err
}

func (r *report) writeRates(p *printer) {
	if r.steadyRate == 0 {
		return
	}
	p.line("## Current user at a fixed rate")
	p.line("")
	p.line("| | requests/s | p50 ms | p99 ms | goal | | failed | sign-ins/s | of them refused with 503 |")
	p.line("|---|---|---|---|---|---|---|---|---|")
	p.line("| on an idle system | %.0f | %.1f | %.1f | | | %d | – | – |",
		r.steady.rate(), r.steady.quantile(0.5), r.steady.quantile(0.99), r.steady.failures+r.steady.refused)
	p.line("| while %d connections sign in | %.0f | %.1f | %.1f | ≤ 100 | %s | %d | %.0f | %d |",
		r.settings.concurrency, r.flood.reads.rate(), r.flood.reads.quantile(0.5), r.flood.reads.quantile(0.99),
		verdict(r.flood.reads.quantile(0.99) <= 100), r.flood.reads.failures+r.flood.reads.refused, r.flood.signIns.rate(), r.flood.signIns.refused)
	p.line("")
}

func (r *report) writeFacts(p *printer) {
	if len(r.eventDelay.latencies) == 0 {
		return
	}
	p.line("## Facts on their way")
	p.line("")
	p.line("| | facts/s | p50 ms | p95 ms | p99 ms | goal | |")
	p.line("|---|---|---|---|---|---|---|")
	p.line("| from the fact to a consumer of its event | %d | %.1f | %.1f | %.1f | p99 ≤ 100 | %s |", eventRate,
		r.eventDelay.quantile(0.5), r.eventDelay.quantile(0.95), r.eventDelay.quantile(0.99), verdict(r.eventDelay.quantile(0.99) <= 100))
	p.line("| from sending the request to the first attempt at a webhook | %d | %.1f | %.1f | %.1f | p95 ≤ 2000 | %s |", webhookRate,
		r.webhookDelay.quantile(0.5), r.webhookDelay.quantile(0.95), r.webhookDelay.quantile(0.99), verdict(r.webhookDelay.quantile(0.95) <= 2000))
	p.line("")
}

func (r *report) writeSystem(p *printer) {
	p.line("## Memory and start")
	p.line("")
	p.line("Resident memory in MiB; what processes share, such as Postgres's buffers, is divided among them.")
	p.line("")
	p.line("| process | idle | at the end of the load | %v later |", rest)
	p.line("|---|---|---|---|")
	var idle, busy, rested int64
	names := slices.SortedFunc(maps.Keys(r.busy), func(a, b string) int {
		return cmp.Or(cmp.Compare(boolRank(a == "postgres"), boolRank(b == "postgres")), strings.Compare(a, b))
	})
	for _, name := range names {
		p.line("| %s | %d | %d | %d |", name, r.idle[name]>>20, r.busy[name]>>20, r.rested[name]>>20)
		if name != "postgres" {
			idle, busy, rested = idle+r.idle[name], busy+r.busy[name], rested+r.rested[name]
		}
	}
	p.line("| **all six** | **%d** (goal ≤ 150) %s | **%d** | **%d** (goal ≤ 200) %s |",
		idle>>20, verdict(idle>>20 <= 150), busy>>20, rested>>20, verdict(rested>>20 <= 200))
	p.line("")
	p.line("The idle system uses %.1f %% of one processor, Postgres included. From the start of the dev stack until everything answers: %.1f s with existing data (goal ≤ 5) %s, the stop before included; %.1f s without, creating the databases and building the programs included.",
		100*r.background, r.warm.Seconds(), verdict(r.warm <= 5*time.Second), r.cold.Seconds())
	p.line("")
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// summary is a statement on one line.
func summary(statement string) string {
	words := strings.Fields(statement)
	text := strings.Join(words, " ")
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return "`" + strings.ReplaceAll(text, "`", "'") + "`"
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// machine tells what the figures depend on.
func machine() []string {
	facts := []string{fmt.Sprintf("%s, %d processors, %s %s, %s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		facts[0] += ", kernel " + strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		line, _, _ := strings.Cut(string(text), "\n")
		facts[0] += ", " + strings.Join(strings.Fields(line), " ")
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		facts = append(facts, "load average at the end of the run "+strings.Join(strings.Fields(string(text))[:3], " ")+"; above the number of processors, others were at work too")
	}
	return facts
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// revision is the commit of the checkout, if it is one.
func revision() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(output))
}
