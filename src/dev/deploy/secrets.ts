/**
 * The secrets of a Worker that does not exist yet. Nobody can read a Worker's secret again, so they are kept in a file
 * that only its owner may read, outside the repository, before anything is made. A later run uses the file again. Secrets
 * are never printed, and are in no argument of a process.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { atEnd } from "../children.ts";
import { makePrivate, OWNER_ENTERS, OWNER_ONLY, readIfThere } from "../files.ts";
import { newSecrets } from "../server.ts";
import { ROOT } from "../wrangler.ts";
import { type Secrets, secretFaults, secretsOf } from "./configuration.ts";
import type { Deployment } from "./operator-file.ts";

export interface NewSecrets {
  readonly values: Secrets;
  /** Where they are kept; null if they came from the environment of this process. */
  readonly file: string | null;
}

export const isOnTerminal = () => process.stdin.isTTY && process.stdout.isTTY;

/** Where the secrets of a Worker are kept. Two accounts can have Workers of one name. */
export function secretsFile(accountId: string, workerName: string): string {
  const folder = resolve(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"));
  return join(folder, "action-runs", accountId, `${workerName}.env`);
}

/** Takes them from the environment, or makes them on a terminal, where a person learns where they are kept. */
export async function obtainSecrets(deployment: Deployment, accountId: string): Promise<NewSecrets> {
  const needed = secretsOf(deployment);
  const file = secretsFile(accountId, deployment.name);
  const given = needed.filter((name) => process.env[name]);
  if (given.length > 0 && given.length < needed.length) {
    throw new Error(
      `Of the secrets, only ${given.join()} is in the environment. Set ${needed.join(" and ")}, or none of them.`,
    );
  }
  const isGiven = given.length > 0;
  const values = isGiven ? process.env : (kept(file) ?? made(file, deployment.name));
  const secrets = Object.fromEntries(needed.map((name) => [name, values[name]?.trim()]));
  const faults = await secretFaults(secrets);
  if (faults.length > 0) {
    const where = isGiven ? "The environment" : `${file}, which an interrupted deploy has left,`;
    const advice = isGiven ? "" : " Or delete the file: the Worker does not exist, so nobody needs it.";
    throw new Error(`${where} has a secret that is not valid. ${faults.join(" ")}${advice}`);
  }
  return { values: secrets, file: isGiven ? null : file };
}

function kept(file: string): Secrets | null {
  const content = readIfThere(file);
  if (content === null) return null;
  makePrivate(file, OWNER_ONLY);
  return parseEnv(content);
}

function made(file: string, workerName: string): Secrets {
  if (file.startsWith(ROOT)) {
    throw new Error("The secrets would be kept inside the repository. Set XDG_CONFIG_HOME to a folder outside of it.");
  }
  if (!isOnTerminal()) {
    throw new Error(
      `The Worker ${workerName} does not exist yet, and its secrets are made only on a terminal. Run the command there ` +
        "once. Or set CALLBACK_SIGNING_KEYS and ROOT_TOKEN in the environment of this command, from where you keep secrets.",
    );
  }
  const secrets = newSecrets();
  mkdirSync(dirname(file), { recursive: true, mode: OWNER_ENTERS });
  // Fails if the file exists and can't be read, because its secrets may be in use.
  writeFileSync(file, secrets, { flag: "wx", mode: OWNER_ONLY });
  return parseEnv(secrets);
}

/** Writes a private file that has the secrets as wrangler reads them, until this process ends. Returns its path. */
export function fileForWrangler(secrets: Secrets): string {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-secrets-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "secrets.json");
  // As JSON, because in the other format wrangler would replace a $NAME, and prefer variables of its process.
  writeFileSync(file, JSON.stringify(secrets), { flag: "wx", mode: OWNER_ONLY });
  return file;
}
