package isolation

import (
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	policyv1 "vestibule.dev/proto/policy/v1"
	"vestibule.dev/test/client"
	"vestibule.dev/test/routes"
)

// kinds says what references name, by "<route> <field>" or by field.
var kinds = map[string]kind{
	"DELETE /auth/sessions/{id} id":      aSession,
	"DELETE /auth/sessions/{id} user_id": anyUser,

	"GET /teams cursor":                     aTeam,
	"DELETE /team-invitations/{id} id":      anInvitation,
	"POST /team-invitations/{id}/accept id": anInvitation,
	"api_key_id":                            aKeySet,
	"client_id":                             aProject,
	"code":                                  aCode,
	"contact_channel_id":                    aChannel,
	"creator_user_id":                       aUser,
	"customer_id":                           aUser,
	"new_team_id":                           aTeam,
	"owner_team_id":                         aTeam,
	"project_id":                            aProject,
	"refresh_token":                         aRefreshToken,
	"Refresh-Token":                         aRefreshToken,
	"selected_team_id":                      aTeam,
	"team_id":                               aTeam,
	"user_id":                               aUser,
	"notification_category_id":              aCategory,
	"endpoint_id":                           aWebhookEndpoint,
	"message_id":                            aWebhookMessage,
	"GET /user-api-keys/{api_key_id} api_key_id":   aUserAPIKey,
	"PATCH /user-api-keys/{api_key_id} api_key_id": aUserAPIKey,
	"GET /team-api-keys/{api_key_id} api_key_id":   aTeamAPIKey,
	"PATCH /team-api-keys/{api_key_id} api_key_id": aTeamAPIKey,

	"anon_refresh_token": aRefreshToken,
	"api_key":            anAPIKeyText,
	// Whoever holds a key may revoke it, in whatever project: e2e looks at that.
	"POST /integrations/credential-scanning/revoke api_key": aName,
	"login_code":   aLoginCode,
	"polling_code": aPollingCode,
	"cursor":       aUser,

	"GET /emails/outbox cursor": anEmail,
	// A theme may be gone by the time it is used.
	"POST /internal/email-drafts theme_id":             anyUser,
	"PATCH /internal/email-drafts/{draft_id} theme_id": anyUser,
	"domain_id":   anyUser,
	"draft_id":    aDraft,
	"email_id":    anEmail,
	"template_id": aTemplate,
	"theme_id":    aTheme,
	"user_ids":    aUser,
}

// bearers are fields that work for whoever knows their value.
var bearers = []string{"anon_refresh_token", "api_key", "login_code", "polling_code", "refresh_token"}

// chosen are ids that a project chooses in its configuration; they name nothing
// of anybody.
var chosen = []string{"contained_permission_ids", "from_product_id", "item_id", "permission_id", "price_id", "product_id", "to_product_id"}

// chosenAt are such ids where their name alone does not tell.
var chosenAt = []string{
	"POST /project-permission-definitions id", "PATCH /project-permission-definitions/{permission_id} id",
	"POST /team-permission-definitions id", "PATCH /team-permission-definitions/{permission_id} id",
}

