package apierr_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
)

// contractRow is one line of testdata/known_errors.txt.
type contractRow struct {
	status  int
	details []apierr.Detail
	family  string
	dormant bool
}

func readContract(t *testing.T) map[string]contractRow {
	t.Helper()
	rows := map[string]contractRow{}
	for _, fields := range readFields(t, "testdata/known_errors.txt") {
		status, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatalf("status of %s: %v", fields[0], err)
		}
		row := contractRow{status: status, dormant: slices.Contains(fields[4:], "dormant")}
		if fields[2] != "-" {
			for part := range strings.SplitSeq(fields[2], ",") {
				name, kind, _ := strings.Cut(part, ":")
				kind, nullable := strings.CutSuffix(kind, "?")
				row.details = append(row.details, apierr.Detail{Name: name, Kind: apierr.Kind(kind), Nullable: nullable})
			}
		}
		if fields[3] != "-" {
			row.family = fields[3]
		}
		rows[fields[0]] = row
	}
	return rows
}

func readFields(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, strings.Fields(line))
		}
	}
	return out
}

func TestCatalog_againstContract_isComplete(t *testing.T) {
	contract := readContract(t)
	seen := map[string]bool{}
	for _, s := range apierr.Catalog() {
		if seen[s.Code] {
			t.Errorf("%s is in the catalogue twice", s.Code)
		}
		seen[s.Code] = true
		want, ok := contract[s.Code]
		if !ok {
			t.Errorf("%s is not in the contract", s.Code)
			continue
		}
		if s.HTTP != want.status {
			t.Errorf("%s: status %d, want %d", s.Code, s.HTTP, want.status)
		}
		if !slices.Equal(s.Details, want.details) {
			t.Errorf("%s: details %v, want %v", s.Code, s.Details, want.details)
		}
		if s.Dormant != want.dormant {
			t.Errorf("%s: dormant %v, want %v", s.Code, s.Dormant, want.dormant)
		}
		nearest := ""
		if len(s.Families) > 0 {
			nearest = s.Families[0]
		}
		if nearest != want.family {
			t.Errorf("%s: family %q, want %q", s.Code, nearest, want.family)
		}
		if s.Message == "" {
			t.Errorf("%s has no sentence", s.Code)
		}
		if s.GRPC == 0 || s.GRPC > 16 {
			t.Errorf("%s: %d is no gRPC error status", s.Code, s.GRPC)
		}
		if slices.Contains(s.Families, s.Code) {
			t.Errorf("%s is its own family", s.Code)
		}
	}
	for code := range contract {
		if !seen[code] {
			t.Errorf("%s of the contract is missing", code)
		}
	}
}

func TestCatalog_detailsReadBySDK_areAlwaysSent(t *testing.T) {
	for _, fields := range readFields(t, "testdata/sdk_details.txt") {
		code, key := fields[0], fields[1]
		s, ok := apierr.Lookup(code)
		if !ok {
			t.Errorf("%s is missing", code)
			continue
		}
		if len(s.Details) == 0 {
			t.Errorf("%s has no details", code)
		}
		has := slices.ContainsFunc(s.Details, func(d apierr.Detail) bool { return d.Name == key && !d.Nullable })
		if key != "-" && !has {
			t.Errorf("%s has no non-null %s", code, key)
		}
	}
}

func TestCatalog_changedByCaller_staysTheSame(t *testing.T) {
	c := apierr.Catalog()
	i := slices.IndexFunc(c, func(s apierr.Spec) bool { return s.Code == apierr.CodeAccessTokenExpired })
	c[i].Details[0].Name, c[i].Families[0] = "x", "x"
	s, _ := apierr.Lookup(apierr.CodeAccessTokenExpired)
	if s.Details[0].Name != "expired_at_millis" || s.Families[0] != apierr.FamilyInvalidAccessToken {
		t.Errorf("the catalogue changed: %+v", s)
	}
}

var instant = time.Date(2026, 5, 1, 10, 0, 0, 123456789, time.UTC)

