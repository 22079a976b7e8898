#!/bin/sh
# lockd.sh: locks of a lockd daemon for POSIX shells on Linux. Needs curl, and flock and setsid of util-linux.
#
#   . ./lockd.sh                                       sh lockd.sh run deploy/prod -- ./deploy
#   lockd_run deploy/prod -- ./deploy                  T=$(sh lockd.sh lock deploy/prod --ttl 5m --wait 1m)
#   lockd_lock deploy/prod 5m 1m || exit               sh lockd.sh renew deploy/prod --token "$T"
#   lockd_renew deploy/prod || exit                    sh lockd.sh check deploy/prod "$T"
#   lockd_unlock deploy/prod                           sh lockd.sh unlock deploy/prod --token "$T"
#   lockd_gate /srv/app/token "$LOCKD_TOKEN" -- ./switch-release
#
# Everything runs in subshells: no variable of yours is changed but LOCKD_TOKEN, no trap, no option. Exit statuses: 0 done;
# 1 refused, or check says no; 2 usage; 69 no daemon answers; 70 a defect; 75 gave up waiting; 76 lock lost or stale token;
# 77 not allowed. run and gate: that of the command, 128+n where a signal ended it, 126 it cannot be run, 127 it was not found.
#
# Who calls, where the daemon wants to know: LOCKD_USER with LOCKD_SECRET_FILE, or LOCKD_URL=http://USER:SECRET@HOST:PORT.
#
# A lease is counted from before the request that was answered, less a tenth, on a clock that also runs while the machine
# sleeps. What cannot be renewed ends the command before the lease can have ended at the daemon.

# shellcheck disable=SC3013  # `test -ef` is in every sh on Linux
LOCKD_VERSION='0.0.0'
: "${LOCKD_URL:=http://127.0.0.1:7420}"

# ---------------------------------------------------------------- what scripts call

# lockd_lock RESOURCE [TTL [WAIT]]: takes a lock, prints its token, and puts it into LOCKD_TOKEN. Without TTL it lasts until it is
# unlocked; without WAIT it is refused at once.
lockd_lock() {
  LOCKD_TOKEN=$(_lockd_command lock --ttl "${2:-0}" --wait "${3:-0}" -- "${1-}") || {
    set -- "$?"
    LOCKD_TOKEN=
    return "$1"
  }
  printf '%s\n' "$LOCKD_TOKEN"
}

# lockd_unlock RESOURCE [TOKEN]: gives that very hold back; LOCKD_TOKEN when no token is given.
lockd_unlock() { _lockd_command unlock --token "${2:-${LOCKD_TOKEN-}}" -- "${1-}"; }

# lockd_renew RESOURCE [TOKEN]: the lease runs for its whole ttl again. Status 76: it is lost, stop the work on it.
lockd_renew() { _lockd_command renew --token "${2:-${LOCKD_TOKEN-}}" -- "${1-}"; }

# lockd_check RESOURCE [TOKEN]: status 0 if the token is that of a current hold.
lockd_check() { _lockd_command check --token "${2:-${LOCKD_TOKEN-}}" -- "${1-}"; }

# lockd_status RESOURCE: prints who holds it.
lockd_status() { _lockd_command status -- "${1-}"; }

# lockd_run RESOURCE [OPTIONS] -- COMMAND: runs a program while the lock is held.
lockd_run() { _lockd_command run "$@"; }

# lockd_gate FILE TOKEN [OPTIONS] [-- COMMAND]: lets a token pass, unless a higher one has passed FILE before. Needs no daemon.
lockd_gate() { _lockd_command gate "$@"; }

# ---------------------------------------------------------------- the command line

_lockd_usage() {
  cat <<'END'
Usage: sh lockd.sh run RESOURCE [OPTIONS] -- COMMAND
       sh lockd.sh lock|unlock|renew|status RESOURCE [OPTIONS]
       sh lockd.sh check RESOURCE TOKEN
       sh lockd.sh gate FILE TOKEN [--wait DURATION] [-- COMMAND]

  --url URL              the daemon: http://HOST:PORT, https://HOST:PORT, unix:PATH; several of one cluster by comma
                         (default: http://127.0.0.1:7420)
  --user NAME            as which user of the daemon
  --secret-file FILE     the user's secret is in it, alone
  --ca FILE              for https: the authority that is trusted, instead of those of the system (PEM)
  --cert FILE            for https: the certificate to show (PEM)
  --key FILE             its private key (PEM)
  --client NAME          who locks (default: user@host, in a CI job user@host:JOB; run adds its process; USER/ stands before it)
  --ttl DURATION         how long it lasts unless it is renewed (run: 30s; lock: until unlocked)
  --wait DURATION        how long to wait (run and gate: for ever; lock: not at all)
  --no-wait              refused at once where others have it
  --limit N              how many may hold it at once (default: 1)
  --note TEXT            why, for everybody who looks at the lock
  --request KEY          retry key: a repeat gets the same hold, or the same place in the line
  --token TOKEN          only that very hold, as lock printed it
  --on-loss HOW          what a loss of the lock does to the command: term (default), kill, keep
  --[no-]foreground      stay at the terminal (default: where there is one)
  --conflict-exit-code N exit status instead of 1 and 75

Every flag can also be a variable: --on-loss is LOCKD_ON_LOSS; and LOCKD_URL can be http://USER:SECRET@HOST:PORT, with %XX for
what is special in a URL. Durations are seconds, or like 1500ms, 30s, 5m, 2h, 7d.
Exit statuses: 0 done; 1 refused, or check says no; 2 usage; 69 no daemon answers; 70 a defect; 75 gave up waiting; 76 lock
lost or stale token; 77 not allowed. run and gate: that of the command, 128+n where a signal ended it, 126 it cannot be run,
127 it was not found.
END
}

_lockd_say() { printf '%s\n' "$*" >&2; }

_lockd_misused() {
  _lockd_say "error: $*"
  exit 2
}

# For scripts: nothing in there changes the caller's shell.
_lockd_command() { (_lockd_main "$@"); }

_lockd_main() {
  # Before anything of ours is set: names of ours may be in the environment, too, and are the command's as they are.
  _lockd_environment=$(export -p)
  unset secret
  set +eu +m -f
  unset IFS
  # Of this very subshell; `$$` would be its caller.
  read -r self rest </proc/self/stat || exit 70
  verb=${1-}
  [ $# -gt 0 ] && shift
  case $verb in
    run | lock | unlock | renew | check | status | gate) ;;
    --version | version) printf '%s\n' "$LOCKD_VERSION" && exit ;;
    --help | help) _lockd_usage && exit ;;
    *) _lockd_usage >&2 && exit 2 ;;
  esac
  url=$LOCKD_URL url_from=LOCKD_URL user=${LOCKD_USER-} secret_file=${LOCKD_SECRET_FILE-}
  ca=${LOCKD_CA-} cert=${LOCKD_CERT-} key=${LOCKD_KEY-}
  # No program that is started from here finds a secret in its environment.
  _lockd_plain_urls "$LOCKD_URL"
  # It may be readonly.
  [ "$LOCKD_URL" = "$plain" ] || LOCKD_URL=$plain
  client=${LOCKD_CLIENT-} ttl=${LOCKD_TTL-} wait=${LOCKD_WAIT-} limit=${LOCKD_LIMIT-} note=${LOCKD_NOTE-}
  request=${LOCKD_REQUEST-} on_loss=${LOCKD_ON_LOSS:-term} conflict=${LOCKD_CONFLICT_EXIT_CODE-} no_wait='' foreground=''
  word='' second='' words=0 token=''
  while [ $# -gt 0 ]; do
    case $1 in
      --)
        shift
        break
        ;;
      --url | --user | --secret-file | --ca | --cert | --key | --client | --ttl | --wait | --limit | --note | --request | --token | --on-loss | --conflict-exit-code)
        [ $# -gt 1 ] || _lockd_misused "$1 needs a value"
        _lockd_set "$1" "$2"
        shift
        ;;
      --*=*) _lockd_set "${1%%=*}" "${1#*=}" ;;
      --no-wait) no_wait=1 ;;
      --foreground) foreground=yes ;;
      --no-foreground) foreground=no ;;
      --help) _lockd_usage && exit ;;
      -*) _lockd_misused "unknown option '$1'; try: sh lockd.sh help" ;;
      *) _lockd_word "$1" ;;
    esac
    shift
  done
  case $verb in
    run | gate) ;;
    *)
      while [ $# -gt 0 ]; do
        _lockd_word "$1"
        shift
      done
      ;;
  esac
  [ -n "$word" ] || _lockd_misused 'the first word must not be empty: what it is about'
  # Inside `run` that is the token of its hold; a hold of another resource, and a lock of one's own, have others.
  [ "${LOCKD_RESOURCE:-$word}" != "$word" ] || case $verb in unlock | renew | check) token=${token:-${LOCKD_TOKEN-}} ;; esac
  _lockd_milliseconds --wait "$wait" && wait=$ms
  if [ "$verb" = gate ]; then
    _lockd_pass "$@"
    exit
  fi
  _lockd_prepare "$@"
  case $verb in
    run) _lockd_hold_and_run "$@" ;;
    lock) _lockd_take ;;
    unlock) _lockd_give_back ;;
    renew) _lockd_renew ;;
    check) _lockd_check ;;
    status) _lockd_show ;;
  esac
}

