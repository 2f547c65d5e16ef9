/** The filters that lists, counts and changes of many runs share. The service checks the values. */

import { Option } from "commander";
import type { ActionRun, RunFilter } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { given, OfferingOption, repeated, repeatedOf } from "./options.ts";
import { sinceOption } from "./since.ts";

export type Status = ActionRun["status"];

export interface FilterFlags {
  /** Counts have no such filter, because they count each status. */
  readonly status?: readonly Status[];
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
const STATUSES = Object.keys({
  pending: true,
  running: true,
  succeeded: true,
  failed: true,
  cancelled: true,
} satisfies Record<Status, true>) as readonly Status[];
const WAITING = Object.keys({ any: true, time: true, approval: true, concurrency: true, pause: true } satisfies Record<
  WaitingFilter,
  true
>);

/** What the options of gates choose. */
const CHOSEN = {
  waiting: "only runs that wait for this, or for any gate",
  group: "only runs of this concurrency group",
};

export function withGateFilters(command: CliCommand, about = CHOSEN): CliCommand {
  return command
    .addOption(new Option("--waiting <gate>", about.waiting).choices(WAITING))
    .addOption(new OfferingOption("--group <name>", about.group, "concurrency groups"));
}

export function statusOption(): Option {
  const option = new Option("--status <status>", "only runs with this status; repeatable").argParser(
    repeatedOf(STATUSES),
  );
  // For completion, because commander can't combine choices with a repeatable option.
  option.argChoices = [...STATUSES];
  return option;
}

export function withFilters(command: CliCommand): CliCommand {
  command
    .addOption(new OfferingOption("--action-name <name>", "only runs of this action", "action names"))
    .addOption(new Option("--entity-id <uuid>", "only runs about this entity"))
    .addOption(new OfferingOption("--triggered-by <name>", "only runs that this token or person created", "creators"))
    .addOption(sinceOption())
    .addOption(new Option("--created-after <time>", "only runs created after this time, such as 2026-01-31T12:00:00Z"))
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

export function filterOf(flags: FilterFlags) {
  const {
    status,
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
    status: status && [...status],
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
