import type { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { askWith, envWith, untouchable } from "./bindings.ts";
import { ask, type CreatedRun, createRun, newRunsPath, report } from "./client.ts";
import {
  type Attempt,
  changed,
  type Genuine,
  LATE,
  NO_CREDENTIAL,
  NOT_GENUINE,
  signAs,
  signedText,
} from "./forgeries.ts";
import { grantToken } from "./tokens.ts";

let genuine: Genuine;
let run: CreatedRun;

function partsOf({ id, callback }: CreatedRun) {
  const [, expiresAt, hmac] = callback.token.split(":");
  return { id, expiresAt: Number(expiresAt), hmac: hmac ?? "", token: callback.token };
}

beforeAll(async () => {
  const path = newRunsPath();
  run = await createRun(path, { actionName: "deploy" });
  const other = await createRun(path, { actionName: "deploy", timeout: 90 });
  const { token: apiToken } = await grantToken("/acme/shop", { role: "owner" });
  genuine = { path, ...partsOf(run), other: partsOf(other), apiToken };
});

afterEach(() => {
  vi.useRealTimers();
});

/** Sends a report with what was forged, to a Worker whose every binding notes its use. */
async function attempt({ authorization, path, id, query = "", at, keys, headers }: Attempt) {
  const db = untouchable<D1Database>("DB");
  const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
  const limit = untouchable<RateLimit>("UNKNOWN_TOKEN_LIMIT");
  const environment = envWith({
    DB: db.binding,
    COORDINATORS: coordinators.binding,
    UNKNOWN_TOKEN_LIMIT: limit.binding,
    ...(keys === undefined ? {} : { CALLBACK_SIGNING_KEYS: keys }),
  });
  if (at !== undefined) {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(at);
  }
  const answer = await askWith<{ error: string; code: string }>(
    environment,
    "POST",
    `${path ?? genuine.path}/${id ?? genuine.id}/callback${query}`,
    {
      token: null,
      body: { status: "succeeded" },
      headers: { ...headers, ...(authorization === null ? {} : { Authorization: authorization }) },
    },
  );
  return { answer, uses: [...db.uses, ...coordinators.uses, ...limit.uses] };
}

describe.each([
  { code: "unauthorized", table: NO_CREDENTIAL },
  { code: "token_invalid", table: NOT_GENUINE },
  { code: "token_expired", table: LATE },
])("401 $code, with no call to D1 or to an object:", ({ code, table }) => {
  it.each(Object.entries(table))("%s", async (_name, forge) => {
    const { answer, uses } = await attempt(await forge(genuine));
    expect(answer.status).toBe(401);
    expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect(answer.body).toEqual({ error: expect.stringMatching(/\S/), code });
    expect(uses).toEqual([]);
  });
});

it("says the same of every token that is not genuine", async () => {
  const sentences = new Set<string>();
  for (const forge of Object.values(NOT_GENUINE)) {
    sentences.add((await attempt(await forge(genuine))).answer.body.error);
  }
  expect([...sentences]).toHaveLength(1);
});

it("refuses the token before it looks at the body", async () => {
  const path = `${genuine.path}/${genuine.id}/callback`;
  expect((await ask("POST", path, { token: changed(genuine.token, -1), raw: "{" })).status).toBe(401);
  expect((await ask("POST", path, { token: genuine.token, raw: "{" })).status).toBe(400);
});

it("asks the object, and nothing else, for a token that is genuine, to the last millisecond", async () => {
  // The control of the tables above: what they forge differs in one thing from what passes here.
  const hmac = await signAs("callback-token", signedText(genuine));
  const token = `${genuine.id}:${genuine.expiresAt}:${hmac}`;
  expect(token).toBe(genuine.token);
  const { answer, uses } = await attempt({ authorization: `Bearer ${token}`, at: genuine.expiresAt - 1 });
  expect(answer.status).toBe(503);
  expect(new Set(uses)).toEqual(new Set(["COORDINATORS.getByName"]));
});

it("leaves the run as it was, and its own token still opens it", async () => {
  expect((await ask("GET", `${genuine.path}/${genuine.id}`)).body.status).toBe("pending");
  const done = await report(run, { status: "succeeded" });
  expect(done.status).toBe(200);
  expect(done.body.status).toBe("succeeded");
});