_lockd_set() {
  case $1 in
    --url)
      case $2 in
        *@*) _lockd_misused '--url must not carry a user and a secret, which everybody sees in the list of processes: set LOCKD_URL, or LOCKD_USER and LOCKD_SECRET_FILE' ;;
      esac
      url=$2 url_from=--url
      ;;
    --user) user=$2 ;;
    --secret-file) secret_file=$2 ;;
    --ca) ca=$2 ;;
    --cert) cert=$2 ;;
    --key) key=$2 ;;
    --client) client=$2 ;;
    --ttl) ttl=$2 ;;
    --wait) wait=$2 ;;
    --limit) limit=$2 ;;
    --note) note=$2 ;;
    --request) request=$2 ;;
    --token) token=$2 ;;
    --on-loss) on_loss=$2 ;;
    --conflict-exit-code) conflict=$2 ;;
    *) _lockd_misused "unknown option '$1'; try: sh lockd.sh help" ;;
  esac
}

_lockd_word() {
  words=$((words + 1))
  case $words in
    1) word=$1 ;;
    2) second=$1 ;;
    *) _lockd_misused "too many words: '$1'. A command stands behind --" ;;
  esac
}

# Checks what was given, and readies everything for calls.
_lockd_prepare() {
  resource=$word
  case $verb in
    check) [ -z "$second" ] || token=$second ;;
    lock | unlock | renew) [ -z "$second" ] || client=$second ;;
    *) [ -z "$second" ] || _lockd_misused "too many words: '$second'. A command stands behind --" ;;
  esac
  case $token in *[!0-9]*) _lockd_misused "--token must be decimal digits, as lock prints them, not '$token'" ;; esac
  [ "$verb" != check ] || [ -n "$token" ] || _lockd_misused "Say which token of '$resource' to check"
  case $conflict in *[!0-9]* | ????*) _lockd_misused "--conflict-exit-code must be from 0 to 255, not '$conflict'" ;; esac
  [ "${conflict:-0}" -le 255 ] || _lockd_misused "--conflict-exit-code must be from 0 to 255, not '$conflict'"
  case $limit in *[!0-9]* | ?????*) _lockd_misused "--limit must be a whole number from 1 to 1000, not '$limit'" ;; esac
  case $on_loss in term | kill | keep) ;; *) _lockd_misused "--on-loss must be term, kill, keep; it is '$on_loss'" ;; esac
  _lockd_milliseconds --ttl "$ttl" && ttl=$ms
  if [ "$verb" = run ]; then
    [ -n "$no_wait" ] && [ -n "$wait" ] && _lockd_misused '--wait and --no-wait contradict each other'
    [ $# -gt 0 ] || _lockd_misused "Say what to run, behind --: run $resource -- COMMAND"
    [ -n "$1" ] || _lockd_misused 'The command must not be empty'
    : "${ttl:=30000}"
    [ "$ttl" -ge 100 ] || _lockd_misused '--ttl must be 100ms at least'
  fi
  _lockd_find_daemon
  read -r uuid </proc/sys/kernel/random/uuid || exit 70
  : "${client:=${user:+$user/}$(_lockd_name)}" "${request:=$uuid}"
  for text in "$resource" "$client" "$note" "$request"; do
    case $text in *[[:cntrl:]]*) _lockd_misused 'resource, client, note and request must be printable text' ;; esac
  done
  case $url in
    open://)
      _lockd_say "Warning: $url locks nothing, and says yes to everybody"
      return
      ;;
  esac
  command -v curl >/dev/null || {
    _lockd_say 'lockd.sh needs the program curl, which is not here; install it'
    exit 70
  }
  id='' answer='' code='' fault='' problem='' posting='' deadline='' in_run='' lost='' unled='' leader='' until='' is_cluster=''
  _lockd_open_scratch 8
}

_lockd_name() {
  # Of a number without a name it prints the number, and fails.
  name=$(id -un 2>/dev/null) || name=uid$(id -u)
  name=$name@$(uname -n)
  job=${CI_JOB_ID:-${GITHUB_RUN_ID:-${BUILD_TAG-}}}
  if [ "$verb" = run ]; then
    name=$name:$self-${uuid%%-*}
  elif [ -n "$job" ]; then
    name=$name:$job
  fi
  printf '%s' "$name"
}

# ---------------------------------------------------------------- where the daemon is, and who calls

_lockd_urls() { _lockd_words "$url"; }

# What commas separate.
_lockd_words() {
  case $1 in
    *,*) printf '%s' "$1" | tr , ' ' ;;
    *) printf '%s' "$1" ;;
  esac
}

# Puts an address first.
_lockd_prefer() {
  case $url in "$1" | "$1,"*) return ;; esac
  others=,$url,
  others=${others%%",$1,"*},${others#*",$1,"}
  url=$1,$(printf '%s' "$others" | sed -e 's/^,*//' -e 's/,*$//' -e 's/,,*/,/g')
}

