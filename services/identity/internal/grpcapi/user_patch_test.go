package grpcapi

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

const everything = `{
	"display_name": "Ada", "profile_image_url": "https://example.com/a.png", "client_metadata": {"a": 1},
	"selected_team_id": "3241a285-8329-4d69-8f3d-316e08cf140c", "totp_secret_base64": "a2V5", "primary_email": "ada@example.com",
	"otp_auth_enabled": false, "passkey_auth_enabled": false, "client_read_only_metadata": [1], "server_metadata": "x",
	"primary_email_verified": false, "primary_email_auth_enabled": false, "password": "p", "password_hash": "h",
	"is_anonymous": false, "restricted_by_admin": true, "restricted_by_admin_reason": "r",
	"restricted_by_admin_private_details": "d", "country_code": "CH", "risk_scores": {"sign_up": {"bot": 1, "free_trial_abuse": 2}}
}`

// Every field of the message reaches exactly one field of the patch, and only
// if the mask names it.
func TestUserPatch_eachField_arrivesAlone(t *testing.T) {
	body := &identityv1.UserPatch{}
	if err := protojson.Unmarshal([]byte(everything), body); err != nil {
		t.Fatal(err)
	}
	reached := map[string]string{}
	for _, name := range slices.Concat(clientFields, serverFields) {
		got, err := userPatch(&identityv1.UpdateCurrentUserRequest{
			User: body, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{name}},
		}, principal.AccessServer)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var set []string
		for field, value := range reflect.ValueOf(got).Fields() {
			if value.MethodByName("IsSet").Call(nil)[0].Bool() {
				set = append(set, field.Name)
			}
		}
		if len(set) != 1 {
			t.Errorf("%s sets %v", name, set)
			continue
		}
		if other, taken := reached[set[0]]; taken {
			t.Errorf("%s and %s both set %s", name, other, set[0])
		}
		reached[set[0]] = name
	}
	if n := reflect.TypeFor[app.UserPatch]().NumField(); len(reached) != n {
		t.Errorf("%d of %d fields of the patch reached", len(reached), n)
	}
}

func TestUserPatch_totpSecret_isDecoded(t *testing.T) {
	for text, want := range map[string]string{`"a2V5"`: "key", `null`: "", `""`: "error", `"a2V"`: "error"} {
		body := &identityv1.UserPatch{}
		if err := protojson.Unmarshal([]byte(`{"totp_secret_base64": `+text+`}`), body); err != nil {
			t.Fatal(err)
		}
		got, err := userPatch(&identityv1.UpdateCurrentUserRequest{
			User: body, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"totp_secret_base64"}},
		}, principal.AccessClient)
		key, _ := got.TOTPSecret.Get()
		switch {
		case want == "error":
			if !apierr.HasCode(err, apierr.CodeSchemaError) {
				t.Errorf("%s: %v", text, err)
			}
		case err != nil || string(key) != want || got.TOTPSecret.IsNull() != (want == ""):
			t.Errorf("%s: %q, %v", text, key, err)
		}
	}
}
