/** Errors of the service, in the words of the command line. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withFlagNames } from "../../src/cli/exit.ts";
import { ActionRunsError } from "../../src/client/index.ts";

const HTTP = new URL("../../src/http/", import.meta.url);
/** The sentences of the service. */
const SAID = readdirSync(HTTP)
  .map((file) => readFileSync(new URL(file, HTTP), "utf8"))
  .join("\n")
  .replaceAll(/\$\{noun\}/g, "action");

test.each([
  ["GET …/tokens lists the tokens.", "`action-runs token list` lists the tokens."],
  [
    "GET …/actions lists the actions of this environment.",
    "`action-runs action list` lists the actions of this environment.",
  ],
  ["GET …/schedules lists the schedules", "`action-runs schedule list` lists the schedules"],
  ["GET …/webhook-endpoints lists the endpoints", "`action-runs webhook list` lists the endpoints"],
  [
    "GET …/bulk-operations lists those of this environment.",
    "`action-runs bulk list` lists those of this environment.",
  ],
  ["GET …/status shows it. Wait until it is over.", "`action-runs webhook status` shows it. Wait until it is over."],
  [
    "Or send gracePeriodSeconds 0, and only the new one counts.",
    "Or use --grace-period 0, and only the new one counts.",
  ],
  ["There is no such action yet. Omit If-Match.", "There is no such action yet. Omit --if-version."],
  [
    "The action already exists. Send If-Match with its ETag to replace it, or choose another name.",
    "The action already exists. Omit --if-new to replace it, or choose another name.",
  ],
  [
    "The version of the action is not the one in your If-Match.",
    "The version of the action is not the one in --if-version.",
  ],
  ["GET …/pauses lists the pauses.", "`action-runs group pauses` lists the pauses."],
  [
    "GET …/action-runs/{id}?include=details says what it waits for.",
    "`action-runs get --details` says what it waits for.",
  ],
  ["GET …/action-runs/{id} shows what it waits for.", "`action-runs get --details` shows what it waits for."],
  [
    "notBefore, approval and concurrency hold back the trigger, and the trigger is missing.",
    "--not-before and the gates of an action hold back the trigger, and the trigger is missing.",
  ],
  ["Use a token that was minted with mayApprove.", "Use a token that was created with --may-approve."],
  [
    "Omit On-Behalf-Of, or use a token that was minted with mayActForOthers.",
    "Omit --on-behalf-of, or use a token that was created with --may-act-for-others.",
  ],
  ["Send the header On-Behalf-Of with a person's name.", "Use --on-behalf-of with a person's name."],
  ["You already sent this Idempotency-Key", "You already sent this --idempotency-key"],
  [
    "send an RFC 3339 time, such as 2026-01-31T12:00:00Z (in a query, write + as %2B).",
    "send an RFC 3339 time, such as 2026-01-31T12:00:00Z.",
  ],
])("a refusal that says %j names no endpoint or header", (sentence, expected) => {
  // The service says this today.
  expect(SAID).toContain(sentence);
  for (const status of [400, 404]) {
    const details = { status, code: "x", requestId: "r" };
    expect(withFlagNames(new ActionRunsError(sentence, details), [])).toMatchObject({ message: expected, ...details });
  }
});