# Into `plain`: addresses without user and secret, or nothing where they cannot be read and may have a secret in them. Into
# `userinfo`: what stood before the host of the first; into `differs`: whether that of another is not the same.
_lockd_plain_urls() {
  plain='' userinfo='' differs=''
  for text in $(_lockd_words "$1"); do
    case $text in
      [Hh][Tt][Tt][Pp]://*) text=http://${text#*://} ;;
      [Hh][Tt][Tt][Pp][Ss]://*) text=https://${text#*://} ;;
    esac
    info='' rest=${text#*://}
    rest=${rest%%/*}
    case $text,$rest in
      # Others take these for the end of the host, or for a slash; and who says who calls must name somebody.
      *,*[?#\\]*@* | *,@* | *,:@*) ;;
      http://*,*@* | https://*,*@*)
        info=${rest%@*}
        text=${text%%://*}://${text#*"$info"@}
        ;;
    esac
    [ -z "$plain" ] || [ "$info" = "$userinfo" ] || differs=1
    [ -n "$plain" ] || userinfo=$info
    plain=$plain${plain:+,}$text
  done
  case $plain in *@*) plain='' ;; esac
}

# Checks where the daemon is, who calls, and what is shown and trusted. Into `url`, `user` and `secret`.
_lockd_find_daemon() {
  like='must be like http://127.0.0.1:7420'
  case $url in
    # A part of a secret may be anywhere in what cannot be read.
    *@*) like="$like, or http://USER:SECRET@HOST:PORT with %XX for whatever is special in the secret" ;;
    *) like="$like, not '$url'" ;;
  esac
  _lockd_plain_urls "$url"
  [ -n "$plain" ] || _lockd_misused "$url_from $like"
  url=$plain
  for text in $(_lockd_urls); do
    case $text in
      *[[:cntrl:]\"\\]*) _lockd_misused "$url_from $like" ;;
      open://) [ "$url" = "$text" ] || _lockd_misused "$url_from must not name open:// beside other addresses" ;;
      *\?* | *\#*) _lockd_misused "$url_from $like" ;;
      unix:?*) ;;
      *:///* | *://:*) _lockd_misused "$url_from $like" ;;
      http://?* | https://?*) ;;
      *) _lockd_misused "$url_from $like" ;;
    esac
  done
  _lockd_find_user
  _lockd_check_file --ca LOCKD_CA "$ca"
  _lockd_check_file --cert LOCKD_CERT "$cert"
  _lockd_check_file --key LOCKD_KEY "$key"
  [ -n "$cert" ] || [ -z "$key" ] || _lockd_misused '--key (LOCKD_KEY) belongs to a certificate: name that, too, with --cert or LOCKD_CERT'
}

_lockd_check_file() { [ -z "$3" ] || { [ -r "$3" ] && [ ! -d "$3" ]; } || _lockd_misused "The file of $1 ($2), $3, cannot be read"; }

# As the address says, or --user with --secret-file; nobody, perhaps.
_lockd_find_user() {
  [ -z "$differs" ] || _lockd_misused "$url_from must name the same user and secret with every address of a cluster, or with none"
  if [ -n "$userinfo" ]; then
    [ -z "$user$secret_file" ] || _lockd_misused "$url_from names a user, and so does --user or LOCKD_USER: leave one of them out"
    user=$(_lockd_decoded "${userinfo%%:*}")
    case $userinfo in
      # It stands in no variable.
      *%00*) secret='' ;;
      *:*) secret=$(_lockd_decoded "${userinfo#*:}") ;;
    esac
    _lockd_check_user "$url_from must name a user and a secret, in printable text"
  elif [ -n "$user$secret_file" ]; then
    [ -n "$user" ] && [ -n "$secret_file" ] ||
      _lockd_misused '--user and --secret-file (LOCKD_USER, LOCKD_SECRET_FILE) belong together: give both, or none'
    _lockd_check_file --secret-file LOCKD_SECRET_FILE "$secret_file"
    carriage_return=$(printf '\r')
    {
      IFS= read -r secret && secret=${secret%"$carriage_return"}
      # Nothing may stand behind it.
      ! IFS= read -r rest && [ -z "$rest" ] || secret=''
    } <"$secret_file"
    # It would be left out.
    [ "$(LC_ALL=C tr -dc '\000' <"$secret_file" | wc -c)" -eq 0 ] || secret=''
    _lockd_check_user "--user must be a name without colon, and the file of --secret-file (LOCKD_SECRET_FILE), $secret_file, have the secret alone, on one line"
    case $(ls -lnL "$secret_file" 2>/dev/null) in
      ????------*) ;;
      *) _lockd_say "Warning: others than its owner can read the secret in $secret_file. Close it: chmod 600 $secret_file" ;;
    esac
  fi
}

_lockd_check_user() {
  [ -n "$user" ] && [ -n "$secret" ] || _lockd_misused "$1"
  case $user in *:*) _lockd_misused "$1" ;; esac
  case $user$secret in *[[:cntrl:]]*) _lockd_misused "$1" ;; esac
}

# %XX is a byte.
_lockd_decoded() {
  printf '%s' "$1" | LC_ALL=C awk '
    BEGIN { for (at = 1; at < 256; at++) byte[sprintf("%02X", at)] = sprintf("%c", at) }
    {
      while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
        printf "%s%s", substr($0, 1, RSTART - 1), byte[toupper(substr($0, RSTART + 1, 2))]
        $0 = substr($0, RSTART + 3)
      }
      printf "%s", $0
    }'
}

# A file without a name, on descriptor $1 (8: for answers): nothing is left behind, whatever ends us.
_lockd_open_scratch() {
  scratch=$(umask 077 && mktemp "${TMPDIR:-/tmp}/lockd.XXXXXX") || exit 70
  eval "exec $1<>\"\$scratch\""
  rm -f "$scratch"
}

# ---------------------------------------------------------------- time, in whole milliseconds

# Into `now`: since the start of the machine, the time that it slept included.
_lockd_clock() {
  read -r now rest </proc/uptime || exit 70
  rest=${now#*.}
  now=$((${now%.*} * 1000 + (1$rest - 100) * 10))
}

# Into `ms`: `30`, `1500ms`, `30s`, `1.5m`, `2h`, `7d`. Fails where there is none.
_lockd_milliseconds() {
  [ -n "$2" ] || return 1
  number=${2%%[!0-9.]*}
  case ${2#"$number"} in
    ms) unit=1 ;;
    '' | s) unit=1000 ;;
    m) unit=60000 ;;
    h) unit=3600000 ;;
    d) unit=86400000 ;;
    *) number='' ;;
  esac
  case $number in
    '' | .* | *. | *.*.* | ??????????????*) _lockd_misused "$1 must be seconds, or like 1500ms, 30s, 5m, 2h or 7d, not '$2'" ;;
  esac
  _lockd_scaled "$number" "$unit"
}

# Into `ms`: a decimal number, times a whole one.
_lockd_scaled() {
  fraction=0
  case $1 in *.*) fraction=${1#*.} ;; esac
  # A 1 in front, so that no zero makes it an octal number.
  fraction=1$(printf '%.6s' "${fraction}000000")
  whole=1${1%%.*}
  power=1$(printf '%s' "${1%%.*}" | tr 0-9 0)
  ms=$(((whole - power) * $2 + (fraction - 1000000) * $2 / 1000000))
}

_lockd_seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# The same as people write it: `0.3`, `90`.
_lockd_plain() { _lockd_seconds "$1" | sed -e 's/0*$//' -e 's/\.$//'; }

# Whatever is killed while it sleeps leaves no process behind that keeps a pipe open.
_lockd_sleep() {
  fraction=$((1000 + $1 % 1000))
  # shellcheck disable=SC2217
  sleep "$(($1 / 1000)).${fraction#1}" </dev/null >/dev/null 2>&1 5>&- 6>&- 8>&- 9>&-
}

# ---------------------------------------------------------------- calls

_lockd_escaped() {
  case $1 in
    *[\&\<\>\"\']*) ;;
    *)
      printf '%s' "$1"
      return
      ;;
  esac
  printf '%s' "$1" | LC_ALL=C sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/"/\&quot;/g' -e "s/'/\\&apos;/g"
}

_lockd_string() { printf '<value><string>%s</string></value>' "$(_lockd_escaped "$1")"; }

_lockd_double() { printf '<value><double>%s</double></value>' "$(_lockd_seconds "$1")"; }

_lockd_member() { printf '<member><name>%s</name>%s</member>' "$1" "$2"; }

# The options that were given, as a struct; `$1` says which.
_lockd_options() {
  printf '<value><struct>'
  for option in $1; do
    case $option in
      ttl) [ "${ttl:-0}" -eq 0 ] || _lockd_member ttl "$(_lockd_double "$ttl")" ;;
      limit) [ -z "$limit" ] || _lockd_member limit "<value><int>$limit</int></value>" ;;
      note) [ -z "$note" ] || _lockd_member note "$(_lockd_string "$note")" ;;
      request) _lockd_member request "$(_lockd_string "$request")" ;;
      token) [ -z "$token" ] || _lockd_member token "$(_lockd_string "$token")" ;;
    esac
  done
  printf '</struct></value>'
}

# A quoted word of curl's configuration.
_lockd_quoted() {
  case $1 in
    *[\"\\]*) printf '"%s"' "$(printf '%s' "$1" | LC_ALL=C sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')" ;;
    *) printf '"%s"' "$1" ;;
  esac
}

# One request to one address, into the scratch file; the status is curl's. Everything goes by standard input: other users see the
# words of a command line. No proxy, no redirect, no ~/.curlrc.
_lockd_post() {
  {
    case $1 in
      unix:*) printf 'url = "http://localhost/"\nunix-socket = %s\n' "$(_lockd_quoted "${1#unix:}")" ;;
      *) printf 'url = %s\n' "$(_lockd_quoted "$1")" ;;
    esac
    [ -z "$user" ] || printf 'basic\nuser = %s\n' "$(_lockd_quoted "$user:$secret")"
    # A directory that has none, for it would be trusted beside the file.
    [ -z "$ca" ] || printf 'cacert = %s\ncapath = "/proc/self/fd"\n' "$(_lockd_quoted "$ca")"
    # Without a password of its own it would ask at the terminal for that of a key.
    [ -z "$cert" ] || printf 'cert-type = "PEM"\npass = ""\ncert = %s\nkey = %s\n' "$(_lockd_quoted "$cert")" "$(_lockd_quoted "${key:-$cert}")"
    printf 'data = %s\n' "$(_lockd_quoted "$2")"
    printf 'max-time = %s\n' "$(_lockd_seconds "$3")"
    printf 'connect-timeout = %s\n' "$(_lockd_seconds $(($3 < 2000 ? $3 : 2000)))"
    printf '%s\n' 'header = "Content-Type: text/xml"' 'header = "Expect:"' 'noproxy = "*"' silent globoff include tlsv1.2 'proto = "=http,https"' 
  } | curl -q -K - >/proc/self/fd/8 2>/dev/null &
  posting=$!
  # Where a signal ends the waiting, its trap decides.
  wait "$posting"
  outcome=$?
  while [ $outcome -gt 128 ] && [ -e "/proc/$posting" ]; do
    wait "$posting"
    outcome=$?
  done
  return $outcome
}

# What the answer says, one `PATH=VALUE` a line: `id=...`, then `value...` or `fault...`; else `not=...` for what is no lockd, or
# `broken=...`. Values arrive escaped, and are only unescaped once they stand alone.
_lockd_parse() {
  LC_ALL=C awk '
    function ended(why) { print why; ok = 1; exit }
    function plain(text) {
      gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text)
      gsub(/&#13;/, " ", text); gsub(/&amp;/, "\\&", text); gsub(/[\001-\037\177]/, " ", text)
      return text
    }
    function where(  level, path) {
      path = (stack[2] == "fault") ? "fault" : "value"
      for (level = 1; level <= depth; level++) {
        if (stack[level] == "member") path = path "." name[level]
        if (stack[level] == "data") path = path "." count[level]
      }
      return path
    }
    { sub(/\r$/, "") }
    !in_body && /^HTTP\// { status = $2; type = ""; redirect = ""; next }
    !in_body && $0 == "" { if (status !~ /^1/) in_body = 1; next }
    !in_body {
      header = tolower($0); value = $0; sub(/^[^:]*:[ \t]*/, "", value)
      if (header ~ /^content-type:/) type = tolower(value)
      if (header ~ /^location:/) redirect = value
      if (header ~ /^x-lockd-id:/) id = plain(value)
      if (header ~ /^x-lockd-leader:/) leader = plain(value)
      next
    }
    { body = body $0 "\n" }
    END {
      if (ok) exit
      # Nothing in a head that was cut off can be relied on: curl takes it for a whole one.
      if (!in_body) ended(status == "" ? "broken=no answer" : "broken=it is cut off")
      if (id != "") print "id=" id
      if (leader != "") print "leader=" leader
      if (status == 401) ended("shut=401")
      # Others that refuse may be no lockd, and say something else.
      if (status == 403 && id != "") ended("shut=" plain(substr(body, 1, 500)))
      # The first line of a sentence, but no page.
      sentence = "HTTP status " status
      if (body ~ /^[^< \t\n]/) sentence = sentence ": " plain(substr(body, 1, index(substr(body, 1, 300) "\n", "\n") - 1))
      if (status >= 500) ended("broken=" sentence)
      if (status ~ /^3/) ended("not=it answers with a redirect to " plain(redirect) ", and none is followed")
      if (status != 200 || type !~ /^(text|application)\/xml/) ended("not=" sentence)
      sub(/^<\?xml[^>]*\?>/, "", body)
      pieces = split(body, piece, "<")
      if (piece[1] !~ /^[ \t\n]*$/) ended("broken=no XML")
      for (at = 2; at <= pieces; at++) {
        end = index(piece[at], ">")
        if (!end) ended("broken=it is cut off")
        tag = substr(piece[at], 1, end - 1)
        text = substr(piece[at], end + 1)
        if (tag ~ /^\//) {
          if (depth < 1 || stack[depth] != substr(tag, 2)) ended("broken=</" plain(substr(tag, 2)) "> at the wrong place")
          if (tag == "/name") name[depth - 1] = plain(said)
          else if (tag ~ /^\/(string|int|i4|double|boolean|dateTime.iso8601)$/ || (tag == "/value" && !typed[depth])) lines[++found] = where() "=" plain(said)
          depth--
          if (text !~ /^[ \t\n]*$/) ended("broken=text at the wrong place")
        } else {
          if (tag !~ /^[A-Za-z0-9.]+\/?$/) ended("broken=<" plain(tag) ">")
          if (depth == 0 && (roots++ || tag != "methodResponse")) ended("not=no methodResponse")
          if (depth == 1 && tag != "params" && tag != "fault") ended("broken=<" plain(tag) ">")
          if (tag == "value" && stack[depth] == "data") count[depth]++
          if (depth && stack[depth] == "value") typed[depth] = 1
          if (tag ~ /\/$/) { lines[++found] = where() "="; continue }
          stack[++depth] = tag
          typed[depth] = 0
          if (tag == "data") count[depth] = 0
          said = text
          if (tag !~ /^(name|value|string|int|i4|double|boolean|dateTime.iso8601|base64)$/ && text !~ /^[ \t\n]*$/) ended("broken=text at the wrong place")
        }
      }
      if (depth || !roots || !found) ended("broken=it is cut off")
      for (at = 1; at <= found; at++) print lines[at]
    }' </proc/self/fd/8
}

