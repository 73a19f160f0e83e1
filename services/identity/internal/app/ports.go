package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/identity/internal/domain"
)

// Store remembers users and projects. Its reads see the ambient transaction if
// there is one; a read of one thing answers nil when it does not exist.
type Store interface {
	// RunTx runs fn in one transaction and commits when fn returns nil. It
	// joins the transaction that ctx carries, and repeats fn after a
	// serialization failure, so fn must have no other effects.
	RunTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	UserStore
	UserDirectory
	DashboardStore
	ContactChannelStore
	CodeStore
	SecondFactorStore
	OAuthStore
	PasskeyStore
	GuessStore
	RateStore
	ImageStore
	ProjectStore
}

// UserStore reads users and their credentials.
type UserStore interface {
	User(ctx context.Context, tenant ids.Tenant, userID string) (*domain.User, error)
	// UsersByID reads the users that exist among userIDs, in no order.
	UsersByID(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]domain.User, error)
	// VerifiedEmails reads the verified addresses of users, by user.
	VerifiedEmails(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string][]string, error)
	// UserContacts reads the users that exist among userIDs, in no order.
	UserContacts(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]UserContact, error)
	// UserIDs reads the ids that follow after, or the first ones.
	UserIDs(ctx context.Context, tenant ids.Tenant, after string, limit int) ([]string, error)

	// SelectedTeamID reads which team the user has selected; nil is none.
	SelectedTeamID(ctx context.Context, tenant ids.Tenant, userID string) (teamID *string, userExists bool, err error)
	Credential(ctx context.Context, tenant ids.Tenant, userID string) (*Credential, error)
	// EmailOwner reads who signs in with the address, as typed or else
	// normalised.
	EmailOwner(ctx context.Context, tenant ids.Tenant, email string) (*EmailOwner, error)

	// RecordSignIn notes that the user was active, and that the guess, if any,
	// was right. It reports false, and notes nothing, when they are gone or have
	// another password, or none any more.
	RecordSignIn(ctx context.Context, tenant ids.Tenant, credential *Credential, guess *Guess) (current bool, err error)
	// RecordActivity notes that the user was active and reads what a token says
	// about them, and no other field, together with the version of the project's
	// configuration.
	RecordActivity(ctx context.Context, tenant ids.Tenant, userID string) (user *domain.User, configVersion int64, err error)
	// UpgradePasswordHash stores another hash of the same password; nothing
	// happens when the user has another password.
	UpgradePasswordHash(ctx context.Context, tenant ids.Tenant, credential *Credential, hash string) error
}

// ContactChannelStore reads the addresses of users.
type ContactChannelStore interface {
	// ContactChannels lists the channels that match, oldest first.
	ContactChannels(ctx context.Context, tenant ids.Tenant, filter ContactChannelFilter) ([]domain.ContactChannel, error)
	// ContactChannel reads one channel of a user, and whether the user exists.
	ContactChannel(ctx context.Context, tenant ids.Tenant, userID, channelID string) (channel *domain.ContactChannel, userExists bool, err error)
}

// CodeStore checks one-time codes.
type CodeStore interface {
	// AttemptCode finds a code that may be spent and counts the attempt, also
	// when it fails with one of the errors of verification codes.
	AttemptCode(ctx context.Context, tenant ids.Tenant, kind CodeKind, code string) (*Code, error)
}

// ImageStore reads uploaded images.
type ImageStore interface {
	// Image reads an image of any project: its id is a secret of its own.
	Image(ctx context.Context, id string) (*domain.Image, error)
}

// Tx is what a use case writes.
type Tx interface {
	UserTx
	ContactChannelTx
	CodeTx
	SecondFactorTx
	OAuthTx
	PasskeyTx
	ProjectTx
	UserImportTx
	GuessTx

	// Emit records events to be published after the commit.
	Emit(ctx context.Context, events ...Event) error
}

