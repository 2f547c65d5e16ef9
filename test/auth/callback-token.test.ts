import { beforeAll, describe, expect, it, vi } from "vitest";
import { askWith, untouchableEnv } from "../support/bindings.ts";
import { ask, type CreatedRun, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
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

/** What only a callback token opens, and a body that each takes. */
const DOORS = { callback: { status: "succeeded" }, heartbeat: { message: "alive" } } as const;
type Door = keyof typeof DOORS;
const doors = Object.keys(DOORS) as Door[];
/** The run itself, which other tokens open too. */
const RUN = "run";

/** Knocks with what was forged, at a Worker whose every binding notes its use. */
async function attempt(door: Door | typeof RUN, { authorization, path, id, query = "", at, keys, headers }: Attempt) {
  const { environment, uses } = untouchableEnv({
    // A text without the format of a callback token may be an API token of the run's readers, so its client is charged.
    ...(door === RUN && { UNKNOWN_TOKEN_LIMIT: { limit: async () => ({ success: true }) } }),
    ...(keys !== undefined && { CALLBACK_SIGNING_KEYS: keys }),
  });
  if (at !== undefined) {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(at);
  }
  const answer = await askWith<{ error: string; code: string }>(
    environment,
    door === RUN ? "GET" : "POST",
    `${path ?? genuine.path}/${id ?? genuine.id}${door === RUN ? "" : `/${door}`}${query}`,
    {
      token: null,
      ...(door !== RUN && { body: DOORS[door] }),
      headers: { ...headers, ...(authorization === null ? {} : { Authorization: authorization }) },
    },
  );
  return { answer, uses: uses() };
}

const TABLES = [
  { code: "unauthorized", table: NO_CREDENTIAL },
  { code: "token_invalid", table: NOT_GENUINE },
  { code: "token_expired", table: LATE },
];
describe.each(doors.flatMap((door) => TABLES.map((table) => ({ door, ...table }))))(
  "a $door is 401 $code, with no call to D1 or to an object,",
  ({ door, code, table }) => {
    it.each(Object.entries(table))("for %s", async (_name, forge) => {
      const { answer, uses } = await attempt(door, await forge(genuine));
      expect(answer.status).toBe(401);
      expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
      expect(answer.body).toEqual({ error: expect.stringMatching(/\S/), code });
      expect(uses).toEqual([]);
    });
  },
);

describe.each(TABLES)("a get of the run is 401 $code, with no call to D1 or to an object,", ({ code, table }) => {
  it.each(Object.entries(table))("for %s", async (_name, forge) => {
    const forged = await forge(genuine);
    // The API tokens of the tables open the run, or may open it.
    if (forged.authorization === `Bearer ${ROOT}` || forged.authorization?.startsWith("Bearer terr_")) return;
    const { answer, uses } = await attempt(RUN, forged);
    expect([answer.status, answer.body.code]).toEqual([401, code]);
    expect(uses).toEqual([]);
  });
});

describe("the run's own callback token", () => {
  it("gets the run's twelve members, open or ended, and HEAD as well", async () => {
    const path = newRunsPath();
    const created = await createRun(path, { actionName: "deploy", parameters: { a: 1 }, labels: ["x"] });
    const { token } = created.callback;
    const get = () => ask("GET", `${path}/${created.id}`, { token });
    const { callback: _, ...run } = created;
    expect((await get()).body).toEqual(run);
    const ended = await report(created, { status: "failed", error: "e" });
    expect((await get()).body).toEqual(ended.body);
    const head = await ask("HEAD", `${path}/${created.id}`, { token });
    expect([head.status, head.body]).toEqual([200, null]);
  });

  it.each(["include=details", "wait=1", "wait=1&include=details"])("gets no ?%s", async (query) => {
    const path = newRunsPath();
    const { id, callback } = await createRun(path);
    const { status, body } = await ask<{ code: string }>("GET", `${path}/${id}?${query}`, callback);
    expect([status, body.code]).toEqual([403, "forbidden"]);
    expect(body).not.toHaveProperty("details");
  });

  it("does not open the run a millisecond after the deadline", async () => {
    const late = { authorization: `Bearer ${genuine.token}`, at: genuine.expiresAt };
    const { answer, uses } = await attempt(RUN, late);
    expect([answer.status, answer.body.code, uses]).toEqual([401, "token_expired", []]);
    const inTime = await attempt(RUN, { ...late, at: genuine.expiresAt - 1 });
    expect(new Set(inTime.uses)).toContain("COORDINATORS.getByName");
  });

  it.each([
    ["GET", (path: string) => path],
    ["GET", (path: string, id: string) => `${path}/${id}/events`],
    ["DELETE", (path: string, id: string) => `${path}/${id}`],
    ["POST", (path: string, id: string) => `${path}/${id}/cancel`],
    ["GET", () => "/whoami"],
  ] as const)("is told by %s of anything else what it opens, at no cost", async (method, pathOf) => {
    const { environment, uses } = untouchableEnv();
    const { token, path, id } = genuine;
    const answer = await askWith<{ error: string }>(environment, method, pathOf(path, id), { token });
    expect(answer.status).toBe(401);
    expect(answer.body.error).toMatch(/^A callback token opens only its own run/);
    expect(uses()).toEqual([]);
  });
});

it("does not open a heartbeat a millisecond after the deadline, even with a key", async () => {
  const late: Attempt = {
    authorization: `Bearer ${genuine.token}`,
    at: genuine.expiresAt + 1,
    headers: { "Idempotency-Key": "k" },
  };
  const heartbeat = await attempt("heartbeat", late);
  expect([heartbeat.answer.status, heartbeat.answer.body.code]).toEqual([401, "token_expired"]);
  expect(heartbeat.uses).toEqual([]);
  expect(new Set((await attempt("callback", late)).uses)).toEqual(new Set(["COORDINATORS.getByName"]));
});

it("gives the same response for every token that is not genuine", async () => {
  const sentences = new Set<string>();
  for (const forge of Object.values(NOT_GENUINE)) {
    for (const door of doors) sentences.add((await attempt(door, await forge(genuine))).answer.body.error);
  }
  expect([...sentences]).toHaveLength(1);
});

it.each(doors)("refuses the token of a %s before it reads the body", async (door) => {
  const path = `${genuine.path}/${genuine.id}/${door}`;
  expect((await ask("POST", path, { token: changed(genuine.token, -1), raw: "{" })).status).toBe(401);
  expect((await ask("POST", path, { token: genuine.token, raw: "{" })).status).toBe(400);
});

it.each(doors)("a %s with a genuine token calls only the object, until the last millisecond", async (door) => {
  // The control of the tables above: what they forge differs in one thing from what passes here.
  const hmac = await signAs("callback-token", signedText(genuine));
  const token = `${genuine.id}:${genuine.expiresAt}:${hmac}`;
  expect(token).toBe(genuine.token);
  const { answer, uses } = await attempt(door, { authorization: `Bearer ${token}`, at: genuine.expiresAt - 1 });
  expect(answer.status).toBe(503);
  expect(new Set(uses)).toEqual(new Set(["COORDINATORS.getByName"]));
});

it("does not change the run, and its own token still opens it", async () => {
  expect((await ask("GET", `${genuine.path}/${genuine.id}`)).body.status).toBe("pending");
  const done = await report(run, { status: "succeeded" });
  expect(done.status).toBe(200);
  expect(done.body.status).toBe("succeeded");
});