# Into `found`: the value at a path of the answer. Fails where there is none.
_lockd_find() {
  found=''
  while IFS= read -r line; do
    case $line in
      "$1="*)
        found=${line#*=}
        return 0
        ;;
    esac
  done <<END
$answer
END
  return 1
}

# One call: METHOD PARAMETERS MILLISECONDS. Status 0: the answer is there; 1: refused, with `code` and `fault`; 2: nobody
# answered, `problem` says why, and `lost` whether it may have been carried out. All addresses are tried in turn, the one that led
# last first, and who is said to lead before the others; each for so long, but none beyond the `deadline`, where there is one. Ends us
# where the address is no lockd, or one of another cluster; but while a command runs (`in_run`) the first is an outage like others,
# and the second status 3.
_lockd_call() {
  body="<?xml version='1.0'?><methodCall><methodName>$1</methodName><params>$2</params></methodCall>"
  most=$3 unled='' silent=''
  # shellcheck disable=SC2046
  set -- $(_lockd_urls)
  while [ $# -gt 0 ]; do
    address=$1
    shift
    _lockd_clock
    sent=$now patience=$most
    if [ -n "$deadline" ]; then
      [ $((deadline - now)) -ge "$patience" ] || patience=$((deadline - now))
      [ "$patience" -gt 0 ] || return 2
    fi
    _lockd_post "$address" "$body" "$patience"
    case $? in
      0) ;;
      28) problem="$address: no answer in time" lost=1 silent="$silent $address" && continue ;;
      6 | 7) problem="$address: no connection" silent="$silent $address" && continue ;;
      51 | 60)
        problem="The certificate of $address is not trusted. Name the address as it stands in the certificate, and the authority that signed it with --ca or LOCKD_CA"
        [ -z "$in_run" ] || continue
        _lockd_say "$problem"
        exit 69
        ;;
      58 | 77) _lockd_unusable_files && continue ;;
      *) problem="$address: the connection broke" lost=1 silent="$silent $address" && continue ;;
    esac
    answer=$(_lockd_parse)
    if _lockd_find not; then
      problem="$address does not answer as a lockd does ($found)" lost=1
      [ -z "$in_run" ] || continue
      _lockd_say "$problem. Name the right address with --url or LOCKD_URL"
      exit 69
    fi
    if _lockd_find shut; then
      _lockd_not_let_in
      [ -z "$in_run" ] || continue
      _lockd_say "$problem"
      exit 77
    fi
    if _lockd_find broken; then
      problem="$address: the answer cannot be read, $found" lost=1
      continue
    fi
    if _lockd_find id; then
      if [ -n "$id" ] && [ "$id" != "$found" ]; then
        problem="$address is another lockd than the one before ($found, not $id): two would grant one lock twice. Name one cluster"
        [ -z "$in_run" ] || return 3
        _lockd_say "$problem"
        exit 69
      fi
      id=$found
    fi
    if ! _lockd_find fault.faultCode; then
      _lockd_prefer "$address"
      return 0
    fi
    code=$found
    case $code in '' | *[!0-9-]*) code=-32600 ;; esac
    _lockd_find fault.faultString
    fault=$found
    if [ "$code" -ne 16 ]; then
      _lockd_prefer "$address"
      return 1
    fi
    # Nothing was done here: it stops, or another one leads.
    problem="$address: $fault" others='' led='' is_cluster=1
    _lockd_find leader
    unled=$fault leader=${found%/}
    for text; do
      if [ "${text%/}" = "$leader" ]; then led=$text; else others="$others $text"; fi
    done
    # shellcheck disable=SC2086
    set -- $led $others
  done
  [ -z "$unled" ] || _lockd_tell_who_leads
  return 2
}

# Into `problem`: what one said who does not lead, and why the one that does was of no use. Whoever has written its address may be
# anybody: user and secret are not sent there.
_lockd_tell_who_leads() {
  problem=$unled
  [ -n "$leader" ] || return 0
  for text in $(_lockd_urls); do
    [ "${text%/}" = "$leader" ] || continue
    case "$silent " in *" $text "*) problem="$unled, which does not answer" ;; esac
    return 0
  done
  problem="$unled. That is none of the addresses that were given, and no other is called. Name it, too, with --url or LOCKD_URL: $url,$leader"
}

# curl does not say which; whatever was readable at the start may be so no more while a command runs.
_lockd_unusable_files() {
  problem="The files of --ca, --cert and --key (LOCKD_CA, LOCKD_CERT, LOCKD_KEY) cannot be used: they must be PEM, the key that of the certificate, and without a password"
  [ -n "$in_run" ] || _lockd_misused "$problem"
}

