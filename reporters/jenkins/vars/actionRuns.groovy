import groovy.json.JsonOutput

/**
 * Tells an action run that its build has begun, and how it ended.
 *
 *   actionRuns status: 'heartbeat'     first: fails the build where the run has ended and nobody wants the work
 *   actionRuns()                       in post { always }: reports currentBuild.currentResult
 *
 * Further: output (a map, or a JSON object as text), error (text), message, progress (0 to 1), page (a URL; the
 * build's), callbackUrl and callbackToken (the parameters CALLBACK_URL and CALLBACK_TOKEN). Runs on the agent, which needs
 * sh and curl. Fails the build where the report was refused; reporters/README.md says when.
 */
def call(Map given = [:]) {
  // Values go in by the environment: put into the script they could be commands. Those not given are taken out of
  // it, so that a parameter of the job that happens to have one of these names is not taken for ours.
  Map values = [
    STATUS: given.status ?: currentBuild.currentResult,
    OUTPUT: given.output instanceof Map ? JsonOutput.toJson(given.output) : given.output,
    ERROR: given.error,
    MESSAGE: given.message,
    PROGRESS: given.progress,
    EXTERNAL_URL: given.page,
  ]
  if (given.callbackUrl != null) values.CALLBACK_URL = given.callbackUrl
  if (given.callbackToken != null) values.CALLBACK_TOKEN = given.callbackToken
  withEnv(values.collect { name, value -> "${name}=${value == null ? '' : value}".toString() }) {
    sh(label: 'Report to the action run', script: reportSh())
  }
}

