package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// legacySwitches are the legacy fields that are one bool.
var legacySwitches = []struct{ field, key string }{
	{"sign_up_enabled", "auth.allowSignUp"},
	{"credential_enabled", "auth.password.allowSignIn"},
	{"magic_link_enabled", "auth.otp.allowSignIn"},
	{"passkey_enabled", "auth.passkey.allowSignIn"},
	{"client_team_creation_enabled", "teams.allowClientTeamCreation"},
	{"create_team_on_sign_up", "teams.createPersonalTeamOnSignUp"},
	{"client_user_deletion_enabled", "users.allowClientUserDeletion"},
	{"allow_localhost", "domains.allowLocalhost"},
	{"allow_user_api_keys", "apiKeys.enabled.user"},
	{"allow_team_api_keys", "apiKeys.enabled.team"},
	{"require_email_verification", "onboarding.requireEmailVerification"}, // write only
}

var legacyPermissionLists = []struct{ field, key string }{
	{"team_creator_default_permissions", "rbac.defaultPermissions.teamCreator"},
	{"team_member_default_permissions", "rbac.defaultPermissions.teamMember"},
	{"user_default_permissions", "rbac.defaultPermissions.signUp"},
}

// LegacyPatch turns the writable fields of a legacy configuration into an
// environment override to be applied over the stored one. Absent fields stay
// as they are; lists and email_config are replaced whole. The fields are the
// values of decoded JSON (map[string]any, []any, float64, …); text forms of
// numbers and bools are accepted as everywhere in the API.
//
// problems holds one line per field at fault, each beginning with the path of
// the field, for a schema error; the Document is then empty. Whether
// email_theme names a theme depends on the stored configuration: ask
// [Rendered.HasTheme] of the result.
//
// newID makes the ids of trusted domains and bundles, which the legacy form
// does not show; [ids.NewUUID] will do.
func LegacyPatch(config map[string]any, newID func() string) (doc Document, problems []string) {
	const at = "body.config"
	in := fieldReader{newID: newID}
	known := []string{"oauth_account_merge_strategy", "oauth_providers", "domains", "email_config", "email_theme"}
	out := &object{}
	for _, s := range legacySwitches {
		known = append(known, s.field)
		if v, ok := in.boolean(config, at, s.field); ok {
			out.set(s.key, v)
		}
	}
	if v, ok := in.enum(config, at, "oauth_account_merge_strategy", mergeStrategies, false); ok {
		out.set("auth.oauth.accountMergeStrategy", v)
	}
	if v, ok := in.text(config, at, "email_theme", textRule{}); ok {
		out.set("emails.selectedThemeId", v)
	}
	if list, ok := in.list(config, at, "oauth_providers"); ok {
		out.set("auth.oauth.providers", in.oauthProviders(list, at+".oauth_providers"))
	}
	if list, ok := in.list(config, at, "domains"); ok {
		out.set("domains.trustedDomains", in.domains(list, at+".domains"))
	}
	if v, ok := in.object(config, at, "email_config"); ok {
		out.set("emails.server", in.emailServer(v, at+".email_config"))
	}
	for _, l := range legacyPermissionLists {
		known = append(known, l.field)
		if list, ok := in.list(config, at, l.field); ok {
			out.set(l.key, in.permissions(list, at+"."+l.field))
		}
	}
	in.refuseUnknown(config, at, known...)
	if len(in.problems) > 0 {
		return Document{}, in.problems
	}
	return Document{level: Environment, root: out}, nil
}

