/**
 * A stored action on the real server. An admin stores it with its secrets, and a member who knows none of them runs,
 * cancels and retries it. `kill -9` comes within the grace of a cancel, before a retry is sent, and while actions are
 * stored. The story is played once, and each test checks a part of the outcome.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReceivedRequest } from "../support/receiver/client.ts";
import { startReceiver } from "../support/receiver/server.ts";
import { newDoor } from "./door.ts";
import { killAll, newInstallation } from "./installation.ts";
import { type ActionRun, type Answer, type Ask, ask, createToken } from "./load.ts";
import { bytesOf } from "./state.ts";
import { until } from "./until.ts";

const GRACE_SECONDS = 6;
const STORERS = 8;
const STORED_BEFORE_KILL = 20;

const SIGNING_SECRET = `whsec_${randomBytes(32).toString("base64")}`;
const newSecret = (name: string) => `${name}/+&=:${randomBytes(18).toString("hex")}`;
const HEADER_SECRET = newSecret("header");
const NAMED_SECRET = newSecret("named");
const STOP_SECRET = newSecret("stop");
/** Each version of a stored action has its own. They begin with this. */
const VERSION_SECRET = newSecret("version");
const SECRETS: Readonly<Record<string, string>> = {
  HEADER_SECRET,
  NAMED_SECRET,
  STOP_SECRET,
  VERSION_SECRET,
  SIGNING_SECRET: SIGNING_SECRET.slice("whsec_".length),
};
/** A receiver repeats this one. So it is in the timeline that the coordinator keeps, for those who manage actions. */
const ECHOED_SECRET = newSecret("echoed");
/** Not secret. If a search finds this, it would also find a secret. */
const DESCRIPTION = "deploys what everybody may see";

const percent = (bytes: Buffer) => bytes.toString("hex").replace(/../g, "%$&");

/** What is the same in the base64 of every text that contains these bytes, wherever in the text they begin. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 2, 3].map((skipped, before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return text.slice(skipped, Math.floor(((before + bytes.length) * 8) / 6));
  });
}

/** A secret as it is, and as a log, a file or an answer could spell it. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = base64Forms(bytes);
  const texts = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...[bytes.toString("hex"), percent(bytes)].flatMap((text) => [text, text.toUpperCase()]),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
  return [...texts.map((text) => Buffer.from(text)), Buffer.from(secret, "utf16le")];
}

/** The names of the secrets that are in these bytes in any form. */
function secretsIn(places: readonly Buffer[], secrets = SECRETS): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    const forms = formsOf(secret);
    return places.some((bytes) => forms.some((form) => bytes.includes(form))) ? [name] : [];
  });
}

interface TimelineEvent {
  readonly type: string;
  readonly excerpt?: string | null;
}

interface Definition {
  readonly timeout?: number;
  readonly code?: string;
}

const cleanUps: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const idOf = ({ headers }: ReceivedRequest) => headers["webhook-id"] ?? "";

