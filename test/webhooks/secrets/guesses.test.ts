/**
 * A receiver can answer what somebody else chose: its own admin, or a product that repeats its caller's texts. Nothing
 * that a reader of the run sees may depend on whether such a text is a part of a secret. Each test searches for a
 * secret as a thief would: seven known characters and one more, half of the alphabet at a time.
 */

import { describe, expect, it } from "vitest";
import { type ActionOnWire, newActionsPath } from "../../actions/actions.ts";
import { until } from "../../support/direct.ts";
import type { Answer as ReceiverAnswer } from "../../support/receiver/client.ts";
import { type Answer, ask } from "../../support/requests.ts";
import { grantToken } from "../../support/tokens.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, type Entry, ORIGIN } from "../runs.ts";

await useSettings("development");

const ALPHABET = "0123456789abcdef";
/** Everybody knows how such a token begins. */
const KNOWN = "github_pat_11";
const UNKNOWN = "c0ffee42";
const SECRET = `Bearer ${KNOWN}${UNKNOWN}`;
/** Then all of it is found. */
const FOUND_MAX = UNKNOWN.length;

/** All that somebody sees of a run in which this text was answered, without what differs from run to run. */
type Look = (text: string) => Promise<string>;

/** What can be found out of the secret. */
async function search(look: Look): Promise<string> {
  const unlike = await look(`${"zyxwvu_"}${ALPHABET[0]}`);
  const isPart = async (after: string, letters: readonly string[]) =>
    (await look(letters.map((letter) => after.slice(-7) + letter).join("~"))) !== unlike;
  let found = KNOWN;
  for (let n = 0; n < FOUND_MAX; n++) {
    let letters = [...ALPHABET];
    while (letters.length > 1) {
      const half = letters.slice(0, letters.length / 2);
      letters = (await isPart(found, half)) ? half : letters.slice(half.length);
    }
    if (!(await isPart(found, letters))) break;
    found += letters[0];
  }
  return found.slice(KNOWN.length);
}

interface Scene {
  /** What the receiver answers, and with which parameters the run is made. */
  readonly answer: (text: string) => ReceiverAnswer;
  readonly parameters?: (text: string) => object;
  /** How the receiver answers the stop request; left out if the run is not cancelled. */
  readonly stopAnswer?: (text: string) => ReceiverAnswer;
}

const page = (text: string) => JSON.stringify({ id: text, url: `https://ci.example.com/jobs/${text}` });
const accepted = (text: string): ReceiverAnswer => ({ status: 202, body: page(text) });

/** Runs the action once for each text. */
function looker(actions: string, token: string, to: Awaited<ReturnType<typeof answering>>, scene: Scene): Look {
  const runs = actions.replace(/actions$/, "action-runs");
  return async (text) => {
    const { answer, stopAnswer, parameters = () => ({}) } = scene;
    await to.script(answer(text), ...(stopAnswer === undefined ? [] : [stopAnswer(text)]));
    const body = { parameters: parameters(text) };
    const { id } = (await ask("POST", `${ORIGIN}${actions}/deploy/runs`, { token, body })).body;
    const url = `${ORIGIN}${runs}/${id}`;
    const hasEvent = (type: string) => async () =>
      (await ask<Entry[]>("GET", `${url}/events`, { token })).body.some((event) => event.type === type);
    await until(hasEvent("attempt_answered"));
    if (stopAnswer !== undefined) {
      expect((await ask("POST", `${url}/cancel`, { token })).status).toBe(202);
      await until(hasEvent("stop_answered"));
    }
    const seen = await Promise.all(
      [`${url}?include=details`, `${url}/events`].map((one) => ask("GET", one, { token })),
    );
    return JSON.stringify(seen.map(({ status, body: shown }) => [status, shown]))
      .replaceAll(text, "TEXT")
      .replaceAll(id, "ID")
      .replace(/"durationMs":\d+/g, "")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "INSTANT")
      .replace(/"parameters":\{[^}]*\}/, "");
  };
}

