package events

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// What the managers of a team write into it does not keep its members from
// changing anything of theirs.
func TestEncode_userOfALargeTeam_fits(t *testing.T) {
	large := json.RawMessage(`"` + strings.Repeat("x", 900_000) + `"`)
	small := json.RawMessage(`"small"`)
	for name, tt := range map[string]struct {
		name     string
		metadata json.RawMessage
		wantName string
		want     any
	}{
		"large":      {"Team", large, "Team", nil},
		"large name": {strings.Repeat("ü", 450_000), small, strings.Repeat("ü", maxTeamName), nil},
		"small":      {"Team", small, "Team", "small"},
	} {
		view := app.UserView{
			User:         domain.User{Tenant: ids.Tenant{ProjectID: "p", BranchID: "main"}, ID: "u", ClientMetadata: json.RawMessage(`"` + strings.Repeat("y", 700_000) + `"`)},
			SelectedTeam: &domain.Team{ID: "t", DisplayName: tt.name, ClientMetadata: tt.metadata},
		}
		envelope, err := Encode(t.Context(), app.UserUpdated{User: view})
		if err != nil {
			t.Fatal(err)
		}
		if size := proto.Size(envelope); size > outbox.MaxEvent {
			t.Errorf("%s: %d bytes", name, size)
		}
		user := envelope.GetUserUpdated().GetUser().AsMap()
		team, ok := user["selected_team"].(map[string]any)
		if !ok || team["id"] != "t" || team["display_name"] != tt.wantName || team["client_metadata"] != tt.want {
			t.Errorf("%s: the team is told as %.200v", name, user["selected_team"])
		}
		if metadata, _ := user["client_metadata"].(string); len(metadata) != 700_000 {
			t.Errorf("%s: the user's own metadata has %d bytes", name, len(metadata))
		}
	}
}
