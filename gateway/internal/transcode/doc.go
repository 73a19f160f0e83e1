// Package transcode promises that the JSON contract and the protobuf contract
// say the same, and that nothing else gets through.
//
// A request is decoded once ([BodyReader]), compared with the descriptor of
// its method ([Schema.Check]) so that all its problems come back together, and
// written anew from what was understood ([Canonical]); the generated handlers
// see only that ([Forward]). Answers and errors are rendered here and nowhere
// else.
package transcode
