/** The first part of `npm run demo`: the life of runs without a trigger, checked against what the README promises. */

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXAMPLE_RUNS } from "../server.ts";
import { startJobReceiver, startReceiver } from "./receiver.ts";
import { type Answer, commandLine, type Demo, type RunBody, send, shorten } from "./steps.ts";

export async function showRuns(demo: Demo, origin: string, rootToken: string): Promise<void> {
  const asRoot = (method: string, url: string, body?: unknown) =>
    send<RunBody>({ method, url, token: rootToken, body });
  const runs = `${origin}${EXAMPLE_RUNS}`;
  const done = { status: "succeeded", output: { url: "https://shop.example" } };
  const key = { "Idempotency-Key": "ci-job-42" };

  console.log(`All paths below are on ${origin}`);
  demo.chapter("Create a run");
  const created = await asRoot("POST", runs, { actionName: "deploy", parameters: { version: "1.2.3" } });
  const { id } = created.body;
  const { url = runs, token = "" } = created.body.callback ?? {};
  demo.check("201: the run is pending", created.status === 201 && created.body.status === "pending");
  demo.check(
    "the response has a callback URL and token for the workflow",
    url === `${runs}/${id}/callback` && token !== "",
  );

  demo.chapter("The workflow reports success");
  const reported = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  demo.check("200: the run succeeded", reported.status === 200 && reported.body.status === "succeeded");

  demo.chapter("Send the same report again");
  const again = await send<RunBody>({ method: "POST", url, token, body: done });
  demo.check(
    "409: the code says that the run already succeeded",
    again.status === 409 && again.body.code === "run_succeeded",
  );

  demo.chapter("Send it again with its Idempotency-Key, as after a lost response");
  const replayed = await send<RunBody>({ method: "POST", url, token, body: done, headers: key });
  demo.check("200: the same run as before", JSON.stringify(replayed.body) === JSON.stringify(reported.body));
  demo.check(
    "the response is marked as a replay",
    replayed.status === 200 && replayed.headers.get("Idempotent-Replayed") === "true",
  );

  demo.chapter("Cancel another run");
  const other = await asRoot("POST", runs, { actionName: "deploy" });
  const cancelled = await asRoot("DELETE", `${runs}/${other.body.id}`);
  demo.check("200: the run is cancelled", cancelled.status === 200 && cancelled.body.status === "cancelled");
  const tooLate = await send<RunBody>({
    method: "POST",
    url: other.body.callback?.url ?? runs,
    token: other.body.callback?.token ?? "",
    body: done,
  });
  demo.check(
    "409: a report of its workflow comes too late",
    tooLate.status === 409 && tooLate.body.code === "run_cancelled",
  );

  demo.chapter("Report with a forged token");
  const third = await asRoot("POST", runs, { actionName: "deploy" });
  const { url: thirdUrl = runs, token: thirdToken = "" } = third.body.callback ?? {};
  const forged = await send<RunBody>({ method: "POST", url: thirdUrl, token: forge(thirdToken), body: done });
  demo.check("401: the token is refused", forged.status === 401 && forged.body.code === "token_invalid");
  const untouched = await asRoot("GET", `${runs}/${third.body.id}`);
  demo.check("the run is still pending", untouched.body.status === "pending");

  demo.chapter("List the runs, two per page");
  const ids = [id, other.body.id, third.body.id];
  for (let n = 0; n < 2; n++) ids.push((await asRoot("POST", runs, { actionName: `backup-${n}` })).body.id);
  const seen: string[] = [];
  let pages = 0;
  for (let next: string | undefined = `${runs}?limit=2`; next !== undefined && pages < 5; pages++) {
    const page: Answer<RunBody[]> = await send({ method: "GET", url: next, token: rootToken });
    if (page.status !== 200) break;
    seen.push(...page.body.map((run) => run.id));
    next = /^<(.+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
  }
  demo.check(
    `3 pages show ${ids.length} runs, each once`,
    pages === 3 && seen.toSorted().join() === ids.toSorted().join(),
  );
  demo.check("the newest run comes first", seen.join() === seen.toSorted().reverse().join());
}

/** Changes the last digit: the token has the right format, but a wrong signature. */
function forge(token: string): string {
  return `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
}

/* SECTION: The second part of `npm run demo`: the service dispatches a run, and the demo follows its timeline live. */

const STREAM_MAX_MS = 30_000;

interface TimelineEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly [member: string]: unknown;
}

export async function showDispatch(demo: Demo, origin: string, rootToken: string): Promise<void> {
  const signingSecret = `whsec_${randomBytes(32).toString("base64")}`;
  const receiver = await startReceiver(signingSecret);
  try {
    const runs = `${origin}${EXAMPLE_RUNS}`;
    demo.chapter("Dispatch a run to a receiver that fails twice and then does the work");
    const created = await send<RunBody>({
      method: "POST",
      url: runs,
      token: rootToken,
      body: {
        actionName: "deploy",
        parameters: { version: "1.2.3" },
        trigger: { type: "webhook", url: receiver.url, signingSecret, retry: { initialDelayMs: 300 } },
      },
    });
    demo.check("201: the run is pending", created.status === 201 && created.body.status === "pending");

    demo.chapter("Follow its timeline live");
    const { id } = created.body;
    console.log(`\n> GET ${EXAMPLE_RUNS}/${id}/events\n  Accept: text/event-stream\n`);
    const events: TimelineEvent[] = [];
    for await (const event of follow(`${runs}/${id}/events`, rootToken)) {
      events.push(event);
      const { seq, type, at, ...rest } = event;
      console.log(`  ${seq}  ${at.slice(11, 23)}  ${type.padEnd(16)}  ${shorten(JSON.stringify(rest))}`);
    }
    console.log();
    const answers = events.filter(({ type }) => type === "attempt_answered").map(({ status }) => status);
    demo.check("two attempts failed, and the third was accepted", answers.join() === "503,503,202");
    demo.check("the receiver sent three heartbeats", events.filter(({ type }) => type === "heartbeat").length === 3);
    demo.check(
      "the last event is the run's end",
      events.at(-1)?.type === "ended" && events.at(-1)?.status === "succeeded",
    );
    demo.check(
      "all three attempts had the same id and a valid signature",
      receiver.seen.length === 3 && receiver.seen.every((seen) => seen.id === id && seen.isSigned),
    );

    demo.chapter("Read the run, waiting for its end");
    const ended = await send<RunBody>({ method: "GET", url: `${runs}/${id}?wait=10`, token: rootToken });
    demo.check("200: the run succeeded", ended.status === 200 && ended.body.status === "succeeded");
  } finally {
    await receiver.close();
  }
}

/** The events of a stream, until the stream ends. */
async function* follow(url: string, token: string): AsyncGenerator<TimelineEvent> {
  const response = await fetch(url, {
    headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    redirect: "error",
    signal: AbortSignal.timeout(STREAM_MAX_MS),
  });
  let text = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) yield JSON.parse(data) as TimelineEvent;
    }
  }
}

/* SECTION:
 * The third part of `npm run demo`, on the command line: an admin stores an action, and a member runs, watches, cancels
 * and retries it.
 */

/** `folder`: for the files of this story. */
export async function showActions(demo: Demo, origin: string, rootToken: string, folder: string): Promise<void> {
  const key = randomBytes(16).toString("hex");
  const receiver = await startJobReceiver(key);
  try {
    demo.chapter("Store an action, with the secret of the receiver that it calls");
    const file = "release.json";
    const definition = JSON.stringify(definitionFor(receiver.origin, key), null, 2);
    writeFileSync(join(folder, file), definition, { mode: 0o600 });
    console.log(`\n${file}:\n${definition.replace(key, "…").replaceAll(/^/gm, "  ")}`);
    const admin = commandLine(origin, rootToken, folder);
    const stored = await admin.run("action", "put", "release", "--body", `@${file}`);
    demo.check(
      "the action is stored, and the response shows no secret",
      stored.code === 0 && /"key": null/.test(stored.printed) && !stored.printed.includes(key),
    );

    demo.chapter("Run it as a member, whose token holds no secret of the receiver");
    const created = await admin.run("token", "create", "portal", "--role", "member");
    const member = commandLine(origin, /terr_[\w-]+/.exec(created.printed)?.[0] ?? "", folder);
    const refused = await member.run("action", "run", "release");
    demo.check(
      "exit code 2: the action's schema requires a version",
      refused.code === 2 && refused.printed.includes("invalid_parameters"),
    );
    const started = await member.run("action", "run", "release", "-p", "version=1.2.3");
    const id = runIn(started.printed);
    demo.check(
      "exit code 0: the run is there, and only the receiver gets its callback token",
      started.code === 0 && id !== "" && !started.printed.includes("callback"),
    );

    demo.chapter("Watch it, and cancel it meanwhile");
    const watching = member.start("watch", id);
    await watching.until(/ heartbeat .*job 1 is at work/, / external url .*https:\/\/ci\.example\.com\/jobs\/1/);
    const cancelled = await member.run("cancel", id, "--reason", "wrong version", "--grace", "30");
    demo.check("exit code 0: the job was asked to stop", cancelled.code === 0);
    const watched = await watching.ended;
    demo.check("the receiver got a stop request", receiver.seen.includes("/api/jobs/1/stop"));
    demo.check(
      "exit code 1 of watch: the timeline shows who cancelled the run and why, and its end",
      watched.code === 1 &&
        / cancel requested .*by portal .*wrong version\n/.test(watched.printed) &&
        / ended .*cancelled, /.test(watched.printed),
    );

    demo.chapter("Retry it with another version, and wait for its end");
    const retried = await member.start("retry", id, "-p", "version=1.2.4", "--wait").ended;
    demo.check("exit code 0: the new run succeeded", retried.code === 0);
    const shown = await member.run("get", runIn(retried.printed), "--details");
    demo.check(
      "its details name the action, the run that it repeats, and the page of its job",
      /stored action: +release, version \d+\n/.test(shown.printed) &&
        shown.printed.includes(id) &&
        shown.printed.includes("https://ci.example.com/jobs/2"),
    );
  } finally {
    await receiver.close();
  }
}

function definitionFor(receiver: string, key: string) {
  const headers = { "X-Api-Key": "{{ secrets.key }}" };
  return {
    parametersSchema: { type: "object", required: ["version"] },
    trigger: {
      type: "webhook",
      url: `${receiver}/api/jobs`,
      headers,
      secrets: { key },
      startOn: "heartbeat",
      link: "{{ response.web_url }}",
      cancel: { url: `${receiver}/api/jobs/{{ response.id }}/stop`, headers },
    },
  };
}

/** The id of the first run in a command's text. */
function runIn(printed: string): string {
  return /^run: +(\S+)$/m.exec(printed)?.[1] ?? "";
}
