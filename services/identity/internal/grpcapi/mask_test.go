package grpcapi

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pbpatch"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// clientFields are what a client may write of its user (users.md §1.2).
var clientFields = []string{
	"client_metadata", "display_name", "otp_auth_enabled", "passkey_auth_enabled", "primary_email",
	"profile_image_url", "selected_team_id", "totp_secret_base64",
}

// serverFields are what only servers may write.
var serverFields = []string{
	"client_read_only_metadata", "country_code", "is_anonymous", "password", "password_hash", "primary_email_auth_enabled",
	"primary_email_verified", "restricted_by_admin", "restricted_by_admin_private_details", "restricted_by_admin_reason",
	"risk_scores", "server_metadata",
}

// R2.
func TestNewMask_everyField_isAllowedToWhomItBelongs(t *testing.T) {
	fields := (&identityv1.UserPatch{}).ProtoReflect().Descriptor().Fields()
	if got, want := fields.Len(), len(clientFields)+len(serverFields); got != want {
		t.Errorf("the message has %d fields, want %d", got, want)
	}
	for _, access := range []principal.Access{principal.AccessClient, principal.AccessServer, principal.AccessAdmin} {
		for _, name := range slices.Concat(clientFields, serverFields) {
			_, err := pbpatch.New(&fieldmaskpb.FieldMask{Paths: []string{name}}, &identityv1.UserPatch{}, access)
			if access == principal.AccessClient && slices.Contains(serverFields, name) {
				if !apierr.HasCode(err, apierr.CodeSchemaError) {
					t.Errorf("%s may write %s: %v", access, name, err)
				}
			} else if err != nil {
				t.Errorf("%s may not write %s: %v", access, name, err)
			}
		}
	}
}

func TestNewMask_unknownFields_areReportedTogether(t *testing.T) {
	paths := &fieldmaskpb.FieldMask{Paths: []string{"id", "display_name", "server_metadata.plan", "user", ""}}
	_, err := pbpatch.New(paths, &identityv1.UserPatch{}, principal.AccessClient)
	known, ok := errors.AsType[*apierr.Error](err)
	if !ok {
		t.Fatal(err)
	}
	for _, name := range []string{"body.id:", "body.server_metadata:", "body.user:"} {
		if !strings.Contains(known.Message, name) {
			t.Errorf("%q does not name %s", known.Message, name)
		}
	}
	if strings.Contains(known.Message, "display_name") {
		t.Errorf("%q names a good field", known.Message)
	}
}

func TestNewMask_deepPaths_meanTheWholeField(t *testing.T) {
	paths := &fieldmaskpb.FieldMask{Paths: []string{"client_metadata.a.b", "client_metadata.c", "display_name"}}
	got, err := pbpatch.New(paths, &identityv1.UserPatch{}, principal.AccessClient)
	if err != nil || !maps.Equal(got, pbpatch.Mask{"client_metadata": true, "display_name": true}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := pbpatch.New(nil, &identityv1.UserPatch{}, principal.AccessClient); err != nil || len(got) != 0 {
		t.Errorf("no mask: %v, %v", got, err)
	}
}

func TestMask_fields_keepTheirThreeStates(t *testing.T) {
	present, absent := pbpatch.Mask{"f": true}, pbpatch.Mask{}
	on := true
	object, err := structpb.NewValue(map[string]any{"a": nil})
	if err != nil {
		t.Fatal(err)
	}

	if f := absent.Text("f", wrapperspb.String("x")); f.IsSet() {
		t.Error("a text without mask is set")
	}
	if f := present.Text("f", nil); !f.IsNull() {
		t.Error("null is not null")
	}
	if v, ok := present.Text("f", wrapperspb.String("x")).Get(); !ok || v != "x" {
		t.Errorf("text %q", v)
	}
	if f := absent.Flag("f", &on); f.IsSet() {
		t.Error("a flag without mask is set")
	}
	if f := present.Flag("f", nil); f.IsSet() {
		t.Error("a flag cannot be null")
	}
	if v, ok := present.Flag("f", &on).Get(); !ok || !v {
		t.Error("the flag is lost")
	}
	for name, tt := range map[string]struct {
		mask        pbpatch.Mask
		value       *structpb.Value
		isSet, null bool
		text        string
	}{
		"absent":    {absent, object, false, false, ""},
		"missing":   {present, nil, true, true, ""},
		"JSON null": {present, structpb.NewNullValue(), true, true, ""},
		"object":    {present, object, true, false, `{"a":null}`},
	} {
		f, err := tt.mask.JSON("f", tt.value)
		got, _ := f.Get()
		if err != nil || f.IsSet() != tt.isSet || f.IsNull() != tt.null || string(got) != tt.text {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}