// UserTx writes users and their credentials.
type UserTx interface {
	// CreateUser inserts the user with their primary address and password, if
	// they have them, and fills in what the database decides. It fails with
	// CURRENT_PROJECT_NOT_FOUND or USER_EMAIL_ALREADY_EXISTS.
	CreateUser(ctx context.Context, user *domain.User, passwordHash *string) error
	// LockUser waits for other changes of the user and reads them.
	LockUser(ctx context.Context, tenant ids.Tenant, userID string) (*domain.User, error)
	// UpdateUser writes the fields of the user that live in their own row and
	// fills in what the database decides.
	UpdateUser(ctx context.Context, user *domain.User, fields UserRow) error
	// DeleteUser deletes the user with everything that belongs to them and
	// returns the version they had; 0 when there is none.
	DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (version int64, err error)
	// EnableOTP lets the user sign in by mail.
	EnableOTP(ctx context.Context, tenant ids.Tenant, userID string) error
	// ClearSelectedTeam forgets the user's selection of the team.
	ClearSelectedTeam(ctx context.Context, tenant ids.Tenant, userID, teamID string) error

	// CreatePassword gives the user a first password and reports false when
	// they have one. It fails with USER_NOT_FOUND.
	CreatePassword(ctx context.Context, tenant ids.Tenant, userID, hash string) (created bool, err error)
	// SetPassword creates or replaces the user's password.
	SetPassword(ctx context.Context, tenant ids.Tenant, userID, hash string) error
	// ReplacePassword replaces the password of the credential and reports
	// false when the user has another one.
	ReplacePassword(ctx context.Context, tenant ids.Tenant, credential *Credential, hash string) (replaced bool, err error)
	DeletePassword(ctx context.Context, tenant ids.Tenant, userID string) error
	DeletePasskey(ctx context.Context, tenant ids.Tenant, userID string) error

	// SaveProfileImage keeps the image for the user.
	SaveProfileImage(ctx context.Context, tenant ids.Tenant, userID string, image domain.Image) error
	// DeleteProfileImages forgets the uploaded images of the user.
	DeleteProfileImages(ctx context.Context, tenant ids.Tenant, userID string) error
}

// UserRow says what UpdateUser changes beyond the fields of domain.User.
type UserRow struct {
	// SignedUpNow moves the sign-up to the time of the transaction.
	SignedUpNow bool
	// TOTPSecret is the sealed secret of the second factor.
	TOTPSecret patch.Field[[]byte]
}

// ContactChannelTx writes the addresses of users.
type ContactChannelTx interface {
	// DemotePrimaryEmail leaves the user without primary address; the channel
	// stays.
	DemotePrimaryEmail(ctx context.Context, tenant ids.Tenant, userID string) error
	// PutPrimaryEmail makes the address a primary channel of a user who has
	// none. A channel that exists keeps its verified flag unless verified is
	// set; a new one is unverified unless it is. It returns the channel and
	// fails with USER_EMAIL_ALREADY_EXISTS.
	PutPrimaryEmail(ctx context.Context, tenant ids.Tenant, userID string, email PrimaryEmailPut) (*domain.PrimaryEmail, error)
	// CreateContactChannel inserts the channel of a user who exists. It fails
	// with a text when the user has the address, and with
	// CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE.
	CreateContactChannel(ctx context.Context, channel *domain.ContactChannel) error
	// UpdateContactChannel writes the channel and fails like
	// CreateContactChannel, without telling the address.
	UpdateContactChannel(ctx context.Context, channel *domain.ContactChannel) error
	// DeleteContactChannel reports false when there is no such channel.
	DeleteContactChannel(ctx context.Context, tenant ids.Tenant, userID, channelID string) (deleted bool, err error)
	// VerifyEmail marks the user's channel of that value as verified; its id is
	// empty when there is none.
	VerifyEmail(ctx context.Context, tenant ids.Tenant, userID, email string) (channelID string, err error)
}

// PrimaryEmailPut is what PutPrimaryEmail writes.
type PrimaryEmailPut struct {
	// Value is normalised.
	Value       string
	UsedForAuth bool
	Verified    patch.Field[bool]
}

// CodeTx makes and spends one-time codes and queues mail.
type CodeTx interface {
	// IssueCode stores a new code and returns its text.
	IssueCode(ctx context.Context, code NewCode) (text string, err error)
	// ConsumeCode spends the code. It fails with
	// VERIFICATION_CODE_ALREADY_USED when somebody else was faster.
	ConsumeCode(ctx context.Context, code *Code) error
	// EnqueueMail hands a mail to the queue, to be sent after the commit.
	EnqueueMail(ctx context.Context, mail Mail) error
}

// Credential is what a user proves their password against.
type Credential struct {
	UserID string
	// PasswordHash is empty when the user has no password.
	PasswordHash string
	// PasswordChangedAt tells one password of the user from the next.
	PasswordChangedAt time.Time
}

// KnownSince is PasswordChangedAt, or nil without password.
func (c *Credential) KnownSince() *time.Time {
	if c.PasswordHash == "" {
		return nil
	}
	return &c.PasswordChangedAt
}

// EmailOwner is the user who signs in with an address.
type EmailOwner struct {
	User       *domain.User
	Credential *Credential
	// IsVerified is about that address.
	IsVerified bool
}

// UserContact holds the contact facts of a user.
type UserContact struct {
	UserID       string
	DisplayName  *string
	PrimaryEmail *domain.PrimaryEmail
}

