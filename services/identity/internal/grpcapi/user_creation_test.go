package grpcapi

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
)

// Every field of the message reaches exactly one field of the creation.
func TestUserCreation_eachField_arrivesAlone(t *testing.T) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(everything), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "selected_team_id")
	all["oauth_providers"] = json.RawMessage(`[{"id": "google", "account_id": "17", "email": null}]`)
	if n := (&identityv1.CreateUserRequest{}).ProtoReflect().Descriptor().Fields().Len(); n != len(all) {
		t.Fatalf("%d fields are tested, there are %d", len(all), n)
	}
	reached := map[string]string{}
	for name, value := range all {
		got, err := creationOf(t, `{"`+name+`": `+string(value)+`}`)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var set []string
		for field, value := range reflect.ValueOf(got.UserPatch).Fields() {
			if value.MethodByName("IsSet").Call(nil)[0].Bool() {
				set = append(set, field.Name)
			}
		}
		if got.OAuthAccounts != nil {
			set = append(set, "OAuthAccounts")
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
}

func TestUserCreation_nulls_areAbsent(t *testing.T) {
	nullable := []string{
		"display_name", "profile_image_url", "client_metadata", "client_read_only_metadata", "server_metadata", "primary_email",
		"password", "totp_secret_base64", "restricted_by_admin_reason", "restricted_by_admin_private_details", "country_code",
	}
	got, err := creationOf(t, `{"`+strings.Join(nullable, `": null, "`)+`": null}`)
	if err != nil || !reflect.DeepEqual(got, app.UserCreation{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestUserCreation_accounts_keepTheirOrder(t *testing.T) {
	got, err := creationOf(t, `{"oauth_providers": [{"id": "x", "account_id": "2"}, {"id": "google", "account_id": "1", "email": "a@b"}]}`)
	if err != nil || len(got.OAuthAccounts) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if first, second := got.OAuthAccounts[0], got.OAuthAccounts[1]; first.ProviderConfigID != "x" || first.AccountID != "2" || first.Email != nil ||
		second.Email == nil || *second.Email != "a@b" {
		t.Errorf("accounts %+v", got.OAuthAccounts)
	}
}

func creationOf(t *testing.T, body string) (app.UserCreation, error) {
	t.Helper()
	req := &identityv1.CreateUserRequest{}
	if err := protojson.Unmarshal([]byte(body), req); err != nil {
		t.Fatal(err)
	}
	return userCreation(req)
}

// A patch and a creation of a user share their fields, with the few exceptions
// of the contract.
func TestUserPatchAndCreation_fields_areTheSame(t *testing.T) {
	names := func(message proto.Message) (names []string) {
		fields := message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			names = append(names, string(fields.Get(i).Name()))
		}
		slices.Sort(names)
		return names
	}
	creation := slices.DeleteFunc(names(&identityv1.CreateUserRequest{}), func(name string) bool { return name == "oauth_providers" })
	change := slices.DeleteFunc(names(&identityv1.UserPatch{}), func(name string) bool { return name == "selected_team_id" })
	if !slices.Equal(creation, change) {
		t.Errorf("a creation has %v, a patch %v", creation, change)
	}
}
