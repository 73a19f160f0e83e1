package supervise

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"
)

// Spec says how a program is run.
type Spec struct {
	Name string // for reports
	Path string
	Args []string // without the program's name
	Env  []string // all of it; nothing is inherited
	Dir  string   // working directory; empty means the parent's

	// Files become descriptors 3, 4, … of the child.
	Files []*os.File
	// Credential is the user to run as; nil means the parent's.
	Credential *syscall.Credential

	// Output receives standard output and standard error, in order.
	Output io.Writer

	// Probe answers nil once the program does its work. It is asked again and
	// again while the program starts; nil means ready as soon as it runs.
	Probe func(context.Context) error

	// StopSignal asks the program to end (SIGTERM if zero); after Grace (25 s
	// if zero) it is killed.
	StopSignal syscall.Signal
	Grace      time.Duration
	// OrphanSignal is what the kernel sends when the parent has died (SIGKILL
	// if zero; Linux only).
	OrphanSignal syscall.Signal
}

func (s Spec) withDefaults() Spec {
	if s.StopSignal == 0 {
		s.StopSignal = syscall.SIGTERM
	}
	if s.Grace == 0 {
		s.Grace = 25 * time.Second
	}
	if s.OrphanSignal == 0 {
		s.OrphanSignal = syscall.SIGKILL
	}
	if s.Output == nil {
		s.Output = io.Discard
	}
	return s
}
