// Package check holds what is deployed against the code it deploys: the chart,
// the compose file and the build of the images. It needs neither a cluster nor a
// container engine.
//
// It is a module of its own because its dependencies are heavy and no program of
// vestibule should have them.
package check
