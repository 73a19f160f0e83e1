// Command notifications is the notifications context: mails, templates and
// preferences.
package main

import (
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/notifications"
)

func main() {
	service.Main(notifications.Command())
}