// examples are values of the fields that are no references. Required ones must
// be there; optional ones make a request one that would change something.
var examples = map[string]map[string]any{
	"GET /images/{folder}/{name}": {"folder": "user-profile-images", "name": "3241a285-8329-4d69-8f3d-316e08cf140c.png"},
	"POST /auth/sessions":         {"is_impersonation": true},
	"POST /auth/oauth/token": {
		"grant_type": "refresh_token", "client_secret": "__stack_public_client__",
	},
	"POST /auth/passkey/register":                   {"credential": map[string]any{"type": "public-key"}},
	"POST /auth/passkey/sign-in":                    {"authentication_response": map[string]any{"type": "public-key"}},
	"POST /user-api-keys":                           {"description": "more"},
	"POST /team-api-keys":                           {"description": "more"},
	"PATCH /user-api-keys/{api_key_id}":             {"description": "changed", "revoked": true},
	"PATCH /team-api-keys/{api_key_id}":             {"description": "changed", "revoked": true},
	"POST /integrations/credential-scanning/revoke": {"api_key": "sk_nobodys"},
	"POST /auth/password/set":                       {"password": "a brand new password"},
	"POST /auth/password/sign-in":                   {"email": "nobody@example.com", "password": "a wrong password"},
	"POST /auth/password/reset":                     {"password": "a brand new password"},
	"POST /auth/password/send-reset-code":           {"email": "somebody@example.com", "callback_url": "http://localhost:3000/reset"},
	"POST /auth/otp/send-sign-in-code":              {"email": "somebody@example.com", "callback_url": "http://localhost:3000/magic"},
	"POST /auth/mfa/sign-in":                        {"type": "totp", "totp": "123456"},
	"POST /auth/password/sign-up":                   {"email": "somebody@example.com", "password": "a good password"},
	"POST /auth/password/update":                    {"old_password": "not the old one", "new_password": "a brand new password"},
	"POST /contact-channels/{user_id}/{contact_channel_id}/send-verification-code": {"callback_url": "http://localhost:3000/verify"},
	"PATCH /emails/outbox/{email_id}":                                              {"cancel": true},
	"POST /emails/send-email":                                                      {"subject": "Hello"},
	"POST /internal/send-test-email": {"recipient_email": "somebody@example.com", "email_config": map[string]any{
		"host": "mail.example.com", "port": 25, "username": "u", "password": "p", "sender_name": "s", "sender_email": "s@example.com",
	}},
	"POST /internal/send-sign-in-invitation":         {"email": "somebody@example.com", "callback_url": "http://localhost:3000/sign-in"},
	"GET /internal/email-queue-step":                 {"Authorization": "Bearer nothing"},
	"POST /internal/failed-emails-digest":            {"Authorization": "Bearer nothing"},
	"POST /internal/emails/managed-onboarding/setup": {"subdomain": "mail.example.com", "sender_local_part": "news"},
	"POST /internal/emails/managed-onboarding/check": {"subdomain": "mail.example.com", "sender_local_part": "news"},
	"POST /internal/email-templates":                 {"display_name": "Another"},
	"PATCH /internal/email-templates/{template_id}":  {"tsx_source": "<p>changed</p>"},
	"POST /internal/email-themes":                    {"display_name": "Another"},
	"PATCH /internal/email-themes/{theme_id}":        {"tsx_source": "<p>changed</p>"},
	"POST /internal/email-drafts":                    {"display_name": "Another"},
	"PATCH /internal/email-drafts/{draft_id}":        {"display_name": "Changed"},
	"PATCH /users/me":                                {"display_name": "Somebody Else"},
	"GET /images/team-profile-images/{name}":         {"name": "3241a285-8329-4d69-8f3d-316e08cf140c.png"},
	"GET /images/team-member-profile-images/{name}":  {"name": "3241a285-8329-4d69-8f3d-316e08cf140c.png"},
	"GET /teams":             {"limit": "10"},
	"POST /teams":            {"display_name": "A new team"},
	"PATCH /teams/{team_id}": {"display_name": "Taken over"},
	"PATCH /team-member-profiles/{team_id}/{user_id}":              {"display_name": "Somebody Else"},
	"POST /team-invitations/send-code":                             {"email": "somebody@example.com", "callback_url": "http://localhost:3000/join"},
	"GET /team-permissions":                                        {"recursive": "true"},
	"GET /project-permissions":                                     {"recursive": "true"},
	"POST /team-permissions/{team_id}/{user_id}/{permission_id}":   {"permission_id": "$delete_team"},
	"DELETE /team-permissions/{team_id}/{user_id}/{permission_id}": {"permission_id": "team_admin"},
	"POST /project-permissions/{user_id}/{permission_id}":          {"permission_id": "team_admin"},
	"DELETE /project-permissions/{user_id}/{permission_id}":        {"permission_id": "team_admin"},
	"POST /team-permission-definitions":                            {"id": "a_new_one"},
	"PATCH /team-permission-definitions/{permission_id}":           {"permission_id": "team_member", "id": "renamed"},
	"DELETE /team-permission-definitions/{permission_id}":          {"permission_id": "team_member"},
	"POST /project-permission-definitions":                         {"id": "a_new_one"},
	"PATCH /project-permission-definitions/{permission_id}":        {"permission_id": "beta", "id": "renamed"},
	"DELETE /project-permission-definitions/{permission_id}":       {"permission_id": "beta"},
	"POST /payments/purchases/create-purchase-url":                 {"customer_type": "user", "product_id": "starter"},
	"POST /payments/purchases/validate-code":                       {"full_code": "3241a285-8329-4d69-8f3d-316e08cf140c_code"},
	"GET /payments/purchases/validate-code":                        {"full_code": "3241a285-8329-4d69-8f3d-316e08cf140c_code"},
	"POST /payments/purchases/purchase-session":                    {"full_code": "3241a285-8329-4d69-8f3d-316e08cf140c_code", "price_id": "monthly"},
	"POST /internal/payments/test-mode-purchase-session":           {"full_code": "3241a285-8329-4d69-8f3d-316e08cf140c_code", "price_id": "monthly"},
	"PATCH /users/{user_id}":                                       {"display_name": "Somebody Else"},
	"POST /users":                                                  {"display_name": "Somebody New"},
	"GET /payments/items/{customer_type}/{customer_id}/{item_id}":  {"customer_type": "user", "item_id": "credits"},
	"POST /payments/items/{customer_type}/{customer_id}/{item_id}/update-quantity": {
		"customer_type": "user", "item_id": "credits", "allow_negative": "true", "delta": 1,
	},
	"PATCH /emails/notification-preference/{user_id}/{notification_category_id}": {"enabled": false},
	"POST /contact-channels":                                 {"value": "new@example.com", "type": "email", "used_for_auth": true, "is_primary": true},
	"PATCH /contact-channels/{user_id}/{contact_channel_id}": {"value": "changed@example.com", "used_for_auth": true, "is_primary": true},
	"POST /contact-channels/send-verification-code":          {"email": "somebody@example.com", "callback_url": "http://localhost:3000/verify"},

	"POST /internal/api-keys": {
		"description": "more", "expires_at_millis": 4102444800000, "has_publishable_client_key": true,
		"has_secret_server_key": true, "has_super_secret_admin_key": true,
	},
	"PATCH /internal/api-keys/{api_key_id}":                {"description": "changed", "revoked": true},
	"GET /internal/config/override/{level}":                {"level": "environment"},
	"PATCH /internal/config/override/{level}":              {"level": "environment", "config_override_string": `{"auth.allowSignUp":false}`},
	"PUT /internal/config/override/{level}":                {"level": "environment", "config_string": `{"auth.allowSignUp":false}`},
	"POST /internal/config/override/{level}/reset-keys":    {"level": "environment", "keys": []string{"auth"}},
	"POST /internal/projects":                              {"display_name": "Yet another"},
	"POST /internal/onboarding/preview-affected-users":     {"onboarding": map[string]any{"require_email_verification": true}},
	"POST /webhooks/endpoints":                             {"url": "https://hooks.example.com/more"},
	"PATCH /webhooks/endpoints/{endpoint_id}":              {"description": "changed"},
	"POST /webhooks/endpoints/{endpoint_id}/secret/rotate": {},
	"POST /webhooks/endpoints/{endpoint_id}/replay":        {"since_millis": 0},
	"PATCH /internal/projects/current":                     {"display_name": "Renamed"},
}

