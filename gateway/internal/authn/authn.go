package authn

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"vestibule.dev/pkg/accesstoken"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
)

// publicClientKey stands for "no publishable client key".
const publicClientKey = "__stack_public_client__"

// internalProject is the project whose users operate the others.
const internalProject = "internal"

// Identity is who a request turned out to come from. The zero value is an
// unauthenticated request.
type Identity struct {
	principal.Principal
	// Email is the user's primary e-mail as their access token has it.
	Email string
}

// Authenticator decides who a request comes from.
type Authenticator struct {
	projects *Projects
	tokens   *accesstoken.Verifier
	identity identityv1.ProjectInternalServiceClient
	clock    clock.Clock
}

// New returns an authenticator.
func New(projects *Projects, tokens *accesstoken.Verifier, identity identityv1.ProjectInternalServiceClient, c clock.Clock) *Authenticator {
	return &Authenticator{projects: projects, tokens: tokens, identity: identity, clock: c}
}

// credentials are the headers of protocol §2 that authenticate.
type credentials struct {
	access          string
	project         string
	branch          string
	keys            [3]string
	adminToken      string
	accessToken     string
	allowAnonymous  bool
	allowRestricted bool
}

// header returns the value of a header in the spelling the edge keeps. A
// header given twice is joined like everywhere on the web, so that it matches
// nothing instead of one or the other.
func header(h http.Header, name string) string {
	if values := h["X-Stack-"+name]; len(values) != 1 {
		return strings.Join(values, ", ")
	} else {
		return values[0]
	}
}

func read(h http.Header) credentials {
	c := credentials{
		access:  header(h, "Access-Type"),
		project: header(h, "Project-Id"),
		branch:  mainBranch,
		keys: [3]string{
			keyClient: header(h, "Publishable-Client-Key"),
			keyServer: header(h, "Secret-Server-Key"),
			keyAdmin:  header(h, "Super-Secret-Admin-Key"),
		},
		adminToken:     header(h, "Admin-Access-Token"),
		accessToken:    header(h, "Access-Token"),
		allowAnonymous: header(h, "Allow-Anonymous-User") == "true",
	}
	c.allowRestricted = c.allowAnonymous || header(h, "Allow-Restricted-User") == "true"
	if _, sent := h["X-Stack-Branch-Id"]; sent {
		c.branch = header(h, "Branch-Id")
	}
	return c
}

// Authenticate runs steps 3 to 12 of protocol §5. Its error is the first that
// applies, always an *apierr.Error.
func (a *Authenticator) Authenticate(ctx context.Context, h http.Header) (Identity, error) {
	c := read(h)
	if c.access == "" {
		if c.keys != [3]string{} || c.adminToken != "" {
			return Identity{}, apierr.ProjectKeyWithoutAccessType()
		}
		return Identity{}, nil
	}
	access := principal.Access(c.access)
	if !access.Valid() {
		return Identity{}, apierr.InvalidAccessType(c.access)
	}
	if c.project == "" {
		return Identity{}, apierr.AccessTypeWithoutProjectID(c.access)
	}
	user, err := a.user(ctx, &c)
	if apierr.HasCode(err, apierr.CodeUnparsableAccessToken) && accesstoken.ClaimedProject(c.accessToken) == c.project {
		// The keys of a deleted project go with it, and then nobody can read
		// its tokens any more. What is wrong is the project.
		if project, lookUpErr := a.projects.get(ctx, c.project); lookUpErr == nil && project == nil {
			err = apierr.CurrentProjectNotFound(c.project)
		}
	}
	if err != nil {
		return Identity{}, err
	}
	project, err := a.projects.get(ctx, c.project)
	if err != nil {
		return Identity{}, err
	}
	if project == nil {
		return Identity{}, apierr.CurrentProjectNotFound(c.project)
	}
	operator := ""
	if c.adminToken != "" {
		operator, err = a.admin(ctx, &c)
	} else {
		err = a.key(&c, access, project)
	}
	if err != nil {
		return Identity{}, err
	}
	if !project.hasBranch(c.branch) {
		return Identity{}, apierr.BranchDoesNotExist(c.branch)
	}
	id := Identity{Principal: principal.Principal{
		ProjectID:     project.id,
		BranchID:      c.branch,
		Access:        access,
		ConfigVersion: project.version,
		AdminUserID:   operator,
	}}
	if user != nil {
		id.UserID, id.SessionID, id.Email = user.UserID, user.SessionID, user.Email
		id.Anonymous, id.Restricted, id.RestrictedReason = user.Anonymous, user.Restricted, user.RestrictedReason
	}
	return id, nil
}

