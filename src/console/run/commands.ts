/** What the page of a run does, as commands for a terminal. PURE. */

import { type Commands, cli, curl, sending, type Target } from "../ui/shell-commands.ts";

/** What a cancel says. The service's default counts for a missing member. */
export interface CancelWords {
  readonly reason?: string;
  readonly graceSeconds?: number;
}

export function readingCommands(target: Target, id: string): Commands {
  return { curl: curl(target, `action-runs/${id}?include=details`), cli: cli(target, ["get", id, "--details"]) };
}

export function watchingCommands(target: Target, id: string): Commands {
  return {
    curl: curl(target, `action-runs/${id}/events`, ["-N", "-H", "Accept: text/event-stream"]),
    cli: cli(target, ["watch", id]),
  };
}

export function cancelCommands(target: Target, id: string, words: CancelWords): Commands {
  const { reason, graceSeconds } = words;
  const flags = [
    ...(reason === undefined ? [] : ["--reason", reason]),
    ...(graceSeconds === undefined ? [] : ["--grace", String(graceSeconds)]),
  ];
  return {
    curl: curl(target, `action-runs/${id}/cancel`, sending("POST", JSON.stringify(words))),
    cli: cli(target, ["cancel", id, ...flags]),
  };
}

/** `parameters`: all of them, as JSON text. Null: they stay as they are. `notBefore`: when it starts; undefined: now. */
export function retryCommands(
  target: Target,
  id: string,
  parameters: string | null,
  notBefore?: string | undefined,
): Commands {
  const members = [
    ...(parameters === null ? [] : [`"parameters":${parameters}`]),
    ...(notBefore === undefined ? [] : [`"notBefore":"${notBefore}"`]),
  ];
  const body = `{${members.join()}}`;
  const flags = [
    ...(parameters === null ? [] : ["--replace-parameters", "--parameters", parameters]),
    ...(notBefore === undefined ? [] : ["--not-before", notBefore]),
  ];
  return {
    curl: curl(target, `action-runs/${id}/retry`, sending("POST", body)),
    cli: cli(target, ["retry", id, ...flags]),
  };
}
