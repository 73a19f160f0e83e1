// Command teams is the teams context: teams, memberships, permissions and
// invitations.
package main

import (
	"vestibule.dev/pkg/service"
	"vestibule.dev/services/teams"
)

func main() {
	service.Main(teams.Command())
}
