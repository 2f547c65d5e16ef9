/** How the command line tells events. */

import { expect, it, test } from "vitest";
import { Output } from "../../src/cli/output.ts";
import { eventText } from "../../src/cli/run-text.ts";

const output = new Output({ json: false });
const ANSWERED = {
  seq: 3,
  type: "attempt_answered",
  at: "2026-11-27T12:14:55.123Z",
  attempt: 1,
  outcome: "retry",
  status: 503,
  durationMs: 33,
  reason: "answered 503",
  nextAttemptAt: "2026-11-27T12:14:56.123Z",
};
const LINE = "2026-11-27T12:14:55Z  attempt answered  #1 retry 503 in 33 ms · next at 2026-11-27T12:14:56Z";

it("an answer ends with its excerpt, if there is one and the token may see it", () => {
  expect(eventText({ ...ANSWERED, excerpt: "no runner\\nis free" }, output)).toBe(`${LINE} · no runner\\nis free`);
  for (const event of [ANSWERED, { ...ANSWERED, excerpt: null }]) expect(eventText(event, output)).toBe(LINE);
});

it("a heartbeat says why its page is no link", () => {
  const beat = { seq: 4, type: "heartbeat", at: ANSWERED.at, message: "testing", externalUrl: "http://ci/1" };
  const line = "2026-11-27T12:14:55Z  heartbeat         testing http://ci/1";
  expect(eventText(beat, output)).toBe(line);
  const externalUrlRefused = "It is not an https URL. Send one.";
  expect(eventText({ ...beat, externalUrlRefused }, output)).toBe(`${line} · ${externalUrlRefused}`);
});

it("no excerpt acts on the terminal, even from a server that escapes nothing", () => {
  const excerpt = "::error::x \x1b[2J\r\n##[group]x\u202egnp.exe";
  const shown = "::error::x \\u001b[2J\\r\\n##[group]x\\u202egnp.exe";
  expect(eventText({ ...ANSWERED, excerpt }, output)).toBe(`${LINE} · ${shown}`);
});

test.each([
  [{ type: "waiting", for: "approval" }, "waiting           for approval"],
  [
    { type: "waiting", for: "time", notBefore: "2026-11-30T05:00:00.000Z", until: "2026-12-07T05:00:00.000Z" },
    "waiting           for its time, 2026-11-30T05:00:00Z · at most until 2026-12-07T05:00:00Z",
  ],
  [
    { type: "waiting", for: "concurrency", group: "deploys", key: "shop", by: "ops", via: "portal" },
    "waiting           for a slot of deploys (shop) · started early by ops via portal",
  ],
  [
    { type: "waiting", for: "pause", group: "deploys", reason: "lunch" },
    "waiting           for the end of a pause · lunch",
  ],
  [{ type: "approved", by: "ada", via: "portal", reason: "tested" }, "approved          by ada via portal · tested"],
  [{ type: "rejected", by: "ada", reason: null }, "rejected          by ada"],
  [{ type: "released" }, "released"],
  [{ type: "released", by: "ops" }, "released          by ops"],
  [{ type: "ended", status: "failed", cause: "gate" }, "ended             failed, at a gate"],
  [
    { type: "ended", status: "cancelled", cause: "rejected", by: "ada", via: "portal", reason: "no" },
    "ended             cancelled, rejected by ada via portal · no",
  ],
  [
    { type: "ended", status: "cancelled", cause: "replaced", by: "bo", replacedBy: "01a2" },
    "ended             cancelled, replaced by the run 01a2",
  ],
  [
    { type: "ended", status: "cancelled", cause: "cancel", by: "ops", reason: "wrong" },
    "ended             cancelled, by cancel ops · wrong",
  ],
])("%j is told as %j", (event, line) => {
  expect(eventText({ seq: 2, at: ANSWERED.at, ...event }, output)).toBe(`2026-11-27T12:14:55Z  ${line}`);
});
