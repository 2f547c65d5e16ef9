#!/bin/sh
# Runs one command for an action run, sends a heartbeat every minute while the command runs, and reports once how it ended.
#
#   RUN_ID=… CALLBACK_URL=… CALLBACK_TOKEN=… job.sh command [argument…]
#
# Needs reporters/report.sh in its own folder. Exits as the command did, and 129, 130 or 143 when a signal stopped it.
# A signal goes to the command alone: a command that starts others must end them itself. After kill -9 or a power cut
# nothing can report. The run's heartbeatTimeout ends such a run.

set -u
: "${RUN_ID:?}" "${CALLBACK_URL:?}" "${CALLBACK_TOKEN:?}" "${1:?Name the command to run.}"
reporter=$(dirname "$0")/report.sh
runs=${RUNS_FOLDER:-/var/lib/action-runs}
beat_every=${BEAT_EVERY_SECONDS:-60}
child='' beats='' signal='' fault='' code=1

# The command must not see the token.
token=$CALLBACK_TOKEN
unset CALLBACK_TOKEN

case $RUN_ID in *[!0-9A-Fa-f-]*) echo 'RUN_ID is not a UUID.' >&2 && exit 64 ;; esac
[ -f "$reporter" ] || { echo "There is no $reporter. Copy it from reporters/." >&2 && exit 69; }

# report HOW [TEXT]: a heartbeat sends the text as its message, a failure as its error. Every value is set here, because the
# environment may hold another variable of that name. What the reporter says is kept, because webhook throws it away.
report() {
  said=$(
    CALLBACK_TOKEN=$token REPORT_KEY=shell-$RUN_ID MESSAGE=${2:-} ERROR=${2:-} OUTPUT='' PROGRESS='' \
      sh "$reporter" "$1" 2>&1
  )
  reported=$?
  [ -z "$said" ] || printf '%s\n' "$said" | tee -a "$runs/$RUN_ID/reports" >&2
  return "$reported"
}

beat() { report heartbeat "$1 on $(uname -n)"; }

keep_beating() {
  # The next heartbeat makes up for one that got lost.
  export REPORT_TRIES=1
  while sleep "$beat_every"; do beat 'Still running'; done
}

# The last 20 lines of the log, at most 2000 bytes. A cut by bytes can split a character: the rest of that one is dropped.
last_lines() {
  tail -n 20 "$log" | tail -c 2000 | {
    for _ in 1 2 3; do
      byte=$(dd bs=1 count=1 2>/dev/null | LC_ALL=C tr -d '\200-\277')
      [ -z "$byte" ] || break
    done
    printf '%s' "$byte"
    cat
  }
}

stop() {
  signal=$1 code=$2
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

# Runs however the script ends. From here on no signal can make it end twice or half way.
finish() {
  trap - EXIT
  trap '' HUP INT TERM
  # KILL, because a shell can lose a TERM that comes just after it was forked. Its sleep may outlive it by one heartbeat.
  [ -z "$beats" ] || { kill -KILL "$beats" && wait "$beats"; } 2>/dev/null
  if [ -n "$signal" ]; then fault="Stopped by SIG$signal."; fi
  if [ -z "$fault" ] && [ "$code" -eq 0 ]; then
    report succeeded
  else
    # The last lines say why. They are kept with the run, so the command must print no secrets.
    report failed "$(printf '%s\n%s' "${fault:-Exited with status $code.}" "$(last_lines 2>/dev/null)")"
  fi
  exit "$code"
}

give_up() {
  code=$1 fault=$2
  exit
}

# Delivery is at least once: the second delivery finds the folder, and leaves the run to the first.
umask 077
log=$runs/$RUN_ID/log
if ! mkdir "$runs/$RUN_ID" 2>/dev/null && [ -d "$runs/$RUN_ID" ]; then
  echo "Run $RUN_ID has already started." >&2
  exit 0
fi

trap finish EXIT
trap 'stop HUP 129' HUP
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM

[ -d "$runs/$RUN_ID" ] || give_up 73 "There is no folder $runs that this user can write to."
# The service refuses the heartbeat of a run that has ended, for example because it was cancelled. The work is not needed then.
beat 'Begun' || give_up 69 'The first heartbeat was refused or got no answer, so the command did not start.'
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
