/** How the command line tells events. */

import { expect, it } from "vitest";
import { eventText } from "../../src/cli/event-text.ts";
import { Output } from "../../src/cli/output.ts";

const output = new Output({ json: false });
const ANSWERED = {
  ...{ seq: 3, type: "attempt_answered", at: "2026-11-27T12:14:55.123Z", attempt: 1, outcome: "retry" },
  ...{ status: 503, durationMs: 33, reason: "answered 503", nextAttemptAt: "2026-11-27T12:14:56.123Z" },
};
const LINE = "2026-11-27T12:14:55Z  attempt answered  #1 retry 503 in 33 ms · next at 2026-11-27T12:14:56Z";

it("an answer ends with its excerpt, if there is one and the token may see it", () => {
  expect(eventText({ ...ANSWERED, excerpt: "no runner\\nis free" }, output)).toBe(
    `${LINE} · no runner\\nis free`,
  );
  for (const event of [ANSWERED, { ...ANSWERED, excerpt: null }]) expect(eventText(event, output)).toBe(LINE);
});

it("a heartbeat says why its page is no link", () => {
  const beat = { seq: 4, type: "heartbeat", at: ANSWERED.at, message: "testing", externalUrl: "http://ci/1" };
  const line = "2026-11-27T12:14:55Z  heartbeat         testing http://ci/1";
  expect(eventText(beat, output)).toBe(line);
  const externalUrlRefused = "It is not an https URL. Send one.";
  expect(eventText({ ...beat, externalUrlRefused }, output)).toBe(`${line} · ${externalUrlRefused}`);
});

it("no excerpt acts on the terminal or on a CI product, even from a server that escapes nothing", () => {
  const excerpt = "::error::x \x1b[2J\r\n##[group]x\u202egnp.exe";
  expect(eventText({ ...ANSWERED, excerpt }, output)).toBe(`${LINE} · : :error::x  [2J  # #[group]x gnp.exe`);
});
