#!/bin/sh
# Pushes every image that build-all.sh built from a commit, under a tag.
#
#   push-all.sh COMMIT REGISTRY TAG     REGISTRY: where to, with the folder there, such as registry.example.com/boxoffice
set -eu
commit=${1:?"the commit that was built is needed"}
registry=${2:?"the registry is needed"}
tag=${3:?"a tag is needed"}
cd "$(dirname "$0")/../.."

while read -r program; do
  docker tag "$program:$commit" "$registry/$program:$tag"
  docker push "$registry/$program:$tag"
done <deploy/image/programs
