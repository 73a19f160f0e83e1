package apierr

import (
	"net/http"
	"slices"
)

// Kind is the JSON type of one details value.
type Kind string

// Kinds of details values.
const (
	String  Kind = "string"
	Int     Kind = "int"
	Number  Kind = "number"
	Bool    Kind = "bool"
	Strings Kind = "string[]"
	Array   Kind = "array"
	// Reason is the object {"type": <restricted reason>}.
	Reason Kind = "reason"
)

// Detail describes one key of an error's details. The key is always present;
// a nullable one may hold null.
type Detail struct {
	Name     string
	Kind     Kind
	Nullable bool
}

// Spec is the catalogue's entry for one known error.
type Spec struct {
	// Code is what SDKs switch on, in upper snake case.
	Code string
	// HTTP is the response status.
	HTTP int
	// GRPC is the number of the gRPC status code used between services.
	GRPC uint32
	// Details lists the keys of the details object; empty means that the
	// object is left out.
	Details []Detail
	// Families lists the family codes SDKs treat this code under, nearest first.
	Families []string
	// Dormant codes exist for SDKs to parse; nothing here raises them.
	Dormant bool
	// Message is the usual sentence; constructors may say more.
	Message string
}

// Catalog returns every known error in the order of the documentation. The
// result is a copy.
func Catalog() []Spec {
	out := slices.Clone(catalog)
	for i := range out {
		out[i].Details = slices.Clone(out[i].Details)
		out[i].Families = slices.Clone(out[i].Families)
	}
	return out
}

// Lookup returns the entry of one code. The slices in it must not be changed.
func Lookup(code string) (Spec, bool) {
	i, ok := catalogIndex[code]
	if !ok {
		return Spec{}, false
	}
	return catalog[i], true
}

// Numbers of the gRPC status codes, spelled out because this package depends
// on the standard library alone.
const (
	grpcUnknown            = 2
	grpcInvalidArgument    = 3
	grpcDeadlineExceeded   = 4
	grpcNotFound           = 5
	grpcAlreadyExists      = 6
	grpcPermissionDenied   = 7
	grpcResourceExhausted  = 8
	grpcFailedPrecondition = 9
	grpcUnimplemented      = 12
	grpcInternal           = 13
	grpcUnavailable        = 14
	grpcUnauthenticated    = 16
)

// grpcFor returns the gRPC status of an HTTP status where the catalogue names
// no better one.
func grpcFor(status int) uint32 {
	switch status {
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return grpcPermissionDenied
	case http.StatusNotFound:
		return grpcNotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return grpcUnimplemented
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return grpcDeadlineExceeded
	case http.StatusConflict:
		return grpcFailedPrecondition
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return grpcResourceExhausted
	case http.StatusServiceUnavailable:
		return grpcUnavailable
	}
	switch {
	case status >= 500:
		return grpcInternal
	case status >= 400:
		return grpcInvalidArgument
	}
	return grpcUnknown
}

// Families are codes SDKs use as base classes; they are never sent.
const (
	FamilyProjectAuthenticationError    = "PROJECT_AUTHENTICATION_ERROR"
	FamilyInvalidProjectAuthentication  = "INVALID_PROJECT_AUTHENTICATION"
	FamilyInvalidAdminAccessToken       = "INVALID_ADMIN_ACCESS_TOKEN"
	FamilyProjectAuthenticationRequired = "PROJECT_AUTHENTICATION_REQUIRED"
	FamilySessionAuthenticationError    = "SESSION_AUTHENTICATION_ERROR"
	FamilyInvalidSessionAuthentication  = "INVALID_SESSION_AUTHENTICATION"
	FamilyInvalidAccessToken            = "INVALID_ACCESS_TOKEN"
	FamilyRefreshTokenError             = "REFRESH_TOKEN_ERROR"
	FamilyVerificationError             = "VERIFICATION_ERROR"
	FamilyPasswordRequirementsNotMet    = "PASSWORD_REQUIREMENTS_NOT_MET"
	FamilyAPIKeyNotValid                = "API_KEY_NOT_VALID"
)

var (
	invalidProjectAuth  = []string{FamilyInvalidProjectAuthentication, FamilyProjectAuthenticationError}
	invalidAdminToken   = []string{FamilyInvalidAdminAccessToken, FamilyInvalidProjectAuthentication, FamilyProjectAuthenticationError}
	projectAuthRequired = []string{FamilyProjectAuthenticationRequired, FamilyProjectAuthenticationError}
	invalidAccessToken  = []string{FamilyInvalidAccessToken, FamilyInvalidSessionAuthentication, FamilySessionAuthenticationError}
	refreshTokenError   = []string{FamilyRefreshTokenError}
	verificationError   = []string{FamilyVerificationError}
	passwordPolicy      = []string{FamilyPasswordRequirementsNotMet}
	apiKeyNotValid      = []string{FamilyAPIKeyNotValid}
)

func str(name string) Detail           { return Detail{Name: name, Kind: String} }
func of(name string, kind Kind) Detail { return Detail{Name: name, Kind: kind} }
func orNull(d Detail) Detail           { d.Nullable = true; return d }
func details(d ...Detail) []Detail     { return d }

var catalogIndex = make(map[string]int, len(catalog))

func init() {
	for i := range catalog {
		s := &catalog[i]
		if s.GRPC == 0 {
			s.GRPC = grpcFor(s.HTTP)
		}
		catalogIndex[s.Code] = i
	}
}
