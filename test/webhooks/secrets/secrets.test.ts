/**
 * A trigger's secrets reach the receiver and nobody else: looked for in every table of D1 and of the coordinator, in
 * every answer, in the timeline and in the log, while the dispatch is under way and after it. A receiver that repeats
 * them writes them into the timeline, and then they are looked for everywhere else.
 */

import { describe, expect, it } from "vitest";
import { journal, until } from "../../support/direct.ts";
import type { Answer } from "../../support/receiver/client.ts";
import { ask, newRunsPath, ROOT } from "../../support/requests.ts";
import { textOfD1, textOfJournal, watchLog } from "../../support/secrets.ts";
import { grantToken } from "../../support/tokens.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, type Fired, fire, ORIGIN } from "../runs.ts";

await useSettings("development");

const URL_SECRET = "T0PQ7-hook-4711-of-the-url";
const QUERY_SECRET = "qk8842-in-the-query";
const BASIC = btoa("ci-robot:pa55-w0rd-9931");
const API_KEY = "key/with+odd=signs&5521";
const PAYLOAD_SECRET = 'pa"yl<oad>-secret-7734';
const NAMED_SECRET = "gl-named-secret-8812-x";
const STOP_SECRET = "stop-only-secret-3391-y";
const SIGNING_KEY = new TextEncoder().encode("a-signing-key-of-the-caller-32-b").toBase64();

/** Whatever must not be found, as sent and in the pieces that a response might take from it. */
const SECRETS: Readonly<Record<string, string>> = {
  "the URL's path": URL_SECRET,
  "the URL's query": QUERY_SECRET,
  "a Basic header": BASIC,
  "its password": "pa55-w0rd-9931",
  "another header": API_KEY,
  "the payload": PAYLOAD_SECRET,
  "the signing secret": SIGNING_KEY,
  "a secret with a name": NAMED_SECRET,
  "a secret of the stop request": STOP_SECRET,
};

const logged = watchLog();

interface WithSecrets {
  readonly fired: Fired;
  /** The create's answer without the one thing that it alone shows. */
  readonly created: unknown;
}

async function fireWithSecrets(answer: Answer, more: Record<string, unknown> = {}): Promise<WithSecrets> {
  const r = await answering(answer);
  const fired = await fire(`${r.url}/${URL_SECRET}?k=${QUERY_SECRET}`, {
    headers: { Authorization: `Basic ${BASIC}`, "X-Api-Key": API_KEY },
    payload: { deep: [{ password: PAYLOAD_SECRET }, "{{ secrets.named }}"], token: "{{ run.callbackToken }}" },
    secrets: { named: NAMED_SECRET, stop: STOP_SECRET },
    cancel: {
      url: `${r.url}/stop/{{ response.id }}`,
      headers: { "X-Stop": "{{ secrets.stop }}", "X-Job": "{{ response.id }}" },
      payload: { named: "{{ secrets.named }}" },
    },
    signingSecret: `whsec_${SIGNING_KEY}`,
    ...more,
  });
  const { callback, ...run } = fired.created;
  return { fired, created: [run, callback.url, callback.expiresAt] };
}

async function answered({ path, created }: Fired, token: string): Promise<string> {
  const url = `${ORIGIN}${path}`;
  const paths = [`${url}/${created.id}`, `${url}/${created.id}?wait=1`, url, `${url}/${created.id}/events`];
  const answers = await Promise.all(paths.map((one) => ask<unknown>("GET", one, { token })));
  return answers.map(({ headers, body }) => JSON.stringify([[...headers], body])).join("\n");
}

/** `isEchoed`: the receiver repeated the request. */
async function expectNoSecret({ fired, created }: WithSecrets, isEchoed = false): Promise<void> {
  await until(async () => (await textOfD1()).includes(fired.created.id));
  const { token: member } = await grantToken(fired.path.split("/").slice(0, 3).join("/"), { role: "member" });
  const places: Record<string, string> = {
    D1: await textOfD1(),
    answers: JSON.stringify(created) + (await answered(fired, isEchoed ? member : ROOT)),
    "the log": logged.join("\n"),
    ...(!isEchoed && { "the journal": await textOfJournal(fired.path) }),
  };
  const { token } = fired.created.callback;
  const secrets = { ...SECRETS, "the callback token": token, "its end": token.slice(-64) };
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, `${place} is empty`).toBeGreaterThan(100);
    for (const [what, secret] of Object.entries(secrets)) {
      const spellings = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
      spellings.push(btoa(secret).replaceAll("=", ""), new TextEncoder().encode(secret).toHex());
      for (const spelling of spellings) expect(text.includes(spelling), `${what} in ${place}`).toBe(false);
    }
  }
}

