// Command sessions is the sessions context: refresh tokens, access tokens and
// the keys that sign them.
package main

import (
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/sessions"
)

func main() {
	service.Main(sessions.Command())
}
