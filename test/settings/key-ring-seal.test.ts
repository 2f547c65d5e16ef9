import { describe, expect, it } from "vitest";
import { type KeyRing, keyRing } from "../../src/settings/key-ring.ts";
import { sealedFor } from "../../src/webhooks/webhook-request.ts";

const FIRST = "the-first-key-there-was-of-32-bytes-and-more";
const SECOND = "another-key-that-came-later-of-32-bytes-too";
const THIRD = "a-third-key-that-nobody-has-ever-sealed-with";
const RUN = "019c0e5a-1800-8000-8000-000000000000";
const ABOUT = sealedFor("acme/shop/production", RUN);
const TEXT = '{"url":"https://ci.example.com/h","headers":{"Authorization":"Bearer p\u00e4ss-\u{1f680}"}}';

function ringOf(...keys: string[]): KeyRing {
  const ring = keyRing(keys.join());
  if (!ring.ok) throw new Error(ring.error);
  return ring.value;
}

describe("a sealed text", () => {
  it.each<[string, KeyRing]>([
    ["the ring that sealed it", ringOf(FIRST)],
    ["a ring whose first key is newer", ringOf(SECOND, FIRST)],
    ["a ring of four, where its key is the last", ringOf(THIRD, SECOND, `${SECOND}!`, FIRST)],
  ])("is opened by %s", async (_, ring) => {
    expect(await ring.open(await ringOf(FIRST).seal(TEXT, ABOUT), ABOUT)).toBe(TEXT);
  });

  it("is sealed with the first key, so that older keys can be removed", async () => {
    const sealed = await ringOf(SECOND, FIRST).seal(TEXT, ABOUT);
    expect(await ringOf(SECOND).open(sealed, ABOUT)).toBe(TEXT);
    expect(await ringOf(FIRST).open(sealed, ABOUT)).toBeNull();
  });

  it.each<[string, string]>([
    ["another run", sealedFor("acme/shop/production", RUN.replace(/0$/, "1"))],
    ["another environment", sealedFor("acme/shop/staging", RUN)],
    ["another project", sealedFor("acme/store/production", RUN)],
    ["another organization", sealedFor("acm/shop/production", RUN)],
    ["nothing", ""],
    ["the same words in one line", ABOUT.replaceAll("\n", " ")],
  ])("can't be opened as that of %s", async (_, about) => {
    const ring = ringOf(FIRST);
    const sealed = await ring.seal(TEXT, ABOUT);
    expect(await ring.open(sealed, about)).toBeNull();
    expect(await ring.open(sealed, ABOUT)).toBe(TEXT);
  });

  it("opens only for the purpose that it was sealed for", async () => {
    const ring = ringOf(FIRST);
    const webhook = await ring.seal(TEXT, ABOUT);
    const secrets = await ring.seal(TEXT, ABOUT, "definition-secrets");
    expect(await ring.open(secrets, ABOUT, "definition-secrets")).toBe(TEXT);
    expect(await ring.open(secrets, ABOUT)).toBeNull();
    expect(await ring.open(webhook, ABOUT, "definition-secrets")).toBeNull();
  });

  it("does not open if a byte changed, is missing or was added", async () => {
    const ring = ringOf(SECOND, FIRST);
    const sealed = await ring.seal("a short text", ABOUT);
    for (let at = 0; at < sealed.byteLength; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect({ at, text: await ring.open(changed, ABOUT) }).toEqual({ at, text: null });
    }
    for (let length = 0; length < sealed.byteLength; length++) {
      const cut = sealed.slice(0, length);
      expect({ length, text: await ring.open(cut, ABOUT) }).toEqual({ length, text: null });
    }
    expect(await ring.open(new Uint8Array([...sealed, 0]), ABOUT)).toBeNull();
    expect(await ring.open(new Uint8Array([0, ...sealed]), ABOUT)).toBeNull();
  });

  it("never has the same bytes or the same beginning twice", async () => {
    const ring = ringOf(FIRST);
    const all = await Promise.all(Array.from({ length: 200 }, () => ring.seal(TEXT, ABOUT)));
    expect(new Set(all.map((sealed) => sealed.toHex())).size).toBe(200);
    // The first 12 bytes must not repeat under one key: two texts sealed under the same ones open each other.
    expect(new Set(all.map((sealed) => sealed.subarray(0, 12).toHex())).size).toBe(200);
  });

  it("contains no part of the text, of `about` or of the key", async () => {
    const sealed = await ringOf(FIRST).seal(TEXT, ABOUT);
    const bytes = new TextDecoder("latin1").decode(sealed);
    for (const word of ["ci.example", "Authorization", "Bearer", "ss-", '{"url', "acme", RUN, FIRST.slice(0, 8)])
      expect(bytes).not.toContain(word);
  });

  it.each([0, 1, 15, 16, 17, 600_000])("of %d characters opens unchanged", async (length) => {
    const ring = ringOf(FIRST);
    const text = "\u00e4".repeat(length);
    expect(await ring.open(await ring.seal(text, ABOUT), ABOUT)).toBe(text);
  });
});

describe("the id of a key", () => {
  it("is the same in every ring, and another one for each key and purpose", async () => {
    const [first = "", second = ""] = await ringOf(FIRST, SECOND).keyIds("definition-secrets");
    expect(await ringOf(SECOND, FIRST).keyIds("definition-secrets")).toEqual([second, first]);
    expect([first, second]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), expect.not.stringMatching(first)]);
    expect(await ringOf(FIRST).keyIds("fingerprint")).not.toEqual([first]);
  });
});
