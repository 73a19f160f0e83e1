// Package principal promises that a service knows who is calling and on whose
// word.
//
// The gateway authenticates a request once and mints a [Principal] as an
// Ed25519 JWT that lives for at most [MaxLife]; nobody else can. Services verify
// it and never look at keys, access tokens or cookies themselves. Calls between
// services carry a caller token instead, which names the calling service. The
// operator's own backends bring a [Credential], which says in which contexts
// and projects they may do what a project's keys allow. Facts about the
// original request, such as the client's address, travel beside the token as
// plain metadata ([Request]); no access is ever decided from them.
package principal
