/** The Python function of docs/notifications.md verifies what a webhook endpoint gets. It runs only where Python is. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

const [, block = ""] =
  /```python\n([\s\S]*?)```\n/.exec(readFileSync(join(ROOT, "docs/notifications.md"), "utf8")) ?? [];
const SECRET = `whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`;
const BODY = '{"type":"action_run.failed","name":"☃"}';
const OTHER = `v1,${"A".repeat(43)}=`;
const hasPython = spawnSync("python3", ["-c", "str.removeprefix"]).status === 0;

function signed(at = new Date()) {
  const signature = new Webhook(SECRET).sign("run-ended", at, BODY);
  const seconds = Math.floor(at.getTime() / 1000);
  return { "webhook-id": "run-ended", "webhook-timestamp": String(seconds), "webhook-signature": signature };
}

const NOW = signed();
const OURS = NOW["webhook-signature"];
const CASES = [
  ["a genuine message", NOW, BODY, true],
  ["one behind another signature", { ...NOW, "webhook-signature": `${OTHER} ${OURS}` }, BODY, true],
  ["one before another signature", { ...NOW, "webhook-signature": `${OURS} ${OTHER}` }, BODY, true],
  ["another body", NOW, `${BODY} `, false],
  ["another id", { ...NOW, "webhook-id": "other-ended" }, BODY, false],
  ["a signature of another secret", { ...NOW, "webhook-signature": OTHER }, BODY, false],
  ["an empty signature", { ...NOW, "webhook-signature": "" }, BODY, false],
  ["an old message", signed(new Date(Date.now() - 600_000)), BODY, false],
] as const;

test.skipIf(!hasPython)("the Python function accepts exactly the genuine messages", () => {
  const call = `
import json, sys
print(json.dumps([is_genuine("${SECRET}", headers, body.encode()) for _, headers, body, _ in json.load(sys.stdin)]))`;
  const input = JSON.stringify(CASES);
  const { stdout, stderr } = spawnSync("python3", ["-c", block + call], { input, encoding: "utf8" });
  expect(stderr).toBe("");
  const verdicts = JSON.parse(stdout) as readonly boolean[];
  const expected = CASES.map(([what, , , isGenuine]) => [what, isGenuine]);
  expect(CASES.map(([what], n) => [what, verdicts[n]])).toEqual(expected);
});
