#!/bin/sh
# Runs one command for an action run, beats while it runs, and reports once how it ended.
#
#   RUN_ID=… CALLBACK_URL=… CALLBACK_TOKEN=… job.sh command [argument…]
#
# Needs curl 7.71 or newer and no jq. Exits as the command did; 129, 130 or 143 where a signal stopped it.
# A signal goes to the command alone: one that starts others must end them itself. Nobody is left to report after
# kill -9 or a power cut, which is what the run's heartbeatTimeout is for.

set -u
: "${RUN_ID:?}" "${CALLBACK_URL:?}" "${CALLBACK_TOKEN:?}" "${1:?Name the command to run.}"
runs=${RUNS_FOLDER:-/var/lib/action-runs}
beat_every=${BEAT_EVERY_SECONDS:-60}
retries=5
child='' beats='' signal='' fault='' code=1

# The command has no business with the token.
token=$CALLBACK_TOKEN
unset CALLBACK_TOKEN

case $RUN_ID in *[!0-9A-Fa-f-]*) echo 'RUN_ID is no uuid.' >&2 && exit 64 ;; esac

# The inside of a JSON string, from any bytes: what is not printable ASCII becomes a question mark.
json_text() {
  LC_ALL=C tr '\011' ' ' | LC_ALL=C tr -c '\012\040-\176' '?' |
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
}

# post URL BODY [HEADER]. The token goes to curl on stdin, for a command line can be read by everybody on the machine.
post() {
  printf 'Authorization: Bearer %s\n' "$token" |
    curl -fsS --retry "$retries" --retry-all-errors --max-time 20 -o /dev/null -X POST -H @- \
      -H 'Content-Type: application/json' ${3:+-H "$3"} -d "$2" "$1"
}

beat() {
  post "${CALLBACK_URL%/callback}/heartbeat" "{\"message\":\"$(printf '%s on %s' "$1" "$(uname -n)" | json_text)\"}"
}

keep_beating() {
  # The next beat makes up for one that got lost.
  retries=0
  while sleep "$beat_every"; do beat 'Still running'; done
}

stop() {
  signal=$1 code=$2
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

# Runs however the script ends. From here on no signal can make it end twice or half way.
finish() {
  trap - EXIT
  trap '' HUP INT TERM
  # KILL, for a shell can lose a TERM that comes just after it was forked. Its sleep may outlive it by one beat.
  [ -z "$beats" ] || { kill -KILL "$beats" && wait "$beats"; } 2>/dev/null
  if [ -n "$signal" ]; then fault="Stopped by SIG$signal."; fi
  if [ -z "$fault" ] && [ "$code" -eq 0 ]; then
    report="{\"status\":\"succeeded\",\"output\":{\"host\":\"$(uname -n | json_text)\"}}"
  else
    # Its last lines say why. They are kept with the run: print no secrets.
    tail=$(tail -n 20 "$log" 2>/dev/null | tail -c 2000)
    error=$(printf '%s\n%s' "${fault:-Exited with status $code.}" "$tail" | json_text)
    report="{\"status\":\"failed\",\"error\":\"$error\"}"
  fi
  post "$CALLBACK_URL" "$report" "Idempotency-Key: shell-$RUN_ID" || echo "Run $RUN_ID: the report was refused or got no answer." >&2
  exit "$code"
}

give_up() {
  code=$1 fault=$2
  exit
}

# Delivery is at least once: whoever comes second finds the folder, and leaves the run to the first.
umask 077
log=$runs/$RUN_ID/log
if ! mkdir "$runs/$RUN_ID" 2>/dev/null && [ -d "$runs/$RUN_ID" ]; then
  echo "Run $RUN_ID was begun before." >&2
  exit 0
fi

trap finish EXIT
trap 'stop HUP 129' HUP
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM

[ -d "$runs/$RUN_ID" ] || give_up 73 "There is no folder $runs that this user can write to."
# Refused where the run has ended, cancelled for one: nobody wants the work.
beat 'Begun' || give_up 69 'The first heartbeat was refused or got no answer, so nothing was run.'
[ -z "$signal" ] || exit "$code"

"$@" </dev/null >"$log" 2>&1 &
child=$!
[ -z "$signal" ] || kill -TERM "$child" 2>/dev/null
keep_beating >/dev/null 2>&1 &
beats=$!

# A signal cuts wait short while the command is still there.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
[ -n "$signal" ] || code=$status
exit "$code"
