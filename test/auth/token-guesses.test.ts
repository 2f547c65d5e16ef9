/** Clients that guess API tokens are slowed down, and other clients at the same address are not locked out. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { credentials } from "../../src/auth/credential-memory.ts";

import { HOUR_MS } from "../../src/base/time.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { later } from "../support/clock.ts";
import { until } from "../support/direct.ts";
import { faults, faulty, holdReads } from "../support/faults.ts";
import { ask, ROOT } from "../support/requests.ts";
import { grantToken, newAddress, newProject, type Refusal, revokeElsewhere, unknownToken } from "../support/tokens.ts";

/** What the tests allow each client. */
const ALLOWANCE = 8;
/** What wrangler.toml allows each client in a minute. */
const PLATFORM_ALLOWANCE = 60;
const LOOK_UPS_AT_ONCE = 4;

beforeEach(() => {
  // An hour begins, because a token's first use in an hour is one more call of D1.
  vi.useFakeTimers({ toFake: ["Date"], now: Math.ceil(Date.now() / HOUR_MS) * HOUR_MS });
});

/** The platform's limit, with no window that could end in the middle of a test. */
const charged = new Map<string, number>();
const UNKNOWN_TOKEN_LIMIT: RateLimit = {
  limit: async ({ key }) => {
    charged.set(key, (charged.get(key) ?? 0) + 1);
    return { success: (charged.get(key) ?? 0) <= ALLOWANCE };
  },
};

const service = envWith({ DB: faulty(env.DB), UNKNOWN_TOKEN_LIMIT });

async function tryToken(project: string, token: string | null, address: string) {
  const calls = faults.calls;
  const headers = { "CF-Connecting-IP": address };
  const answer = await askWith<Refusal>(service, "GET", `${project}/tokens`, { token, headers });
  return { ...answer, code: answer.status === 200 ? "ok" : answer.body.code, calls: faults.calls - calls };
}

/** Guesses until the address is over its allowance. How many guesses were answered 401. */
async function exhaust(project: string, address: string | (() => string), guess = unknownToken) {
  for (let tried = 0; tried < 200; tried++) {
    const from = typeof address === "string" ? address : address();
    const answer = await tryToken(project, guess(), from);
    if (answer.status === 429) return tried;
    expect([answer.status, answer.code]).toEqual([401, "token_invalid"]);
  }
  throw new Error("the client was never slowed down");
}

function expectSlowed(answer: Awaited<ReturnType<typeof tryToken>>): void {
  expect([answer.status, answer.code]).toEqual([429, "too_many_requests"]);
  expect(answer.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
}

describe("an address that tried too many unknown tokens", () => {
  it("gets 429 with Retry-After for each further one", async () => {
    const project = newProject();
    const address = newAddress();
    expect(await exhaust(project, address)).toBe(ALLOWANCE);
    for (let n = 0; n < 3; n++) expectSlowed(await tryToken(project, unknownToken(), address));
  });

  it("can still use a good token, known or not, and ROOT_TOKEN", async () => {
    const project = newProject();
    const address = newAddress();
    const known = await grantToken(project, { role: "admin" });
    const fresh = await grantToken(project, { role: "admin" });
    expect((await tryToken(project, known.token, address)).code).toBe("ok");
    await exhaust(project, address);
    for (const token of [known.token, fresh.token, ROOT]) {
      expect((await tryToken(project, token, address)).code).toBe("ok");
    }
    // The isolate's memory is stale now, so D1 is asked.
    later(31_000);
    for (const token of [known.token, fresh.token]) {
      expect(await tryToken(project, token, address)).toMatchObject({ code: "ok", calls: 2 });
    }
  });

  it("can use a token known in the last 10 minutes without limit while D1 is down", async () => {
    const project = newProject();
    const address = newAddress();
    const { token } = await grantToken(project, { role: "viewer" });
    const create = () =>
      askWith(service, "POST", `${project}/envs/prod/action-runs`, {
        token,
        headers: { "CF-Connecting-IP": address },
        body: { actionName: "deploy" },
      });
    // A viewer may not create: 403 says that the token was taken for what it is.
    expect((await create()).status).toBe(403);
    await exhaust(project, address);
    faults.reads = "down";
    later(599_000);
    const answers = await Promise.all(Array.from({ length: 20 }, create));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(403));
  });

  it("can run only a few lookups at once, and one more is 429", async () => {
    const project = newProject();
    const address = newAddress();
    const { token } = await grantToken(project, { role: "admin" });
    expect((await tryToken(project, token, address)).code).toBe("ok");
    await exhaust(project, address);
    const held = holdReads();
    const calls = faults.calls;
    let answered = 0;
    const asking = Array.from({ length: 30 }, async () => {
      const answer = await tryToken(project, unknownToken(), address);
      answered++;
      return answer;
    });
    await until(async () => answered === 30 - LOOK_UPS_AT_ONCE);
    expect(faults.calls - calls).toBe(LOOK_UPS_AT_ONCE);
    held.open();
    for (const answer of await Promise.all(asking)) expectSlowed(answer);
    // Their places are free again, even if a lookup failed.
    faults.reads = "down";
    for (let n = 0; n < 2 * LOOK_UPS_AT_ONCE; n++) {
      expect((await tryToken(project, unknownToken(), address)).status).toBe(503);
    }
    faults.reads = null;
    const fresh = await grantToken(project, { role: "admin" });
    expect((await tryToken(project, fresh.token, address)).code).toBe("ok");
  });

  it("can't use its revoked token", async () => {
    const project = newProject();
    const address = newAddress();
    const { id, token } = await grantToken(project, { role: "admin" });
    expect((await tryToken(project, token, address)).code).toBe("ok");
    await exhaust(project, address);
    await revokeElsewhere(env.DB, id);
    later(30_000);
    expectSlowed(await tryToken(project, token, address));
  });

  it("has no limit on lookups when its allowance is back", async () => {
    const project = newProject();
    const address = newAddress();
    await exhaust(project, address);
    charged.clear();
    expect((await tryToken(project, unknownToken(), address)).status).toBe(401);
    const calls = faults.calls;
    await Promise.all(Array.from({ length: 20 }, () => tryToken(project, unknownToken(), address)));
    expect(faults.calls - calls).toBe(20);
  });

  it("can run lookups again 11 s after clients hung up", async () => {
    const project = newProject();
    const address = newAddress();
    const { token } = await grantToken(project, { role: "admin" });
    await exhaust(project, address);
    const held = holdReads();
    const calls = faults.calls;
    const hungUp = Array.from({ length: LOOK_UPS_AT_ONCE }, () => tryToken(project, unknownToken(), address));
    await until(async () => faults.calls - calls === LOOK_UPS_AT_ONCE);
    faults.readGate = null;
    later(10_999);
    expectSlowed(await tryToken(project, token, address));
    later(1);
    expect((await tryToken(project, token, address)).code).toBe("ok");
    held.open();
    await Promise.all(hungUp);
  });
});

