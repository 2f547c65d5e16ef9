import groovy.json.JsonOutput

/**
 * Reports to an action run that its build has begun, and how it ended.
 *
 *   actionRuns status: 'heartbeat'     as the first step, or between two: fails the build if the run was
 *                                      cancelled or has ended
 *   actionRuns()                       in post { always }: reports currentBuild.currentResult
 *
 * More arguments: output (a map, or a JSON object as text), error (text), message, progress (0 to 1), tail (the newest
 * lines of the build's output, for a heartbeat), page (default: the build's URL), callbackUrl and callbackToken (default:
 * the parameters CALLBACK_URL and CALLBACK_TOKEN). Runs on the agent, which needs sh and curl. Fails the build if the
 * service refuses the report: see reporters/README.md.
 */
def call(Map given = [:]) {
  // Values go into the environment, because inside the script they could become commands. Missing values are set to "",
  // so that a job parameter with the same name is not used by mistake.
  Map values = [
    STATUS: given.status ?: currentBuild.currentResult,
    OUTPUT: given.output instanceof Map ? JsonOutput.toJson(given.output) : given.output,
    ERROR: given.error,
    MESSAGE: given.message,
    PROGRESS: given.progress,
    TAIL: given.tail,
    EXTERNAL_URL: given.page,
  ]
  if (given.callbackUrl != null) values.CALLBACK_URL = given.callbackUrl
  if (given.callbackToken != null) values.CALLBACK_TOKEN = given.callbackToken
  withEnv(values.collect { name, value -> "${name}=${value == null ? '' : value}".toString() }) {
    sh(label: 'Report to the action run', script: reportSh())
  }
}

