// Package config is what the identity context is told by its environment beyond
// what every service is told. Variables begin with IDENTITY_.
package config
