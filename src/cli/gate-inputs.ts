/** The options for the gates of a run, for the commands that create one. An action has its other gates itself. */

import { Option } from "commander";
import type { CliCommand } from "./command.ts";
import { readLater } from "./later.ts";
import { given, wholeNumberFrom } from "./options.ts";

export interface GateFlags {
  /** An instant, although the user may have typed +2h. */
  readonly notBefore?: string;
  /** Minutes. */
  readonly gateTimeout?: number;
}

export const MINUTES = wholeNumberFrom(1, 43_200);

export function withGates(command: CliCommand): CliCommand {
  return command
    .addOption(
      new Option(
        "--not-before <when>",
        "start the job no earlier: +30m, +2h, +1d, or a time with an offset, at most 30 days ahead",
      ).argParser(readLater),
    )
    .addOption(
      // Not --wait-timeout, which says how long the command waits. The API calls this one waitTimeout.
      new Option(
        "--gate-timeout <minutes>",
        "fail the run if it still waits so long after its creation, or after --not-before",
      ).argParser(MINUTES),
    );
}

/** The members of a request. */
export function gatesOf({ notBefore, gateTimeout }: GateFlags) {
  return given({ notBefore, waitTimeout: gateTimeout });
}
