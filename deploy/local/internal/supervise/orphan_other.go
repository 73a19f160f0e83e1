//go:build unix && !linux

package supervise

import "syscall"

func setOrphanSignal(*syscall.SysProcAttr, syscall.Signal) {}