async function play() {
  const installation = await newInstallation("ALLOW_INSECURE_WEBHOOKS=true\n");
  cleanUps.push(installation.remove);
  const receiver = await startReceiver();
  cleanUps.push(receiver.close);
  const door = await newDoor(receiver.url);
  cleanUps.push(door.close);
  await door.open();
  const { runs } = installation;
  const actions = runs.replace(/action-runs$/, "actions");
  const project = runs.replace(/\/envs\/.*$/, "");
  const answers: Buffer[] = [];
  const found: string[] = [];

  /** Asks as a user does, and notes the answer. */
  async function tell<T>(method: string, url: string, asked: Ask): Promise<Answer<T>> {
    const answer = await ask<T>(method, url, asked);
    answers.push(Buffer.from(JSON.stringify([answer.body, [...answer.headers]])));
    return answer;
  }

  function search(when: string): void {
    const ours = bytesOf(join(installation.state, "v3/d1"), join(installation.state, "v3/do"));
    const log = Buffer.concat(installation.logged);
    if (!ours.some((bytes) => bytes.includes(DESCRIPTION))) throw new Error("stored: nothing is found at all");
    if (!log.includes('"event":"request"')) throw new Error("logged: nothing is found at all");
    // The token of a callback ends with its HMAC.
    const tokens = receiver.inbox("start").map(({ body }) => String(JSON.parse(body).token));
    const hmacs = Object.fromEntries(tokens.map((token, n) => [`callback ${n}`, token.slice(-64)]));
    const secrets = { ...SECRETS, ...hmacs };
    const told = { ...secrets, ECHOED_SECRET };
    const look = (where: string, places: readonly Buffer[], wanted: Readonly<Record<string, string>>) => {
      for (const name of secretsIn(places, wanted)) found.push(`${when}, in the ${where}: ${name}`);
    };
    look("files", bytesOf(installation.state), secrets);
    look("log", [log], told);
    look("answers", answers, told);
  }

  const first = await installation.start();
  const [admin = "", member = ""] = await Promise.all(
    ["admin", "member"].map((role) => createToken(project, installation.token, { name: role, role })),
  );
  const definition = {
    description: DESCRIPTION,
    trigger: {
      type: "webhook",
      url: `${door.url}/start`,
      headers: { Authorization: `Bearer ${HEADER_SECRET}` },
      payload: { token: "{{ run.callbackToken }}", named: "{{ secrets.named }}" },
      secrets: { named: NAMED_SECRET },
      signingSecret: SIGNING_SECRET,
      startOn: "heartbeat",
      retry: { initialDelayMs: 500, maxAttempts: 10 },
      cancel: { url: `${door.url}/stop`, headers: { "X-Stop": STOP_SECRET } },
    },
  };
  const put = (name: string, body: unknown, token = admin) =>
    tell<Definition>("PUT", `${actions}/${name}`, { token, body });
  const run = (name: string, asked: Partial<Ask> = {}) =>
    tell<ActionRun>("POST", `${actions}/${name}/runs`, { token: member, body: {}, ...asked });
  const started = (id: string) => receiver.inbox("start").filter((one) => idOf(one) === id);
  const stopped = (id: string) => receiver.inbox("stop").filter((one) => idOf(one) === `${id}-cancel`);

  // The admin stores the action, and stores it again without its secrets.
  const stored = await put("deploy", definition);
  const kept = await put("deploy", stored.body);
  const refused = [
    await put("deploy", { ...definition, trigger: { ...definition.trigger, secrets: { named: null } } }, member),
    await put("deploy", { trigger: { ...definition.trigger, headers: { "X-A": `${HEADER_SECRET}\n` } } }),
    await put("deploy", {
      trigger: { ...definition.trigger, url: "https://ci.example.com/a", headers: { Authorization: null } },
    }),
  ].map(({ status }) => status);

  // The member runs it. A's job is at work, B's is cancelled while it waits.
  const a = (await run("deploy")).body.id;
  const b = (await run("deploy")).body.id;
  await until("the webhooks arrive", () => [a, b].every((id) => started(id).length > 0));
  const payload = JSON.parse(started(a)[0]?.body ?? "null") as { token: string };
  const beaten = await ask("POST", `${runs}/${a}/heartbeat`, { token: payload.token, body: {} });
  const cancelled = await tell<ActionRun>("DELETE", `${runs}/${b}`, { token: member });
  await until("the stop request arrives", () => stopped(b).length > 0);

  // A receiver repeats a secret that it got. Only those who manage actions see it.
  receiver.script("tactless", [{ status: 400, body: `No such token: ${ECHOED_SECRET}` }]);
  const tactless = {
    type: "webhook",
    url: `${receiver.url}/tactless`,
    headers: { Authorization: `Bearer ${ECHOED_SECRET}` },
  };
  await put("tactless", { trigger: tactless });
  const c = (await run("tactless")).body.id;
  await tell("GET", `${runs}/${c}?wait=60&include=details`, { token: member });
  const echoed = {
    member: (await tell<TimelineEvent[]>("GET", `${runs}/${c}/events`, { token: member })).body,
    admin: (await ask<TimelineEvent[]>("GET", `${runs}/${c}/events`, { token: admin })).body,
  };
  search("before the kill");

  // From now on, the receiver is down.
  await door.close();
  const stop = { token: member, key: "stop A", body: { reason: "wrong branch", graceSeconds: GRACE_SECONDS } };
  const asked = await tell<ActionRun>("POST", `${runs}/${a}/cancel`, stop);
  const again = { token: member, key: "retry B", body: {} };
  const retried = await tell<ActionRun>("POST", `${runs}/${b}/retry`, again);
  let killed: Promise<void> | undefined;
  let acknowledged = 0;
  const storms = Array.from({ length: STORERS }, (_, n) => ({ name: `storm-${n}`, sent: 0, told: 0 }));
  const storing = storms.map(async (one) => {
    for (;;) {
      // Out of step, so that the kill finds each of them at another point of its request.
      await delay(Math.random() * 200);
      const version = ++one.sent;
      const headers = { "X-Version": `${VERSION_SECRET}-${version}` };
      const trigger = { type: "webhook", url: `${receiver.url}/${one.name}`, headers };
      const { status, body } = await put(one.name, { timeout: version, trigger });
      if (status >= 300) throw new Error(JSON.stringify(body));
      one.told = version;
      if (++acknowledged === STORED_BEFORE_KILL) killed = killAll(first);
    }
  });
  for (const { reason } of (await Promise.allSettled(storing)) as PromiseRejectedResult[])
    if (!(reason instanceof TypeError)) throw reason;
  await killed;
  search("after the kill");
  const sentWhileDown = [...started(retried.body.id), ...stopped(a)];

  // No request comes before the receiver is called.
  await door.open();
  await installation.start();
  const isCalled = () => started(retried.body.id).length > 0 && stopped(a).length > 0;
  await until("the retry and the stop request arrive", isCalled);
  const replays = {
    cancel: await tell<ActionRun>("POST", `${runs}/${a}/cancel`, stop),
    retry: await tell<ActionRun>("POST", `${runs}/${b}/retry`, again),
  };
  const ended = await tell<ActionRun>("GET", `${runs}/${a}?wait=30&include=details`, { token: member });
  const audit = await tell<{ target: string }[]>("GET", `${project}/audit?limit=200`, { token: admin });
  const after = await Promise.all(
    storms.map(async (one) => {
      const { body } = await tell<Definition>("GET", `${actions}/${one.name}`, { token: member });
      const entries = audit.body.filter(({ target }) => target === one.name).length;
      return { ...one, timeout: body.timeout, entries };
    }),
  );
  await Promise.all(storms.map(({ name }) => run(name)));
  const carried = () => storms.map(({ name }) => receiver.inbox(name)[0]?.headers["x-version"]);
  await until("the stored actions arrive", () => !carried().includes(undefined));

  for (const path of ["", "/deploy", "/nothing"]) await tell("GET", `${actions}${path}`, { token: member });
  for (const id of [a, b, c, retried.body.id]) {
    for (const path of ["?include=details", "/events"]) await tell("GET", `${runs}/${id}${path}`, { token: member });
  }
  for (const path of ["?include=details", "?label=a", "/summary"]) await tell("GET", runs + path, { token: member });
  await tell("GET", `${new URL(runs).origin}/readyz`, { token: "" });
  await run("deploy", { body: { trigger: definition.trigger } });
  search("at the end");

  const told = { stored, kept, refused, beaten, cancelled, asked, retried, replays, ended, echoed };
  return { ...told, a, b, started, stopped, sentWhileDown, after, carried: carried(), answers, found };
}