it("the platform's limit allows 60 guesses a minute", async () => {
  const headers = { "CF-Connecting-IP": newAddress() };
  const guess = () => ask<Refusal>("GET", `${newProject()}/tokens`, { token: unknownToken(), headers });
  // Two windows of the limit at most.
  for (let n = 0; n <= 2 * PLATFORM_ALLOWANCE; n++) {
    const { status } = await guess();
    if (status === 429) return expect(n).toBeGreaterThanOrEqual(PLATFORM_ALLOWANCE);
  }
  throw new Error("the address was never slowed down");
});

it("malformed tokens are charged too, and D1 is not asked", async () => {
  const project = newProject();
  const address = newAddress();
  const calls = faults.calls;
  expect(await exhaust(project, address, () => crypto.randomUUID())).toBe(ALLOWANCE);
  expectSlowed(await tryToken(project, unknownToken(), address));
  expectSlowed(await tryToken(project, "guess", address));
  expect(faults.calls - calls).toBe(1);
  const { token } = await grantToken(project, { role: "admin" });
  for (const good of [token, ROOT]) expect((await tryToken(project, good, address)).code).toBe("ok");
});

it("guesses from one /64 are charged together, and those from another /64 apart", async () => {
  const project = newProject();
  const address = newAddress();
  let n = 0;
  expect(await exhaust(project, () => address.replace("::1", `::${(++n).toString(16)}`))).toBe(ALLOWANCE);
  expect((await tryToken(project, unknownToken(), newAddress())).status).toBe(401);
});

it("requests without a token are 401 and never charged", async () => {
  const project = newProject();
  const address = newAddress();
  for (let n = 0; n < ALLOWANCE + 5; n++) {
    expect(await tryToken(project, null, address)).toMatchObject({ status: 401, code: "unauthorized" });
  }
  expect(await exhaust(project, address)).toBe(ALLOWANCE);
});

it("made-up tokens do not evict good ones from memory", async () => {
  const project = newProject();
  const { token } = await grantToken(project, { role: "admin" });
  // It is looked up, its hour of use is written, and the list is read.
  expect((await tryToken(project, token, newAddress())).calls).toBe(3);
  const read = async () => null;
  const lookUp = () => credentials.lookUp({ key: crypto.randomUUID(), now: Date.now(), read }, () => {});
  await Promise.all(Array.from({ length: 1100 }, lookUp));
  expect((await tryToken(project, unknownToken(), newAddress())).status).toBe(401);
  expect((await tryToken(project, token, newAddress())).calls).toBe(1);
});

describe("the client of an address", () => {
  /** Whom a guess from this address is charged to. */
  async function chargedOf(address: string) {
    charged.clear();
    await tryToken(newProject(), unknownToken(), address);
    return [...charged.keys()];
  }

  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8::2:3:4:5:6", "2001:db8:0:2::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1:2:3:4:5:6:192.0.2.33", "1:2:3:4::/64"],
    // An IPv4 client that came in by an IPv6 socket.
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["::ffff:203.0.113.7%1", "203.0.113.7"],
  ])("of %s is %s", async (address, client) => {
    expect(await chargedOf(address)).toEqual([client]);
  });

  it.each([
    "",
    "1::2::3",
    "1:2:3",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "g::",
    "1:2:3:4:5:6:7:",
    "::1.2.3.256",
    "1:2:3:4:5:6:7:1.2.3.4",
  ])("of what is no address is the text as it is: %j", async (text) => {
    expect(await chargedOf(text)).toEqual([text]);
  });
});
