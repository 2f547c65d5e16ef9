/** The functions of examples/verify/ accept exactly what is genuine. The one in Python runs only where Python is. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { isGenuine } from "../../../examples/verify/verify.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";

const IN_PYTHON = readFileSync(join(ROOT, "examples/verify/verify.py"), "utf8");
const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`;
const FORM = "name=snow+%E2%98%83&token=1";
const OTHER = `v1,${"A".repeat(43)}=`;
const hasPython = spawnSync("python3", ["-c", "str.removeprefix"]).status === 0;

function signed(body: string, at = new Date()) {
  const signature = new Webhook(SECRET).sign("run-ended", at, body);
  const seconds = Math.floor(at.getTime() / 1000);
  return { "webhook-id": "run-ended", "webhook-timestamp": String(seconds), "webhook-signature": signature };
}

/** Requests with this body, and whether each is genuine. */
function casesOf(body: string) {
  const now = signed(body);
  const ours = now["webhook-signature"];
  return [
    ["a genuine message", now, body, true],
    ["one behind another signature", { ...now, "webhook-signature": `${OTHER} ${ours}` }, body, true],
    ["one before another signature", { ...now, "webhook-signature": `${ours} ${OTHER}` }, body, true],
    ["another body", now, `${body} `, false],
    ["another id", { ...now, "webhook-id": "other-ended" }, body, false],
    ["a signature of another secret", { ...now, "webhook-signature": OTHER }, body, false],
    ["an empty signature", { ...now, "webhook-signature": "" }, body, false],
    ["a signature that is too short", { ...now, "webhook-signature": "v1," }, body, false],
    ["an old message", signed(body, new Date(Date.now() - 600_000)), body, false],
  ] as const;
}

test.each(casesOf(FORM))(
  "the Node function says of a form whether it is genuine: %s",
  (_what, headers, body, expected) => {
    expect(isGenuine(SECRET, headers, body)).toBe(expected);
  },
);

test("the Node function refuses a form without a signature, and takes one that the standard's library can't parse", () => {
  const { "webhook-signature": _, ...headers } = signed(FORM);
  expect(isGenuine(SECRET, headers, FORM)).toBe(false);
  expect(() => new Webhook(SECRET).verify(FORM, signed(FORM))).toThrow(SyntaxError);
});

test.skipIf(!hasPython)("the Python function accepts exactly the genuine messages", () => {
  const cases = casesOf('{"type":"action_run.failed","name":"☃"}');
  const call = `
import json, sys
print(json.dumps([is_genuine("${SECRET}", headers, body.encode()) for _, headers, body, _ in json.load(sys.stdin)]))`;
  const input = JSON.stringify(cases);
  const { stdout, stderr } = spawnSync("python3", ["-c", IN_PYTHON + call], { input, encoding: "utf8" });
  expect(stderr).toBe("");
  const verdicts = JSON.parse(stdout) as readonly boolean[];
  const expected = cases.map(([what, , , isGenuine]) => [what, isGenuine]);
  expect(cases.map(([what], n) => [what, verdicts[n]])).toEqual(expected);
});
