/** The filters that lists and counts of runs share, besides the status. The service checks the values. */

import { Option } from "commander";
import type { RunFilter } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { given, OfferingOption, repeated } from "./options.ts";
import { sinceOption } from "./since.ts";

export interface FilterFlags {
  readonly actionName?: string;
  readonly entityId?: string;
  readonly triggeredBy?: string;
  /** An instant, although the user may have typed 24h. */
  readonly since?: string;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly label?: readonly string[];
  readonly waiting?: WaitingFilter;
  readonly group?: string;
}

export type WaitingFilter = NonNullable<RunFilter["waiting"]>;

/** All values: TypeScript reports a missing one. */
const WAITING = Object.keys({
  any: true,
  time: true,
  approval: true,
  concurrency: true,
  pause: true,
} satisfies Record<WaitingFilter, true>);

/** `of`: which runs, if the command has others too. */
export function withGateFilters(command: CliCommand, of = ""): CliCommand {
  return command
    .addOption(
      new Option("--waiting <gate>", `${of}only runs that wait for this; any stands for all`).choices(
        WAITING,
      ),
    )
    .addOption(
      new OfferingOption("--group <name>", `${of}only runs of this concurrency group`, "concurrency groups"),
    );
}

export function withFilters(command: CliCommand): CliCommand {
  command
    .addOption(new OfferingOption("--action-name <name>", "only runs of this action", "action names"))
    .addOption(new Option("--entity-id <uuid>", "only runs about this entity"))
    .addOption(new OfferingOption("--triggered-by <name>", "only runs that this token created", "creators"))
    .addOption(sinceOption())
    .addOption(
      new Option("--created-after <time>", "only runs created after this time, such as 2026-01-31T12:00:00Z"),
    )
    .addOption(new Option("--created-before <time>", "only runs created before this time"))
    .addOption(
      new OfferingOption(
        "--label <text>",
        "only runs with this label; repeat it to show only runs that have all of the labels",
        "labels",
      ).argParser(repeated),
    );
  return withGateFilters(command);
}

export function filterOf(flags: FilterFlags): RunFilter {
  const {
    actionName,
    entityId,
    triggeredBy,
    since,
    createdAfter = since,
    createdBefore,
    label,
    waiting,
    group,
  } = flags;
  return given({
    actionName,
    entityId,
    triggeredBy,
    createdAfter,
    createdBefore,
    label: label && [...label],
    waiting,
    group,
  });
}
