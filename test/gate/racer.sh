# Passes the gate FILE with each token that comes on standard input, and runs `sh -c COMMAND LOG TOKEN` in it; says how that ended.
. "$(dirname "$0")/../../clients/lockd.sh"

while read -r token; do
  lockd_gate "$1" "$token" -- sh -c "$3" "$2" "$token" </dev/null
  echo $?
done
