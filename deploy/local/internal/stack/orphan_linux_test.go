package stack_test

import "syscall"

// endWithUs lets a test that is aborted leave nothing behind.
func endWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