let story: Awaited<ReturnType<typeof play>>;
beforeAll(async () => {
  story = await play();
});

describe("a stored action's secrets", () => {
  test("reach its receiver, although the member who runs it knows none of them", () => {
    const [start] = story.started(story.a);
    const { headers, body } = start ?? { headers: {}, body: "" };
    expect(headers).toMatchObject({ authorization: `Bearer ${HEADER_SECRET}` });
    const payload = new Webhook(SIGNING_SECRET).verify(body, { ...headers });
    expect(payload).toMatchObject({ named: NAMED_SECRET });
    expect(story.stopped(story.b)[0]?.headers).toMatchObject({ "x-stop": STOP_SECRET });
  });

  test("are in no file, no log and no answer: before and after a kill, and at the end", () => {
    expect(story.found).toEqual([]);
    expect(story.answers.length).toBeGreaterThan(40);
    expect([story.stored.status, story.kept.status, ...story.refused]).toEqual([201, 200, 403, 400, 422]);
  });

  test("show only those who manage actions what a receiver says that repeats one", () => {
    const answered = (events: readonly TimelineEvent[]) => events.filter(({ type }) => type === "attempt_answered");
    expect(answered(story.echoed.admin)).toMatchObject([{ excerpt: `No such token: ${ECHOED_SECRET}` }]);
    const [seen, ...more] = answered(story.echoed.member);
    expect([seen?.type, "excerpt" in (seen ?? {}), more]).toEqual(["attempt_answered", false, []]);
  });

  test.each([
    ["as they are", `x ${HEADER_SECRET} x`],
    ...["", "a", "ab"].map((before) => [
      `in base64 after ${before.length} bytes`,
      Buffer.from(`${before}${HEADER_SECRET}b`).toString("base64"),
    ]),
    ["in base64url", Buffer.from(`~~${HEADER_SECRET}`).toString("base64url")],
    ["in hex", Buffer.from(`a${HEADER_SECRET}a`).toString("hex")],
    ["percent-encoded", new URLSearchParams({ a: HEADER_SECRET }).toString()],
    ["percent-encoded byte by byte", percent(Buffer.from(HEADER_SECRET))],
  ])("would be found %s", (_, text = "") => {
    expect(secretsIn([Buffer.from(text)])).toEqual(["HEADER_SECRET"]);
  });
});

