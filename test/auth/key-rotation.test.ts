import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../src/settings/env.ts";
import { askWith, envWith, untouchableEnv } from "../support/bindings.ts";
import { type ActionRun, type CreatedRun, newRunsPath } from "../support/requests.ts";
import type { Refusal } from "../support/tokens.ts";

const OLD = "the-old-signing-key-of-32-bytes-and-more";
const NEW = "the-new-signing-key-of-32-bytes-and-more";
const SPARE = "a-spare-signing-key-of-32-bytes-and-more";

function ringOf(...keys: string[]): Env {
  return envWith({ CALLBACK_SIGNING_KEYS: keys.join(",") });
}

async function createUnder(environment: Env): Promise<CreatedRun> {
  const { status, body } = await askWith<CreatedRun>(environment, "POST", newRunsPath(), {
    body: { actionName: "deploy" },
  });
  expect(status).toBe(201);
  return body;
}

function reportUnder(environment: Env, run: CreatedRun) {
  return askWith<ActionRun & Refusal>(environment, "POST", run.callback.url, {
    token: run.callback.token,
    body: { status: "succeeded" },
  });
}

function heartbeatUnder(environment: Env, run: CreatedRun) {
  return askWith<ActionRun & Refusal>(environment, "POST", run.callback.url.replace(/callback$/, "heartbeat"), {
    token: run.callback.token,
    body: {},
  });
}

describe("rotating CALLBACK_SIGNING_KEYS", () => {
  it("accepts an old key's tokens until that key is removed", async () => {
    const [early, late] = [await createUnder(ringOf(OLD)), await createUnder(ringOf(OLD))];
    expect((await heartbeatUnder(ringOf(NEW, OLD), early)).body.status).toBe("running");
    expect((await reportUnder(ringOf(NEW, OLD), early)).body.status).toBe("succeeded");
    for (const ask of [heartbeatUnder, reportUnder]) {
      const refused = await ask(ringOf(NEW), late);
      expect(refused.status).toBe(401);
      expect(refused.body.code).toBe("token_invalid");
    }
    expect((await reportUnder(ringOf(NEW, SPARE, OLD), late)).body.status).toBe("succeeded");
  });

  it("signs with the first key", async () => {
    const run = await createUnder(ringOf(NEW, OLD));
    expect((await reportUnder(ringOf(OLD), run)).status).toBe(401);
    expect((await reportUnder(ringOf(NEW), run)).body.status).toBe("succeeded");
  });

  it("accepts any of four keys, with spaces around them", async () => {
    const run = await createUnder(ringOf(OLD));
    const four = envWith({ CALLBACK_SIGNING_KEYS: ` ${NEW} , ${SPARE}, ${SPARE}2 ,\n${OLD} ` });
    expect((await reportUnder(four, run)).body.status).toBe("succeeded");
  });

  it("counts a key's bytes, not its characters", async () => {
    await createUnder(ringOf("éàèùâêîôûëïüöäçñ"));
  });
});

const UNUSABLE: Readonly<Record<string, { keys: string | undefined; says: RegExp }>> = {
  "unset keys": { keys: undefined, says: /not set/ },
  "an empty value": { keys: "", says: /not set/ },
  "a value of spaces": { keys: "  ", says: /not set/ },
  "a key of 31 bytes": { keys: "k".repeat(31), says: /Key 1 .* 31 bytes; at least 32/ },
  "a short key behind a good one": { keys: `${NEW},short-and-secret`, says: /Key 2 .* 16 bytes; at least 32/ },
  "a key padded with spaces": { keys: `${"k".repeat(31)}    `, says: /Key 1 .* 31 bytes/ },
  "a comma too many": { keys: `${NEW},`, says: /Key 2 .* 0 bytes/ },
  "five keys": { keys: [NEW, OLD, SPARE, `${NEW}2`, `${OLD}2`].join(","), says: /5 keys; at most 4/ },
};

describe.each(Object.entries(UNUSABLE))("503 not_configured for %s", (_name, { keys, says }) => {
  function unusable() {
    const { environment, uses } = untouchableEnv();
    const { CALLBACK_SIGNING_KEYS: _good, ...others } = environment;
    return { environment: keys === undefined ? others : { ...others, CALLBACK_SIGNING_KEYS: keys }, uses };
  }

  function expectRefused(answer: { status: number; body: Refusal }) {
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual({ error: expect.stringMatching(says), code: "not_configured" });
    for (const key of (keys ?? "").split(",").filter((key) => key.trim().length > 8)) {
      expect(answer.body.error).not.toContain(key.trim());
    }
  }

  it("on create, before a run is made", async () => {
    const { environment, uses } = unusable();
    const body = { actionName: "deploy" };
    expectRefused(await askWith<Refusal>(environment, "POST", newRunsPath(), { body }));
    expect(uses()).toEqual([]);
  });

  it("on a callback and a heartbeat, before any storage is asked", async () => {
    const run = await createUnder(env);
    const { environment, uses } = unusable();
    expectRefused(await reportUnder(environment, run));
    expectRefused(await heartbeatUnder(environment, run));
    expect(uses()).toEqual([]);
  });
});
