#!/bin/sh
# Builds every image, tagged with a commit: the programs are compiled once, in the first.
#
#   build-all.sh COMMIT [VERSION]
set -eu
commit=${1:?"the commit that is built is needed: \$(git rev-parse HEAD)"}
version=${2:-$commit}
cd "$(dirname "$0")/../.."

while read -r program; do
  docker build --file deploy/Dockerfile --tag "$program:$commit" \
    --build-arg "PROGRAM=$program" --build-arg "COMMIT=$commit" --build-arg "VERSION=$version" .
done <deploy/image/programs
