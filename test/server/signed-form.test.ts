/** README's code to verify a signature also works for a form, which the standard's library refuses to parse. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Webhook } from "standardwebhooks";
import { afterAll, describe, expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

type IsGenuine = (secret: string, headers: Record<string, string>, rawBody: string) => boolean;

const [, block = ""] =
  /```ts\n(import[^`]*?createHmac[\s\S]*?)```\n/.exec(readFileSync(join(ROOT, "docs/webhooks.md"), "utf8")) ?? [];
const folder = mkdtempSync(join(tmpdir(), "action-runs-signed-form-"));
const file = join(folder, "receiver.ts");
writeFileSync(file, `${block}\nexport { isGenuine };\n`);
const { isGenuine } = (await import(pathToFileURL(file).href)) as { isGenuine: IsGenuine };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`;
const BODY = "name=snow+%E2%98%83&token=1";

function signed(at = new Date()): Record<string, string> {
  const signature = new Webhook(SECRET).sign("run-1", at, BODY);
  const seconds = Math.floor(at.getTime() / 1000);
  return { "webhook-id": "run-1", "webhook-timestamp": String(seconds), "webhook-signature": signature };
}

describe("README's way to verify a signed form", () => {
  test("accepts a genuine request", () => {
    expect(() => new Webhook(SECRET).verify(BODY, signed())).toThrow(SyntaxError);
    expect(isGenuine(SECRET, signed(), BODY)).toBe(true);
  });

  test("accepts one of several signatures", () => {
    const headers = signed();
    const both = `v1,${"A".repeat(43)}= ${headers["webhook-signature"]}`;
    expect(isGenuine(SECRET, { ...headers, "webhook-signature": both }, BODY)).toBe(true);
  });

  test.each<[string, Record<string, string>, string]>([
    ["another body", signed(), `${BODY}0`],
    ["another id", { ...signed(), "webhook-id": "run-2" }, BODY],
    ["a signature that is too short", { ...signed(), "webhook-signature": "v1," }, BODY],
    ["no signature", { "webhook-id": "run-1", "webhook-timestamp": signed()["webhook-timestamp"] ?? "" }, BODY],
    ["an old one", signed(new Date(Date.now() - 600_000)), BODY],
  ])("refuses %s", (_what, headers, body) => {
    expect(isGenuine(SECRET, headers, body)).toBe(false);
  });
});
