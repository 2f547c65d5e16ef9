/** Errors of the service in the words of the command line: `--created-after` instead of `createdAfter`. PURE. */

import type { Option } from "commander";
import { ActionRunsError } from "../client/index.ts";

/** The members of requests whose option has another name. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["labels", "label"],
  ["graceSeconds", "grace"],
]);

/** The error with the options' names, if it says which members of the request are wrong. `options`: those in use. */
export function withFlagNames(fault: unknown, options: readonly Option[]): unknown {
  if (!(fault instanceof ActionRunsError) || fault.status !== 400) return fault;
  const { message, cause, ...details } = fault;
  // The service names a member at the beginning of a sentence.
  const told = message.replace(/(^|\. )([A-Za-z]+)(?:\.\d+)?: /g, (whole, before: string, member: string) => {
    const name = OPTIONS.get(member) ?? member;
    const flag = options.find((option) => option.attributeName() === name)?.long;
    return flag ? `${before}${flag}: ` : whole;
  });
  return new ActionRunsError(told, { ...details, cause });
}