// user is step 7: the access token, if there is one.
func (a *Authenticator) user(ctx context.Context, c *credentials) (*accesstoken.Claims, error) {
	if c.accessToken == "" {
		return nil, nil
	}
	user, err := a.tokens.Verify(ctx, c.accessToken)
	if err = accesstoken.Known(err); err != nil {
		return nil, err
	}
	switch {
	case user.ProjectID != c.project:
		return nil, apierr.InvalidProjectForAccessToken(c.project, user.ProjectID)
	case user.Anonymous && !c.allowAnonymous:
		return nil, apierr.AnonymousAuthenticationNotAllowed()
	case user.Restricted && !c.allowRestricted:
		return nil, apierr.RestrictedUserNotAllowed(user.RestrictedReason)
	}
	return user, nil
}

// admin is step 9: the admin access token, which replaces any key (protocol
// §4). It returns the operator's user id.
func (a *Authenticator) admin(ctx context.Context, c *credentials) (string, error) {
	user, err := a.tokens.Verify(ctx, c.adminToken)
	if expired, ok := errors.AsType[*accesstoken.ExpiredError](err); ok {
		return "", apierr.AdminAccessTokenExpired(expired.Claims.Expires)
	}
	switch {
	case errors.Is(err, accesstoken.ErrInvalid):
		return "", apierr.UnparsableAdminAccessToken()
	case err != nil:
		return "", err
	case user.Anonymous, user.Restricted:
		return "", apierr.UnparsableAdminAccessToken()
	case user.ProjectID != internalProject:
		return "", apierr.AdminAccessTokenIsNotAdmin()
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	res, err := a.identity.AuthorizeAdmin(ctx, &identityv1.AuthorizeAdminRequest{UserId: user.UserID, ProjectId: c.project})
	if err != nil {
		return "", apierr.Unavailable(time.Second).WithCause(err)
	}
	switch res.GetOutcome() {
	case identityv1.AuthorizeAdminResponse_OUTCOME_ALLOWED:
		return user.UserID, nil
	case identityv1.AuthorizeAdminResponse_OUTCOME_USER_GONE:
		return "", apierr.Text(http.StatusUnauthorized, "The user of the admin access token no longer exists.")
	}
	return "", apierr.AdminAccessTokenIsNotAdmin()
}

// key is step 10: the key of the declared access type, and no other.
func (a *Authenticator) key(c *credentials, access principal.Access, project *projectAccess) error {
	now := a.clock.Now()
	switch access {
	case principal.AccessServer:
		switch key := c.keys[keyServer]; {
		case key == "":
			return apierr.ServerAuthenticationRequired()
		case !project.holds(keyServer, key, now):
			return apierr.InvalidSecretServerKey(project.id)
		}
	case principal.AccessAdmin:
		switch key := c.keys[keyAdmin]; {
		case key == "":
			return apierr.AdminAuthenticationRequired()
		case !project.holds(keyAdmin, key, now):
			return apierr.InvalidSuperSecretAdminKey(project.id)
		}
	default:
		// Without a key nobody may find out which branches exist.
		required := project.clientKeyMust || !project.hasBranch(c.branch)
		switch key := c.keys[keyClient]; {
		case key == "" || key == publicClientKey:
			if required {
				return apierr.PublishableClientKeyRequiredForProject(project.id)
			}
		case !project.holds(keyClient, key, now):
			return apierr.InvalidPublishableClientKey(project.id)
		}
	}
	return nil
}
