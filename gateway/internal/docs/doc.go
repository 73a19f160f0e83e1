// Package docs promises a description of the API that cannot disagree with what
// the gateway does: it is made from the routes that are served, the schemas
// their requests are checked with and the rules in the protos.
//
// GET /openapi.json answers with the description (OpenAPI 3.1), GET /docs with
// a page that shows it and tries requests. Both work without a connection to
// anywhere else. comments.json holds the comments of the protos, which compiled
// descriptors lack; the command in generate writes it.
package docs