# Into `problem`: why `address` turns us away, and what to set; `found` is 401, or what it says of our certificate.
_lockd_not_let_in() {
  settings='LOCKD_USER with LOCKD_SECRET_FILE, or LOCKD_URL=http://USER:SECRET@HOST:PORT'
  case $found in
    401)
      if [ -z "$user" ]; then
        problem="$address lets nobody in who names no user. Set $settings"
      else
        problem="$address does not know the user '$user' with this secret. Set $settings; a new secret comes from: lockd user add"
      fi
      ;;
    *) problem="$address wants to see another certificate ($found). Set LOCKD_CERT and LOCKD_KEY" ;;
  esac
}

# The same, three tries in 10 s where nobody is there; a cluster has 15 s to find another leader, up to the moment `until`. Where
# there are others, nobody waits long for one that was stopped. `was_lost`: an earlier try may have been carried out.
_lockd_repeat() {
  was_lost='' lost='' tries=0 each=10000
  case $url in *,*) is_cluster=1 each=2500 ;; esac
  _lockd_clock
  over=$((now + 15000))
  [ -z "$until" ] || [ "$until" -gt "$over" ] || over=$until
  while :; do
    _lockd_call "$1" "$2" $each
    outcome=$? was_lost=$lost
    [ $outcome -eq 2 ] || return $outcome
    tries=$((tries + 1)) pause=1000
    [ $each -ne 2500 ] || each=5000
    _lockd_clock
    if [ $tries -ge 3 ]; then
      [ -n "$is_cluster" ] && [ "$now" -lt "$over" ] || return 2
    elif [ $tries -eq 2 ] && [ -z "$is_cluster" ]; then
      pause=3000
    fi
    _lockd_sleep $pause
  done
}

_lockd_no_daemon() {
  [ -z "$unled" ] || {
    _lockd_say "$problem"
    exit 69
  }
  _lockd_say "No daemon answers $1 ($problem). Start one with: lockd serve. Or name the right address with --url or LOCKD_URL"
  exit 69
}

# Ends with the status that belongs to the refusal in `code` and `fault`.
_lockd_refused() {
  _lockd_say "$fault"
  case $code in
    1 | 4 | 9 | 7 | 14 | 18) _lockd_tell_status ;;
    8 | 10) _lockd_say "Stop the work of that token. To look: sh lockd.sh status '$resource'" ;;
    2 | 3) _lockd_say "To look: sh lockd.sh status '$resource'" ;;
  esac
  case $code in
    4 | 7 | 9 | 14 | 15 | 19) status=75 ;;
    8 | 10) status=76 ;;
    11 | -32602 | -32700) status=2 ;;
    13) status=77 ;;
    16) status=69 ;;
    -*) status=70 ;;
    *) status=1 ;;
  esac
  case $status in 1 | 75) status=${conflict:-$status} ;; esac
  exit $status
}

_lockd_about() { printf '<param>%s</param>' "$(_lockd_string "$resource")"; }

_lockd_self() { printf '<param>%s</param>' "$(_lockd_string "$client")"; }

# ---------------------------------------------------------------- who has it

# Who holds the resource and who waits, on one line; nothing where that cannot be had.
_lockd_status_text() {
  _lockd_call status "$(_lockd_about)" 2000 || return 1
  _lockd_find value.state
  text=" '$resource' is $found"
  number=1
  while [ $number -le 3 ] && _lockd_find "value.holders.$number.client"; do
    text="$text; '$found'"
    _lockd_find "value.holders.$number.token" && text="$text (token $found"
    _lockd_find "value.holders.$number.left" && text="$text, lease left ${found%.*} s"
    text="$text)"
    _lockd_find "value.holders.$number.note" && text="$text: $found"
    number=$((number + 1))
  done
  _lockd_find value.waiting && [ "$found" != 0 ] && text="$text; waiting: $found"
  number=1
  while [ $number -le 100 ] && _lockd_find "value.queue.$number.client"; do
    [ "$found" = "$client" ] && text="$text; '$client' is number $number in the line" && break
    number=$((number + 1))
  done
  text=${text# }
}

_lockd_tell_status() { _lockd_status_text && _lockd_say "$text"; }

_lockd_show() {
  case $url in open://*) printf '%s\n' "'$resource' is free: $url locks nothing" && exit ;; esac
  _lockd_repeat status "$(_lockd_about)"
  case $? in
    1) _lockd_refused ;;
    2) _lockd_no_daemon status ;;
  esac
  _lockd_status_text && printf '%s\n' "$text"
}

# ---------------------------------------------------------------- taking a lock and giving it back

# The hold in the answer, whose members stand at `$1`, into `token`, `ttl` (0: no lease) and `start`: when the lease began at the
# latest, on our clock; `sent` is when the attempt was sent. Where it is none, that ends us; while a command runs, it fails.
_lockd_take_hold() {
  { _lockd_find "$1.client" && [ "$found" = "$client" ] && _lockd_find "$1.token"; } || found=''
  case $found in
    '' | *[!0-9]*)
      problem="The daemon's answer is no hold of '$client' on '$resource'. Is it a lockd of another version?"
      [ -z "$in_run" ] || return 1
      _lockd_say "$problem"
      exit 70
      ;;
  esac
  token=$found
  ms=0
  _lockd_find "$1.waited" && _lockd_scaled "$found" 1000
  # The lease cannot have started after its answer came, whatever the answer says.
  _lockd_clock
  start=$((sent + ms))
  [ "$start" -le "$now" ] || start=$now
  ttl=0
  _lockd_find "$1.ttl" && _lockd_scaled "$found" 1000 && ttl=$ms
}

# Takes the lock, or ends with a status. `wait`: milliseconds in the line, nothing for ever.
_lockd_acquire() {
  case $url in
    open://*)
      token=0 ttl=0
      return
      ;;
  esac
  _lockd_clock
  until=${wait:+$((now + wait))} away='' told='' asked='ttl limit note request'
  if [ "$verb" = run ] || [ "$wait" != 0 ]; then
    trap '_lockd_leave 129 HUP' HUP
    trap '_lockd_leave 130 INT' INT
    trap '_lockd_leave 131 QUIT' QUIT
    trap '_lockd_leave 143 TERM' TERM
  fi
  # Meant for the command, when there is one.
  [ "$verb" != run ] || trap : USR1 USR2
  if [ "$wait" = 0 ]; then
    until=''
    _lockd_repeat lock "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options "$asked")</param>"
    case $? in
      0) _lockd_take_hold value ;;
      1) _lockd_refused ;;
      2) _lockd_no_daemon lock ;;
    esac
    return
  fi
  _lockd_repeat enqueue "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options "$asked")</param>"
  case $? in
    1) _lockd_refused ;;
    2) _lockd_no_daemon enqueue ;;
  esac
  while :; do
    if _lockd_find value.state && [ "$found" = granted ]; then
      _lockd_take_hold value.hold
      break
    elif _lockd_find value.token; then
      _lockd_take_hold value
      break
    fi
    _lockd_wait_on
  done
  until=''
  # Of a run they stay, until the signals are the command's.
  [ "$verb" = run ] || trap - HUP INT QUIT TERM
}

# One slice of waiting; an answer is there, or a further slice is needed. Ends with a status where all is over.
_lockd_wait_on() {
  if _lockd_status_text && case $text in *'in the line'*) true ;; *) false ;; esac && [ "$text" != "$told" ]; then
    told=$text
    _lockd_say "Waiting for '$resource'. $text"
  fi
  answer=''
  _lockd_clock
  slice=25000 beyond=10000
  # Another member may lead where this one answers nothing.
  case $url in *,*) slice=5000 beyond=5000 ;; esac
  if [ -n "$until" ]; then
    left=$((until > now ? until - now : 0))
    [ $left -gt $slice ] || slice=$left
  fi
  member=$(_lockd_member request "$(_lockd_string "$request")")
  parameters="$(_lockd_about)$(_lockd_self)<param>$(_lockd_double $slice)</param><param><value><struct>$member</struct></value></param>"
  _lockd_call wait "$parameters" $((slice + beyond))
  case $? in
    0) away='' ;;
    1)
      away='' answer=''
      case $code in
        4) [ -z "$until" ] || [ "$slice" -lt "$left" ] || _lockd_give_up ;;
        6)
          # Away for too long: again, at the end of the line.
          _lockd_call enqueue "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options "$asked")</param>" 10000
          [ $? -ne 1 ] || _lockd_refused
          ;;
        *) _lockd_refused ;;
      esac
      ;;
    2)
      answer=''
      _lockd_clock
      : "${away:=$now}"
      # For longer than that the daemon does not keep the place.
      [ $((now - away)) -lt 30000 ] || _lockd_no_daemon wait
      [ -z "$until" ] || [ "$now" -lt "$until" ] || _lockd_no_daemon wait
      _lockd_sleep 1000
      ;;
  esac
}

