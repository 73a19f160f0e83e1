#!/usr/bin/env bash
# Generates all committed code: protobuf, gRPC and gateway code from proto/,
# query code from each service's sqlc.yaml, documentation from the protos'
# comments and the catalogue of errors. Needs Go alone; the plugins are built
# from the versions pinned in tools/go.mod.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.cache/bin
third_party=$PWD/.cache/third_party
mkdir -p "$bin" "$third_party"

build() { (cd tools && GOWORK=off go build -o "$bin/" "$@"); }

# Protos of others come from pinned Go modules, so that no schema registry is
# needed.
vendor_proto() { # module@version, directory inside it, file...
	local dir file
	dir=$(cd tools && go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
	for file in "${@:3}"; do
		install -D -m 0644 "$dir/$2/$file" "$third_party/$file"
	done
}

proto() {
	build github.com/bufbuild/buf/cmd/buf google.golang.org/protobuf/cmd/protoc-gen-go \
		google.golang.org/grpc/cmd/protoc-gen-go-grpc \
		github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway
	vendor_proto github.com/gogo/googleapis@v1.4.1 . google/api/annotations.proto google/api/http.proto google/api/httpbody.proto
	vendor_proto github.com/bufbuild/protovalidate@v1.2.2 proto/protovalidate buf/validate/validate.proto
	# The pinned copies name other Go packages than the ones we link.
	sed -i 's|option go_package = .*|option go_package = "google.golang.org/genproto/googleapis/api/annotations;annotations";|' \
		"$third_party"/google/api/{annotations,http}.proto
	sed -i 's|option go_package = .*|option go_package = "google.golang.org/genproto/googleapis/api/httpbody;httpbody";|' \
		"$third_party"/google/api/httpbody.proto
	"$bin/buf" lint proto
	find proto -name '*.pb.go' -delete -o -name '*.pb.gw.go' -delete
	"$bin/buf" generate proto
	# A made-up context for the tests of the gateway.
	"$bin/buf" generate --template gateway/internal/gatewaytest/buf.gen.yaml --path gateway/internal/gatewaytest
}

sql() {
	build github.com/sqlc-dev/sqlc/cmd/sqlc
	local file
	for file in services/*/sqlc.yaml; do
		(cd "$(dirname "$file")" && "$bin/sqlc" generate)
	done
}

docs() { go run ./gateway/internal/docs/generate; }

case "${1:-all}" in
proto) proto && docs ;;
sql) sql ;;
docs) docs ;;
all) proto && sql && docs ;;
*) echo "usage: $0 [proto|sql|docs|all]" >&2 && exit 2 ;;
esac
