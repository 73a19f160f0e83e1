// Package apierr promises that every error a caller of vestibule can meet is
// declared once, with one code, one HTTP status, one gRPC status and one shape
// of details, and looks the same whichever service raised it.
//
// Domain and application code returns the errors made here; package grpcx
// carries them between processes and the gateway alone renders them. An error
// of any other type never reaches a caller: it is logged and answered with a
// fixed 500 text.
//
// There are three kinds, told apart by [Format]: known errors (a code from the
// catalogue, which SDKs react to), plain-text errors (one sentence and a
// status, where the API contract gives no code) and the OAuth errors of RFC
// 6749, which only the token endpoint sends.
//
// Codes that are marked dormant in the catalogue exist because SDKs can parse
// them. Nothing raises them, so they have no constructor.
package apierr
