/** A server with its own secrets and an empty database, both in a folder that somebody removes later. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { migrateLocally } from "./migrate-locally.ts";
import { newSecrets } from "./prepare.ts";
import { freePort, startServer } from "./server.ts";

export interface TemporaryServer {
  readonly url: string;
  /** The operator's token. */
  readonly token: string;
}

export async function startTemporaryServer(folder: string): Promise<TemporaryServer> {
  const file = join(folder, "secrets.env");
  const state = join(folder, "state");
  const secrets = newSecrets();
  // The receivers of webhooks are on this machine. Webhooks may go to this machine only with this setting.
  writeFileSync(file, `${secrets}ALLOW_INSECURE_WEBHOOKS=true\n`, { mode: 0o600 });
  await migrateLocally({ persistTo: state });
  // With --env-file, the server does not read .dev.vars.
  const { url } = await startServer(await freePort(), ["--persist-to", state, "--env-file", file]);
  return { url, token: parseEnv(secrets).ROOT_TOKEN ?? "" };
}