_lockd_give_up() {
  # The daemon knows of the last slice only.
  case $fault in 'Gave up after '*' s: '*) fault="Gave up after $(_lockd_plain "$wait") s: ${fault#* s: }" ;; esac
  refusal=$fault
  _lockd_call cancel "$(_lockd_about)$(_lockd_self)" 2000
  code=4 fault=$refusal
  _lockd_refused
}

# A signal ended the waiting: leaves the line, and gives back what was granted meanwhile; the key tells whether either is ours.
_lockd_leave() {
  trap '' HUP INT QUIT TERM
  kill "$posting" 2>/dev/null && wait "$posting"
  _lockd_say "The wait of '$client' for '$resource' was ended by SIG$2"
  member=$(_lockd_member request "$(_lockd_string "$request")")
  none='<param><value><double>0.0</double></value></param>'
  if _lockd_call wait "$(_lockd_about)$(_lockd_self)$none<param><value><struct>$member</struct></value></param>" 2000; then
    _lockd_take_hold value
    _lockd_call unlock "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options token)</param>" 2000
  else
    _lockd_call cancel "$(_lockd_about)$(_lockd_self)" 2000
  fi
  exit "$1"
}

_lockd_take() {
  [ -z "$no_wait" ] || wait=0
  : "${wait:=0}"
  _lockd_acquire
  printf '%s\n' "$token"
}

_lockd_give_back() {
  case $url in open://*) exit 0 ;; esac
  _lockd_repeat unlock "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options token)</param>"
  case $? in
    1)
      # The token is that of no other hold: an earlier try has given it back.
      case $was_lost/$code in 1/2 | 1/3 | 1/10) [ -z "$token" ] || exit 0 ;; esac
      _lockd_refused
      ;;
    2) _lockd_no_daemon unlock ;;
  esac
}

_lockd_renew() {
  case $url in open://*) exit 0 ;; esac
  asked=$token
  _lockd_repeat renew "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options 'ttl token')</param>"
  case $? in
    1) _lockd_refused ;;
    2) _lockd_no_daemon renew ;;
  esac
  _lockd_take_hold value
  [ "$token" = "${asked:-$token}" ] && exit 0
  _lockd_say "Token $asked is not the hold of '$client' on '$resource', but $token is. Stop the work of token $asked"
  exit 76
}

_lockd_check() {
  found=''
  case $url in
    open://*) ;;
    *)
      _lockd_repeat check "$(_lockd_about)<param>$(_lockd_string "$token")</param>"
      case $? in
        1) _lockd_refused ;;
        2) _lockd_no_daemon check ;;
      esac
      _lockd_find value && [ "$found" = 1 ] && exit 0
      ;;
  esac
  _lockd_say "Token $token is no current hold of '$resource': stop the work of that token. To look: sh lockd.sh status '$resource'"
  exit 1
}

# ---------------------------------------------------------------- a command, and the signals that are meant for it

# Whether we are in the foreground of a terminal: a command there may ask, and gets the terminal's signals itself. Into `session`:
# the number of our session.
_lockd_has_terminal() {
  read -r own </proc/self/stat
  # Behind the name: state, parent, group, session, terminal, the terminal's foreground group.
  # shellcheck disable=SC2086
  set -- ${own##*) }
  session=$4
  [ "$3" = "$6" ]
}

# Whether we were started to ignore SIGINT, as the background commands of a script are.
_lockd_ignores_interrupts() {
  while read -r field value; do
    case $field$value in SigIgn:*[2367abefABEF]) return 0 ;; esac
  done </proc/self/status
  return 1
}

# From now on signals to us are meant for the command; those that come before it is there, it gets when it is.
_lockd_pass_signals_on() {
  command='' pending='' hangup='' interrupt=INT
  # A terminal that goes away tells its foreground, but only us where we lead the session.
  ! _lockd_has_terminal || [ "$session" = "$self" ] || hangup=everybody
  for signal in HUP INT QUIT TERM USR1 USR2; do
    # shellcheck disable=SC2064
    trap "_lockd_on_signal $signal" $signal
  done
}

# A signal to us: on to the command. In our group it has got what the keys of the terminal send, and its hanging up, by itself.
_lockd_on_signal() {
  signalled=$1
  [ -n "$command" ] || {
    pending="$pending $1"
    return
  }
  case $1 in
    INT | QUIT)
      # Where it could not be started to listen to these, it gets TERM instead.
      [ $interrupt = INT ] || set -- TERM
      [ -z "$in_session" ] && [ "$1" != TERM ] && _lockd_has_terminal && return
      ;;
    HUP) [ -z "$in_session" ] && [ -n "$hangup" ] && return ;;
  esac
  _lockd_signal "$1"
}

# Signals the command; where it has a session of its own, all of its group.
_lockd_signal() {
  # Until the command has made its session there is no such group.
  { [ -n "$in_session" ] && kill -s "$1" -- "-$command" 2>/dev/null; } || kill -s "$1" "$command" 2>/dev/null
}

# Becomes a program, by way of others (THROUGH), with the environment that we were started with, but no secret in LOCKD_URL; and,
# where there is a TOKEN, with its own variables. THROUGH URL TOKEN RESOURCE CLIENT COMMAND...
_lockd_become() {
  # What is readonly cannot be set.
  (eval "$_lockd_environment") 2>/dev/null && eval "$_lockd_environment"
  [ "$LOCKD_URL" = "$2" ] || LOCKD_URL=$2
  [ -n "$LOCKD_URL" ] || unset LOCKD_URL
  [ -z "$3" ] || export LOCKD_TOKEN="$3" LOCKD_RESOURCE="$4" LOCKD_CLIENT="$5"
  _lockd_through=$1
  shift 5
  # shellcheck disable=SC2086
  exec $_lockd_through "$@"
}

# Starts a program in the background as if it stood in the foreground: with our standard input, and with SIGINT and SIGQUIT as they
# were. (A shell lets its background commands ignore them; where env cannot undo that, `interrupt` is TERM.)
_lockd_start() {
  [ -e /proc/self/fd/0 ] || exec </dev/null
  exec 7<&0
  through=''
  [ -z "$in_session" ] || through=setsid
  if _lockd_ignores_interrupts; then
    :
  elif env --default-signal=INT true 2>/dev/null; then
    through="$through env --default-signal=INT,QUIT"
  else
    interrupt=TERM
  fi
  # No word of these programs.
  case $1 in -* | *=*) set -- sh -c '"$@"' sh "$@" ;; esac
  (
    if [ "$verb" = run ]; then set -- "$token" "$resource" "$client" "$@"; else set -- '' '' '' "$@"; fi
    _lockd_become "$through" "$LOCKD_URL" "$@"
  ) <&7 7<&- 8>&- 6>&- 5>&- &
  command=$!
  exec 7<&-
  for signal in $pending; do _lockd_on_signal "$signal"; done
}

# Waits for the command, whatever signals come; into `status`.
_lockd_await() {
  status=''
  while :; do
    signalled=''
    wait "$command" 2>/dev/null
    ended=$?
    # A wait that a signal has ended says so; a second one for a command that was waited for says 127.
    [ -n "$status" ] && [ $ended -eq 127 ] && ended=$status
    status=$ended
    [ -n "$signalled" ] || return 0
  done
}

# ---------------------------------------------------------------- all that the command has started

# Its processes are known by its session and group, where it has its own; by descent from it, also of those that were seen before
# and are orphans now; and by its variables in their environment. Out of sight is what has left all of these before it was seen.

# Into `members`: `PID START PLACE` a line, for all that live, but not who is known by the environment alone. Descriptor 5 has
# those that were seen before. Fails where it cannot be told.
_lockd_look() {
  members=$(
    set +f
    cd /proc && cat [0-9]*/stat 2>/dev/null | LC_ALL=C awk -v command="$command" -v parent="$self" -v session="${in_session:+$command}" '
      seen { known[$1 " " $2] = 1; next }
      {
        # A name may have anything in it, line feeds too.
        text = text $0
        pid = text + 0
        rest = text
        sub(/^.*\) /, "", rest)
        # State, parent, group, session; the number of threads; the start: with its number it names a process for ever.
        if (split(rest, field, " ") < 40) next
        text = ""
        # The first thread of a process may have ended before the others.
        if (field[1] ~ /[ZX]/ && field[18] < 2) next
        parents[pid] = field[2]
        starts[pid] = field[20]
        place[pid] = session && field[3] == session ? "group" : ""
        if (pid == command && field[2] == parent || place[pid] || session && field[4] == session || known[pid " " field[20]]) is_member[pid] = 1
      }
      END {
        for (grown = 1; grown; ) {
          grown = 0
          for (pid in parents) if (!is_member[pid] && is_member[parents[pid]]) grown = is_member[pid] = 1
        }
        any = 0
        for (pid in parents) { any = 1; if (is_member[pid]) print pid, starts[pid], place[pid] }
        exit !any
      }' seen=1 /proc/self/fd/5 seen= -
  )
}

