package docs

import (
	"slices"

	policyv1 "vestibule.dev/proto/policy/v1"
)

// headerPrefix begins the names of the API's own headers.
const headerPrefix = "X-Hexclave-"

// Names of the security schemes. The page that shows the description fills
// them in by these names.
const (
	schemeProject        = "projectId"
	schemeBranch         = "branchId"
	schemeAccessType     = "accessType"
	schemePublishableKey = "publishableClientKey"
	schemeServerKey      = "secretServerKey"
	schemeAdminKey       = "superSecretAdminKey"
	schemeAdminToken     = "adminAccessToken"
	schemeAccessToken    = "accessToken"
)

var securitySchemes = object[securityScheme]{
	scheme(schemeProject, "Project-Id", "Id of the project."),
	scheme(schemeBranch, "Branch-Id", "Branch of the project; main when it is left out."),
	scheme(schemeAccessType, "Access-Type", "client, server or admin: whose rights the request wants."),
	scheme(schemePublishableKey, "Publishable-Client-Key", "Key of access type client. Projects may do without."),
	scheme(schemeServerKey, "Secret-Server-Key", "Key of access type server. Keep it on your servers."),
	scheme(schemeAdminKey, "Super-Secret-Admin-Key", "Key of access type admin. Keep it to yourself."),
	scheme(schemeAdminToken, "Admin-Access-Token", "Access token of an operator, a user of project internal; replaces any key."),
	scheme(schemeAccessToken, "Access-Token", "Access token of a user, from a sign-in or a refresh."),
}

func scheme(name, header, description string) member[securityScheme] {
	return member[securityScheme]{name, securityScheme{
		Type: "apiKey", In: "header", Name: headerPrefix + header, Description: description,
	}}
}

// security lists the combinations of credentials an operation accepts.
func security(policy *policyv1.Method) []map[string][]string {
	list := []map[string][]string{}
	add := func(names ...string) {
		combination := map[string][]string{schemeProject: {}, schemeAccessType: {}}
		for _, name := range names {
			combination[name] = []string{}
		}
		list = append(list, combination)
	}
	if policy.GetPublic() {
		list = append(list, map[string][]string{})
	}
	accepts := func(a policyv1.Access) bool { return slices.Contains(policy.GetAccess(), a) }
	if accepts(policyv1.Access_ACCESS_CLIENT) {
		add()
		add(schemePublishableKey, schemeAccessToken, schemeBranch)
	}
	if accepts(policyv1.Access_ACCESS_SERVER) {
		add(schemeServerKey)
		add(schemeServerKey, schemeAccessToken, schemeBranch)
	}
	if accepts(policyv1.Access_ACCESS_ADMIN) {
		add(schemeAdminKey)
		add(schemeAdminKey, schemeAccessToken, schemeBranch)
		add(schemeAdminToken)
	}
	return list
}
