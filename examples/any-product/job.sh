#!/bin/sh
# The whole protocol by hand, for a product that no reporter fits: one heartbeat, the work, one report.
#
#   RUN_ID=… CALLBACK_URL=… CALLBACK_TOKEN=… job.sh command [argument…]
#
# Needs curl and nothing else. A signal ends this script without a report, and the run's timeout ends the run.
# ../shell/job.sh handles that, because it uses ../../reporters/report.sh.

set -u

# post URL JSON [HEADER]. Tries again when no answer came (000), or one that says "try later". Every other answer is
# final: its sentence says why, so it is printed.
post() {
  pause=1
  while :; do
    # The token goes to curl on stdin, because everybody on the machine can read a command line.
    answer=$(printf 'Authorization: Bearer %s' "$token" |
      curl -sS --max-time 20 -X POST -H @- -H 'Content-Type: application/json' ${3:+-H "$3"} -d "$2" -w ' %{http_code}' "$1") ||
      answer='none 000'
    case $answer in
      *' '2??) return 0 ;;
      *' '000 | *' '408 | *' '429 | *' '5??) [ "$pause" -le 16 ] || break ;;
      *) break ;;
    esac
    sleep "$pause"
    pause=$((pause * 2))
  done
  # Some CI products run a log's ::name::, ##[name], ##vso[name] and ##teamcity[name].
  printf 'The service answered: %s\n' "$answer" |
    sed -e ':again' -e 's/::/: :/' -e 's/##/# #/' -e 't again' >&2
  return 1
}

# The command must not see the token.
token=$CALLBACK_TOKEN
unset CALLBACK_TOKEN

# The service refuses the heartbeat of a run that has ended. The work is not needed then.
post "${CALLBACK_URL%/callback}/heartbeat" '{"message":"The job has begun."}' || exit 1
# Somebody asked the run to stop. A job that works for long should send more heartbeats, and look at each answer.
case $answer in *'"cancel":{'*) echo 'The run was cancelled.' >&2 && exit 1 ;; esac

"$@"
code=$?
if [ "$code" -eq 0 ]; then
  report='{"status":"succeeded"}'
else
  report="{\"status\":\"failed\",\"error\":\"The command exited with status $code.\"}"
fi
# The key makes a second try a repetition, so a report whose answer got lost is not refused.
post "$CALLBACK_URL" "$report" "Idempotency-Key: job-$RUN_ID" && exit "$code"
exit 1