func (in *fieldReader) oauthProviders(list []any, path string) *object {
	out := &object{}
	for p, at := range in.objects(list, path) {
		in.refuseUnknown(p, at, "id", "type", "client_id", "client_secret", "facebook_config_id", "microsoft_tenant_id", "apple_bundle_ids")
		id, known := in.enum(p, at, "id", providerTypes, true)
		kind, _ := in.enum(p, at, "type", []string{"shared", "standard"}, true)
		standard := kind == "standard"
		entry := obj("type", id, "isShared", !standard, "allowSignIn", true, "allowConnectedAccounts", true)
		credential := textRule{required: standard, notEmpty: standard}
		in.copyText(p, at, "client_id", credential, entry, "clientId")
		in.copyText(p, at, "client_secret", credential, entry, "clientSecret")
		in.copyText(p, at, "facebook_config_id", textRule{}, entry, "facebookConfigId")
		in.copyText(p, at, "microsoft_tenant_id", textRule{}, entry, "microsoftTenantId")
		if bundles, ok := in.list(p, at, "apple_bundle_ids"); ok {
			record := &object{}
			for i, v := range bundles {
				if s, ok := asText(v); ok {
					record.set(in.newID(), obj("bundleId", s))
				} else {
					in.problem("%s.apple_bundle_ids[%d] must be a string", at, i)
				}
			}
			entry.set("appleBundles", record)
		}
		if known && out.has(id) {
			in.problem("%s.id names a provider that is listed before", at)
		}
		out.set(id, entry)
	}
	return out
}

func (in *fieldReader) domains(list []any, path string) *object {
	out := &object{}
	for d, at := range in.objects(list, path) {
		in.refuseUnknown(d, at, "domain", "handler_path")
		entry := &object{}
		in.copyText(d, at, "domain", textRule{required: true, max: 300, accepts: isDomainURL, expects: "a URL that begins with http:// or https://"}, entry, "baseUrl")
		in.copyText(d, at, "handler_path", textRule{required: true, max: 300, accepts: isPath, expects: "a path that begins with /"}, entry, "handlerPath")
		out.set(in.newID(), entry)
	}
	return out
}

func (in *fieldReader) emailServer(config map[string]any, at string) *object {
	in.refuseUnknown(config, at, "type", "host", "port", "username", "password", "sender_name", "sender_email")
	if kind, _ := in.enum(config, at, "type", []string{"shared", "standard"}, true); kind != "standard" {
		return obj("isShared", true)
	}
	server := obj("isShared", false, "provider", "smtp")
	required := textRule{required: true, notEmpty: true}
	in.copyText(config, at, "host", required, server, "host")
	if port, ok := in.port(config, at, "port"); ok {
		server.set("port", port)
	}
	in.copyText(config, at, "username", required, server, "username")
	in.copyText(config, at, "password", textRule{required: true, notEmpty: true, max: 70}, server, "password")
	in.copyText(config, at, "sender_name", required, server, "senderName")
	in.copyText(config, at, "sender_email", textRule{required: true, notEmpty: true, accepts: isAddress, expects: "an e-mail address"}, server, "senderEmail")
	return server
}

func (in *fieldReader) permissions(list []any, path string) *object {
	out := &object{}
	rule := idRules["permissionReference"]
	for p, at := range in.objects(list, path) {
		in.refuseUnknown(p, at, "id")
		if id, ok := in.text(p, at, "id", textRule{required: true, accepts: rule.accepts, expects: rule.expects}); ok {
			out.set(id, true)
		}
	}
	return out
}

func isDomainURL(s string) bool {
	// Wildcards are no part of a URL's syntax, so they are tried as letters.
	u, err := url.Parse(strings.ReplaceAll(s, "*", "x"))
	return err == nil && (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) &&
		u.Hostname() != "" && !strings.ContainsFunc(s, isSpaceOrControl)
}

func isPath(s string) bool { return strings.HasPrefix(s, "/") }

func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !strings.ContainsFunc(s, isSpaceOrControl)
}

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }

// fieldReader takes typed fields out of decoded JSON and collects a line per
// field at fault.
type fieldReader struct {
	newID    func() string
	problems []string
}

// textRule restricts a string field.
type textRule struct {
	required, notEmpty bool
	max                int // in characters; 0 = unlimited
	accepts            func(string) bool
	expects            string // completes "must be"
}

func (in *fieldReader) problem(format string, args ...any) {
	in.problems = append(in.problems, fmt.Sprintf(format, args...))
}