// ContactChannelFilter selects contact channels; empty fields select all.
type ContactChannelFilter struct {
	UserID, ChannelID string
}

// CodeKind says what a one-time code is good for.
type CodeKind string

// Kinds of codes.
const (
	// CodeEmailVerification proves that an address belongs to a user.
	CodeEmailVerification CodeKind = "email_verification"
	// CodeMFAAttempt stands for a passed first factor.
	CodeMFAAttempt CodeKind = "mfa_attempt"
	// CodeOTP signs in whoever reads the mail of an address.
	CodeOTP CodeKind = "otp"
	// CodePasswordReset lets whoever reads the user's mail choose a password.
	CodePasswordReset CodeKind = "password_reset"
)

// NewCode is a code to be made.
type NewCode struct {
	Tenant  ids.Tenant
	Kind    CodeKind
	Payload json.RawMessage
	TTL     time.Duration
}

// Code is a code that was found and may be spent.
type Code struct {
	ID      string
	Tenant  ids.Tenant
	Kind    CodeKind
	Payload json.RawMessage
}

// Mail is a mail to a person.
type Mail struct {
	ID       string
	Tenant   ids.Tenant
	Template string
	// UserID is empty for an address without user.
	UserID    string
	Emails    []string
	Variables map[string]string
	// SkipDeliverabilityCheck sends also to addresses that look undeliverable.
	SkipDeliverabilityCheck bool
}

// Configs reads rendered configurations.
type Configs interface {
	// Get returns the configuration of the project, at least as new as
	// minVersion.
	Get(ctx context.Context, tenant ids.Tenant, minVersion int64) (*projectconfig.Config, error)
}

// Sessions is the sessions context.
type Sessions interface {
	// CreateSession opens a session for a user who proved every factor.
	CreateSession(ctx context.Context, subject TokenSubject) (Tokens, error)
	// RevokeSessions ends the user's sessions but the kept one, if any.
	RevokeSessions(ctx context.Context, tenant ids.Tenant, userID, keptSessionID string, reason RevocationReason) error
	// FindSession returns the id of the user's session with that refresh
	// token, or "".
	FindSession(ctx context.Context, tenant ids.Tenant, userID string, refreshToken secret.Secret) (sessionID string, err error)
}

// RevocationReason says why sessions end.
type RevocationReason string

// Reasons why sessions end.
const (
	ReasonPasswordChanged RevocationReason = "password_changed"
	ReasonUserDeleted     RevocationReason = "user_deleted"
)

// Tokens is what a session is used with.
type Tokens struct {
	AccessToken, RefreshToken secret.Secret
}

// TokenSubject is a user as an access token describes them.
type TokenSubject struct {
	// User may have no more than the fields that a token tells.
	User             domain.User
	RestrictedReason string
}

// Teams is the teams context.
type Teams interface {
	TeamDirectory

	// MemberPermissions reads what a member may do in a team, directly or by a
	// permission that contains another.
	MemberPermissions(ctx context.Context, tenant ids.Tenant, teamID, userID string) (permissionIDs []string, isMember bool, err error)
	// Membership reads a team that the user is a member of; nil when there is
	// no such membership.
	Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*domain.Team, error)
	// TeamIDs lists the user's teams, oldest first.
	TeamIDs(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error)
	// ProvisionUser gives a new user what they start with. Doing it again
	// changes nothing.
	ProvisionUser(ctx context.Context, tenant ids.Tenant, userID string, given Provision) error
	// RenamePersonalTeams names the user's teams that still have the
	// placeholder name after the user.
	RenamePersonalTeams(ctx context.Context, tenant ids.Tenant, userID, displayName, primaryEmail string) error
	RemoveUser(ctx context.Context, tenant ids.Tenant, userID string) error
}

// Hasher hashes passwords. It bounds how many are hashed at once and fails with
// a 503 error when too many wait.
type Hasher interface {
	Hash(ctx context.Context, password secret.Secret) (hash string, err error)
	Verify(ctx context.Context, hash string, password secret.Secret) (secret.Verdict, error)
	// VerifyDummy does the work of Verify for a user who does not exist.
	VerifyDummy(ctx context.Context, password secret.Secret) error
}

// Conditions evaluates the conditions of sign-up rules (auth.md §4.3).
type Conditions interface {
	// Hold tells whether the condition holds. A condition that is not valid is
	// an error, and so is one that takes too long.
	Hold(ctx context.Context, condition string, facts SignUpFacts) (bool, error)
}

// Sealer encrypts secrets that must be read again and binds them to the place
// where they are stored.
type Sealer interface {
	Seal(plaintext []byte, place ...string) []byte
	// Open decrypts what Seal returned for the same place.
	Open(sealed []byte, place ...string) ([]byte, error)
}