// made holds one error of every constructor.
var made = []*apierr.Error{
	apierr.BodyParsingError(""),
	apierr.BodyParsingError("The body is not JSON."),
	apierr.SchemaError(),
	apierr.SchemaError("body.name is required"),
	apierr.SchemaErrorAt("POST", "/api/v1/teams", "body.name is required"),
	apierr.ProjectKeyWithoutAccessType(),
	apierr.InvalidAccessType("accessType"),
	apierr.AccessTypeWithoutProjectID("accessType"),
	apierr.AccessTypeRequired(),
	apierr.InsufficientAccessType("actual", "admin"),
	apierr.InvalidPublishableClientKey("projectID"),
	apierr.InvalidSecretServerKey("projectID"),
	apierr.InvalidSuperSecretAdminKey("projectID"),
	apierr.UnparsableAdminAccessToken(),
	apierr.AdminAccessTokenExpired(instant),
	apierr.AdminAccessTokenIsNotAdmin(),
	apierr.PublishableClientKeyRequiredForProject("projectID"),
	apierr.ServerAuthenticationRequired(),
	apierr.AdminAuthenticationRequired(),
	apierr.ExpectedInternalProject(),
	apierr.CurrentProjectNotFound("projectID"),
	apierr.BranchDoesNotExist("branchID"),
	apierr.ProjectNotFound("projectID"),
	apierr.AccessTokenExpired(apierr.ExpiredToken{UserID: "u"}),
	apierr.UnparsableAccessToken(),
	apierr.InvalidProjectForAccessToken("expectedProjectID", "actualProjectID"),
	apierr.AnonymousAuthenticationNotAllowed(),
	apierr.RestrictedUserNotAllowed("reason"),
	apierr.UserAuthenticationRequired(),
	apierr.RefreshTokenNotFoundOrExpired(),
	apierr.CannotDeleteCurrentSession(),
	apierr.SignUpRejected(),
	apierr.BotChallengeFailed(""),
	apierr.CannotGetOwnUserWithoutUser(),
	apierr.UserNotFound(),
	apierr.UserIDDoesNotExist("userID"),
	apierr.UserEmailAlreadyExists("email", true),
	apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse("channelType", "value", true),
	apierr.EmailAlreadyVerified(),
	apierr.EmailIsNotPrimaryEmail("email", "primaryEmail"),
	apierr.SignUpNotEnabled(),
	apierr.BotChallengeRequired(),
	apierr.PasskeyRegistrationFailed(""),
	apierr.PasskeyAuthenticationFailed(""),
	apierr.PasswordAuthenticationNotEnabled(),
	apierr.EmailPasswordMismatch(),
	apierr.PasswordTooShort(8),
	apierr.PasswordTooLong(8),
	apierr.UserDoesNotHavePassword(),
	apierr.PasswordConfirmationMismatch(),
	apierr.VerificationCodeNotFound(),
	apierr.VerificationCodeExpired(),
	apierr.VerificationCodeAlreadyUsed(),
	apierr.VerificationCodeMaxAttemptsReached(),
	apierr.RedirectURLNotWhitelisted("redirectURL"),
	apierr.MultiFactorAuthenticationRequired("attemptCode"),
	apierr.InvalidTOTPCode(),
	apierr.PasskeyAuthenticationNotEnabled(),
	apierr.InvalidOAuthClientIDOrSecret("clientID"),
	apierr.InvalidAuthorizationCode(),
	apierr.InvalidScope("scope"),
	apierr.OuterOAuthTimeout(),
	apierr.OAuthProviderNotFoundOrNotEnabled(),
	apierr.OAuthProviderAccessDenied(),
	apierr.OAuthProviderTemporarilyUnavailable(),
	apierr.OAuthConnectionAlreadyConnectedToAnotherUser(),
	apierr.OAuthConnectionNotConnectedToUser(),
	apierr.OAuthConnectionDoesNotHaveRequiredScope(),
	apierr.OAuthExtraScopeNotAvailableWithSharedOAuthKeys(),
	apierr.OAuthAccessTokenNotAvailableWithSharedOAuthKeys(),
	apierr.OAuthProviderAccountIDAlreadyUsedForSignIn(),
	apierr.InvalidStandardOAuthProviderID("providerID"),
	apierr.AppleBundleIDNotConfigured(),
	apierr.InvalidAppleCredentials(),
	apierr.InvalidPollingCode(),
	apierr.TeamNotFound("teamID"),
	apierr.TeamMembershipNotFound("teamID", "userID"),
	apierr.TeamMembershipAlreadyExists(),
	apierr.TeamPermissionRequired("teamID", "userID", "permissionID"),
	apierr.TeamPermissionNotFound("teamID", "userID", "permissionID"),
	apierr.ProjectPermissionRequired("userID", "permissionID"),
	apierr.PermissionNotFound("permissionID"),
	apierr.WrongPermissionScope("permissionID", "expectedScope", "actualScope"),
	apierr.ContainedPermissionNotFound("permissionID"),
	apierr.PermissionIDAlreadyExists("permissionID"),
	apierr.TeamInvitationRestrictedUserNotAllowed("reason"),
	apierr.TeamInvitationEmailMismatch(),
	apierr.APIKeyNotFound(),
	apierr.APIKeyExpired(),
	apierr.APIKeyRevoked(),
	apierr.WrongAPIKeyType("expected", "actual"),
	apierr.PublicAPIKeyCannotBeRevoked(),
	apierr.RequiresCustomEmailServer(),
	apierr.EmailRenderingError("problem"),
	apierr.EmailNotEditable("emailID", "status"),
	apierr.EmailCapacityBoostAlreadyActive(instant),
	apierr.TemplateSourceRewriteError("problem"),
	apierr.ItemNotFound("itemID"),
	apierr.ItemCustomerTypeDoesNotMatch("itemID", "customerID", "itemCustomerType", "actualCustomerType"),
	apierr.ItemQuantityInsufficientAmount("itemID", "customerID", 3),
	apierr.ProductDoesNotExist("productID", "context"),
	apierr.ProductCustomerTypeDoesNotMatch("productID", "customerID", "productCustomerType", "actualCustomerType"),
	apierr.ProductAlreadyGranted("productID", "customerID"),
	apierr.NewPurchasesBlocked(),
	apierr.DefaultPaymentMethodRequired("customerType", "customerID"),
	apierr.StripeAccountInfoNotFound(),
	apierr.SubscriptionInvoiceNotFound("invoiceID"),
	apierr.OneTimePurchaseNotFound("purchaseID"),
	apierr.SubscriptionAlreadyRefunded("subscriptionID"),
	apierr.OneTimePurchaseAlreadyRefunded("purchaseID"),
	apierr.TestModePurchaseNonRefundable(),
}

