/** Errors of the service in the words of the command line: `--created-after` instead of `createdAfter`. PURE. */

import type { Option } from "commander";
import { ActionRunsError } from "../client/index.ts";

/** The members of requests whose option has another name. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["labels", "label"],
  ["maxRuns", "max"],
  ["graceSeconds", "grace"],
  ["gracePeriodSeconds", "gracePeriod"],
  // --wait-timeout says how long the command waits, and not the run.
  ["waitTimeout", "gateTimeout"],
]);

/** What the service says about HTTP, and what users of commands do instead. */
const WORDS: readonly (readonly [string, string])[] = [
  ["GET …/tokens lists", "`action-runs token list` lists"],
  ["GET …/actions lists", "`action-runs action list` lists"],
  ["GET …/bulk-operations lists", "`action-runs bulk list` lists"],
  ["GET …/webhook-endpoints lists", "`action-runs webhook list` lists"],
  ["GET …/status shows", "`action-runs webhook status` shows"],
  ["GET …/pauses lists", "`action-runs group pauses` lists"],
  ["GET …/action-runs/{id}?include=details", "`action-runs get --details`"],
  ["GET …/action-runs/{id} shows", "`action-runs get --details` shows"],
  ["notBefore, approval and concurrency hold back", "--not-before and the gates of an action hold back"],
  ["minted with mayApprove", "created with --may-approve"],
  ["minted with mayActForOthers", "created with --may-act-for-others"],
  ["Send the header On-Behalf-Of with", "Use --on-behalf-of with"],
  ["send gracePeriodSeconds 0", "use --grace-period 0"],
  ["Omit If-Match.", "Omit --if-version."],
  ["Send If-Match with its ETag to replace it", "Omit --if-new to replace it"],
  ["the one in your If-Match", "the one in --if-version"],
  ["Idempotency-Key", "--idempotency-key"],
  ["On-Behalf-Of", "--on-behalf-of"],
  [" (in a query, write + as %2B)", ""],
];

/** The error with the names of options and commands. `options`: those in use. */
export function withFlagNames(fault: unknown, options: readonly Option[]): unknown {
  if (!(fault instanceof ActionRunsError)) return fault;
  const { message, cause, ...details } = fault;
  // The service names a member at the beginning of a sentence.
  const named =
    fault.status !== 400
      ? message
      : message.replace(/(^|\. )(?:filter\.)?([A-Za-z]+)(?:\.\d+)?: /g, (whole, before: string, member: string) => {
          const name = OPTIONS.get(member) ?? member;
          const flag = options.find((option) => option.attributeName() === name)?.long;
          return flag ? `${before}${flag}: ` : whole;
        });
  const told = WORDS.reduce((text, [http, ours]) => text.replaceAll(http, ours), named);
  return new ActionRunsError(told, { ...details, cause });
}
