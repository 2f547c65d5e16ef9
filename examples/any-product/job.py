#!/usr/bin/env python3
"""Runs one command for an action run, shows the run its newest output meanwhile, and reports how it ended.

  RUN_ID=… CALLBACK_URL=… CALLBACK_TOKEN=… job.py command [argument…]

Needs Python 3.8 and nothing else. Everybody who may read the run sees the output, so the command must print no secrets.
A signal ends this script without a report, and the run's timeout ends the run.
"""
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

# The command must not see the token.
url, token = os.environ["CALLBACK_URL"], os.environ.pop("CALLBACK_TOKEN")
beat_every = float(os.environ.get("BEAT_EVERY_SECONDS", 30))
takes_tail = True
printed = b""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another host must not get the token."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def post(to, body, key=None):
    """The answer of the service. Raises HTTPError if it refuses, and OSError if there is no answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(to, json.dumps(body).encode(), headers)
    with opener.open(request, timeout=15) as answer:
        return json.load(answer)


def heartbeat():
    global takes_tail
    # Whole lines only: the rest of the last one is still to come.
    tail = printed[: printed.rfind(b"\n") + 1].decode("utf-8", "replace") if takes_tail else ""
    to = url[: -len("callback")] + "heartbeat"
    try:
        return post(to, {"tail": tail} if tail else {})
    except urllib.error.HTTPError as refusal:
        # A service that does not know of tails. The run must not fall silent because of that.
        if not tail or refusal.code not in (400, 403, 413, 422):
            raise
        takes_tail = False
        return post(to, {})


def report(body):
    # The key makes a second try a repetition, so a report whose answer got lost is not refused.
    for pause in (1, 2, 4, 8, 0):
        try:
            return post(url, body, f"job-{os.environ['RUN_ID']}")
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500 and refusal.code not in (408, 429) or pause == 0:
                raise
        except OSError:
            if pause == 0:
                raise
        time.sleep(pause)


def read(output):
    global printed
    while chunk := output.read1(65536):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        printed = (printed + chunk)[-8192:]


# The service refuses the heartbeat of a run that has ended. The work is not needed then.
first = heartbeat()
if first.get("cancel"):
    sys.exit("The run was cancelled.")
is_watched = first.get("watched")
try:
    job = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
except OSError as fault:
    report({"status": "failed", "error": f"The command could not be started: {fault.strerror}"})
    sys.exit(127)
reader = threading.Thread(target=read, args=(job.stdout,))
reader.start()
while True:
    try:
        job.wait(5 if is_watched else beat_every)
        break
    except subprocess.TimeoutExpired:
        pass
    try:
        answer = heartbeat()
        is_watched = answer.get("watched")
        if answer.get("cancel"):
            job.terminate()
    except urllib.error.HTTPError as refusal:
        # The run has ended.
        if refusal.code == 409:
            job.terminate()
    except OSError:
        pass  # The next heartbeat makes up for it.
reader.join()
if job.returncode == 0:
    report({"status": "succeeded"})
else:
    last = printed.decode("utf-8", "replace")
    report({"status": "failed", "error": f"The command exited with status {job.returncode}.\n{last}"})
sys.exit(job.returncode if job.returncode >= 0 else 128 - job.returncode)