// reporters/report.sh, word for word, with each backslash doubled for Groovy. It begins with #!, so Jenkins does not start
// it with -x, which would print the token.
private String reportSh() {
  return '''#!/bin/sh
# Reports to an action run how its job ended, or sends a heartbeat.
#
#   CALLBACK_URL=… CALLBACK_TOKEN=… report.sh succeeded|failed|cancelled|heartbeat
#
# Without CALLBACK_TOKEN, the script gets the token for a proof of the job, anew in each call: GitHub's, if the job has
# "id-token: write", or ACTION_RUNS_ID_TOKEN, whose audience is CALLBACK_URL.
#
# Instead of these words you can use those of GitHub, GitLab, Jenkins and Azure. More variables:
#   OUTPUT         a JSON object
#   ERROR          any text; the service shortens a long one
#   MESSAGE        for a heartbeat: what the job is doing
#   PROGRESS       for a heartbeat: 0 to 1
#   TAIL           for a heartbeat: the newest lines of the job's output, without secrets; the last 8 KiB are sent
#   EXTERNAL_URL   for a heartbeat: the job's page (default: the CI's own URL of the job)
#   REPORT_KEY     the Idempotency-Key of the report (default: made from the CI's ids)
#   REPORT_TRIES   how often to try (default: 6)
#   STATUS         replaces the argument
#
# Needs only curl 7.55 or newer. Exit codes: 0 the run has this end, now or from an earlier report; 1 the service refused
# the report, or the proof is of another execution; 2 usage error, nothing was sent; 3 the token or the proof is wrong or
# expired; 4 no such run; 5 the run ended in another way; 6 no useful response, so the service may or may not have the
# report; 8 after a heartbeat: the run was cancelled, so the job must end.
#
# reporters/gitlab.yml and reporters/jenkins/vars/actionRuns.groovy contain this file word for word.

# sh -x would print the token, and sh -a would hand it to every program.
set +xa -u
export LC_ALL=C

refuse() { printf 'report.sh: %s\\n' "$1" >&2 && exit 2; }

# json_text TEXT ROOM: makes the inside of a JSON string from any bytes. ROOM is the limit in bytes of UTF-8, as the
# service counts. awk reads the bytes as numbers and prints ASCII, because some awks change other bytes.
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

# Checks by the braces that the text is exactly one JSON object. Any other text could change the rest of the report.
is_object() {
  braces=$(printf '%s' "$1" | tr '\\n\\t\\r' '   ' | sed -E -e 's/"([^"\\\\]|\\\\.)*"//g' -e 's/^ *//' -e 's/ *$//')
  case $braces in '{'*'}') ;; *) return 1 ;; esac
  braces=${braces#?}
  [ -z "$(printf '%s' "${braces%?}" | tr -cd '{}' | sed -e ':again' -e 's/{}//g' -e 't again')" ]
}

# Finds a text in the response, such as the error sentence. Breaks up ::name::, ##[name], ##vso[name] and ##teamcity[name],
# because CI products run such commands when they are printed.
answered() {
  printf '%s' "$answer" | tr '\\n\\r' '  ' | sed -n -E -e "s/.*\\"$1\\":\\"(([^\\"\\\\\\\\]|\\\\\\\\.)*)\\".*/\\\\1/" -e 't found' -e d \\
    -e ':found' -e 's/^(.{250}.{250}).*/\\1/' -e ':again' -e 's/::/: :/' -e 's/##/# #/' -e 't again' -e p
}

# send STDIN [ARGUMENTS OF CURL]: sends a request, and retries if that may help. Sets answer, and status, which is 000 if
# there was no response. Secrets go to curl on stdin and come back in a variable: everybody on the machine can read a
# command line, and a file can stay.
send() {
  given=$1 tries=${REPORT_TRIES:-6} pause=1
  shift
  while :; do
    answer=$(printf '%s\\n' "$given" | curl -sS -g --proto =http,https --connect-timeout 10 --max-time 30 -H 'Expect:' \\
      -D headers -w '\\n%{http_code}' "$@")
    fault=$? status=${answer##*"
"}
    answer=${answer%?"$status"}
    # If the response broke off, its status does not count. 1 to 4, 60 and 77: curl can't send this, or does not trust the host.
    [ "$fault" -eq 0 ] || status=000
    case $fault:$status in [1-4]:* | 60:* | 77:*) return ;; 0:408 | 0:429 | 0:5?? | *:000) ;; *) return ;; esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return
    # Only Retry-After in seconds counts, because systems parse dates differently.
    later=$(tr -d '\\r' <headers | tr '[:upper:]' '[:lower:]' | sed -n 's/^retry-after: *\\([0-9]\\{1,5\\}\\)$/\\1/p')
    [ "${later:=0}" -le 60 ] || later=60
    [ "$later" -ge "$pause" ] || later=$pause
    echo "report.sh: status $status, retrying in $later s." >&2
    sleep "$later"
    : >headers
    pause=$((pause * 2))
  done
}

# report KEY: sends the body. KEY is its Idempotency-Key; a heartbeat has none.
report() {
  send "Authorization: Bearer $token" -H @- -H 'Content-Type: application/json' ${1:+-H "Idempotency-Key: $1"} \\
    --data-binary @body "$url"
}

# found NAME CHARACTERS: a secret in the response, which has only these characters.
found() { printf '%s' "$answer" | tr -d '\\n\\r' | sed -n "s/.*\\"$1\\" *: *\\"\\([$2]*\\)\\".*/\\1/p"; }

# Whether the ID token is for this callback. Another service could use the token in place of this job.
is_for_callback() {
  claims=$(printf '%s\\n' "$proof" | awk -F. '
    BEGIN { digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" }
    {
      for (i = 1; i <= length($2); i++) {
        rest = rest * 64 + index(digits, substr($2, i, 1)) - 1
        if ((bits += 6) < 8) continue
        # Without ^, which some awks lack.
        bits -= 8; unit = bits == 4 ? 16 : bits == 2 ? 4 : 1
        code = int(rest / unit); rest -= code * unit
        printf "%c", code
      }
    }')
  case $claims in *"\\"aud\\":\\"$callback\\""* | *"\\"aud\\":[\\"$callback\\"]"*) ;; *) return 1 ;; esac
}

# Gets the callback token for a proof of the job. GitHub makes one for the audience that it is asked for.
exchange() {
  if [ -z "$proof" ]; then
    send "Authorization: Bearer $request_token" -H @- -G --data-urlencode "audience=$callback" "$request_url"
    [ "$status" != 200 ] || proof=$(found value A-Za-z0-9._-)
    [ -n "$proof" ] || { echo "report.sh: GitHub gave no proof (status $status). Nothing was sent." >&2 && exit 6; }
  fi
  send "{\\"proof\\":\\"$proof\\"}" -H 'Content-Type: application/json' --data-binary @- "$callback/token"
  [ "$status" != 200 ] || token=$(found callbackToken 0-9a-f:-)
  case $status:$token in 2??:) status=000 ;; esac
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

# The programs that this script starts must not see the secrets. A variable of the same name may be exported already.
unset token proof request_token given answer
url=${CALLBACK_URL:-} token=${CALLBACK_TOKEN:-} output=${OUTPUT:-} error=${ERROR:-} proof=${ACTION_RUNS_ID_TOKEN:-}
request_url=${ACTIONS_ID_TOKEN_REQUEST_URL:-} request_token=${ACTIONS_ID_TOKEN_REQUEST_TOKEN:-} callback=$url
message=${MESSAGE:-} progress=${PROGRESS:-} lines='' how=${1:-${STATUS:-}}
unset CALLBACK_TOKEN ACTION_RUNS_ID_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN
command -v curl >/dev/null || refuse 'curl is missing. Install curl 7.55 or newer.'
case $url in http://*/callback | https://*/callback) ;; *) refuse 'set CALLBACK_URL to the callback.url of the run.' ;; esac
case $token in *[!0-9a-f:-]*) refuse 'set CALLBACK_TOKEN to the callback.token of the run.' ;; esac
[ -z "$token" ] || proof=''
case $proof in *[!A-Za-z0-9._-]*) refuse 'ACTION_RUNS_ID_TOKEN must be an ID token of the job.' ;; esac
[ -z "$proof" ] || is_for_callback || refuse 'ACTION_RUNS_ID_TOKEN must have the audience CALLBACK_URL.'
[ -n "$token$proof${request_url:+$request_token}" ] ||
  refuse 'set CALLBACK_TOKEN to the callback.token of the run, or let the job have a proof.'

case $how in
  succeeded | success | SUCCESS | Succeeded | SucceededWithIssues)
    end=succeeded same=run_succeeded
    ;;
  failed | failure | FAILURE | UNSTABLE | NOT_BUILT | Failed)
    end=failed same='run_failed run_timed_out delivery_failed run_cancelled'
    [ -n "$error" ] || error="The job failed${page:+: $page}"
    ;;
  cancelled | canceled | ABORTED | Canceled)
    end=failed same='run_failed run_timed_out delivery_failed run_cancelled'
    error="The job was cancelled.${error:+
$error}"
    ;;
  heartbeat)
    end='' same='' key='' output='' url=${url%/callback}/heartbeat
    case $progress in *[!0-9.]* | .* | *. | *.*.*) refuse 'PROGRESS must be a number from 0 to 1.' ;; esac
    ;;
  *) refuse "use succeeded, failed, cancelled or heartbeat, not '$how'." ;;
esac

[ -z "$output" ] || is_object "$output" || refuse 'OUTPUT must be exactly one JSON object. Nothing was sent.'

case $end in
  succeeded) body="\\"status\\":\\"succeeded\\"${output:+,\\"output\\":$output}" ;;
  failed) body="\\"status\\":\\"failed\\",\\"error\\":\\"$(json_text "$error" 999999)\\"${output:+,\\"output\\":$output}" ;;
  *)
    body=''
    [ -z "$message" ] || body="\\"message\\":\\"$(json_text "$message" 1021)\\","
    [ -z "$progress" ] || body="$body\\"progress\\":$progress,"
    [ -z "$page" ] || body="$body\\"externalUrl\\":\\"$(json_text "$page" 2048)\\","
    body=${body%,}
    # $(…) has removed the end of the last line.
    [ -z "${TAIL:-}" ] || lines="\\"tail\\":\\"$(json_text "$(printf '%s' "$TAIL" | tail -c 8192)" 999999)\\\\n\\""
    ;;
esac

folder=$(mktemp -d) && cd "$folder" || refuse 'no temporary folder could be created.'
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
: >headers
printf '{%s}' "$body${lines:+${body:+,}$lines}" >body

[ -n "$token" ] || exchange
[ -z "$token" ] || report "$key"
# A service that does not know of lines, or a firewall, may refuse them. The run must not fall silent because of that.
case ${token:+${lines:+$status}} in
  400 | 403 | 413 | 422)
    printf '{%s}' "$body" >body
    report "$key"
    ;;
esac
case $status in
  2??)
    if [ -z "$end" ]; then
      case $answer in *'"cancel":{'*) ;; *) exit 0 ;; esac
      reason=$(answered reason)
      printf 'report.sh: the run was cancelled%s. The job must end.\\n' "${reason:+: $reason}" >&2
      exit 8
    fi
    # The first status in the response is the run's own. A run that was cancelled stays so, although its job failed.
    case $(printf '%s\\n' "$answer" | sed 's/\\(,"status":"[a-z]*"\\).*/\\1/') in
      *',"status":"cancelled"') echo 'The run was cancelled.' ;;
      *) echo "The run has $end." ;;
    esac
    case $answer in *',"truncated":['*']}') echo 'The report was too long. The service kept only a part of it.' ;; esac
    exit 0
    ;;
esac
said=$(answered error) code=$(answered code)
case $status in
  000 | 408 | 429 | 5??)
    unsure='the service may or may not have the report'
    [ -n "$token" ] || unsure='there is no callback token, and nothing was sent'
    printf 'report.sh: no useful response (%s), so %s. %s\\n' "$status" "$unsure" "$said" >&2
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
case $end:$code in :run_cancelled) exit 8 ;; *:another_execution) exit 1 ;; esac
case $status in 401 | 403) exit 3 ;; 404) exit 4 ;; 409) exit 5 ;; *) exit 1 ;; esac
'''
}