describe("no secret of a trigger can be found", () => {
  it("while an attempt is under way", async () => {
    const sent = await fireWithSecrets({ mode: "hang" });
    expect(await sent.fired.kept()).toBe(1);
    await expectNoSecret(sent);
    await sent.fired.cancel();
  });

  it("before a retry, although the receiver echoes the request", async () => {
    const sent = await fireWithSecrets({ mode: "echo", status: 503, headers: { "Retry-After": "600" } });
    const [first] = await sent.fired.untilAnswered(1);
    expect(first?.excerpt).toContain(BASIC);
    expect(await sent.fired.kept()).toBe(1);
    await expectNoSecret(sent, true);
  });

  const ENDINGS: readonly [string, Answer, Record<string, unknown>, string][] = [
    ["accepted", { status: 202 }, {}, "running"],
    ["accepted by a receiver that echoes it", { mode: "echo", status: 202 }, {}, "running"],
    ["given up", { status: 400 }, {}, "failed"],
    ["given up by a receiver that echoes it", { mode: "echo", status: 400 }, {}, "failed"],
    ["given up after as many attempts as there are", { status: 500 }, {}, "failed"],
    ["never answered", { mode: "reset" }, {}, "failed"],
    ["redirected", { mode: "redirect", status: 302 }, {}, "failed"],
  ];
  it.each(ENDINGS)("once it is %s", async (_what, answer, more, status) => {
    const sent = await fireWithSecrets(answer, more);
    await sent.fired.untilStatus(status);
    expect(await sent.fired.kept()).toBe(0);
    await expectNoSecret(sent, answer.mode === "echo");
  });
});

it("the response's value that names a job is sealed, and no secret shows while its stop request is retried", async () => {
  const job = "job-8814-of-the-receiver";
  const sent = await fireWithSecrets(
    // The timeline keeps the first 1 KiB as it came.
    { status: 202, body: JSON.stringify({ pad: "x".repeat(1024), id: job }) },
    { startOn: "heartbeat" },
  );
  await sent.fired.untilAnswered(1);
  expect(await textOfJournal(sent.fired.path)).not.toContain(job);
  await expectNoSecret(sent);
  await sent.fired.cancel();
  await expectNoSecret(sent);
});

describe("the request is erased in the same transaction in which", () => {
  type Looked = { status: string; kept: number };
  const WAYS: readonly [string, Answer, (fired: Fired) => Promise<unknown>, string][] = [
    ["it is accepted", { status: 202 }, () => Promise.resolve(), "running"],
    ["it is given up", { status: 410 }, () => Promise.resolve(), "failed"],
    ["the run is cancelled", { mode: "hang" }, ({ cancel }) => cancel(), "cancelled"],
    ["the run is reported on", { mode: "hang" }, ({ report }) => report({ status: "succeeded" }), "succeeded"],
    ["the first heartbeat comes", { mode: "hang" }, ({ heartbeat }) => heartbeat(), "running"],
    ["its time is up", { mode: "hang" }, ({ alarmIn }) => alarmIn(3_600_001), "failed"],
  ];
  it.each(WAYS)("the run becomes $3 because %s", async (_what, answer, end, status) => {
    const { fired } = await fireWithSecrets(answer);
    await end(fired);
    // The journal itself, read as one: never a run with this status and a request beside it.
    const looked: Looked[] = [];
    await until(async () => {
      const kept = "(SELECT count(*) FROM dispatches WHERE run_id = id) AS kept";
      looked.push(...(await journal<Looked>(fired.path, `SELECT status, ${kept} FROM runs`)));
      return looked.at(-1)?.status === status;
    });
    expect(looked.at(-1)).toEqual({ status, kept: 0 });
    for (const { status: seen, kept } of looked) expect(kept).toBe(seen === "pending" ? 1 : 0);
  });
});

it("a repeated create shows the token again and no other secret", async () => {
  const r = await answering({ mode: "hang" });
  const path = newRunsPath();
  const trigger = {
    type: "webhook",
    url: `${r.url}/${URL_SECRET}`,
    headers: { "X-Api-Key": API_KEY },
    payload: { password: PAYLOAD_SECRET },
    signingSecret: `whsec_${SIGNING_KEY}`,
  };
  const create = () =>
    ask<unknown>("POST", ORIGIN + path, {
      body: { actionName: "deploy", trigger },
      headers: { "Idempotency-Key": "once" },
    });
  const [first, again] = [await create(), await create()];
  expect(again).toMatchObject({ status: 201, body: first.body as object });
  for (const secret of [URL_SECRET, API_KEY, PAYLOAD_SECRET, SIGNING_KEY]) {
    expect(JSON.stringify([first, again])).not.toContain(JSON.stringify(secret).slice(1, -1));
  }
});

it("a refused create shows no secret in its response or in the log", async () => {
  const trigger = {
    type: "webhook",
    url: `http://127.0.0.1:1/${URL_SECRET}?k={{ nowhere.x }}`,
    headers: { "X-Api-Key": `${API_KEY}\n`, Authorization: `Basic ${BASIC} {{` },
    payload: { password: `${PAYLOAD_SECRET} {{ run.nothing }}` },
    signingSecret: `whsec_${SIGNING_KEY}!`,
  };
  const answer = await ask("POST", ORIGIN + newRunsPath(), { body: { actionName: "deploy", trigger } });
  expect(answer.status).toBe(400);
  for (const secret of Object.values(SECRETS)) {
    expect(JSON.stringify(answer.body) + logged.join()).not.toContain(JSON.stringify(secret).slice(1, -1));
  }
});
