/** Streams and waits end when their token or their session does: the request is authorized again before any news is sent. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { SUBSCRIPTIONS_PER_RUN_AND_TOKEN } from "../../../../src/runs/coordinator/subscriptions.ts";

import { later } from "../../../support/clock.ts";
import { direct, spyOnCalls, until } from "../../../support/direct.ts";
import { faults } from "../../../support/faults.ts";
import { ask, type CreatedRun, createRun } from "../../../support/requests.ts";
import { beat, openStream } from "../../../support/runs/stream.ts";
import { beginSession } from "../../../support/sessions.ts";
import { givenProject, grantToken, type Refusal, revokeElsewhere, type TokenOnWire } from "../../../support/tokens.ts";

/** How long an isolate may go on without asking D1 for a token again. */
const KNOWN_MS = 30_000;

interface Scene {
  readonly runPath: string;
  readonly run: CreatedRun;
  readonly token: TokenOnWire;
}

async function begin(expiresInMs?: number): Promise<Scene> {
  const { project, path } = givenProject();
  const run = await createRun(path);
  const expiresAt = expiresInMs === undefined ? null : new Date(Date.now() + expiresInMs).toISOString();
  const token = await grantToken(project, { role: "viewer", expiresAt });
  return { runPath: `${path}/${run.id}`, run, token };
}

/** Takes every subscription of the run that this token may have; how many those were. */
async function takeSubscriptions({ runPath, run, token }: Scene): Promise<number> {
  const stub = direct(runPath.replace(/\/[^/]*$/, ""));
  for (let n = 0; ; n++) {
    const subscriber = { key: crypto.randomUUID(), tokenId: token.id } as const;
    if (!(await stub.watches.watch(run.id, { after: 0, limit: 1 }, subscriber, 0)).ok) return n;
  }
}

async function expectAllSubscriptionsFree(scene: Scene): Promise<void> {
  let taken = 0;
  // Ending a subscription goes on after the answer.
  await until(async () => {
    taken += await takeSubscriptions(scene);
    return taken >= SUBSCRIPTIONS_PER_RUN_AND_TOKEN;
    // A subscription that nobody ends is kept for 10 s and longer.
  }, 9000);
  expect(taken).toBe(SUBSCRIPTIONS_PER_RUN_AND_TOKEN);
}

describe("a stream", () => {
  it("with a revoked token ends without the next event, and its subscription ends", async () => {
    const scene = await begin();
    const stream = await openStream(scene.runPath, { token: scene.token.token });
    expect(await stream.events(1)).toMatchObject([{ type: "created" }]);
    const rest = stream.rest();
    await revokeElsewhere(env.DB, scene.token.id);
    later(KNOWN_MS);
    await beat(scene.run, { message: "not for you" });
    expect(await rest).toEqual([]);
    await expectAllSubscriptionsFree(scene);
    const again = await ask<Refusal>("GET", `${scene.runPath}/events`, { token: scene.token.token });
    expect([again.status, again.body.code]).toEqual([401, "token_invalid"]);
  });

  it("of a session that was ended elsewhere ends without the next event, and its subscription ends", async () => {
    const scene = await begin();
    const { id, headers } = await beginSession(scene.token.token);
    const stream = await openStream(scene.runPath, { token: null, headers });
    expect(await stream.events(1)).toMatchObject([{ type: "created" }]);
    const rest = stream.rest();
    await env.DB.prepare("DELETE FROM sessions WHERE id = ?").bind(id).run();
    later(KNOWN_MS);
    await beat(scene.run, { message: "not for you" });
    expect(await rest).toEqual([]);
    await expectAllSubscriptionsFree(scene);
  });

  it.each(["with a token", "of a session with a token"])(
    "%s that expires ends then, even without news, and its subscription ends",
    async (asker) => {
      const scene = await begin(1000);
      const { token } = scene.token;
      const watching =
        asker === "with a token" ? { token } : { token: null, headers: (await beginSession(token)).headers };
      const stream = await openStream(scene.runPath, watching);
      await stream.events(1);
      expect(await stream.rest()).toEqual([]);
      const late = Date.now() - Date.parse(scene.token.expiresAt ?? "");
      // Without the end of the token, a stream looks again when it sends a comment, after 15 s.
      expect([late >= 0, late < 10_000]).toEqual([true, true]);
      await expectAllSubscriptionsFree(scene);
    },
  );

  it("reads its token from D1 at most once in 30 s", async () => {
    const scene = await begin();
    const stream = await openStream(scene.runPath, { token: scene.token.token });
    await stream.events(1);
    const coming = stream.events(1);
    await beat(scene.run, { message: "0" });
    await coming;
    later(KNOWN_MS);
    let read = 0;
    // Only statements that read wait here, so each that came by is counted.
    const refuse = (_bound: string) => {
      read++;
      return false;
    };
    faults.reads = { refuse };
    for (let n = 1; n <= 5; n++) {
      const next = stream.events(1);
      await beat(scene.run, { message: `${n}` });
      expect(await next).toHaveLength(1);
    }
    expect(read).toBe(1);
    await stream.cancel();
  });

  it.each(["down", "hang"] as const)("goes on with a token known to be good while D1 is: %s", async (fault) => {
    const scene = await begin();
    const stream = await openStream(scene.runPath, { token: scene.token.token });
    await stream.events(1);
    const coming = stream.events(2);
    faults.reads = fault;
    later(KNOWN_MS);
    await beat(scene.run, { message: "a" });
    expect((await coming).map(({ type }) => type)).toEqual(["started", "heartbeat"]);
    await stream.cancel();
  });
});

describe("a wait", () => {
  const ask20 = ({ runPath, token }: Scene) => ask<Refusal>("GET", `${runPath}?wait=20`, { token: token.token });

  /** The answer that will come, once the coordinator has been asked for it. */
  async function beginWait(scene: Scene): Promise<{ answer: ReturnType<typeof ask20> }> {
    const asked = spyOnCalls("watches", "waitForEnd");
    const answer = ask20(scene);
    await until(async () => asked.mock.calls.length > 0);
    return { answer };
  }

  it("with a revoked token is 401 without the end of the run, and its subscription ends", async () => {
    const scene = await begin();
    const waiting = await beginWait(scene);
    await revokeElsewhere(env.DB, scene.token.id);
    later(KNOWN_MS);
    await ask("POST", scene.run.callback.url, {
      token: scene.run.callback.token,
      body: { status: "succeeded", output: { secret: true } },
    });
    const answer = await waiting.answer;
    expect([answer.status, answer.body.code]).toEqual([401, "token_invalid"]);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    await expectAllSubscriptionsFree(scene);
  });

  it("with a token that expires is 401 then, and its subscription ends", async () => {
    const scene = await begin(1000);
    expect(await ask20(scene)).toMatchObject({ status: 401, body: { code: "token_expired" } });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(scene.token.expiresAt ?? ""));
    await expectAllSubscriptionsFree(scene);
  });

  it.each(["down", "hang"] as const)("with a token known to be good is answered while D1 is: %s", async (fault) => {
    const scene = await begin();
    const waiting = await beginWait(scene);
    faults.reads = fault;
    later(KNOWN_MS);
    await ask("POST", scene.run.callback.url, { token: scene.run.callback.token, body: { status: "succeeded" } });
    expect(await waiting.answer).toMatchObject({ status: 200, body: { status: "succeeded" } });
  });
});