// reporters/report.sh, word for word but for the backslashes, which Groovy wants twice. It begins with its #!, so Jenkins
// starts it without -x, which would print the token.
private String reportSh() {
  return '''#!/bin/sh
# Tells an action run how its job ended, or that it is alive.
#
#   CALLBACK_URL=… CALLBACK_TOKEN=… report.sh succeeded|failed|cancelled|heartbeat
#
# Further from the environment: OUTPUT (a JSON object), ERROR (any text, cut to what the service takes), for a heartbeat
# MESSAGE, PROGRESS (0 to 1) and EXTERNAL_URL (the job's page; known by itself in CI), REPORT_KEY (what makes a second
# report a repetition of the first; made from the CI's ids), REPORT_TRIES (6), STATUS instead of the argument. The words
# of GitHub, GitLab, Jenkins and Azure for how a job ended do as well.
#
# Needs curl 7.55 or newer, nothing else. Exits 0: the run has this end, whoever reported it. 1: refused. 2: called
# wrongly, nothing was sent. 3: the token does not open the run, or no more. 4: no such run. 5: the run has ended, and
# otherwise. 6: no useful answer, so nobody knows.
#
# reporters/gitlab.yml and reporters/jenkins/vars/actionRuns.groovy carry this file word for word.

# With sh -x the token would be printed.
set +x -u
export LC_ALL=C

refuse() { printf 'report.sh: %s\\n' "$1" >&2 && exit 2; }

# The inside of a JSON string, from any bytes: json_text TEXT ROOM. ROOM is in bytes as the service counts them, so of
# UTF-8, but the result is ASCII and the bytes come as numbers, for not every awk leaves bytes alone.
json_text() {
  printf '%s' "$1" | od -An -v -tx1 | awk -v room="$2" '
    function put(code, size) {
      if (code < 32) size = code ~ /^(8|9|10|12|13)$/ ? 2 : 6
      else if (code == 34 || code == 92) size = 2
      else size = code < 128 ? 1 : code < 2048 ? 2 : code < 65536 ? 3 : 4
      if ((room -= size) < 0) { printf "%su2026", "\\\\"; full = 1; exit }
      if (code == 34 || code == 92) printf "%s%c", "\\\\", code
      else if (code > 31 && code < 127) printf "%c", code
      else if (code < 65536) printf "%su%04x", "\\\\", code
      else printf "%su%04x%su%04x", "\\\\", 55296 + int((code - 65536) / 1024), "\\\\", 56320 + code % 1024
    }
    function take(byte) {
      if (due && byte >= low && byte <= high) {
        code = code * 64 + byte - 128; low = 128; high = 191
        if (--due == 0) put(code)
        return
      }
      if (due) { due = 0; put(65533) }
      low = byte == 224 ? 160 : byte == 240 ? 144 : 128
      high = byte == 237 ? 159 : byte == 244 ? 143 : 191
      if (byte < 128) put(byte)
      else if (byte < 194 || byte > 244) put(65533)
      else if (byte < 224) { due = 1; code = byte - 192 }
      else if (byte < 240) { due = 2; code = byte - 224 }
      else { due = 3; code = byte - 240 }
    }
    BEGIN { digits = "0123456789abcdef" }
    { for (i = 1; i <= NF; i++) take(16 * index(digits, substr($i, 1, 1)) + index(digits, substr($i, 2, 1)) - 17) }
    END { if (due && !full) put(65533) }'
}

# Exactly one JSON object, as far as its braces tell: a text with more in it could turn the report into another.
is_object() {
  braces=$(printf '%s' "$1" | tr '\\n\\t\\r' '   ' | sed -E -e 's/"([^"\\\\]|\\\\.)*"//g' -e 's/^ *//' -e 's/ *$//')
  case $braces in '{'*'}') ;; *) return 1 ;; esac
  braces=${braces#?}
  [ -z "$(printf '%s' "${braces%?}" | tr -cd '{}' | sed -e ':again' -e 's/{}//g' -e 't again')" ]
}

# The error's sentence and its code, out of the answer.
answered() {
  tr '\\n\\r' '  ' <answer | sed -n -E "s/.*\\"$1\\":\\"(([^\\"\\\\\\\\]|\\\\\\\\.)*)\\".*/\\\\1/p" | cut -c 1-500
}

# Sends the body, again while it may help. Sets status, 000 where no answer came.
send() {
  tries=${REPORT_TRIES:-6} pause=1
  while :; do
    # The token goes in on stdin, for a command line can be read by everybody on the machine.
    status=$(printf 'Authorization: Bearer %s\\n' "$token" |
      curl -sS -g --proto =http,https --connect-timeout 10 --max-time 30 -X POST -H @- \\
        -H 'Content-Type: application/json' -H 'Expect:' ${1:+-H "Idempotency-Key: $1"} --data-binary @body \\
        -o answer -D headers -w '%{http_code}' "$url")
    fault=$?
    # An answer that broke off has a status, and is none. 1 to 4, 60, 77: curl can't, or won't trust the host.
    [ "$fault" -eq 0 ] || status=000
    case $fault:$status in [1-4]:* | 60:* | 77:*) return ;; 0:408 | 0:429 | 0:5?? | *:000) ;; *) return ;; esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return
    # Retry-After in seconds; as a date it is left alone, for no two systems read dates alike.
    later=$(tr -d '\\r' <headers | tr '[:upper:]' '[:lower:]' | sed -n 's/^retry-after: *\\([0-9]\\{1,5\\}\\)$/\\1/p')
    [ "${later:=0}" -le 60 ] || later=60
    [ "$later" -ge "$pause" ] || later=$pause
    echo "report.sh: status $status, again in $later s." >&2
    sleep "$later"
    : >headers
    pause=$((pause * 2))
  done
}

page='' key=''
if [ -n "${GITHUB_RUN_ID:-}" ]; then
  page=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID
  key=github-$GITHUB_RUN_ID-${GITHUB_RUN_ATTEMPT:-1}
elif [ -n "${CI_JOB_ID:-}" ]; then
  page=${CI_JOB_URL:-} key=gitlab-$CI_JOB_ID
elif [ -n "${BUILD_TAG:-}" ]; then
  page=${BUILD_URL:-} key=$BUILD_TAG
elif [ -n "${BUILD_BUILDID:-}" ]; then
  page=${SYSTEM_COLLECTIONURI:+$SYSTEM_COLLECTIONURI${SYSTEM_TEAMPROJECTID:-}/_build/results?buildId=$BUILD_BUILDID}
  key=azure-$BUILD_BUILDID-${SYSTEM_JOBATTEMPT:-1}
fi
page=${EXTERNAL_URL:-$page}
key=${REPORT_KEY:-${key:-shell-$(date +%s)-$$}}
key=$(printf '%s' "$key" | tr -c '\\041-\\176' '_' | cut -c 1-255)

url=${CALLBACK_URL:-} token=${CALLBACK_TOKEN:-} output=${OUTPUT:-} error=${ERROR:-}
message=${MESSAGE:-} progress=${PROGRESS:-} how=${1:-${STATUS:-}}
# Nothing that is started from here has any business with the token.
unset CALLBACK_TOKEN
command -v curl >/dev/null || refuse 'curl is missing.'
case $url in http://*/callback | https://*/callback) ;; *) refuse 'set CALLBACK_URL to the callback.url of the run.' ;; esac
case $token in '' | *[!0-9a-f:-]*) refuse 'set CALLBACK_TOKEN to the callback.token of the run.' ;; esac

case $how in
  succeeded | success | SUCCESS | Succeeded | SucceededWithIssues)
    end=succeeded same=run_succeeded
    ;;
  failed | failure | FAILURE | UNSTABLE | NOT_BUILT | Failed)
    end=failed same='run_failed run_timed_out delivery_failed'
    [ -n "$error" ] || error="The job failed${page:+: $page}"
    ;;
  cancelled | canceled | ABORTED | Canceled)
    end=failed same='run_failed run_timed_out delivery_failed run_cancelled'
    error="The job was cancelled.${error:+
$error}"
    ;;
  heartbeat)
    end='' same='' key='' output='' url=${url%/callback}/heartbeat
    case $progress in *[!0-9.]* | .* | *. | *.*.*) refuse 'PROGRESS is not a number from 0 to 1.' ;; esac
    ;;
  *) refuse "say succeeded, failed, cancelled or heartbeat, not '$how'." ;;
esac

[ -z "$output" ] || is_object "$output" || refuse 'OUTPUT is not one JSON object, so nothing was sent.'

case $end in
  succeeded) body="\\"status\\":\\"succeeded\\"${output:+,\\"output\\":$output}" ;;
  # 8 KiB less the quotes and the three bytes of the mark that something is missing.
  failed) body="\\"status\\":\\"failed\\",\\"error\\":\\"$(json_text "$error" 8187)\\"${output:+,\\"output\\":$output}" ;;
  *)
    body=''
    [ -z "$message" ] || body="\\"message\\":\\"$(json_text "$message" 1021)\\","
    [ -z "$progress" ] || body="$body\\"progress\\":$progress,"
    [ -z "$page" ] || body="$body\\"externalUrl\\":\\"$(json_text "$page" 2048)\\","
    body=${body%,}
    ;;
esac

folder=$(mktemp -d) && cd "$folder" || refuse 'there is no folder for temporary files.'
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
: >answer
: >headers
printf '{%s}' "$body" >body

send "$key"
said=$(answered error) code=$(answered code)
case $status in
  2??)
    [ -z "$end" ] || echo "The run has $end."
    exit 0
    ;;
  000 | 408 | 429 | 5??)
    printf 'report.sh: no useful answer came (%s), so the run may know or not. %s\\n' "$status" "$said" >&2
    exit 6
    ;;
esac
case " $same " in
  *" ${code:-none} "*)
    printf 'Nothing to report. %s\\n' "$said"
    exit 0
    ;;
esac
printf 'report.sh: refused with %s %s. %s\\n' "$status" "$code" "$said" >&2
case $status in 401 | 403) exit 3 ;; 404) exit 4 ;; 409) exit 5 ;; *) exit 1 ;; esac
'''
}
