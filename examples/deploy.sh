#!/bin/sh
# Deploys a release to a target: never two at once, and nothing of an old deployment after a newer one.
#
#   ./deploy.sh prod release-7
#
# run keeps the lock while the deployment goes on, and ends the deployment if the lock cannot be kept. The gate stands where
# it counts: who was paused for too long does not get past it with its old token.
set -eu
target=$1 release=$2
APP=${APP:-/srv/app}
export APP

# shellcheck disable=SC2016 # the inner shell shall expand it
exec lockd run "deploy/$target" --wait "${WAIT:-10m}" --note "$release" -- sh -euc '
  test -d "$APP/releases/$1"
  lockd gate "$APP/token" "$LOCKD_TOKEN" -- ln -sfn "releases/$1" "$APP/current"
' deploy "$release"
