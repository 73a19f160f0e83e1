//go:build unix && !linux

package stack_test

import "syscall"

func endWithUs(*syscall.SysProcAttr) {}
