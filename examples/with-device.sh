#!/bin/sh
# Runs a test on one of the devices of the lab, and waits until one is free.
#
#   ./with-device.sh ./test-on-device        # finds it in DEVICE
#
# The semaphore counts the devices, first come, first served; who is in finds one whose own lock is free.
set -eu
DEVICES=${DEVICES:-phone-1 phone-2 phone-3}
export DEVICES
# shellcheck disable=SC2086 # one word for each device
set -- $DEVICES -- "$@"
count=0
while [ "$1" != -- ]; do
  count=$((count + 1))
  shift
done
shift

# shellcheck disable=SC2016 # the inner shell shall expand it
exec lockd run lab/phones --limit "$count" --wait 1h -- sh -uc '
  for DEVICE in $DEVICES; do
    export DEVICE
    lockd run "lab/$DEVICE" --no-wait --conflict-exit-code 200 -- "$@"
    status=$?
    [ $status -eq 200 ] || exit $status
  done
  echo "All of $DEVICES are locked by others than this script" >&2
  exit 1
' with-device "$@"