// references are the fields of a route that name something of somebody.
func references(t *testing.T, r routes.Route) map[string]kind {
	t.Helper()
	found := map[string]kind{}
	for _, field := range r.Fields {
		if !refers(r, field) {
			continue
		}
		k, ok := kinds[r.String()+" "+field.Name]
		if !ok {
			k, ok = kinds[field.Name]
		}
		if !ok {
			t.Fatalf("%s has a reference %s: say in kinds what it names", r, field.Name)
		}
		if k != aName {
			found[field.Name] = k
		}
	}
	return found
}

// refers reports whether a field looks like a reference: by its rule or by its
// name.
func refers(r routes.Route, f routes.Field) bool {
	if f.Policy.GetUserIdOrMe() || f.Policy.GetHeader() == "Refresh-Token" {
		return true
	}
	if options, ok := f.Descriptor.Options().(*descriptorpb.FieldOptions); ok && options != nil {
		if rules, _ := proto.GetExtension(options, validate.E_Field).(*validate.FieldRules); rules != nil {
			s := rules.GetString()
			if isSet(s, policyv1.E_UuidV1To5) || isSet(s, policyv1.E_OneTimeCode) {
				return true
			}
		}
	}
	return !slices.Contains(chosen, f.Name) && !slices.Contains(chosenAt, r.String()+" "+f.Name) && (f.Name == "id" || strings.HasSuffix(f.Name, "_id") || strings.HasSuffix(f.Name, "_ids") || slices.Contains(bearers, f.Name))
}

