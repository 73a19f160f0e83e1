// Package client promises an operator's own backends what vestibule's services
// have of each other: connections that find a restarted peer, errors that are
// the API's, and tokens verified without a question to anybody.
//
// A [Client] calls every RPC that has a REST route, with a service credential
// ([Config]). [With] says for which project and user a call is; the generated
// clients of vestibule.dev/proto work on [Client.Identity] and its siblings, and
// the everyday questions have methods of their own: [Client.HasTeamPermission],
// [Client.CheckUserAPIKey], [Client.ChangeItemQuantity]. [Verifier] verifies the
// access tokens of users offline.
//
// Errors of the API are *[Error], which [HasCode] tells apart; 503 with a
// Retry-After also stands for a service that cannot be reached.
//
// Package events consumes what happens, each event once; package example is a
// whole backend.
package client