func TestConstructors_details_matchCatalog(t *testing.T) {
	used := map[string]bool{}
	for _, e := range made {
		used[e.Code] = true
		s, ok := apierr.Lookup(e.Code)
		if !ok {
			t.Errorf("%s is not in the catalogue", e.Code)
			continue
		}
		if e.Format != apierr.FormatKnown || e.HTTP != s.HTTP || e.Message == "" || e.GRPC() != s.GRPC {
			t.Errorf("%s: %+v does not match %+v", e.Code, e, s)
		}
		if len(e.Details) != len(s.Details) || (e.Details == nil) != (s.Details == nil) {
			t.Errorf("%s: details %v, want keys %v", e.Code, e.Details, s.Details)
		}
		for _, d := range s.Details {
			v, ok := e.Details[d.Name]
			if !ok {
				t.Errorf("%s: %s is missing", e.Code, d.Name)
			} else if !fits(v, d) {
				t.Errorf("%s: %s = %#v is no %v", e.Code, d.Name, v, d)
			}
			if d.Name == "message" && v != e.Message {
				t.Errorf("%s: message %v, want %q", e.Code, v, e.Message)
			}
		}
	}
	for _, s := range apierr.Catalog() {
		if used[s.Code] == s.Dormant {
			t.Errorf("%s: dormant %v, has a constructor %v", s.Code, s.Dormant, used[s.Code])
		}
	}
}

func fits(v any, d apierr.Detail) bool {
	if v == nil {
		return d.Nullable
	}
	switch d.Kind {
	case apierr.String:
		s, ok := v.(string)
		return ok && s != ""
	case apierr.Int, apierr.Number:
		_, ok := v.(float64)
		return ok
	case apierr.Bool:
		_, ok := v.(bool)
		return ok
	case apierr.Strings:
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(x any) bool { _, ok := x.(string); return !ok })
	case apierr.Reason:
		m, ok := v.(map[string]any)
		return ok && len(m) == 1 && m["type"] != ""
	}
	return false
}

func TestConstructors_values_renderAsContract(t *testing.T) {
	for _, tc := range []struct {
		err  *apierr.Error
		want string
	}{
		{apierr.AccessTokenExpired(apierr.ExpiredToken{}), `{"expired_at_millis":null,"project_id":null,"refresh_token_id":null,"user_id":null}`},
		{
			apierr.AccessTokenExpired(apierr.ExpiredToken{ExpiredAt: instant, ProjectID: "p", UserID: "u", RefreshTokenID: "r"}),
			`{"expired_at_millis":1777629600123,"project_id":"p","refresh_token_id":"r","user_id":"u"}`,
		},
		{apierr.InsufficientAccessType("server", "admin"), `{"actual_access_type":"server","allowed_access_types":["admin"]}`},
		{apierr.InsufficientAccessType("server"), `{"actual_access_type":"server","allowed_access_types":[]}`},
		{apierr.RestrictedUserNotAllowed(apierr.RestrictedAnonymous), `{"restricted_reason":{"type":"anonymous"}}`},
		{apierr.EmailCapacityBoostAlreadyActive(instant.In(time.FixedZone("", 3600))), `{"expires_at":"2026-05-01T10:00:00.123Z"}`},
		{apierr.PasswordTooShort(8), `{"min_length":8}`},
		{apierr.PasswordTooLong(70), `{"maxLength":70}`},
		{apierr.ProductDoesNotExist("p", ""), `{"context":null,"product_id":"p"}`},
		{apierr.ProductDoesNotExist("p", apierr.ContextServerOnly), `{"context":"server_only","product_id":"p"}`},
		{apierr.ItemQuantityInsufficientAmount("i", "c", -1.5), `{"customer_id":"c","item_id":"i","quantity":-1.5}`},
		{
			apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse("email", "", true),
			`{"contact_channel_value":null,"type":"email","would_work_if_email_was_verified":true}`,
		},
	} {
		got, err := json.Marshal(tc.err.Details)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.err.Code, got, tc.want)
		}
	}
}