# Remembers the members: of an orphan nothing else may tell afterwards. Once a second; the more there is to look at, the less often.
_lockd_remember() {
  [ "$now" -ge "$look_at" ] || return
  _lockd_look
  [ "$members" = "$remembered" ] || printf '%s\n' "$members" >/proc/self/fd/5
  remembered=$members
  read -r _ _ _ tasks _ </proc/loadavg
  tasks=${tasks#*/}
  look_at=$((now + (tasks > 500 ? tasks * 2 : 1000)))
}

# Signals those who are known by their environment alone, and lets descriptor 5 know of them; `$1`: the signal. Fails where there
# are any. To be run aside: the environment of a process that hangs in the kernel can hang whoever reads it.
_lockd_search() (
  set +f
  cd /proc || exit
  outsiders=''
  for process in $(LC_ALL=C grep -lzxF -e "LOCKD_TOKEN=$token" -- [0-9]*/environ 2>/dev/null); do
    process=${process%/*}
    case "
$members" in *"
$process "*) continue ;; esac
    marks=$(LC_ALL=C grep -czxF -e "LOCKD_TOKEN=$token" -e "LOCKD_RESOURCE=$resource" -e "LOCKD_CLIENT=$client" -- "$process/environ" 2>/dev/null)
    [ "${marks:-0}" -ge 3 ] || continue
    outsiders=1
    { own=$(tr '\n' ' ' <"$process/stat"); } 2>/dev/null
    # shellcheck disable=SC2086
    set -- "$1" ${own##*) }
    printf '%s\n' "$process ${21-}" >>/proc/self/fd/5
    _lockd_send "$1" "$process"
  done
  [ -z "$outsiders" ]
)

# Who is stopped could not end.
_lockd_send() {
  kill -s "$1" -- "$2"
  [ "$1" = KILL ] || kill -s CONT -- "$2"
} 2>/dev/null

# Signals all of them, as the last look found them, and begins a search for more. Before that it makes no process: time may be short.
_lockd_reach() {
  # All of the group in one go: none of it can fork itself out of the way.
  [ -z "$in_session" ] || _lockd_send "$1" "-$command"
  while read -r process _ place; do
    [ -z "$process" ] || [ "$place" = group ] || _lockd_send "$1" "$process"
  done <<END
$members
END
  _lockd_is_alive "$search" || {
    _lockd_search "$1" &
    search=$!
  }
}

# Waits until none of them is alive; fails at a moment of our clock. With a signal, whoever is alive or appears gets that.
_lockd_until_gone() {
  is_last=''
  while _lockd_clock && [ "$now" -lt "$1" ]; do
    pause=50
    if ! _lockd_look || [ -n "$members" ]; then
      is_last=''
      [ -z "${2-}" ] || _lockd_reach "$2"
    elif ! _lockd_is_alive "$search"; then
      # Only one that began when nobody was left finds all.
      wait "$search" && [ -n "$is_last" ] && return
      is_last=1 pause=10
      _lockd_search "${2:-CONT}" &
      search=$!
    fi
    [ -z "${2-}" ] || pause=10
    _lockd_clock
    [ $((now + pause)) -lt "$1" ] || pause=$(($1 - now))
    [ $pause -le 0 ] || _lockd_sleep $pause
  done
  return 1
}

# The last signal, begun with those that the last look found; what withstands it is written down.
_lockd_kill_all() {
  _lockd_reach KILL
  _lockd_clock
  # Such as hang in a dead file system: after some time, without them.
  _lockd_until_gone $((now + 10000)) KILL && return
  echo alive >>/proc/self/fd/6
  # Without any, a search for more hangs.
  _lockd_say "Processes of the command withstand SIGKILL, and may still change '$resource':" ${members:+$(printf '%s\n' "$members" | cut -d ' ' -f 1)}
}

# Whether a process runs; not one that has ended and was not waited for.
_lockd_is_alive() {
  [ -n "$1" ] && read -r stat </proc/"$1"/stat || return 1
  case ${stat##*) } in [ZX]*) return 1 ;; esac
} 2>/dev/null

# ---------------------------------------------------------------- a lock that is renewed while a command runs

_lockd_hold_and_run() {
  [ -z "$no_wait" ] || wait=0
  _lockd_acquire
  in_session='' search='' members='' renewer='' watcher=''
  [ "$foreground" = yes ] || { [ -z "$foreground" ] && _lockd_has_terminal; } || in_session=1
  _lockd_pass_signals_on
  if [ "$token" = 0 ]; then
    _lockd_start "$@"
    _lockd_await
    exit "$status"
  fi
  # For all of our processes, in files without names: what became of the lock, where it was lost, and the command's processes.
  _lockd_open_scratch 6
  _lockd_open_scratch 5
  _lockd_clock
  if [ "$ttl" -gt 0 ] && [ "$now" -ge $((start + ttl * 9 / 10)) ]; then
    _lockd_say "'$resource' was had too late: its lease may be over. The command was not started"
    echo lost >&6
  else
    in_run=1
    _lockd_start "$@"
    if [ "$ttl" -gt 0 ]; then
      _lockd_renewer >/dev/null &
      renewer=$!
      _lockd_watcher >/dev/null &
      watcher=$!
    fi
    _lockd_await
    trap '' HUP INT QUIT TERM USR1 USR2
    _lockd_end_renewing
  fi
  _lockd_unlock_at_the_end
  exit "$status"
}

_lockd_is_lost() { [ -s /proc/self/fd/6 ]; }

# The renewer ends; where it is about to end the command, it may finish.
_lockd_end_renewing() {
  [ -n "$renewer" ] || return
  # Who ends the command need not be the renewer.
  _lockd_is_lost || kill -s KILL "$renewer" "$watcher" 2>/dev/null
  wait "$watcher" "$renewer" 2>/dev/null
  # It had begun to between the look and its end.
  ! _lockd_is_lost || [ "$on_loss" = keep ] || _lockd_kill_all
}

_lockd_unlock_at_the_end() {
  if _lockd_is_lost; then
    status=76
    # Else the lease must end, so that what is still alive is fenced.
    grep -q alive /proc/self/fd/6 ||
      _lockd_call unlock "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options token)</param>" 1000
    return
  fi
  _lockd_repeat unlock "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options token)</param>"
  case $? in
    1)
      case $was_lost/$code in 1/2 | 1/3 | 1/10) return ;; esac
      _lockd_say "$fault"
      case $code in 2 | 3 | 8 | 10) status=76 ;; esac
      ;;
    2 | 3) _lockd_say "'$resource' could not be unlocked ($problem); it is free when its lease has ended" ;;
  esac
}

# Renews, and ends the command when that does not succeed, or when nobody is left to unlock.
_lockd_renewer() {
  # What is meant for the command goes to the command.
  trap '' HUP INT QUIT TERM USR1 USR2
  # Where no process can be made any more, a shell just ends.
  trap '_lockd_signal KILL' EXIT
  _lockd_open_scratch 8
  case $on_loss in term) first=7 ;; kill) first=8 ;; keep) first=9 ;; esac
  next=$((start + ttl / 3)) reason='no answer yet' hold=$token attempt=$((ttl / 10 > 200 ? ttl / 10 : 200))
  [ $attempt -le 10000 ] || attempt=10000
  look_at=0 remembered=''
  while :; do
    _lockd_clock
    end=$((start + ttl * first / 10))
    [ "$now" -lt $end ] || break
    if [ "$now" -ge $next ]; then
      next=$((now + ttl / 10))
      if ! _lockd_is_alive "$self"; then
        reason="its lockd_run was killed" next=$end
        continue
      fi
      deadline=$end
      _lockd_call renew "$(_lockd_about)$(_lockd_self)<param>$(_lockd_options token)</param>" $attempt
      case $? in
        0)
          _lockd_take_hold value || { reason=$problem && continue; }
          [ "$token" = "$hold" ] || { reason="it is held with token $token now, not $hold" token=$hold && break; }
          # A renewal waits in no line: whatever its answer says, it counts from its sending.
          start=$sent
          next=$((start + ttl / 3))
          ;;
        1)
          reason=$fault
          case $code in 2 | 3 | 8 | 10 | 17) break ;; esac
          ;;
        2) reason=$problem ;;
        3) reason=$problem && break ;;
      esac
      continue
    fi
    _lockd_remember
    pause=$(((next < end ? next : end) - now))
    [ $pause -le 0 ] || _lockd_sleep $((pause < 1000 ? pause : 1000))
  done
  _lockd_lose
}

# The lock is lost, or may be soon: ends the command as --on-loss says, in time.
_lockd_lose() {
  _lockd_clock
  echo lost >>/proc/self/fd/6
  lost=$now
  case $on_loss in
    term) deed='ending the command' ;;
    kill) deed='killing the command' ;;
    keep) deed='the command goes on' ;;
  esac
  _lockd_say "'$resource' cannot be kept ($reason): $deed"
  # The look before this may have been long ago.
  members=''
  case $on_loss in
    term) _lockd_ask_to_end 8 || _lockd_ask_to_end 9 || _lockd_kill_all ;;
    kill) _lockd_kill_all ;;
  esac
  trap - EXIT
  exit
}

# TERM, and waits until all have ended; fails when so many tenths of the lease are over.
_lockd_ask_to_end() {
  moment=$((start + ttl * $1 / 10)) at_once=$((lost + ttl * ($1 - first) / 10))
  _lockd_look
  _lockd_reach TERM
  _lockd_until_gone $((moment < at_once ? moment : at_once))
}

# Sees to it that the command does not go on when its renewer was killed.
_lockd_watcher() {
  trap '' HUP INT QUIT TERM USR1 USR2
  pause=$((ttl / 20 < 1000 ? ttl / 20 : 1000))
  while _lockd_is_alive "$renewer"; do _lockd_sleep $pause; done
  _lockd_is_lost && exit
  trap '_lockd_signal KILL' EXIT
  reason='its renewer was killed' first=7
  _lockd_lose
}

# ---------------------------------------------------------------- the gate

_lockd_closed() {
  _lockd_say "$2"
  exit "$1"
}

# FILE has one token per line, and the highest complete line counts; of FILE.old where FILE has none. It is locked by flock, never
# renamed, and a new token is appended and flushed to disk before anything else happens. A last line without its line feed was
# cut off by a crash, and did not pass. Beyond 4,096 bytes FILE is begun anew, when its token stands in FILE.old on disk.
_lockd_pass() {
  [ $words -eq 2 ] || [ -n "$token" ] || _lockd_misused "Say which token is to pass $word"
  token=${second:-$token}
  case $token in '' | *[!0-9]*) _lockd_misused "TOKEN must be decimal digits, as lock prints them, not '$token'" ;; esac
  case $word in /*) file=$word ;; *) file=./$word ;; esac
  _lockd_whole "$token"
  token=$whole
  [ "$token" != 0 ] ||
    _lockd_closed 1 "Token 0 is no fencing token: open:// gives it to everybody, and the gate $word does not let it pass. Take the lock from a daemon"
  _lockd_enter
  _lockd_record
  [ $# -gt 0 ] || exit 0
  in_session=''
  _lockd_pass_signals_on
  _lockd_start "$@"
  _lockd_await
  # Also where the command has left a process behind that has the descriptor.
  flock -u 9
  exit "$status"
}

# Opens FILE on descriptor 9, and locks it.
_lockd_enter() {
  command -v flock >/dev/null || _lockd_closed 1 "The gate $word needs the program flock of util-linux, which is not here: nobody may pass. Install it"
  while :; do
    [ ! -e "$file" ] || [ -f "$file" ] || _lockd_closed 1 "The gate $word cannot be used (it is no regular file): nobody may pass. Mend that first"
    problem=$( (umask 077 && exec 9<>"$file") 2>&1) || _lockd_closed 1 "The gate $word cannot be used (${problem##*: }): nobody may pass. Mend that first"
    mask=$(umask)
    umask 077
    exec 9<>"$file"
    umask "$mask"
    locking=''
    trap 'kill "$locking" 2>/dev/null; exit 129' HUP
    trap 'kill "$locking" 2>/dev/null; exit 130' INT
    trap 'kill "$locking" 2>/dev/null; exit 143' TERM
    if [ -n "$wait" ]; then flock -x -w "$(_lockd_seconds "$wait")" 9 & else flock -x 9 & fi
    locking=$!
    wait "$locking"
    case $? in
      0) ;;
      1) _lockd_closed 75 "Gave up after $(_lockd_plain "$wait") s: somebody else's command is still in the gate $word. To see whose: fuser -v FILE" ;;
      *) _lockd_closed 1 "The gate $word cannot be locked (flock failed): nobody may pass. Mend that first" ;;
    esac
    trap - HUP INT TERM
    # Whoever removed the file meanwhile has made another one the gate.
    [ "$file" -ef /proc/self/fd/9 ] && return
  done
}

_lockd_record() {
  _lockd_read_tokens /proc/self/fd/9 "$word"
  kept=$complete all=$size
  if [ -z "$highest" ] && [ -e "$file.old" ]; then _lockd_read_tokens "$file.old" "$word.old"; fi
  recorded=${highest:-0}
  if _lockd_is_above "$recorded" "$token"; then
    _lockd_closed 76 "Token $token is stale: the gate $word has let token $recorded pass. Stop the work of token $token; to go on with it, take the lock anew"
  fi
  if ! _lockd_is_above "$token" "$recorded"; then
    # It stands there already; whoever wrote it may have died before it was on disk.
    dd of=/proc/self/fd/9 bs=1 count=0 seek="$all" conv=notrunc,fsync </dev/null 2>/dev/null || _lockd_unwritable
    return
  fi
  if [ "$all" -gt 4096 ]; then
    rm -f "$file.old.tmp"
    (umask 077 && printf '%s\n' "$recorded" | dd of="$file.old.tmp" conv=fsync 2>/dev/null) && mv -f "$file.old.tmp" "$file.old" &&
      _lockd_sync_directory || _lockd_unwritable
    kept=0
  fi
  # It cuts the file at `seek` first.
  printf '%s\n' "$token" | dd of=/proc/self/fd/9 bs=1 seek="$kept" conv=fsync 2>/dev/null || _lockd_unwritable
  [ "$all" -gt 0 ] || _lockd_sync_directory || _lockd_unwritable
}

_lockd_unwritable() { _lockd_closed 1 "The gate $word cannot be written: nobody may pass. Make room, or mend the disk"; }

_lockd_sync_directory() {
  case $file in */*) directory=${file%/*} ;; esac
  sync "${directory:-/}" 2>/dev/null || sync
}

# Into `highest` (nothing without a complete line), `complete` (bytes up to its end) and `size`. Ends where there is more than tokens.
_lockd_read_tokens() {
  size=$(wc -c <"$1") || _lockd_closed 1 "The gate $2 cannot be read: nobody may pass. Mend that first"
  size=$((size))
  # In one process: the highest complete line, and the bytes up to the end of the last. `tr` makes each line feed a letter, so
  # that a line that was cut off can be told, and each zero byte of one too.
  tokens=$([ $size -le 1048576 ] && LC_ALL=C tr '\n\000' 'nz' <"$1" | LC_ALL=C awk '
    { text = text (NR > 1 ? "x" : "") $0 }
    END {
      lines = split(text, line, "n")
      tail = line[lines]
      if (tail !~ /^[0-9z]*$/) exit 1
      for (at = 1; at < lines; at++) {
        if (line[at] !~ /^[0-9]*$/) exit 1
        if (line[at] == "") continue
        sub(/^0+/, "", line[at])
        if (!seen++ || length(line[at]) > length(most) || (length(line[at]) == length(most) && (line[at] "") > (most ""))) most = line[at]
      }
      print length(text) - length(tail), seen ? (most == "" ? "0" : most) : ""
    }') || _lockd_closed 1 "The gate $2 cannot be read: it has more in it than tokens. Nobody may pass. Look at it; to mend it, write the highest token that can have passed into it, as a line of its own"
  complete=${tokens%% *} highest=${tokens#* }
}

# Into `whole`: the digits without the zeros in front.
_lockd_whole() {
  whole=$1
  while :; do
    case $whole in 0?*) whole=${whole#0} ;; *) return ;; esac
  done
}

# Whether the whole number $1 is greater than $2; of any length, without zeros in front.
_lockd_is_above() {
  [ ${#1} -ne ${#2} ] && { [ ${#1} -gt ${#2} ] && return || return 1; }
  one=$1 other=$2
  while [ -n "$one" ]; do
    # By 15 digits, which every shell can count.
    rest=${one#???????????????} further=${other#???????????????}
    [ "$rest" != "$one" ] || rest='' further=''
    left=${one%"$rest"} right=${other%"$further"}
    [ "$left" -eq "$right" ] || { [ "$left" -gt "$right" ] && return || return 1; }
    one=$rest other=$further
  done
  return 1
}

# ---------------------------------------------------------------- run as a program

# Whatever its name is: a script that has sourced this is another file.
if [ -f "$0" ] && grep -q '^_lockd_main() {$' "$0" 2>/dev/null; then
  _lockd_main "$@"
fi
