#!/bin/sh
# Builds the program of one process as the images hold it: static, without
# debugging information, and without go.work, so that its go.mod must be
# complete. The image's build stage and a test run this file.
#
#   deploy/docker/build.sh identity /out/service
set -eu
process=$1 out=$2
cd "$(dirname "$0")/../.."
case $process in
gateway) module=gateway ;;
*) module=services/$process ;;
esac
cd "$module"
GOWORK=off CGO_ENABLED=0 exec go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$out" "./cmd/$process"
