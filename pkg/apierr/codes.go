package apierr

// Codes of the known errors. SDKs know exactly these; a situation that has one
// never gets a new one.
const (
	// Protocol.
	CodeBodyParsingError   = "BODY_PARSING_ERROR"
	CodeSchemaError        = "SCHEMA_ERROR"
	CodeAllOverloadsFailed = "ALL_OVERLOADS_FAILED"
	CodeUnsupportedError   = "UNSUPPORTED_ERROR"

	// Project authentication.
	CodeProjectKeyWithoutAccessType                 = "PROJECT_KEY_WITHOUT_ACCESS_TYPE"
	CodeInvalidAccessType                           = "INVALID_ACCESS_TYPE"
	CodeAccessTypeWithoutProjectID                  = "ACCESS_TYPE_WITHOUT_PROJECT_ID"
	CodeAccessTypeRequired                          = "ACCESS_TYPE_REQUIRED"
	CodeInsufficientAccessType                      = "INSUFFICIENT_ACCESS_TYPE"
	CodeInvalidPublishableClientKey                 = "INVALID_PUBLISHABLE_CLIENT_KEY"
	CodeInvalidSecretServerKey                      = "INVALID_SECRET_SERVER_KEY"
	CodeInvalidSuperSecretAdminKey                  = "INVALID_SUPER_SECRET_ADMIN_KEY"
	CodeUnparsableAdminAccessToken                  = "UNPARSABLE_ADMIN_ACCESS_TOKEN"
	CodeAdminAccessTokenExpired                     = "ADMIN_ACCESS_TOKEN_EXPIRED"
	CodeAdminAccessTokenIsNotAdmin                  = "ADMIN_ACCESS_TOKEN_IS_NOT_ADMIN"
	CodeInvalidProjectForAdminAccessToken           = "INVALID_PROJECT_FOR_ADMIN_ACCESS_TOKEN"
	CodePublishableClientKeyRequiredForProject      = "PUBLISHABLE_CLIENT_KEY_REQUIRED_FOR_PROJECT"
	CodeServerAuthenticationRequired                = "SERVER_AUTHENTICATION_REQUIRED"
	CodeAdminAuthenticationRequired                 = "ADMIN_AUTHENTICATION_REQUIRED"
	CodeClientAuthenticationRequired                = "CLIENT_AUTHENTICATION_REQUIRED"
	CodeClientOrServerAuthenticationRequired        = "CLIENT_OR_SERVER_AUTHENTICATION_REQUIRED"
	CodeClientOrAdminAuthenticationRequired         = "CLIENT_OR_ADMIN_AUTHENTICATION_REQUIRED"
	CodeClientOrServerOrAdminAuthenticationRequired = "CLIENT_OR_SERVER_OR_ADMIN_AUTHENTICATION_REQUIRED"
	CodeExpectedInternalProject                     = "EXPECTED_INTERNAL_PROJECT"

	// Projects and branches.
	CodeCurrentProjectNotFound = "CURRENT_PROJECT_NOT_FOUND"
	CodeBranchDoesNotExist     = "BRANCH_DOES_NOT_EXIST"
	CodeProjectNotFound        = "PROJECT_NOT_FOUND"

	// Tokens and sessions.
	CodeUnparsableAccessToken             = "UNPARSABLE_ACCESS_TOKEN"
	CodeAccessTokenExpired                = "ACCESS_TOKEN_EXPIRED"
	CodeInvalidProjectForAccessToken      = "INVALID_PROJECT_FOR_ACCESS_TOKEN"
	CodeAnonymousAuthenticationNotAllowed = "ANONYMOUS_AUTHENTICATION_NOT_ALLOWED"
	CodeRestrictedUserNotAllowed          = "RESTRICTED_USER_NOT_ALLOWED"
	CodeUserAuthenticationRequired        = "USER_AUTHENTICATION_REQUIRED"
	CodeRefreshTokenNotFoundOrExpired     = "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED"
	CodeCannotDeleteCurrentSession        = "CANNOT_DELETE_CURRENT_SESSION"
	CodeProviderRejected                  = "PROVIDER_REJECTED"

	// Users and contact channels.
	CodeCannotGetOwnUserWithoutUser                   = "CANNOT_GET_OWN_USER_WITHOUT_USER"
	CodeUserNotFound                                  = "USER_NOT_FOUND"
	CodeUserIDDoesNotExist                            = "USER_ID_DOES_NOT_EXIST"
	CodeUserEmailAlreadyExists                        = "USER_EMAIL_ALREADY_EXISTS"
	CodeContactChannelAlreadyUsedForAuthBySomeoneElse = "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE"
	CodeEmailAlreadyVerified                          = "EMAIL_ALREADY_VERIFIED"
	CodeEmailIsNotPrimaryEmail                        = "EMAIL_IS_NOT_PRIMARY_EMAIL"
	CodeEmailNotVerified                              = "EMAIL_NOT_VERIFIED"
	CodeEmailNotAssociatedWithUser                    = "EMAIL_NOT_ASSOCIATED_WITH_USER"

	// Sign-up.
	CodeSignUpNotEnabled            = "SIGN_UP_NOT_ENABLED"
	CodeSignUpRejected              = "SIGN_UP_REJECTED"
	CodeBotChallengeRequired        = "BOT_CHALLENGE_REQUIRED"
	CodeBotChallengeFailed          = "BOT_CHALLENGE_FAILED"
	CodeAnonymousAccountsNotEnabled = "ANONYMOUS_ACCOUNTS_NOT_ENABLED"

	// Passwords.
	CodePasswordAuthenticationNotEnabled = "PASSWORD_AUTHENTICATION_NOT_ENABLED"
	CodeEmailPasswordMismatch            = "EMAIL_PASSWORD_MISMATCH"
	CodePasswordTooShort                 = "PASSWORD_TOO_SHORT"
	CodePasswordTooLong                  = "PASSWORD_TOO_LONG"
	CodeUserDoesNotHavePassword          = "USER_DOES_NOT_HAVE_PASSWORD"
	CodePasswordConfirmationMismatch     = "PASSWORD_CONFIRMATION_MISMATCH"

	// Verification codes.
	CodeVerificationCodeNotFound           = "VERIFICATION_CODE_NOT_FOUND"
	CodeVerificationCodeExpired            = "VERIFICATION_CODE_EXPIRED"
	CodeVerificationCodeAlreadyUsed        = "VERIFICATION_CODE_ALREADY_USED"
	CodeVerificationCodeMaxAttemptsReached = "VERIFICATION_CODE_MAX_ATTEMPTS_REACHED"
	CodeRedirectURLNotWhitelisted          = "REDIRECT_URL_NOT_WHITELISTED"

	// Second factor and passkeys.
	CodeMultiFactorAuthenticationRequired = "MULTI_FACTOR_AUTHENTICATION_REQUIRED"
	CodeInvalidTOTPCode                   = "INVALID_TOTP_CODE"
	CodePasskeyAuthenticationNotEnabled   = "PASSKEY_AUTHENTICATION_NOT_ENABLED"
	CodePasskeyRegistrationFailed         = "PASSKEY_REGISTRATION_FAILED"
	CodePasskeyAuthenticationFailed       = "PASSKEY_AUTHENTICATION_FAILED"
	CodePasskeyWebAuthnError              = "PASSKEY_WEBAUTHN_ERROR"

	// OAuth.
	CodeInvalidOAuthClientIDOrSecret                    = "INVALID_OAUTH_CLIENT_ID_OR_SECRET"
	CodeInvalidAuthorizationCode                        = "INVALID_AUTHORIZATION_CODE"
	CodeInvalidScope                                    = "INVALID_SCOPE"
	CodeOuterOAuthTimeout                               = "OUTER_OAUTH_TIMEOUT"
	CodeOAuthProviderNotFoundOrNotEnabled               = "OAUTH_PROVIDER_NOT_FOUND_OR_NOT_ENABLED"
	CodeOAuthProviderAccessDenied                       = "OAUTH_PROVIDER_ACCESS_DENIED"
	CodeOAuthProviderTemporarilyUnavailable             = "OAUTH_PROVIDER_TEMPORARILY_UNAVAILABLE"
	CodeOAuthConnectionAlreadyConnectedToAnotherUser    = "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER"
	CodeUserAlreadyConnectedToAnotherOAuthConnection    = "USER_ALREADY_CONNECTED_TO_ANOTHER_OAUTH_CONNECTION"
	CodeOAuthConnectionNotConnectedToUser               = "OAUTH_CONNECTION_NOT_CONNECTED_TO_USER"
	CodeOAuthConnectionDoesNotHaveRequiredScope         = "OAUTH_CONNECTION_DOES_NOT_HAVE_REQUIRED_SCOPE"
	CodeOAuthAccessTokenNotAvailable                    = "OAUTH_ACCESS_TOKEN_NOT_AVAILABLE"
	CodeOAuthExtraScopeNotAvailableWithSharedOAuthKeys  = "OAUTH_EXTRA_SCOPE_NOT_AVAILABLE_WITH_SHARED_OAUTH_KEYS"
	CodeOAuthAccessTokenNotAvailableWithSharedOAuthKeys = "OAUTH_ACCESS_TOKEN_NOT_AVAILABLE_WITH_SHARED_OAUTH_KEYS"
	CodeOAuthProviderAccountIDAlreadyUsedForSignIn      = "OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN"
	CodeInvalidSharedOAuthProviderID                    = "INVALID_SHARED_OAUTH_PROVIDER_ID"
	CodeInvalidStandardOAuthProviderID                  = "INVALID_STANDARD_OAUTH_PROVIDER_ID"
	CodeAppleBundleIDNotConfigured                      = "APPLE_BUNDLE_ID_NOT_CONFIGURED"
	CodeInvalidAppleCredentials                         = "INVALID_APPLE_CREDENTIALS"
	CodeExternalAuthProviderNotConfigured               = "EXTERNAL_AUTH_PROVIDER_NOT_CONFIGURED"
	CodeInvalidExternalAuthToken                        = "INVALID_EXTERNAL_AUTH_TOKEN"

	// Command line.
	CodeInvalidPollingCode  = "INVALID_POLLING_CODE"
	CodeCLIAuthError        = "CLI_AUTH_ERROR"
	CodeCLIAuthExpiredError = "CLI_AUTH_EXPIRED_ERROR"
	CodeCLIAuthUsedError    = "CLI_AUTH_USED_ERROR"

	// Teams and permissions.
	CodeTeamNotFound                           = "TEAM_NOT_FOUND"
	CodeTeamAlreadyExists                      = "TEAM_ALREADY_EXISTS"
	CodeTeamMembershipNotFound                 = "TEAM_MEMBERSHIP_NOT_FOUND"
	CodeTeamMembershipAlreadyExists            = "TEAM_MEMBERSHIP_ALREADY_EXISTS"
	CodeTeamPermissionRequired                 = "TEAM_PERMISSION_REQUIRED"
	CodeTeamPermissionNotFound                 = "TEAM_PERMISSION_NOT_FOUND"
	CodeProjectPermissionRequired              = "PROJECT_PERMISSION_REQUIRED"
	CodePermissionNotFound                     = "PERMISSION_NOT_FOUND"
	CodeWrongPermissionScope                   = "WRONG_PERMISSION_SCOPE"
	CodeContainedPermissionNotFound            = "CONTAINED_PERMISSION_NOT_FOUND"
	CodePermissionIDAlreadyExists              = "PERMISSION_ID_ALREADY_EXISTS"
	CodeTeamInvitationRestrictedUserNotAllowed = "TEAM_INVITATION_RESTRICTED_USER_NOT_ALLOWED"
	CodeTeamInvitationEmailMismatch            = "TEAM_INVITATION_EMAIL_MISMATCH"

	// API keys.
	CodeAPIKeyNotFound              = "API_KEY_NOT_FOUND"
	CodeAPIKeyExpired               = "API_KEY_EXPIRED"
	CodeAPIKeyRevoked               = "API_KEY_REVOKED"
	CodeWrongAPIKeyType             = "WRONG_API_KEY_TYPE"
	CodePublicAPIKeyCannotBeRevoked = "PUBLIC_API_KEY_CANNOT_BE_REVOKED"

	// E-mail.
	CodeRequiresCustomEmailServer       = "REQUIRES_CUSTOM_EMAIL_SERVER"
	CodeEmailRenderingError             = "EMAIL_RENDERING_ERROR"
	CodeEmailTemplateAlreadyExists      = "EMAIL_TEMPLATE_ALREADY_EXISTS"
	CodeEmailNotEditable                = "EMAIL_NOT_EDITABLE"
	CodeEmailCapacityBoostAlreadyActive = "EMAIL_CAPACITY_BOOST_ALREADY_ACTIVE"
	CodeTemplateSourceRewriteError      = "TEMPLATE_SOURCE_REWRITE_ERROR"

	// Payments.
	CodeItemNotFound                    = "ITEM_NOT_FOUND"
	CodeItemCustomerTypeDoesNotMatch    = "ITEM_CUSTOMER_TYPE_DOES_NOT_MATCH"
	CodeItemQuantityInsufficientAmount  = "ITEM_QUANTITY_INSUFFICIENT_AMOUNT"
	CodeCustomerDoesNotExist            = "CUSTOMER_DOES_NOT_EXIST"
	CodeProductDoesNotExist             = "PRODUCT_DOES_NOT_EXIST"
	CodeProductCustomerTypeDoesNotMatch = "PRODUCT_CUSTOMER_TYPE_DOES_NOT_MATCH"
	CodeProductAlreadyGranted           = "PRODUCT_ALREADY_GRANTED"
	CodeNewPurchasesBlocked             = "NEW_PURCHASES_BLOCKED"
	CodeDefaultPaymentMethodRequired    = "DEFAULT_PAYMENT_METHOD_REQUIRED"
	CodeStripeAccountInfoNotFound       = "STRIPE_ACCOUNT_INFO_NOT_FOUND"
	CodeSubscriptionInvoiceNotFound     = "SUBSCRIPTION_INVOICE_NOT_FOUND"
	CodeOneTimePurchaseNotFound         = "ONE_TIME_PURCHASE_NOT_FOUND"
	CodeSubscriptionAlreadyRefunded     = "SUBSCRIPTION_ALREADY_REFUNDED"
	CodeOneTimePurchaseAlreadyRefunded  = "ONE_TIME_PURCHASE_ALREADY_REFUNDED"
	CodeTestModePurchaseNonRefundable   = "TEST_MODE_PURCHASE_NON_REFUNDABLE"

	// Known to SDKs only.
	CodeDataVaultStoreDoesNotExist          = "DATA_VAULT_STORE_DOES_NOT_EXIST"
	CodeDataVaultStoreHashedKeyDoesNotExist = "DATA_VAULT_STORE_HASHED_KEY_DOES_NOT_EXIST"
	CodeAnalyticsQueryTimeout               = "ANALYTICS_QUERY_TIMEOUT"
	CodeAnalyticsQueryError                 = "ANALYTICS_QUERY_ERROR"
	CodeAnalyticsNotEnabled                 = "ANALYTICS_NOT_ENABLED"
	CodeSessionReplayRenderLimitReached     = "SESSION_REPLAY_RENDER_LIMIT_REACHED"
	CodeTooManyImageAttachments             = "TOO_MANY_IMAGE_ATTACHMENTS"
	CodeImageAttachmentTooLarge             = "IMAGE_ATTACHMENT_TOO_LARGE"
)
