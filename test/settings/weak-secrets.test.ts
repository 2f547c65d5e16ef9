/** A secret that was never drawn at random opens nothing, and /readyz says which one it is without showing it. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { rootToken } from "../../src/settings/config.ts";
import { keyRing } from "../../src/settings/key-ring.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { newRunsPath } from "../support/requests.ts";

const GOOD = "0123456789abcdefghijklmnopqrstuv";

const WEAK: readonly (readonly [string, string, RegExp])[] = [
  ["is one character too short", GOOD.slice(1), /has 31 \w+; at least 32/],
  ["is one character 32 times", "x".repeat(32), /fewer than 8 different/],
  ["is a short word again and again", "changeme".repeat(8), /fewer than 8 different/],
  ["counts to seven again and again", "1234567".repeat(10), /fewer than 8 different/],
];

async function ready(settings: { ROOT_TOKEN?: string; CALLBACK_SIGNING_KEYS?: string }) {
  const response = await createApp().fetch(new Request("https://runs.example/readyz"), envWith(settings));
  return { status: response.status, text: await response.text() };
}

describe.each(WEAK)("a secret that %s", (_, secret, sentence) => {
  it("can't be ROOT_TOKEN, and /readyz says why without the secret", async () => {
    const path = newRunsPath();
    const asked = await askWith(envWith({ ROOT_TOKEN: secret }), "GET", path, { token: secret });
    expect(asked).toMatchObject({ status: 401, body: { code: "token_invalid" } });
    const { status, text } = await ready({ ROOT_TOKEN: secret });
    expect([status, text]).toEqual([503, expect.stringMatching(sentence)]);
    expect(text).toMatch(/ROOT_TOKEN has .*openssl rand -hex 32/);
    expect(text).not.toContain(secret.slice(0, 8));
  });

  it("can't be a signing key, first or older, and /readyz says which without the secret", async () => {
    for (const [number, keys] of [secret, `${GOOD},${secret}`].entries()) {
      expect(keyRing(keys)).toMatchObject({ ok: false, error: expect.stringMatching(sentence) });
      const { status, text } = await ready({ CALLBACK_SIGNING_KEYS: keys });
      expect([status, text]).toEqual([503, expect.stringContaining(`Key ${number + 1} of CALLBACK_SIGNING_KEYS`)]);
      expect(text).not.toContain(secret.slice(0, 8));
    }
  });
});

it("32 random bytes in hex are always strong enough", () => {
  for (let n = 0; n < 1000; n++) {
    const secret = crypto.getRandomValues(new Uint8Array(32)).toHex();
    expect(rootToken({ ROOT_TOKEN: secret })).toBe(secret);
    expect(keyRing(secret).ok).toBe(true);
  }
});

it("the service is ready without ROOT_TOKEN", async () => {
  expect((await ready({ ROOT_TOKEN: "" })).status).toBe(200);
  const { ROOT_TOKEN: _, ...without } = env;
  const response = await createApp().fetch(new Request("https://runs.example/readyz"), without);
  expect(response.status).toBe(200);
});