const JOB = { type: "webhook", retry: { maxAttempts: 1 }, link: "{{ response.url }}" };

/** The receiver's responses are the admin's choice. */
const HOSTILE: readonly (readonly [string, "trigger" | "cancel", Scene])[] = [
  ["the link and the excerpt of the webhook's response", "trigger", { answer: accepted }],
  ["the excerpt of a refusal", "trigger", { answer: (text) => ({ status: 400, body: `No ${text}` }) }],
  ["the reason why no stop request is sent", "trigger", { answer: accepted, stopAnswer: () => ({ status: 204 }) }],
  [
    "the excerpt of the stop request's response",
    "cancel",
    {
      answer: () => ({ status: 202, body: '{"id":"1"}' }),
      stopAnswer: (text) => ({ status: 400, body: `No ${text}` }),
    },
  ],
];
it.each(HOSTILE)("an admin learns nothing of a stored secret from %s", async (_what, moved, scene) => {
  const to = await answering();
  const here = to.url;
  const there = to.url.replace("127.0.0.1", "localhost");
  const actions = newActionsPath();
  const project = actions.split("/").slice(0, 3).join("/");
  const { token } = await grantToken(project, { role: "admin" });
  const headers = (value: string | null) => ({ headers: { Authorization: value } });
  /** The secret belongs to the request that stays. */
  const definition = (value: string | null, movedTo: string) => ({
    trigger: {
      ...JOB,
      url: moved === "trigger" ? movedTo : here,
      ...(moved === "cancel" && headers(value)),
      cancel: {
        url: `${moved === "cancel" ? movedTo : here}/{{ response.id }}`,
        ...(moved === "trigger" && headers(value)),
      },
    },
  });
  const put = (asker: { token?: string }, body: object): Promise<Answer<ActionOnWire>> =>
    ask("PUT", `${ORIGIN}${actions}/deploy`, { ...asker, body });
  expect((await put({}, definition(SECRET, here))).status).toBe(201);
  const moving = await put({ token }, definition(null, there));
  // Then the owner trusts the other host, and the search goes on.
  if (moving.status !== 200) expect((await put({}, definition(SECRET, there))).status).toBe(200);

  expect(await search(looker(actions, token, to, scene))).toBe("");
  expect([moving.status, moving.body.code]).toEqual([422, "secret_required"]);
});

/** The product repeats what its caller sends as the name of a parameter. */
const parameters = (text: string) => ({ [text]: "x" });
const ECHOING: readonly (readonly [string, Scene])[] = [
  ["repeats it in the page of the job", { answer: accepted, parameters }],
  [
    "repeats it in an error",
    { answer: (text) => ({ status: 400, body: `{"error":"unknown key ${text}"}` }), parameters },
  ],
  ["names its job by it", { answer: accepted, parameters, stopAnswer: () => ({ status: 204 }) }],
  [
    "repeats it when it is asked to stop",
    {
      answer: () => ({ status: 202, body: '{"id":"1"}' }),
      parameters,
      stopAnswer: (text) => ({ status: 400, body: `{"error":"unknown key ${text}"}` }),
    },
  ],
];
describe.each(["member", "admin"] as const)("a %s who runs an action", (role) => {
  it.each(ECHOING)("learns nothing of its secrets from a product that %s", async (_what, scene) => {
    const to = await answering();
    const actions = newActionsPath();
    const { token } = await grantToken(actions.split("/").slice(0, 3).join("/"), { role });
    const trigger = {
      ...JOB,
      url: to.url,
      headers: { Authorization: SECRET },
      cancel: { url: `${to.url}/{{ response.id }}`, headers: { Authorization: SECRET } },
    };
    expect((await ask("PUT", `${ORIGIN}${actions}/deploy`, { body: { trigger } })).status).toBe(201);
    expect(await search(looker(actions, token, to, scene))).toBe("");
  });
});