// refuseUnknown names fields that do not belong.
func (in *fieldReader) refuseUnknown(fields map[string]any, at string, known ...string) {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			unknown = append(unknown, strconv.Quote(clip(name)))
		}
	}
	if len(unknown) > 0 {
		in.problem("%s contains unknown properties: %s", at, clip(strings.Join(unknown, ", ")))
	}
}

// field returns a field that is present and not null.
func (in *fieldReader) field(fields map[string]any, at, name string, required bool) (any, bool) {
	v, ok := fields[name]
	switch {
	case !ok && required:
		in.problem("%s.%s is required", at, name)
	case ok && v == nil:
		in.problem("%s.%s must not be null", at, name)
	}
	return v, ok && v != nil
}

func (in *fieldReader) text(fields map[string]any, at, name string, rule textRule) (string, bool) {
	v, ok := in.field(fields, at, name, rule.required)
	if !ok {
		return "", false
	}
	s, ok := asText(v)
	switch {
	case !ok:
		in.problem("%s.%s must be a string", at, name)
	case rule.notEmpty && s == "":
		in.problem("%s.%s must not be empty", at, name)
	case rule.max > 0 && utf8.RuneCountInString(s) > rule.max:
		in.problem("%s.%s must be at most %d characters long", at, name, rule.max)
	case rule.accepts != nil && !rule.accepts(s):
		in.problem("%s.%s must be %s", at, name, rule.expects)
	default:
		return s, true
	}
	return "", false
}

func (in *fieldReader) copyText(fields map[string]any, at, name string, rule textRule, to *object, key string) {
	if s, ok := in.text(fields, at, name, rule); ok {
		to.set(key, s)
	}
}

func (in *fieldReader) enum(fields map[string]any, at, name string, values []string, required bool) (string, bool) {
	v, ok := in.field(fields, at, name, required)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	if !ok || !slices.Contains(values, s) {
		in.problem("%s.%s must be one of %s", at, name, strings.Join(values, ", "))
		return "", false
	}
	return s, true
}

func (in *fieldReader) boolean(fields map[string]any, at, name string) (value, ok bool) {
	v, ok := in.field(fields, at, name, false)
	if !ok {
		return false, false
	}
	switch v {
	case true, "true", "1", 1.0:
		return true, true
	case false, "false", "0", 0.0:
		return false, true
	}
	in.problem("%s.%s must be true or false", at, name)
	return false, false
}

func (in *fieldReader) port(fields map[string]any, at, name string) (float64, bool) {
	v, ok := in.field(fields, at, name, true)
	if !ok {
		return 0, false
	}
	if s, isText := v.(string); isText && s != "" {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			v = n
		}
	}
	if !isInteger(v, 0, 65535) {
		in.problem("%s.%s must be an integer from 0 to 65535", at, name)
		return 0, false
	}
	n, _ := v.(float64)
	return n, true
}

func (in *fieldReader) object(fields map[string]any, at, name string) (map[string]any, bool) {
	v, ok := in.field(fields, at, name, false)
	if !ok {
		return nil, false
	}
	o, ok := v.(map[string]any)
	if !ok {
		in.problem("%s.%s must be an object", at, name)
	}
	return o, ok
}

func (in *fieldReader) list(fields map[string]any, at, name string) ([]any, bool) {
	v, ok := in.field(fields, at, name, false)
	if !ok {
		return nil, false
	}
	list, ok := v.([]any)
	if !ok {
		in.problem("%s.%s must be an array", at, name)
	}
	return list, ok
}

// objects yields the objects of a list with their paths.
func (in *fieldReader) objects(list []any, path string) func(yield func(map[string]any, string) bool) {
	return func(yield func(map[string]any, string) bool) {
		for i, v := range list {
			at := fmt.Sprintf("%s[%d]", path, i)
			o, ok := v.(map[string]any)
			if !ok {
				in.problem("%s must be an object", at)
				continue
			}
			if !yield(o, at) {
				return
			}
		}
	}
}

// asText accepts the text forms of numbers and bools.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return string(appendJSON(nil, v)), true
	}
	return "", false
}
