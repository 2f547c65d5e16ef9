import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { disableEndpoint } from "../../src/webhook-endpoints/disabling.ts";
import { clockFrom } from "../support/clock.ts";
import { hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
import { audited, loaded, newEndpointsPath, OWN_SECRET, put, refOf, rotate, SHOWN, type Told } from "./endpoints.ts";

// Versions are made of the clock. While it stands at this instant, they count from 1.
const START = 1;
const DAY = 86_400_000;
const later = clockFrom(START);

const newPath = () => `${newEndpointsPath()}/chat`;
const at = (ms: number) => new Date(START + ms).toISOString();
const signing = async (path: string) => (await loaded(path)).signingSecrets;

/** An endpoint with the secrets of this many rotations, the newest first. */
async function rotatedTimes(path: string, times: number, body = {}): Promise<readonly unknown[]> {
  const secrets = [(await put(path)).body.signingSecret];
  for (let n = 0; n < times; n++) {
    const { status, body: told } = await rotate(path, body);
    expect(status).toBe(200);
    secrets.unshift(told.signingSecret);
  }
  return secrets;
}

describe("a rotation", () => {
  it("shows a new secret once, and the old one signs beside it for a day", async () => {
    const path = newPath();
    const old = (await put(path)).body.signingSecret;
    const { status, headers, body } = await rotate(path);
    expect([status, headers.get("ETag")]).toEqual([200, '"2"']);
    expect(body).toEqual({ signingSecret: expect.stringMatching(/^whsec_/), graceEndsAt: at(DAY) });
    expect(await signing(path)).toEqual([body.signingSecret, old]);
    expect((await ask("GET", path)).body).toEqual(SHOWN);
    later(DAY - 1);
    expect(await signing(path)).toEqual([body.signingSecret, old]);
    later(DAY);
    expect(await signing(path)).toEqual([body.signingSecret]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_secret_rotated"]);
  });

  it("with gracePeriodSeconds 0 leaves only the new secret", async () => {
    const path = newPath();
    await rotatedTimes(path, 2);
    const { body } = await rotate(path, { gracePeriodSeconds: 0 });
    expect(body.graceEndsAt).toBeNull();
    expect(await signing(path)).toEqual([body.signingSecret]);
  });

  it("leaves the older secrets their end, unless it says a shorter one", async () => {
    const path = newPath();
    const [, first] = await rotatedTimes(path, 1, { gracePeriodSeconds: 604_800 });
    const second = await rotate(path);
    expect(second.body.graceEndsAt).toBe(at(7 * DAY));
    later(2 * DAY);
    expect(await signing(path)).toEqual([second.body.signingSecret, first]);
    const third = await rotate(path, { gracePeriodSeconds: 60 });
    expect(third.body.graceEndsAt).toBe(at(2 * DAY + 60_000));
    later(2 * DAY + 60_000);
    expect(await signing(path)).toEqual([third.body.signingSecret]);
  });

  it("that needs a fourth secret is refused until one ends, so that no receiver loses its secret", async () => {
    const path = newPath();
    const secrets = await rotatedTimes(path, 2);
    for (const body of [{}, { gracePeriodSeconds: 604_800 }, { gracePeriodSeconds: 1 }]) {
      const refused = await rotate(path, body);
      expect([refused.status, refused.body.code]).toEqual([409, "too_many_signing_secrets"]);
      expect(refused.body.error).toContain(`after ${at(DAY)}`);
    }
    expect(await signing(path)).toEqual(secrets);
    later(DAY);
    expect((await rotate(path)).status).toBe(200);
  });

  it("is refused for a grace period of more than a week", async () => {
    const path = newPath();
    await put(path);
    for (const gracePeriodSeconds of [604_801, -1, 1.5, null]) {
      expect((await rotate(path, { gracePeriodSeconds })).body.code).toBe("invalid_body");
    }
    expect((await rotate(`${path}-missing`)).body.code).toBe("webhook_endpoint_not_found");
    // Its body is optional.
    expect((await ask("POST", `${path}/rotate-secret`, { headers: { "Content-Type": "" } })).status).toBe(200);
  });

  it("that races with another one leaves all secrets that were shown", async () => {
    const path = newPath();
    const { body } = await put(path);
    const both = await Promise.all([rotate(path), rotate(path)]);
    const shown = both.map((answer) => answer.body.signingSecret);
    expect((await signing(path)).toSorted()).toEqual([...shown, body.signingSecret].map(String).toSorted());
  });

  it("that races with a PUT is kept by it", async () => {
    const path = newPath();
    await put(path);
    const [rotated] = await Promise.all([rotate(path), put(path, { ...SHOWN, onlyOnChange: true })]);
    expect(await signing(path)).toHaveLength(2);
    expect((await signing(path))[0]).toBe(rotated.body.signingSecret);
    expect((await loaded(path)).definition.onlyOnChange).toBe(true);
  });

  it("survives later PUTs, also one with a secret of its own: the older one signs until its end", async () => {
    const path = newPath();
    const [newest, old] = await rotatedTimes(path, 1);
    await put(path, { ...SHOWN, onlyOnChange: true });
    expect(await signing(path)).toEqual([newest, old]);
    await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    expect(await signing(path)).toEqual([OWN_SECRET, old]);
  });

  it("whose answer from D1 was lost is tried again, and makes one secret", async () => {
    const path = newPath();
    const { body } = await put(path);
    hurryTimers();
    faults.writes = "committed_then_silence";
    const rotated = await rotate(path);
    expect(rotated.status).toBe(200);
    expect(await signing(path)).toEqual([rotated.body.signingSecret, body.signingSecret]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_secret_rotated"]);
  });

  it("leaves an endpoint disabled that the service has disabled", async () => {
    const path = newPath();
    await put(path);
    const why = { ...refOf(path), version: 1, reason: "It answered 410.", at: Date.now() };
    expect(await disableEndpoint(env.DB, why)).toBe(true);
    await rotate(path);
    expect(await loaded(path)).toMatchObject({ version: 2, disabledReason: "It answered 410." });
  });
});

describe("a rotation that repeats its Idempotency-Key", () => {
  it("makes no secret and shows null, also after other changes and other rotations", async () => {
    const path = newPath();
    await put(path);
    const first = await rotate(path, {}, "monthly");
    const before = await signing(path);
    const again = await rotate(path, {}, "monthly");
    expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([200, "true"]);
    expect(again.body).toEqual({ signingSecret: null, graceEndsAt: at(DAY) });
    expect(first.headers.get("Idempotent-Replayed")).toBeNull();
    await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    await rotate(path, {}, "another");
    const after = await signing(path);
    expect((await rotate(path, {}, "monthly")).body.signingSecret).toBeNull();
    expect(await signing(path)).toEqual(after);
    expect(before).toHaveLength(2);
    expect((await audited(path)).filter((action) => action.endsWith("rotated"))).toHaveLength(2);
  });

  it("makes no secret if it is the newest of many", async () => {
    const path = newPath();
    await put(path);
    for (let n = 1; n <= 12; n++) await rotate(path, { gracePeriodSeconds: 0 }, `rotation-${n}`);
    const before = await signing(path);
    expect((await rotate(path, { gracePeriodSeconds: 0 }, "rotation-12")).body.signingSecret).toBeNull();
    expect(await signing(path)).toEqual(before);
  });

  it("at the same time makes one", async () => {
    const path = newPath();
    await put(path);
    const answers = await Promise.all([rotate(path, {}, "once"), rotate(path, {}, "once")]);
    expect(answers.filter(({ body }) => body.signingSecret === null)).toHaveLength(1);
    expect(await signing(path)).toHaveLength(2);
  });

  it("with another body is refused", async () => {
    const path = newPath();
    await put(path);
    await rotate(path, {}, "monthly");
    const refused = await rotate(path, { gracePeriodSeconds: 60 }, "monthly");
    expect([refused.status, refused.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("counts for the token that sent it, and for no other", async () => {
    const path = newPath();
    await put(path);
    await rotate(path, {}, "monthly");
    const { token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "admin" });
    const other = await ask<Told>("POST", `${path}/rotate-secret`, {
      token,
      body: {},
      headers: { "Idempotency-Key": "monthly" },
    });
    expect(other.body.signingSecret).toMatch(/^whsec_/);
  });

  it("makes one for a new endpoint of this name", async () => {
    const path = newPath();
    await put(path);
    await rotate(path, {}, "monthly");
    await ask("DELETE", path);
    await put(path);
    expect((await rotate(path, {}, "monthly")).body.signingSecret).toMatch(/^whsec_/);
    expect(await signing(path)).toHaveLength(2);
  });
});
