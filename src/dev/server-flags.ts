/** The flags of the local server. `npm run dev` passes them on. */

import { parseArgs } from "node:util";
import { CONFIG } from "./databases.ts";

export const DEFAULT_PORT = 8787;

const USAGE = `npm run dev -- [flags]
  --port N             the port, 8787 by default
  --ip ADDRESS         where the port is open, localhost by default
  --persist-to DIR     the folder of the local databases, .wrangler/state by default
  --config, -c FILE    another configuration than wrangler.toml
  --env-file FILE      variables and secrets, instead of those in .dev.vars
  --var NAME:VALUE     another variable
  --inspector-port N   a debugger's port. Every user of this machine can use it, and read all secrets with it`;

export interface ServerFlags {
  readonly port: number;
  readonly ip: string;
  readonly persistTo: string | undefined;
  readonly config: string;
  readonly envFiles: string[] | undefined;
  readonly variables: Readonly<Record<string, string>>;
  readonly inspectorPort: number | undefined;
}

/** Throws with the list of all flags if there is another one. */
export function serverFlags(args: readonly string[]): ServerFlags {
  const { values } = parsed(args);
  return {
    port: portIn("port", values.port) ?? DEFAULT_PORT,
    ip: values.ip,
    persistTo: values["persist-to"],
    config: values.config,
    envFiles: values["env-file"],
    variables: Object.fromEntries(values.var.map(variable)),
    inspectorPort: portIn("inspector-port", values["inspector-port"]),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        ip: { type: "string", default: "localhost" },
        "persist-to": { type: "string" },
        config: { type: "string", short: "c", default: CONFIG },
        "env-file": { type: "string", multiple: true },
        var: { type: "string", multiple: true, default: [] },
        "inspector-port": { type: "string" },
      },
    });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

/** The port that a flag names; undefined if there is no such flag. */
export function portIn(flag: string, port: string | undefined): number | undefined {
  if (port === undefined) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error(`--${flag} must be a number from 0 to 65535.`);
  return Number(port);
}

function variable(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new Error("--var must be NAME:VALUE, for example --var RETENTION_DAYS:7.");
  return [text.slice(0, colon), text.slice(colon + 1)];
}