describe("kill -9", () => {
  test("within the grace of a cancel: the stop request is sent, a repeat is known, and the run ends as cancelled", () => {
    const { a, beaten, asked, replays, ended } = story;
    expect([beaten.status, asked.status, asked.body.status]).toEqual([200, 202, "running"]);
    expect(story.stopped(a)).toHaveLength(1);
    expect(replays.cancel.headers.get("Idempotent-Replayed")).toBe("true");
    expect(ended.body).toMatchObject({ status: "cancelled", details: { cancel: { reason: "wrong branch" } } });
  });

  test("between a retry and its dispatch: its receiver is called once, and a repeat gets the same run", () => {
    const { b, cancelled, retried, replays, sentWhileDown } = story;
    expect(sentWhileDown).toEqual([]);
    expect([cancelled.body.status, retried.status]).toEqual(["cancelled", 201]);
    expect(retried.body.id).not.toBe(b);
    expect(story.started(retried.body.id)).toHaveLength(1);
    expect([replays.retry.body.id, replays.retry.status]).toEqual([retried.body.id, 201]);
    expect(replays.retry.headers.get("Idempotent-Replayed")).toBe("true");
  });

  test("between a PUT of an action and its answer: the version is there as a whole, or not at all", () => {
    expect(story.after.filter(({ sent, told }) => sent > told).length).toBeGreaterThan(0);
    for (const { sent, told, timeout, entries } of story.after) {
      expect([told, sent]).toContain(timeout);
      expect(entries).toBe(timeout);
    }
    expect(story.carried).toEqual(story.after.map(({ timeout }) => `${VERSION_SECRET}-${timeout}`));
  });
});