// request is one concrete request of a route.
type request struct {
	method, path string
	body         any
	headers      map[string]string
}

// send sends the request as a caller.
func (r request) send(t *testing.T, c *client.Client) client.Response {
	t.Helper()
	for name, value := range r.headers {
		c = c.With(name, value)
	}
	return call(t, c, r.method, r.path, r.body)
}

// build fills a route with references and examples.
func build(t *testing.T, r routes.Route, refs map[string]string) request {
	t.Helper()
	path := r.Path
	query := url.Values{}
	body := map[string]any{}
	built := request{method: r.Method, headers: map[string]string{}}
	hasBody := false
	for _, field := range r.Fields {
		hasBody = hasBody || field.Place == routes.InBody
		value, ok := any(nil), false
		if refs != nil {
			value, ok = refs[field.Name], refs[field.Name] != ""
		}
		if !ok {
			value, ok = examples[r.String()][field.Name]
		}
		if !ok {
			if field.Required() && !refers(r, field) {
				t.Fatalf("%s needs its field %s: give an example of it", r, field.Name)
			}
			continue
		}
		if options := field.Descriptor; ok && refs != nil && refers(r, field) && (options.IsList() || options.Message() != nil && options.Message().FullName() == "google.protobuf.ListValue") {
			value = []any{value}
		}
		switch field.Place {
		case routes.InPath:
			path = strings.ReplaceAll(path, "{"+field.Name+"}", url.PathEscape(value.(string)))
		case routes.InQuery:
			query.Set(field.Name, value.(string))
		case routes.InHeader:
			built.headers[field.Name] = value.(string)
		case routes.InBody:
			body[field.Name] = value
		}
	}
	if hasBody {
		built.body = body
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	built.path = path
	return built
}

// stranger makes up something of a kind that nobody has.
func stranger(k kind) string {
	switch k {
	case aCategory:
		return "4f6f8873-3d04-46bd-8bef-18338b1a1b4c"
	case aCode, aRefreshToken, aLoginCode, aPollingCode, anAPIKeyText:
		return strings.ToLower(rand.Text() + rand.Text())[:45]
	}
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// isSet reports whether a string field has to have a format.
func isSet(rules *validate.StringRules, format protoreflect.ExtensionType) bool {
	if rules == nil || !proto.HasExtension(rules, format) {
		return false
	}
	on, _ := proto.GetExtension(rules, format).(bool)
	return on
}
