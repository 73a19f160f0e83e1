// Package supervise keeps child processes running and never lets one outlive
// its parent.
//
// A child that ends by itself is started again, at first at once and then
// after growing pauses. Every child leads a process group of its own, so that
// Ctrl-C in a terminal reaches the parent alone and the parent decides in
// which order things stop. On Linux the kernel ends the children when the
// parent dies, however it dies; elsewhere a SIGKILL of the parent leaves them
// behind.
package supervise
