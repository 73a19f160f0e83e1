// Command identity is the identity context: projects, configuration, users and
// their credentials.
package main

import (
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/identity"
)

func main() {
	service.Main(identity.Command())
}
