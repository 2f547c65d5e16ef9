/** The options for a run's inputs, for the commands that create a run. The service validates the values. */

import { Option } from "commander";
import type { CliCommand } from "./command.ts";
import { type GateFlags, gatesOf, MINUTES, withGates } from "./gate-inputs.ts";
import { readExactObject, readMembers, readObject } from "./input.ts";
import { given, OfferingOption, repeated, textOption } from "./options.ts";

type Json = Record<string, unknown>;

export interface ParameterFlags {
  readonly parameters?: string;
  readonly param?: readonly string[];
}

export interface InputFlags extends ParameterFlags, GateFlags {
  readonly body?: string;
  readonly entityId?: string;
  readonly recommendations?: string;
  readonly label?: readonly string[];
  readonly timeout?: number;
}

export const JSON_HELP = "\nGive JSON as text, as @file, or as @- for stdin.\n";

/** `about`: what --parameters gives. */
export function withParameters(command: CliCommand, about = "all parameters, as a JSON object"): CliCommand {
  return command
    .addOption(
      new Option("-p, --param <name=value>", "one parameter as text, or name:=json; repeatable").argParser(repeated),
    )
    .addOption(textOption("-f, --parameters <json>", about));
}

export function withInputs(command: CliCommand): CliCommand {
  command
    .addOption(textOption("--body <json>", "the whole request as JSON; other options override its members"))
    .addOption(new Option("--entity-id <uuid>", "the entity that the run is about"));
  withParameters(command)
    .addOption(textOption("--recommendations <json>", "recommendations, as a JSON object"))
    .addOption(
      new OfferingOption("--label <text>", "a label that lists can filter by; repeatable", "labels").argParser(
        repeated,
      ),
    )
    .addOption(new Option("--timeout <minutes>", "fail the run if no report comes in time").argParser(MINUTES));
  return withGates(command);
}

/**
 * The parameters; undefined if no option gives one. `base`: the parameters that --param adds to if there is no
 * --parameters.
 */
export async function readParameterFlags(
  { parameters, param }: ParameterFlags,
  base?: unknown,
): Promise<Json | undefined> {
  const whole = parameters === undefined ? undefined : await readExactObject(parameters, "--parameters");
  if (param === undefined) return whole;
  return { ...(whole ?? (base as object | undefined)), ...readMembers(param, "--param") };
}

/** The request's body. */
export async function readInputs(flags: InputFlags): Promise<Json> {
  const { entityId, recommendations, label, timeout } = flags;
  const base = flags.body === undefined ? {} : await readObject(flags.body, "--body");
  return {
    ...base,
    ...given({
      entityId,
      parameters: await readParameterFlags(flags, base.parameters),
      recommendations:
        recommendations === undefined ? undefined : await readObject(recommendations, "--recommendations"),
      labels: label && [...label],
      timeout,
    }),
    ...gatesOf(flags),
  };
}
